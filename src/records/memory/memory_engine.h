// SPDX-License-Identifier: Apache-2.0
// The engine of "memory://": records in this process's memory, gone with the engine. For tests, benchmarks and volumes
// that need not outlive their process. Every engine is a store of its own, so there is never another client to watch.
#pragma once

#include <memory>

#include "records/txn.h"

namespace headrace::records {

/// Never fails. `scheduler` and what the options point to outlive the engine.
std::unique_ptr<RecordEngine> open_memory_engine(const OpenOptions& options, Scheduler& scheduler);

}  // namespace headrace::records
