// SPDX-License-Identifier: Apache-2.0
// Which first references of a chunk's list one new slice can replace, and what it must hold (format sheet,
// section 1.4). Pure.
#pragma once

#include <optional>

#include "meta/volume.h"

namespace headrace::meta {

/// How many references a chunk's list may have: other clients keep lists in 64 KiB (format sheet, section 1.4).
inline constexpr std::size_t kSliceListMax = 2500;

/// Nothing when it is not worth it. kDamaged as visible_pieces().
Result<std::optional<CompactionPlan>> make_compaction_plan(Ino ino, ChunkIndex chunk, const records::SliceList& list);

}  // namespace headrace::meta
