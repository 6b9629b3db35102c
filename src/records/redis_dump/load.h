// SPDX-License-Identifier: Apache-2.0
// The keys of a Redis volume (juicefs-volume-format, section 3.2) as records. Pure.
#pragma once

#include <string_view>

#include "base/result.h"
#include "records/memory/memory_store.h"

namespace headrace::records {

/// Puts every record that the dump (see engine.h) holds into the store, in the plain meaning of keys.h: true counts,
/// next free numbers. Left out: what has no record here (user and group quotas, the change log, tokens, lists that only
/// name other keys), counts of links that are no longer there, and keys of no volume. kDamaged: not such a document, or
/// a key whose value is no such record.
Result<void> load_redis_dump(std::string_view json, MemoryStore& store);

}  // namespace headrace::records
