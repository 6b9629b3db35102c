// SPDX-License-Identifier: Apache-2.0
// Taking a volume out of its metadata engine.
#pragma once

#include <cstdint>

#include "base/function_ref.h"
#include "base/result.h"
#include "base/scope.h"
#include "records/txn.h"

namespace headrace::cli {

/// Erases every record, the volume's description last, so that a run that was cut off can be repeated. `erased` is told
/// how many are gone. The engine is then ready for a new volume.
Result<void> erase_volume(const Scope& scope, records::RecordEngine& engine, FunctionRef<void(std::uint64_t)> erased);

}  // namespace headrace::cli
