// SPDX-License-Identifier: Apache-2.0
// fsopen, fsconfig, fsmount: by number, because <linux/mount.h> and <sys/mount.h> do not go together.
#include "block/file_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace headrace::block {
namespace {

constexpr unsigned kFsopenCloexec = 1, kFsmountCloexec = 1;
constexpr unsigned kSetString = 1, kCreate = 6;            // enum fsconfig_command
constexpr unsigned kMountNoSuid = 0x2, kMountNoDev = 0x4;  // MOUNT_ATTR_*

bool set_string(int context, const char* key, const std::string& value) {
  return ::syscall(SYS_fsconfig, context, kSetString, key, value.c_str(), 0) == 0;
}

struct Tmpfs {
  UniqueFd root;
  bool has_huge_pages = false;
};

/// The mount is never attached to a path: it lives as long as its descriptor and the files in it.
Result<Tmpfs> mount_tmpfs(std::uint64_t bytes_max) {
  Tmpfs tmpfs;
  const UniqueFd context(static_cast<int>(::syscall(SYS_fsopen, "tmpfs", kFsopenCloexec)));
  if (!context.is_open()) return errno_error(errno, "fsopen tmpfs");
  // Files that are written through may grow beyond their copy's length before the tier has made room.
  const std::uint64_t size = bytes_max + bytes_max / 8 + (64ull << 20);
  if (!set_string(context.get(), "size", std::to_string(size))) return errno_error(errno, "fsconfig size");
  if (!set_string(context.get(), "mode", "0700")) return errno_error(errno, "fsconfig mode");
  tmpfs.has_huge_pages =
      set_string(context.get(), "huge", "within_size");  // a kernel without huge pages refuses the word
  if (::syscall(SYS_fsconfig, context.get(), kCreate, nullptr, nullptr, 0) != 0)
    return errno_error(errno, "fsconfig create");
  tmpfs.root.reset(
      static_cast<int>(::syscall(SYS_fsmount, context.get(), kFsmountCloexec, kMountNoSuid | kMountNoDev)));
  if (!tmpfs.root.is_open()) return errno_error(errno, "fsmount");
  return tmpfs;
}

Result<UniqueFd> open_nameless(int directory) {
  UniqueFd file(::openat(directory, ".", O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  if (!file.is_open()) return errno_error(errno, "open a file without a name");
  return file;
}

}  // namespace

FileSource FileSource::open(std::uint64_t bytes_max, const std::string& directory, bool may_mount) {
  FileSource source;
  std::string why;
  if (may_mount) {
    Result<Tmpfs> tmpfs = mount_tmpfs(bytes_max);
    const Result<UniqueFd> probe = tmpfs ? open_nameless(tmpfs->root.get()) : Result<UniqueFd>(tmpfs.error());
    if (probe) {
      source.root_ = std::move(tmpfs->root);
      source.place_ = tmpfs->has_huge_pages ? "tmpfs with huge pages" : "tmpfs";
      if (!tmpfs->has_huge_pages) source.shortcoming_ = "the kernel has no huge pages for tmpfs";
      return source;
    }
    why = probe.error().text();
  }
  if (!directory.empty()) {
    source.root_.reset(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const Result<UniqueFd> probe =
        source.root_.is_open() ? open_nameless(source.root_.get()) : Result<UniqueFd>(errno_error(errno, "open"));
    if (probe) {
      source.place_ = "directory " + directory;
      source.shortcoming_ = why.empty() ? "" : "no tmpfs of our own: " + why;
      return source;
    }
    source.root_.reset();
    why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", directory, probe.error().text());
  }
  source.place_ = "memfd";
  source.shortcoming_ = why;
  return source;
}

Result<UniqueFd> FileSource::new_file(std::uint64_t length) const {
  UniqueFd file;
  if (root_.is_open()) {
    file.reset(::openat(root_.get(), ".", O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  } else {
    file.reset(::memfd_create("headrace", MFD_CLOEXEC));
  }
  if (!file.is_open() && (errno == EMFILE || errno == ENFILE)) return Error(Code::kTransient, "too many open files");
  if (!file.is_open()) return errno_error(errno, "open a file of the node's tier");
  // The size first: the kernel gives huge pages only within a file's size.
  if (::ftruncate(file.get(), static_cast<off_t>(length)) != 0)
    return errno_error(errno, "size a file of the node's tier");
  return file;
}

}  // namespace headrace::block
