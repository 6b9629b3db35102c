// SPDX-License-Identifier: Apache-2.0
// Backups of a mounted volume's metadata in its bucket, so that losing the database is not losing the volume:
// "meta/dump-….json.gz", the document of meta/dump.h. One every interval while somebody changes the volume, and one at
// the end of a mount that changed it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/event.h"
#include "base/log.h"
#include "meta/volume.h"
#include "object/object_store.h"

namespace headrace::apps {

struct BackupOptions {
  Duration interval = std::chrono::hours(1);  // 0: none at all
  bool skip_trash = false;
  /// One that takes longer is given up; the one before stays.
  Duration length_max = std::chrono::minutes(10);
  Duration length_max_at_end = std::chrono::seconds(10);
  /// Larger volumes are not backed up so often as every hour, as with the real client.
  std::uint64_t inodes_max_hourly = 1'000'000;
};

class MetaBackup {
 public:
  /// All outlive it. Of a volume that is read-only, nothing is ever done.
  MetaBackup(meta::Volume& volume, object::ObjectStore& objects, Scheduler& scheduler, const Log& log,
             BackupOptions options);
  ~MetaBackup() { close(); }
  MetaBackup(const MetaBackup&) = delete;
  MetaBackup& operator=(const MetaBackup&) = delete;

  /// Begins to look, on a thread of its own, whether one is due.
  void start();
  /// Gives up what it does now, and does nothing more by itself. Idempotent.
  void close();
  /// After close(), when nothing changes the volume through this mount any more: a last one, if this mount changed
  /// something since its last, and if it is done within length_max_at_end.
  void finish();

  enum class Made { kNothingToDo, kNotDue, kUnchanged, kStored };
  /// One, if there may be something new, and nobody made one within `apart`. Also removes backups that are too old. For
  /// the two above, which log its errors; one thread at a time.
  Result<Made> run_once(const Scope& scope, Duration apart);

 private:
  void look_again_and_again(const Scope& scope);
  void log_failure(const Error& error);
  Result<Made> make(const Scope& scope);
  Result<std::vector<std::string>> stored_names(const Scope& scope);
  Result<bool> is_digest_of(const Scope& scope, const std::string& name, const std::string& comment);
  Result<void> remove_old(const Scope& scope, std::vector<std::string> names);

  meta::Volume& volume_;
  object::ObjectStore& objects_;
  Scheduler& scheduler_;
  const Log& log_;
  const BackupOptions options_;
  std::optional<std::uint64_t> backed_up_;  // the count of changes that the last one saw
  std::jthread thread_;
};

}  // namespace headrace::apps
