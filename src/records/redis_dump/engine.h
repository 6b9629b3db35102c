// SPDX-License-Identifier: Apache-2.0
// The engine of "redis-dump://PATH": the records of a volume whose metadata were in Redis, out of a file with every key
// of that database. For looking at such a volume without a server, and for proving that its records are read as they
// are. It only reads.
//
// The file is JSON, {"key": {"type": T, "value": V}}; byte strings are hex. string: hex; list: hex in order; set: hex;
// hash: {hex field: hex value}; zset: {hex member: score as text}. A cluster's prefix "{N}" in front of every key is
// left out.
#pragma once

#include <memory>
#include <string_view>

#include "records/txn.h"

namespace headrace::records {

/// `rest` stands behind "redis-dump://". Everything is read now; what becomes of the file later does not matter.
/// kInvalid: no path, or parameters; kNotFound: no such file; kTooBig: more than 256 MiB; kDamaged: no such dump, or a
/// key of the volume that holds no such record, which the sentence names; kReadOnly: to be created. Every change
/// answers kReadOnly.
Result<std::unique_ptr<RecordEngine>> open_redis_dump_engine(std::string_view rest, const OpenOptions& options,
                                                             Scheduler& scheduler);

}  // namespace headrace::records
