// SPDX-License-Identifier: Apache-2.0
// SQLite's result codes in our words.
#pragma once

#include <string_view>

#include "base/result.h"

struct sqlite3;

namespace headrace::records {

/// The Error of a result code, with SQLite's own sentence. `db` may be nullptr. kBusy: another client holds a lock,
/// trying again may help. kNoSpace: the disk is full. kDamaged: the file is damaged, or not in the shape we know.
/// kReadOnly, kAccess, kNoMemory, kTooBig, kIo, kVersion (not a database).
Error sqlite_error(sqlite3* db, int code, std::string_view doing);

}  // namespace headrace::records
