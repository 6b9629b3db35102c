// SPDX-License-Identifier: Apache-2.0
// Small files of /proc and /sys/fs/cgroup, read and believed only as far as they parse.
#include "base/memory_limit.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace headrace {
namespace {

constexpr std::size_t kFileBytesMax = 256 << 10;
/// From here on v1 means "no limit" (it writes the largest multiple of the page size).
constexpr std::uint64_t kNoLimit = 1ull << 60;

Result<std::string> read_text(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return errno_error(errno, path);
  // Read four times a second: memory for what is there, not for what could be.
  std::string text;
  for (std::size_t room = 4096; room <= kFileBytesMax; room *= 4) {
    text.resize(room);
    TRY(const std::size_t size, pread_full(fd.get(), std::as_writable_bytes(std::span(text)), 0));
    if (size == room && room < kFileBytesMax) continue;
    text.resize(size);
    break;
  }
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::optional<std::uint64_t> number(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

/// The number behind a word at the start of a line: "MemTotal:  12 kB", "inactive_file 4096".
std::optional<std::uint64_t> number_of_line(std::string_view text, std::string_view word) {
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with(word) && line.size() > word.size() && line[word.size()] == ' ')
      return number(line.substr(word.size()));
  }
  return std::nullopt;
}

/// A file that holds one number; nothing where there is no such file, or it says "max".
std::optional<std::uint64_t> number_of_file(const std::string& path) {
  const Result<std::string> text = read_text(path);
  return text ? number(*text) : std::nullopt;
}

/// mountinfo writes space, tab, newline and backslash as \ooo.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool has_word(std::string_view list, std::string_view word) {
  const std::vector<std::string_view> words = split(list, ',');
  return std::ranges::find(words, word) != words.end();
}

/// What the kernel calls our cgroup: of the memory controller (v1) or of the unified hierarchy (v2).
struct Membership {
  bool is_v2 = false;
  std::string path;  // "/system.slice/x.service"
};

std::optional<Membership> find_membership(std::string_view text) {
  std::optional<Membership> found;
  for (const std::string_view line : split(text, '\n')) {  // hierarchy-ID:controllers:path
    const std::size_t first = line.find(':');
    const std::size_t second = first == line.npos ? line.npos : line.find(':', first + 1);
    if (second == line.npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (has_word(controllers, "memory")) return Membership{false, std::string(line.substr(second + 1))};
    if (controllers.empty()) found = Membership{true, std::string(line.substr(second + 1))};
  }
  return found;
}

struct MountPoint {
  std::string root;   // which part of the hierarchy is mounted
  std::string point;  // where
};

std::optional<MountPoint> find_mount(std::string_view text, bool is_v2) {
  for (const std::string_view line :
       split(text, '\n')) {  // id parent dev root point options [tags] - type source options
    const std::size_t dash = line.find(" - ");
    if (dash == line.npos) continue;
    const std::vector<std::string_view> before = split(line.substr(0, dash), ' '),
                                        after = split(line.substr(dash + 3), ' ');
    if (before.size() < 5 || after.size() < 3) continue;
    const bool fits = is_v2 ? after[0] == "cgroup2" : after[0] == "cgroup" && has_word(after[2], "memory");
    if (fits) return MountPoint{unescaped(before[3]), unescaped(before[4])};
  }
  return std::nullopt;
}

bool is_below(std::string_view path, std::string_view directory) {
  return path == directory || directory == "/" || (path.starts_with(directory) && path[directory.size()] == '/');
}

double share(std::string_view line, std::string_view word) {
  const std::size_t at = line.find(word);
  double percent = 0;
  if (at != line.npos) std::from_chars(line.data() + at + word.size(), line.data() + line.size(), percent);
  return percent / 100;
}

}  // namespace

std::uint64_t MemoryUse::limit_bytes() const { return std::min(machine_bytes, cgroup_limit.value_or(machine_bytes)); }

std::uint64_t MemoryUse::left_bytes() const {
  if (!cgroup_limit || !cgroup_used) return available_bytes;
  const std::uint64_t needed = *cgroup_used - std::min(*cgroup_used, cgroup_reclaimable);
  return std::min(available_bytes, *cgroup_limit - std::min(*cgroup_limit, needed));
}

MemoryLimit::MemoryLimit(std::string root) : root_(std::move(root)) {
  const Result<std::string> cgroups = read_text(root_ + "/proc/self/cgroup"),
                            mounts = read_text(root_ + "/proc/self/mountinfo");
  if (!cgroups || !mounts) return;
  const std::optional<Membership> ours = find_membership(*cgroups);
  if (!ours) return;
  const std::optional<MountPoint> mount = find_mount(*mounts, ours->is_v2);
  if (!mount) return;
  is_v2_ = ours->is_v2;
  mount_ = root_ + mount->point;
  directory_ = mount_;
  // In a container without a cgroup namespace the kernel names paths of the host, of which only our own part is
  // mounted. What is mounted may also lie beside ours ("/../x"): then its root is the best there is.
  if (is_below(ours->path, mount->root)) {
    const std::string_view below = std::string_view(ours->path).substr(mount->root == "/" ? 0 : mount->root.size());
    if (below != "/") directory_ += below;
  }
}

Result<MemoryUse> MemoryLimit::use() const {
  TRY(const std::string meminfo, read_text(root_ + "/proc/meminfo"));
  const std::optional<std::uint64_t> total = number_of_line(meminfo, "MemTotal:"),
                                     available = number_of_line(meminfo, "MemAvailable:");
  if (!total || *total == 0 || *total > (kNoLimit >> 10))
    return Error(Code::kDamaged, root_ + "/proc/meminfo: no MemTotal");
  MemoryUse use;
  use.machine_bytes = *total << 10;
  use.available_bytes = std::min(available.value_or(*total), *total) << 10;
  for (std::string at = directory_; at.size() >= mount_.size() && !at.empty(); at.resize(at.rfind('/'))) {
    std::optional<std::uint64_t> limit = number_of_file(at + (is_v2_ ? "/memory.max" : "/memory.limit_in_bytes"));
    const std::optional<std::uint64_t> soft = is_v2_ ? number_of_file(at + "/memory.high") : std::nullopt;
    if (soft) limit = std::min(limit.value_or(*soft), *soft);
    if (!limit || *limit >= kNoLimit || *limit >= use.cgroup_limit.value_or(kNoLimit)) continue;
    use.cgroup_limit = limit;
    use.cgroup_used = number_of_file(at + (is_v2_ ? "/memory.current" : "/memory.usage_in_bytes"));
    const Result<std::string> stat = read_text(at + "/memory.stat");
    const std::string_view word = is_v2_ ? "inactive_file" : "total_inactive_file";
    use.cgroup_reclaimable = stat ? number_of_line(*stat, word).value_or(0) : 0;
  }
  return use;
}

Result<MemoryPressure> MemoryLimit::pressure() const {
  Result<std::string> text = Code::kNotSupported;
  if (is_v2_) text = read_text(directory_ + "/memory.pressure");
  if (!text) text = read_text(root_ + "/proc/pressure/memory");
  if (!text) return Error(Code::kNotSupported, "the kernel tells no memory pressure (" + text.error().text() + ")");
  MemoryPressure pressure;
  bool has_some = false;
  for (const std::string_view line : split(*text, '\n')) {
    if (line.starts_with("some ")) {
      has_some = true;
      pressure.some_10s = share(line, "avg10="), pressure.some_60s = share(line, "avg60=");
    } else if (line.starts_with("full ")) {
      pressure.full_10s = share(line, "avg10="), pressure.full_60s = share(line, "avg60=");
    }
  }
  if (!has_some) return Error(Code::kDamaged, "memory pressure: no line that says \"some\"");
  return pressure;
}

}  // namespace headrace
