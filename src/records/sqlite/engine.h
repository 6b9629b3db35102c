// SPDX-License-Identifier: Apache-2.0
// The engine of "sqlite3://PATH": a volume's records in an SQLite database, in JuiceFS's own tables, shared with other
// clients of this machine, JuiceFS's own among them. Commits are visible to all at once; durable after a sync of the
// log, which callers share.
#pragma once

#include <memory>
#include <string_view>

#include "records/batcher.h"
#include "records/sqlite/checkpointer.h"
#include "records/txn.h"

namespace headrace::records {

/// What tests change.
struct SqliteTuning {
  CheckpointPolicy checkpoint;
  Duration watch_interval = std::chrono::seconds(1);
  BatchLimits batch;
  std::size_t readers_max = 16;
};

/// `rest` stands behind "sqlite3://". Errors as open_engine() and SqliteDatabase::open(). After a fork() the engine
/// belongs to the parent: in the child every call is kBadHandle, and closing does nothing.
Result<std::unique_ptr<RecordEngine>> open_sqlite_engine(std::string_view rest, const OpenOptions& options,
                                                         Scheduler& scheduler, const SqliteTuning& tuning = {});

}  // namespace headrace::records
