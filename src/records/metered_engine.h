// SPDX-License-Identifier: Apache-2.0
// Counts how long the operations on an engine take: each call, its waits included.
#pragma once

#include <memory>

#include "base/clock.h"
#include "metrics/registry.h"
#include "records/txn.h"

namespace headrace::records {

/// The same engine, timed. `durations` and `clock` outlive it.
std::unique_ptr<RecordEngine> metered(std::unique_ptr<RecordEngine> engine, metrics::Histogram& durations,
                                      const Clock& clock);

}  // namespace headrace::records
