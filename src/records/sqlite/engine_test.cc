// SPDX-License-Identifier: Apache-2.0
// The SQLite engine does what every engine does.
#include "records/sqlite/engine.h"

#include <gtest/gtest.h>

#include "records/testing/conformance.h"
#include "records/testing/conformance_batches.h"
#include "records/testing/temp_folder.h"

namespace headrace::records {
namespace {

struct SqliteFactory {
  static constexpr bool kIsShared = true;
  std::unique_ptr<RecordEngine> open(OpenOptions options = {}) {
    options.create = true;
    Result<std::unique_ptr<RecordEngine>> engine =
        open_engine("sqlite3://" + folder.file("volume.db"), options, scheduler);
    EXPECT_TRUE(engine) << engine.error().text();
    return *std::move(engine);
  }
  SystemScheduler scheduler;
  TempFolder folder;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, EngineRecords, SqliteFactory);
INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, EngineBatches, SqliteFactory);

}  // namespace
}  // namespace headrace::records
