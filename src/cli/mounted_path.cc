// SPDX-License-Identifier: Apache-2.0
// Up from the path to the directory that is inode 1: every volume's root is that (juicefs-volume-format, section 8.1).
#include "cli/mounted_path.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "cli/probe.h"

namespace headrace::cli {
namespace {

constexpr Duration kLookMax = std::chrono::seconds(5);
constexpr std::uint64_t kRootIno = 1;

Failure failure_of(const std::string& path, const Error& error) {
  const std::string hint = "headrace status shows the mounts of this node";
  if (error.code == Code::kTimedOut) return {Exit::kTimedOut, fmt::format("{} does not answer", path), hint};
  return {exit_of(error.code), fmt::format("cannot look at {}", error.text()),
          error.code == Code::kTransient ? hint : std::string()};
}

/// Symbolic links on the way are followed, the last one is not. Only after the path was seen to answer.
Result<std::string> canonical(const std::string& path) {
  std::string name = path;
  while (name.size() > 1 && name.back() == '/') name.pop_back();
  const std::filesystem::path whole(name);
  const bool is_plain = whole.has_filename() && whole.filename() != "." && whole.filename() != "..";
  const std::string directory = is_plain ? whole.parent_path().string() : name;
  const std::unique_ptr<char, void (*)(void*)> real(realpath(directory.empty() ? "." : directory.c_str(), nullptr),
                                                    std::free);
  if (real == nullptr) return errno_error(errno, path);
  std::string out = real.get();
  if (!is_plain) return out;
  if (out != "/") out += '/';
  return out + whole.filename().string();
}

}  // namespace

std::expected<MountedPath, Failure> find_mounted(const Context& context, const std::string& path) {
  const Scope scope = context.within(kLookMax);
  const auto seen = look_at(scope, context.scheduler, path);
  if (!seen) return std::unexpected<Failure>(failure_of(path, seen.error()));
  const auto absolute = canonical(path);
  if (!absolute) return std::unexpected<Failure>(failure_of(path, absolute.error()));
  MountedPath found{
      .path = *absolute, .mount_point = {}, .in_volume = {}, .ino = seen->ino, .is_directory = S_ISDIR(seen->mode)};
  std::string up = found.is_directory ? found.path : found.control_directory();
  while (!up.empty() && up != "/") {
    const auto here = look_at(scope, context.scheduler, up);
    if (!here) return std::unexpected<Failure>(failure_of(up, here.error()));
    if (here->ino == kRootIno) {
      found.mount_point = up;
      found.in_volume = found.path == up ? "/" : found.path.substr(up.size());
      return found;
    }
    up.resize(up.rfind('/'));
  }
  return fail(Exit::kConflict, fmt::format("{} is not on a mounted volume", path),
              "headrace status shows the mounts of this node");
}

std::expected<std::string, Failure> ask_mount(const Context& context, const MountedPath& at, ControlCommand command,
                                              std::string_view body, AnswerReader::Progress progress) {
  auto client = ControlClient::open(at.control_directory());
  if (!client) return fail(fmt::format("cannot ask about {}", at.path), client.error());
  auto answer = client->call(context.scope, context.scheduler, command, body, progress);
  if (!answer) return fail(fmt::format("cannot ask about {}", at.path), answer.error());
  return *std::move(answer);
}

}  // namespace headrace::cli
