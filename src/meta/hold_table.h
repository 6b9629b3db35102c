// SPDX-License-Identifier: Apache-2.0
// What this client holds open, and the race that comes with it: somebody opens a file while its last name is being
// taken away. The operation that removes a name asks here whether the file is held, and until its outcome is known
// nobody else comes to hold a file of which it was told "no". A file of which it was told "yes" is sustained: it stays
// without a name until its last release.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/event.h"
#include "base/mutex.h"
#include "meta/ops/context.h"

namespace headrace::meta {

/// Thread-safe.
class HoldTable {
 public:
  explicit HoldTable(Scheduler& scheduler) : changed_(scheduler.new_event()) {}

  /// One more hold. Waits while the file is being removed. kTimedOut, kInterrupted: the scope ended; there is no hold.
  Result<void> add(const Scope& scope, Ino ino);
  /// A hold on a file this client has made without a name.
  void add_sustained(Ino ino);
  /// A file without a name that an earlier process of this session held: an orphan until somebody holds it again.
  void adopt_sustained(Ino ino);
  /// The hold was taken while the file had a place outside the trash.
  void note_alive(Ino ino);
  bool was_alive(Ino ino) const;
  /// One hold less; our own mistake if there is none. True: it was the last one of a sustained file. The caller
  /// destroys the file and then says destroyed().
  bool drop(Ino ino);
  /// `done`: it is gone. Otherwise take_orphans() offers it again.
  void destroyed(Ino ino, bool done);
  /// Sustained files that nobody holds and that could not be destroyed yet. The caller does, then says destroyed() for
  /// each.
  std::vector<Ino> take_orphans();
  std::size_t held_files() const;

 private:
  friend class RemovalMarks;
  struct File {
    std::uint32_t holds = 0;
    std::uint32_t dying = 0;       // removals in flight that were told it is not held
    std::uint32_t sustaining = 0;  // removals in flight that were told it is held
    bool is_sustained = false;
    bool is_being_destroyed = false;
    bool was_alive = false;

    bool is_idle() const { return holds == 0 && dying == 0 && sustaining == 0 && !is_sustained && !is_being_destroyed; }
    bool is_orphan() const { return holds == 0 && sustaining == 0 && is_sustained && !is_being_destroyed; }
  };

  /// Whether it is held; the removal in flight is noted either way.
  bool mark(Ino ino);
  /// True: the file is sustained now and the last hold went meanwhile: the caller destroys it.
  bool unmark(Ino ino, bool was_held, bool is_sustained);
  void forget_if_idle(Ino ino) REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::unordered_map<Ino, File> files_ GUARDED_BY(mutex_);
  std::unique_ptr<Event> changed_;
};

/// The marks of one operation while it is in flight: what it was told about files whose last name it takes.
class RemovalMarks final : public Holders {
 public:
  /// `can_sustain`: false where there is no session that could.
  RemovalMarks(HoldTable& table, bool can_sustain) : table_(table), can_sustain_(can_sustain) {}
  ~RemovalMarks() override { reset(); }
  RemovalMarks(const RemovalMarks&) = delete;
  RemovalMarks& operator=(const RemovalMarks&) = delete;

  bool is_held(Ino ino) override;
  bool was_held_before_trash(Ino ino) override { return table_.was_alive(ino); }

  /// The operation begins again, or failed: what it was told no longer matters.
  void reset();
  /// The operation is committed, or may be. The answer: files the caller must destroy, because their last hold went
  /// while they were being sustained.
  std::vector<Ino> commit();

 private:
  struct Told {
    Ino ino;
    bool was_held = false;
  };

  HoldTable& table_;
  const bool can_sustain_;
  std::vector<Told> told_;
};

}  // namespace headrace::meta
