// SPDX-License-Identifier: Apache-2.0
// The files of a mount that are not in the volume: .accesslog, .control, .stats, .config (juicefs-volume-format, section 8). They are
// reached by name at the root, and .control in every directory; all are read with direct I/O.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vfs/context.h"
#include "vfs/directory.h"
#include "vfs/node_table.h"

namespace headrace::vfs {

inline constexpr Ino kAccessLogIno{kVirtualInoBase.value() + 1}, kControlIno{kVirtualInoBase.value() + 2},
    kStatsIno{kVirtualInoBase.value() + 3}, kConfigIno{kVirtualInoBase.value() + 4};

/// Answers a request written to .control: command and body in, all frames of the answer out (section 8.2).
using ControlHandler = std::function<std::string(const Scope& scope, std::uint32_t command, std::string_view body)>;

/// Lines of the access log for those who read it. Costs one relaxed load a request while nobody does. Thread-safe.
class AccessLog {
 public:
  explicit AccessLog(Scheduler& scheduler) : arrived_(scheduler.new_event()) {}
  bool has_readers() const { return readers_.load(std::memory_order_relaxed) != 0; }
  /// One finished line, without the newline. Readers that are too slow lose the oldest lines.
  void append(const std::string& line);

  class Reader {
   public:
    explicit Reader(AccessLog& log);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    /// Waits up to a second for lines.
    std::size_t read(const Scope& scope, const Clock& clock, MutableByteSpan into);

   private:
    friend class AccessLog;
    AccessLog& log_;
    std::string text_;  // guarded by the log's mutex
  };

 private:
  std::atomic<int> readers_ = 0;
  Mutex mutex_;
  std::vector<Reader*> list_ GUARDED_BY(mutex_);
  std::unique_ptr<Event> arrived_;
};

/// What an open virtual file remembers.
struct VirtualHandle {
  Ino ino;
  std::string content;  // .stats and .config as they were at open; .control: requests and answers behind each other
  std::size_t request_start = 0;              // .control: where the request that is being written begins
  std::unique_ptr<AccessLog::Reader> reader;  // .accesslog
};

class VirtualFiles {
 public:
  VirtualFiles(const Context& context, const Providers& providers, ControlHandler control, AccessLog& log);

  /// The inode behind a name in this directory, if it names a virtual file.
  static std::optional<Ino> lookup(Ino directory, std::string_view name);
  Attr attr(Ino ino) const;
  /// What a listing of the root has besides the real entries.
  std::vector<ExtraEntry> listed() const;

  Result<std::unique_ptr<VirtualHandle>> open(Ino ino, bool writes) const;
  Result<std::size_t> read(const Scope& scope, VirtualHandle& handle, std::uint64_t offset, MutableByteSpan into) const;
  /// Only .control: collects a request until it is complete, then answers it into the handle.
  Result<std::size_t> write(const Scope& scope, VirtualHandle& handle, std::uint64_t offset, ByteSpan bytes) const;

 private:
  const Context& context_;
  const Providers& providers_;
  ControlHandler control_;
  AccessLog& log_;
  const Timestamp mounted_;
  const std::uint32_t uid_, gid_;
};

}  // namespace headrace::vfs
