// SPDX-License-Identifier: Apache-2.0
// headrace umount: takes a mount away and waits until its server has stored everything and ended.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <memory>

#include "apps/commands.h"
#include "apps/mount_config.h"
#include "base/fd.h"
#include "cli/probe.h"
#include "fuse/mount.h"
#include "fuse/mount_probe.h"
#include "fuse/mountinfo.h"

namespace headrace::apps {
namespace {

using cli::Context;
using cli::Exit;
using cli::Outcome;

constexpr Duration kLookMax = std::chrono::seconds(3);
constexpr Duration kWaitMax = std::chrono::minutes(1);
constexpr std::size_t kConfigBytesMax = 1u << 20;

std::string link_target(const std::string& path) {
  std::array<char, 4096> text;
  const ssize_t got = readlink(path.c_str(), text.data(), text.size());
  return got < 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(got));
}

bool is_below(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(directory.c_str()), closedir);
  if (stream == nullptr) return names;
  while (const dirent* entry = readdir(stream.get())) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  return names;
}

std::string program_of(const std::string& process) {
  const UniqueFd fd(open((process + "/comm").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 64> text;
  const ssize_t got = fd.is_open() ? read(fd.get(), text.data(), text.size()) : -1;
  return got <= 1 ? std::string("?") : std::string(text.data(), static_cast<std::size_t>(got) - 1);
}

bool uses(const std::string& process, const std::string& mount_point) {
  if (is_below(link_target(process + "/cwd"), mount_point)) return true;
  for (const std::string& fd : names_in(process + "/fd")) {
    if (is_below(link_target(process + "/fd/" + fd), mount_point)) return true;
  }
  return false;
}

/// "python3 (123), bash (77)": some who keep the mount busy. Reads only links of /proc, which the kernel answers by
/// itself.
std::string users_of(const std::string& mount_point) {
  std::string users;
  int found = 0;
  for (const std::string& pid : names_in("/proc")) {
    if (pid.find_first_not_of("0123456789") != std::string::npos || !uses("/proc/" + pid, mount_point)) continue;
    if (++found > 3) return users + " and others";
    users += fmt::format("{}{} ({})", users.empty() ? "" : ", ", program_of("/proc/" + pid), pid);
  }
  return users;
}

UniqueFd watch_of(std::optional<int> pid) {
  if (!pid || program_of(fmt::format("/proc/{}", *pid)) != "headrace") return {};
  return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, *pid, 0)));
}

/// What ends last of a mount, its supervisor or, without one, its server, as something to wait for; not open where it
/// is not known (another PID namespace, no answer).
UniqueFd server_of(const Context& context, const std::string& mount_point) {
  const auto text =
      cli::read_file(context.within(kLookMax), context.scheduler, mount_point + "/.config", kConfigBytesMax);
  if (!text) return {};
  const auto config = parse_config_document(*text);
  if (!config) return {};
  UniqueFd supervisor = watch_of(config->supervisor);
  return supervisor.is_open() ? std::move(supervisor) : watch_of(config->pid);
}

Outcome wait_for_end(const Context& context, const UniqueFd& server, const std::string& mount_point, bool is_patient) {
  const Moment began = context.scheduler.clock().now();
  for (;;) {
    pollfd wanted{server.get(), POLLIN, 0};
    if (poll(&wanted, 1, 50) > 0) return {};
    if (context.scope.stop.stop_requested()) return cli::fail(Exit::kInterrupted, "ended by a signal");
    if (!is_patient && context.scheduler.clock().now() - began > kWaitMax) {
      return cli::fail(Exit::kTimedOut,
                       fmt::format("{} is unmounted, but its server still writes to the bucket", mount_point),
                       "it ends when that is done; --flush waits for it");
    }
  }
}

Outcome run_umount(Context& context) {
  const auto where = fuse::canonical_mount_point(context.options.arguments[0]);
  if (!where) return cli::fail(fmt::format("cannot unmount {}", context.options.arguments[0]), where.error());
  TRY(const auto mounts, fuse::read_mountinfo());
  const auto mount = fuse::top_mount_at(mounts, *where);
  if (!mount)
    return cli::fail(Exit::kNotFound, fmt::format("nothing is mounted on {}", *where), "headrace status lists what is");
  if (!mount->is_ours()) {
    return cli::fail(Exit::kConflict, fmt::format("{} is a mount of type {}, not of headrace", *where, mount->type),
                     fmt::format("umount {}", *where));
  }
  TRY(const bool was_dead, fuse::free_dead_mount(context.within(std::chrono::seconds(10)), *where));
  if (was_dead) {
    context.terminal.err(fmt::format("freed {}, whose server was gone\n", *where));
    return {};
  }
  // This process may have been started in there, which would keep the mount busy.
  if (chdir("/") != 0) return cli::fail("cannot leave the folder", errno_error(errno, "/"));
  const UniqueFd server = server_of(context, *where);
  const bool by_force = context.options.on("force");
  const auto unmounted = fuse::unmount_fuse(*where, by_force ? fuse::UnmountMode::kForce : fuse::UnmountMode::kNormal);
  if (!unmounted && unmounted.code() == Code::kBusy) {
    const std::string users = users_of(*where);
    return cli::fail(Exit::kConflict, fmt::format("{} is in use{}", *where, users.empty() ? "" : " by " + users),
                     "end them, or cut them off with --force");
  }
  if (!unmounted) return cli::fail(fmt::format("cannot unmount {}", *where), unmounted.error());
  if (!server.is_open()) return {};
  return wait_for_end(context, server, *where, context.options.on("flush"));
}

}  // namespace

cli::Command umount_command() {
  cli::Command command;
  command.name = "umount";
  command.summary = "Unmount, and wait until everything written is in the bucket";
  command.description = "Frees what is left of a mount whose server is gone, too.";
  command.arguments = {{"MOUNTPOINT", "where a volume is mounted"}};
  command.options = {
      {.name = "flush", .text = "Wait for the last byte however long it takes; otherwise for a minute"},
      {.name = "force",
       .letter = 'f',
       .text = "Cut off who still uses it, also when its server does not answer",
       .only_flag = true},
  };
  command.examples = {{"headrace umount /data", "when nobody uses it"}};
  command.run = run_umount;
  return command;
}

}  // namespace headrace::apps
