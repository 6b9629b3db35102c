// SPDX-License-Identifier: Apache-2.0
// Which engine a metadata URL names.
#include "records/txn.h"

#include "records/memory/memory_engine.h"
#include "records/redis_dump/engine.h"
#include "records/sqlite/engine.h"

namespace headrace::records {

Result<std::unique_ptr<RecordEngine>> open_engine(const std::string& url, const OpenOptions& options,
                                                  Scheduler& scheduler) {
  const std::size_t colon = url.find("://");
  const std::string scheme = url.substr(0, colon);
  const std::string rest = colon == std::string::npos ? "" : url.substr(colon + 3);
  if (colon != std::string::npos && scheme == "memory") {
    if (!rest.empty()) return Error(Code::kInvalid, "memory:// has no path, got memory://" + rest);
    return open_memory_engine(options, scheduler);
  }
  if (colon != std::string::npos && scheme == "sqlite3") return open_sqlite_engine(rest, options, scheduler);
  if (colon != std::string::npos && scheme == "redis-dump") return open_redis_dump_engine(rest, options, scheduler);
  return Error(Code::kInvalid, "a metadata URL is sqlite3://PATH, redis-dump://PATH (for reading) or memory://");
}

}  // namespace headrace::records
