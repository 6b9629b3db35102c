// SPDX-License-Identifier: Apache-2.0
// The files of a mount that are not in the volume: .accesslog, .control, .stats, .config (juicefs-volume-format,
// section 8). They are reached by name at the root, and .control in every directory; all are read with direct I/O.
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

/// What was said over one open .control: requests and answers behind each other, answers growing while they are made.
/// Thread-safe.
class Conversation {
 public:
  /// Puts bytes of an answer behind what is there.
  void say(std::string_view bytes);
  /// The answer is complete: the next request may come.
  void finish();
  std::size_t copy(std::uint64_t offset, MutableByteSpan into) const;

  /// Takes bytes of a request; the whole request (command, length, body), once it is complete. kBusy: the last one is
  /// still being answered; kFileTooBig: more than a conversation may hold; kInvalid: no request, answered already.
  Result<std::string> hear(ByteSpan bytes);

 private:
  mutable Mutex mutex_;
  std::string text_ GUARDED_BY(mutex_);
  std::size_t request_start_ GUARDED_BY(mutex_) = 0;
  bool is_answering_ GUARDED_BY(mutex_) = false;
};

/// Answers a request written to .control (section 8.2) by saying frames and finishing, now or later, from any thread.
using ControlHandler = std::function<void(const Scope& scope, std::uint32_t command, std::string body,
                                          std::shared_ptr<Conversation> conversation)>;

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
  std::string content;                         // .stats and .config as they were at open
  std::shared_ptr<Conversation> conversation;  // .control
  std::unique_ptr<AccessLog::Reader> reader;   // .accesslog
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
  /// Only .control: collects a request until it is complete, then has it answered.
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
