// SPDX-License-Identifier: Apache-2.0
// Which files moved on lately, as this mount knows them. Attributes that the metadata was asked for before that may be
// of before it, and whoever put them in the place of what is known would take the file back: its length, and with it
// where the next append goes.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/attr.h"
#include "base/types.h"

namespace headrace::vfs {

/// Numbers, no clock. Thread-safe.
class Commits {
 public:
  enum class Mark : std::uint64_t {};

  /// To be taken before the metadata is asked.
  Mark mark() const { return Mark{last_.load()}; }
  /// To be called under the lock that guards what is known of the file, with the change of that.
  void note(Ino ino) {
    const std::uint64_t number = last_.fetch_add(1) + 1;
    std::atomic<std::uint64_t>& place = place_of(ino);
    std::uint64_t newest = place.load();
    while (newest < number && !place.compare_exchange_weak(newest, number)) {
    }
  }
  /// Whether an answer to what was asked at `mark` may be of before a change. Now and then so of a file that shares
  /// another's place.
  bool since(Mark mark, Ino ino) const { return place_of(ino).load() > static_cast<std::uint64_t>(mark); }

 private:
  std::atomic<std::uint64_t>& place_of(Ino ino) const { return places_[ino.value() % places_.size()]; }

  std::atomic<std::uint64_t> last_ = 0;
  mutable std::array<std::atomic<std::uint64_t>, 1024> places_{};
};

/// What the metadata answered, and when it was asked.
struct ReadAttr {
  Attr attr;
  Commits::Mark asked{};
};

}  // namespace headrace::vfs
