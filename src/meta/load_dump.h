// SPDX-License-Identifier: Apache-2.0
// Makes a volume's metadata out of a JSON dump, of ours or of the real client (juicefs-volume-format, section 9.1).
#pragma once

#include <cstdint>
#include <iosfwd>

#include "base/clock.h"
#include "base/result.h"
#include "base/scope.h"
#include "meta/volume_format.h"
#include "records/txn.h"

namespace headrace::meta {

struct LoadSummary {
  VolumeFormat format;
  std::uint64_t inodes = 0;  // without the two roots
  std::uint64_t used_bytes = 0;
};

/// How far the numbers of slices go on behind those of the dump. What was written after the dump was made has left
/// objects in the bucket under the next numbers; they are passed over, so that no new object takes the name of an old
/// one.
inline constexpr std::uint64_t kSliceNumbersPassedOver = 1'000'000'000;

/// The engine must be empty. Parents, link counts, reference counts, statistics, what limits use, and the volume's
/// counters are counted from the tree, not believed. The description is written last: after an error there is no volume
/// in the engine, but there may be records. kExists: the engine holds something; kDamaged: no dump, or one that
/// contradicts itself, with the entry; kNotSupported: limits of users or groups; kReadOnly: the engine cannot write.
/// When this is ok, all of it is durable.
Result<LoadSummary> load_dump(const Scope& scope, records::RecordEngine& engine, const Clock& clock,
                              std::istream& dump);

}  // namespace headrace::meta
