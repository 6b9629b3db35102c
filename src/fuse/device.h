// SPDX-License-Identifier: Apache-2.0
// The descriptors of one connection to the kernel: the one it was mounted with, and clones, each with a queue of its
// own for requests that are being answered. They belong to the connection, not to threads: threads come and go and
// share them, and a supervisor that keeps them all keeps the requests that a dead server had read (a clone's last close
// ends what was read from it).
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace headrace::fuse {

/// Makes one more descriptor of the connection that `first` belongs to, close-on-exec.
using CloneDevice = std::function<Result<UniqueFd>(int first)>;
/// The kernel's way: open /dev/fuse, FUSE_DEV_IOC_CLONE. Only after INIT was answered.
Result<UniqueFd> clone_device(int first);

/// Why there is nothing more to read.
enum class Ending { kUnmounted, kAborted };

struct ReadOutcome {
  enum class Kind { kMessage, kAgain, kEnded } kind = Kind::kAgain;
  std::size_t bytes = 0;               // kMessage
  Ending ending = Ending::kUnmounted;  // kEnded
};

class Devices {
 public:
  /// At least one; the first is the one that INIT comes through.
  explicit Devices(std::vector<UniqueFd> descriptors);

  /// Clones until there are `count`. An error leaves those there are, which is enough to serve. Before threads use this
  /// object.
  Result<void> clone_up_to(std::size_t count, const CloneDevice& clone);

  std::size_t count() const { return descriptors_.size(); }
  int first() const { return descriptors_.front().get(); }
  int at(std::size_t index) const { return descriptors_[index % descriptors_.size()].get(); }
  std::vector<int> all() const;

 private:
  std::vector<UniqueFd> descriptors_;
};

/// One request. kAgain: a signal came, or the request went away before it was read.
ReadOutcome read_message(int device, std::span<std::byte> into);

/// One message to the kernel. 0, or the errno: ENOENT means that nobody waits for it any more.
int write_message(int device, std::span<const iovec> parts);

}  // namespace headrace::fuse
