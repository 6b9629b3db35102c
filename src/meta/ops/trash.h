// SPDX-License-Identifier: Apache-2.0
// Where removed names go while the volume keeps a trash (format sheet, section 3.14): a directory for each hour of UTC
// below the trash root, and in it names that say where they came from.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "meta/ops/context.h"

namespace headrace::meta::ops {

/// "2026-08-21-10".
std::string trash_hour_name(Timestamp moment);
/// The Unix second at which the hour of that name begins; nothing when it is no such name.
std::optional<std::int64_t> trash_hour_of(std::string_view name);
/// "{parent}-{inode}-{name}", cut to 255 bytes.
std::string trash_name(Ino parent, Ino ino, std::string_view name);

/// Whether what is removed from this directory goes to the trash first.
bool wants_trash(const OpContext& context, Ino parent, const Attr& attr);
/// This hour's directory, made when it is the first removal of the hour.
Result<Ino> load_or_make_trash_hour(RecordTxn& txn, const OpContext& context);
/// Gives an inode, whose entry the caller has erased, its name in the trash and writes its record.
void put_into_trash(RecordTxn& txn, const OpContext& context, Ino parent, Ino ino, Attr attr, Ino hour,
                    const std::string& name);

/// The record of a new volume's trash root.
Attr new_trash_root(Timestamp now);

}  // namespace headrace::meta::ops
