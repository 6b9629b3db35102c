// SPDX-License-Identifier: Apache-2.0
#include "fuse/device.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/check.h"
#include "fuse/abi.h"

namespace headrace::fuse {

Result<UniqueFd> clone_device(int first) {
  UniqueFd clone(open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!clone.is_open()) return errno_error(errno, "open /dev/fuse");
  auto source = static_cast<std::uint32_t>(first);
  if (ioctl(clone.get(), kIocClone, &source) != 0) return errno_error(errno, "clone the FUSE descriptor");
  return clone;
}

Devices::Devices(std::vector<UniqueFd> descriptors) : descriptors_(std::move(descriptors)) {
  CHECK(!descriptors_.empty());
}

Result<void> Devices::clone_up_to(std::size_t count, const CloneDevice& clone) {
  while (descriptors_.size() < count) {
    TRY(UniqueFd one, clone(first()));
    descriptors_.push_back(std::move(one));
  }
  return {};
}

std::vector<int> Devices::all() const {
  std::vector<int> numbers;
  for (const UniqueFd& descriptor : descriptors_) numbers.push_back(descriptor.get());
  return numbers;
}

ReadOutcome read_message(int device, std::span<std::byte> into) {
  const ssize_t got = read(device, into.data(), into.size());
  if (got > 0) return {ReadOutcome::Kind::kMessage, static_cast<std::size_t>(got), {}};
  if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT)) return {ReadOutcome::Kind::kAgain, 0, {}};
  // ENODEV: unmounted. ECONNABORTED: aborted. The kernel gives nothing else that could be waited out.
  const Ending ending = got < 0 && errno == ECONNABORTED ? Ending::kAborted : Ending::kUnmounted;
  return {ReadOutcome::Kind::kEnded, 0, ending};
}

int write_message(int device, std::span<const iovec> parts) {
  for (;;) {
    const ssize_t written = writev(device, parts.data(), static_cast<int>(parts.size()));
    if (written >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

}  // namespace headrace::fuse
