// SPDX-License-Identifier: Apache-2.0
// A volume in a test: on an engine of a named kind, with a clock that the test moves, and short words for what stories
// are made of. A builder that fails stops the test program: it is the story that is wrong then.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/event.h"
#include "base/log.h"
#include "meta/volume.h"

namespace headrace::meta::testing {

/// Events and threads of the system under a clock that only moves by hand.
class ManualScheduler final : public Scheduler {
 public:
  std::unique_ptr<Event> new_event() override { return system_.new_event(); }
  std::jthread new_thread(std::string name, std::function<void(std::stop_token)> body) override {
    return system_.new_thread(std::move(name), std::move(body));
  }
  const Clock& clock() const override { return clock_; }
  ManualClock& manual() { return clock_; }

 private:
  SystemScheduler system_;
  ManualClock clock_;
};

/// The kinds of engine that this program has: "memory", and "sqlite" where it is built in.
std::vector<std::string> engine_kinds();

/// A description that passes, for a volume "test": no trash, statistics on.
VolumeFormat plain_format();

class TestVolume {
 public:
  explicit TestVolume(const std::string& engine_kind, VolumeFormat format = plain_format());
  ~TestVolume();
  TestVolume(const TestVolume&) = delete;
  TestVolume& operator=(const TestVolume&) = delete;

  Volume& operator*() { return *volume_; }
  Volume* operator->() { return volume_.get(); }
  records::RecordEngine& engine() { return *engine_; }
  ManualScheduler& scheduler() { return scheduler_; }
  const Log& log() const { return log_; }
  Timestamp now() const { return scheduler_.clock().wall(); }
  void pass(Duration time) { scheduler_.manual().advance(time); }

  /// One more client of the same volume.
  std::unique_ptr<Volume> open_another(VolumeOptions options = {});

  Ino make_directory(Ino parent, std::string_view name, std::uint16_t mode = 0755);
  Ino make_file(Ino parent, std::string_view name, std::uint16_t mode = 0644);
  /// Writes one slice (one for each chunk it touches) and returns the id of the first.
  SliceId write(Ino ino, std::uint64_t offset, std::uint64_t length);
  Attr attr(Ino ino);
  /// The names in a directory, in order.
  std::vector<std::string> names(Ino directory);
  /// Changes attributes as root, whatever they are.
  void set_mode(Ino ino, std::uint16_t mode);
  void set_owner(Ino ino, std::uint32_t uid, std::uint32_t gid);
  void set_flags(Ino ino, std::uint8_t flags);

  /// A record as it stands, or nothing.
  template <class K>
  std::optional<typename K::Record> record(const K& key) {
    auto found = engine_->read(Scope{}, {}, [&](records::RecordTxn& txn) { return records::get(txn, key); });
    return found ? *found : std::nullopt;
  }
  /// Puts a record behind the volume's back.
  template <class K>
  void put_record(const K& key, typename K::Record value) {
    check(engine_->run(Scope{}, records::Commit::kVisible, {}, [&](records::RecordTxn& txn) -> Result<void> {
      records::put(txn, key, value);
      return {};
    }));
  }
  template <class K>
  void erase_record(const K& key) {
    check(engine_->run(Scope{}, records::Commit::kVisible, {}, [&](records::RecordTxn& txn) -> Result<void> {
      records::erase(txn, key);
      return {};
    }));
  }
  std::vector<records::Item> all(records::Whole what);
  std::int64_t counter(const std::string& name) { return record(records::CounterKey{name}).value_or(0); }

 private:
  static void check(const Result<void>& result);

  ManualScheduler scheduler_;
  Log log_;
  std::string directory_;  // of the engine's files, removed at the end
  std::unique_ptr<records::RecordEngine> engine_;
  std::unique_ptr<Volume> volume_;
};

inline Caller root() { return {}; }
inline Caller user(std::uint32_t uid) { return {uid, uid, 0, 0, {uid}}; }

}  // namespace headrace::meta::testing
