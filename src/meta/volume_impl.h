// SPDX-License-Identifier: Apache-2.0
// What the parts of Volume share: the engine, the description as it is now, the session, the table of holds, and the
// way an operation becomes a call on the engine. Used inside this room.
#pragma once

#include <atomic>
#include <initializer_list>
#include <type_traits>

#include "meta/hold_table.h"
#include "meta/ops/operations.h"
#include "meta/volume.h"

namespace headrace::meta {

/// The description, as heartbeats change it. References to earlier versions stay valid. Thread-safe.
class CurrentFormat {
 public:
  explicit CurrentFormat(VolumeFormat first) { replace(std::move(first)); }
  const VolumeFormat& get() const { return *current_.load(std::memory_order_acquire); }
  /// Does nothing when nothing changed.
  void replace(VolumeFormat next);

 private:
  Mutex mutex_;
  std::vector<std::unique_ptr<const VolumeFormat>> versions_ GUARDED_BY(mutex_);
  std::atomic<const VolumeFormat*> current_ = nullptr;
};

struct Volume::Impl {
  Impl(records::RecordEngine& the_engine, Scheduler& the_scheduler, const Log& the_log, VolumeOptions the_options,
       VolumeFormat the_format)
      : engine(the_engine),
        scheduler(the_scheduler),
        log(the_log),
        options(std::move(the_options)),
        format(std::move(the_format)),
        holds(the_scheduler),
        is_read_only(options.is_read_only) {}

  records::RecordEngine& engine;
  Scheduler& scheduler;
  const Log& log;
  const VolumeOptions options;
  CurrentFormat format;
  HoldTable holds;
  SessionId session;  // set once, by open()
  std::string session_info;
  std::vector<HeldLock> adopted_locks;  // of take_over(), until they are taken
  std::atomic<bool> is_read_only;
  std::atomic<bool> is_closed = false;
  std::atomic<std::uint64_t> changes = 0;  // operations that may have written something

  Timestamp now() const { return scheduler.clock().wall(); }
  OpContext context(Holders& holders) const {
    const VolumeFormat& description = format.get();
    return {description, description.trash_days, now(), session, options.skip_dir_mtime, holders};
  }

  /// Runs an operation that only reads: operation(txn).
  template <class F>
  auto read(const Scope& scope, std::initializer_list<records::Key> first_keys, F&& operation) {
    return engine.read(scope, first_keys, operation);
  }

  /// Runs and commits an operation(txn, context). Whatever it took the last name of is settled when this returns.
  template <class F>
  auto change(const Scope& scope, std::initializer_list<records::Key> first_keys, F&& operation) {
    using R = std::invoke_result_t<F&, records::RecordTxn&, const OpContext&>;
    if (is_read_only) return R(Code::kReadOnly);
    RemovalMarks marks(holds, session != SessionId{0});
    const OpContext fixed = context(marks);
    R result = engine.run(scope, records::Commit::kVisible, first_keys, [&](records::RecordTxn& txn) {
      marks.reset();  // it may be a second run
      return operation(txn, fixed);
    });
    if (result || result.code() == Code::kUnknownOutcome) {
      changes.fetch_add(1, std::memory_order_relaxed);
      for (const Ino ino : marks.commit()) (void)destroy_sustained(scope, ino);
    }
    return result;
  }

  /// Ends a file whose last hold and last name are gone, and tells the table. After an error the next heartbeat tries
  /// again.
  Result<void> destroy_sustained(const Scope& scope, Ino ino);
  /// Gives up a hold.
  Result<void> drop_hold(const Scope& scope, Ino ino);
  /// Gives back all that a deleted file held. False: its records contradict each other, and were left.
  Result<bool> release_deleted_file(const Scope& scope, Ino ino);
  std::int64_t session_expiry() const;
  /// Goes on with `session`. kStale: it is gone.
  Result<void> take_over(const Scope& scope, const records::SessionRecord& record);
  /// What of a session is left: locks, sustained files, its record. kBusy: it was renewed (never for our own).
  Result<void> end_session(const Scope& scope, SessionId which, std::optional<std::int64_t> only_if_expired_before);
};

/// kInvalid: empty, "." or "..", or with '/' or NUL; kNameTooLong. kNotPermitted: ".trash" at the root.
Result<void> check_name(Ino parent, std::string_view name);

/// The JSON that describes this process to other clients (format sheet, section 3.6).
std::string describe_session(const std::string& mount_point, Timestamp now);

}  // namespace headrace::meta
