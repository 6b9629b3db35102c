// SPDX-License-Identifier: Apache-2.0
#include "apps/doctor_checks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/uri.h"
#include "block/node_tier.h"
#include "records/sqlite/checkpointer.h"

namespace headrace::apps {
namespace {

constexpr std::uint64_t kOpenFilesWanted = 16384;
constexpr std::uint64_t kMemoryWanted = 1ull << 30;
constexpr long kFusectlMagic = 0x65735543;

std::string text_of_file(const char* path) {
  const UniqueFd fd(open(path, O_RDONLY | O_CLOEXEC));
  std::string text(65536, '\0');
  const auto got =
      fd.is_open() ? pread_full(fd.get(), std::as_writable_bytes(std::span(text)), 0) : Result<std::size_t>(0);
  text.resize(got.value_or(0));
  return text;
}

bool is_in_path(const std::string& path_variable, std::string_view program) {
  std::string_view rest = path_variable;
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::string file = fmt::format("{}/{}", rest.substr(0, colon), program);
    if (access(file.c_str(), X_OK) == 0) return true;
    rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
  }
  return false;
}

/// Whether a line of fuse.conf is exactly this word.
bool has_line(std::string_view text, std::string_view word) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\t')) line.remove_suffix(1);
    if (line == word) return true;
  }
  return false;
}

Check kernel(const DoctorFacts& facts) { return {"kernel", Health::kOk, facts.host.kernel_release, ""}; }

Check device(const DoctorFacts& facts) {
  if (facts.host.has_device) return {"/dev/fuse", Health::kOk, "can be opened", ""};
  return {"/dev/fuse", Health::kFail, facts.host.device_error, "modprobe fuse; a container needs --device /dev/fuse"};
}

Check mounting(const DoctorFacts& facts) {
  if (facts.host.has_admin_capability)
    return {"mounting", Health::kOk, "by the kernel's own calls (CAP_SYS_ADMIN)", ""};
  if (facts.has_mount_helper)
    return {"mounting", Health::kWarn, "through fusermount3, without passthrough",
            "mount as root, or with CAP_SYS_ADMIN, for passthrough"};
  return {"mounting", Health::kFail, "neither CAP_SYS_ADMIN nor fusermount3",
          "apt-get install fuse3, or mount as root"};
}

Check other_users(const DoctorFacts& facts) {
  const bool allows = has_line(facts.fuse_conf, "user_allow_other");
  if (facts.is_root) return {"allow_other", Health::kOk, "root may let other users look in", ""};
  if (allows) return {"allow_other", Health::kOk, "/etc/fuse.conf has user_allow_other", ""};
  return {"allow_other", Health::kNote, "-o allow_other will be refused", "a line user_allow_other in /etc/fuse.conf"};
}

Check passthrough(const fuse::LaneReport& lanes) {
  if (lanes.passthrough.is_on) return {"passthrough", Health::kOk, lanes.passthrough.why, ""};
  return {"passthrough", Health::kWarn, "off: " + lanes.passthrough.why,
          "reads of files in RAM cost several times as much without it"};
}

Check io_uring(const fuse::LaneReport& lanes) {
  return {"io_uring", lanes.io_uring.is_on ? Health::kOk : Health::kNote,
          (lanes.io_uring.is_on ? "" : "off: ") + lanes.io_uring.why, ""};
}

Check control(const DoctorFacts& facts) {
  if (facts.has_fusectl) return {"fusectl", Health::kOk, "a mount that hangs can be aborted", ""};
  return {"fusectl", Health::kWarn, "/sys/fs/fuse/connections is not mounted: a mount that hangs cannot be aborted",
          "mount -t fusectl none /sys/fs/fuse/connections"};
}

Check open_files(const DoctorFacts& facts) {
  const std::string seen = fmt::format("{} at a time", facts.open_files_max);
  if (facts.open_files_max >= kOpenFilesWanted) return {"open files", Health::kOk, seen, ""};
  return {"open files", Health::kWarn, seen,
          fmt::format("ulimit -Hn {}: each file kept whole takes one", kOpenFilesWanted)};
}

Check memory(const DoctorFacts& facts) {
  if (!facts.memory)
    return {"memory", Health::kWarn, facts.memory.error().text(), "--cache-size and --buffer-size must be given"};
  const MemoryUse& use = *facts.memory;
  const std::string limit = use.cgroup_limit ? fmt::format("{} in this cgroup", format_size(*use.cgroup_limit))
                                             : fmt::format("{} in this machine", format_size(use.machine_bytes));
  const std::string seen = fmt::format("{}, {} of it free", limit, format_size(use.left_bytes()));
  if (use.left_bytes() >= kMemoryWanted) return {"memory", Health::kOk, seen, ""};
  return {"memory", Health::kWarn, seen, "little is left for a cache; give the container or machine more"};
}

Check pressure(const DoctorFacts& facts) {
  if (facts.has_pressure) return {"memory pressure", Health::kOk, "the kernel tells of it; the cache gives way", ""};
  return {"memory pressure", Health::kNote,
          "the kernel does not tell of it (no PSI); the cache gives way by what is left alone", "boot with psi=1"};
}

Check node_tier(const DoctorFacts& facts) {
  if (facts.tier_place == "tmpfs with huge pages") return {"node tier", Health::kOk, facts.tier_place, ""};
  if (facts.tier_place == "none")
    return {"node tier", Health::kWarn, "no place for files in RAM", "mount as root, or allow memfd_create"};
  return {"node tier", Health::kNote, facts.tier_place + ", without huge pages",
          facts.host.has_admin_capability
              ? "a kernel with huge pages on tmpfs (CONFIG_TRANSPARENT_HUGEPAGE) reads faster"
              : "as root it is a tmpfs of its own with huge pages"};
}

Check sqlite(const DoctorFacts& facts) {
  if (!facts.sqlite_needs_guard) return {"SQLite", Health::kOk, facts.sqlite_version, ""};
  return {"SQLite", Health::kNote,
          fmt::format("{}: has the WAL-reset bug (before 3.51.3); this program checkpoints around it",
                      facts.sqlite_version),
          "do not let another program write to a volume's database while it is mounted here"};
}

}  // namespace

std::string_view name_of(Health health) {
  constexpr std::string_view kNames[] = {"ok", "note", "warn", "fail"};
  return kNames[static_cast<int>(health)];
}

DoctorFacts look_at_machine(const Log& log, const std::string& path_variable) {
  DoctorFacts facts;
  facts.host = fuse::look_at_host();
  facts.has_mount_helper = is_in_path(path_variable, "fusermount3");
  facts.is_root = geteuid() == 0;
  facts.fuse_conf = text_of_file("/etc/fuse.conf");
  struct statfs control;
  facts.has_fusectl = statfs("/sys/fs/fuse/connections", &control) == 0 && control.f_type == kFusectlMagic;
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) facts.open_files_max = files.rlim_max;
  const MemoryLimit limit;
  facts.memory = limit.use();
  facts.has_pressure = limit.pressure().has_value();
  block::NodeTierOptions tier;
  tier.bytes_max = 64u << 20;
  facts.tier_place = block::new_node_tier(log, tier)->stats().place;
  facts.sqlite_version = records::sqlite_version();
  facts.sqlite_needs_guard = records::sqlite_needs_guard();
  return facts;
}

std::vector<Check> machine_checks(const DoctorFacts& facts) {
  const fuse::LaneReport lanes = fuse::report_lanes(facts.host, {}, nullptr);
  return {kernel(facts),  device(facts),     mounting(facts), passthrough(lanes), io_uring(lanes),  other_users(facts),
          control(facts), open_files(facts), memory(facts),   pressure(facts),    node_tier(facts), sqlite(facts)};
}

}  // namespace headrace::apps
