// SPDX-License-Identifier: Apache-2.0
// Holds and marks in one table.
#include "meta/hold_table.h"

#include "base/check.h"

namespace headrace::meta {

Result<void> HoldTable::add(const Scope& scope, Ino ino) {
  MutexLock lock(mutex_);
  const auto may_hold = [this, ino]() NO_THREAD_SAFETY_ANALYSIS {
    const auto it = files_.find(ino);
    return it == files_.end() || (it->second.dying == 0 && !it->second.is_being_destroyed);
  };
  TRY_OK(changed_->wait(scope, mutex_, may_hold));
  ++files_[ino].holds;
  return {};
}

void HoldTable::add_sustained(Ino ino) {
  MutexLock lock(mutex_);
  File& file = files_[ino];
  ++file.holds;
  file.is_sustained = true;
  file.was_alive = true;
}

void HoldTable::adopt_sustained(Ino ino) {
  MutexLock lock(mutex_);
  files_[ino].is_sustained = true;
}

void HoldTable::note_alive(Ino ino) {
  MutexLock lock(mutex_);
  if (const auto it = files_.find(ino); it != files_.end() && it->second.holds > 0) it->second.was_alive = true;
}

bool HoldTable::was_alive(Ino ino) const {
  MutexLock lock(mutex_);
  const auto it = files_.find(ino);
  return it != files_.end() && it->second.holds > 0 && it->second.was_alive;
}

bool HoldTable::drop(Ino ino) {
  MutexLock lock(mutex_);
  const auto it = files_.find(ino);
  CHECK(it != files_.end() && it->second.holds > 0);
  File& file = it->second;
  --file.holds;
  if (file.holds == 0) file.was_alive = false;
  if (file.is_orphan()) {
    file.is_being_destroyed = true;
    return true;
  }
  forget_if_idle(ino);
  return false;
}

void HoldTable::destroyed(Ino ino, bool done) {
  MutexLock lock(mutex_);
  const auto it = files_.find(ino);
  CHECK(it != files_.end() && it->second.is_being_destroyed);
  it->second.is_being_destroyed = false;
  if (done) it->second.is_sustained = false;
  forget_if_idle(ino);
  changed_->notify_all();
}

std::vector<Ino> HoldTable::take_orphans() {
  MutexLock lock(mutex_);
  std::vector<Ino> orphans;
  for (auto& [ino, file] : files_) {
    if (!file.is_orphan()) continue;
    file.is_being_destroyed = true;
    orphans.push_back(ino);
  }
  return orphans;
}

std::size_t HoldTable::held_files() const {
  MutexLock lock(mutex_);
  std::size_t held = 0;
  for (const auto& [ino, file] : files_) held += file.holds > 0 ? 1 : 0;
  return held;
}

bool HoldTable::mark(Ino ino) {
  MutexLock lock(mutex_);
  File& file = files_[ino];
  if (file.holds > 0) {
    ++file.sustaining;
    return true;
  }
  ++file.dying;
  return false;
}

bool HoldTable::unmark(Ino ino, bool was_held, bool is_sustained) {
  MutexLock lock(mutex_);
  File& file = files_[ino];
  if (!was_held) {
    CHECK(file.dying > 0);
    --file.dying;
    forget_if_idle(ino);
    changed_->notify_all();
    return false;
  }
  CHECK(file.sustaining > 0);
  --file.sustaining;
  if (is_sustained) file.is_sustained = true;
  if (file.is_orphan()) {
    file.is_being_destroyed = true;
    return true;
  }
  forget_if_idle(ino);
  return false;
}

void HoldTable::forget_if_idle(Ino ino) {
  const auto it = files_.find(ino);
  if (it != files_.end() && it->second.is_idle()) files_.erase(it);
}

bool RemovalMarks::is_held(Ino ino) {
  if (!can_sustain_) return false;
  const bool held = table_.mark(ino);
  told_.push_back({ino, held});
  return held;
}

void RemovalMarks::reset() {
  for (const Told& told : told_) {
    // Sustained by an earlier removal, and let go meanwhile: left for take_orphans().
    if (table_.unmark(told.ino, told.was_held, false)) table_.destroyed(told.ino, false);
  }
  told_.clear();
}

std::vector<Ino> RemovalMarks::commit() {
  std::vector<Ino> to_destroy;
  for (const Told& told : told_) {
    if (table_.unmark(told.ino, told.was_held, told.was_held)) to_destroy.push_back(told.ino);
  }
  told_.clear();
  return to_destroy;
}

}  // namespace headrace::meta
