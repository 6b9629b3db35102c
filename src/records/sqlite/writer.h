// SPDX-License-Identifier: Apache-2.0
// Changes into JuiceFS's tables: one statement for each.
#pragma once

#include "records/change.h"
#include "records/sqlite/connection.h"

namespace headrace::records {

/// Writes all changes inside the connection's open transaction. An error leaves some of them written: the caller rolls
/// back.
Result<void> write_changes(Connection& connection, const ChangeSet& changes);

}  // namespace headrace::records
