// SPDX-License-Identifier: Apache-2.0
// Types and times in the forms the system uses.
#include "base/attr.h"

#include <sys/stat.h>

#include <limits>

namespace headrace {

std::uint32_t mode_bits_of(FileType type) {
  switch (type) {
    case FileType::kRegular: return S_IFREG;
    case FileType::kDirectory: return S_IFDIR;
    case FileType::kSymlink: return S_IFLNK;
    case FileType::kFifo: return S_IFIFO;
    case FileType::kBlockDevice: return S_IFBLK;
    case FileType::kCharDevice: return S_IFCHR;
    case FileType::kSocket: return S_IFSOCK;
  }
  return S_IFREG;
}

FileType type_of_mode(std::uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR: return FileType::kDirectory;
    case S_IFLNK: return FileType::kSymlink;
    case S_IFIFO: return FileType::kFifo;
    case S_IFBLK: return FileType::kBlockDevice;
    case S_IFCHR: return FileType::kCharDevice;
    case S_IFSOCK: return FileType::kSocket;
    default: return FileType::kRegular;
  }
}

std::int64_t nanoseconds_between(const Timestamp& from, const Timestamp& to) {
  const __int128 span = (static_cast<__int128>(to.seconds) - from.seconds) * 1'000'000'000 +
                        (static_cast<std::int64_t>(to.nanoseconds) - static_cast<std::int64_t>(from.nanoseconds));
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max(),
                         kMin = std::numeric_limits<std::int64_t>::min();
  if (span > kMax) return kMax;
  if (span < kMin) return kMin;
  return static_cast<std::int64_t>(span);
}

}  // namespace headrace
