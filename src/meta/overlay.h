// SPDX-License-Identifier: Apache-2.0
// What shows of a chunk's list: for every byte the last reference that covers it wins, and where none does, or a hole
// record wins, it is zero (format sheet, section 1.2). Pure.
#pragma once

#include <span>

#include "base/extent.h"
#include "base/result.h"
#include "records/keys.h"

namespace headrace::meta {

/// The visible pieces of a list (oldest first), by position, from 0 to the end of the last reference, holes in between
/// included (as id 0). A piece that lost its first bytes has a larger `off`. kDamaged: a reference leaves its chunk, or
/// shows more than its slice has.
Result<records::SliceList> visible_pieces(std::span<const records::Slice> list);

/// The same in file offsets: from the start of the chunk to its end or the file's, without gaps; holes that touch are
/// one. Empty when the chunk lies beyond the file's length.
Result<ExtentList> chunk_extents(std::span<const records::Slice> list, ChunkIndex chunk, std::uint64_t file_length);

/// What lies in [from, to) of a list.
ExtentList clip(const ExtentList& extents, std::uint64_t from, std::uint64_t to);

}  // namespace headrace::meta
