// SPDX-License-Identifier: Apache-2.0
// How SQL columns spell values that records hold otherwise (juicefs-volume-format, section 4.4). Pure functions.
#pragma once

#include <cstdint>

#include "base/attr.h"
#include "base/result.h"

namespace headrace::records {

/// A time of the node table: microseconds since the epoch, and the nanoseconds that are left of them (0 … 999) in a
/// column of its own.
struct SqlTime {
  std::int64_t microseconds = 0;
  std::int64_t remainder = 0;
  friend bool operator==(const SqlTime&, const SqlTime&) = default;
};

/// Times before 1970 become 1970, because JuiceFS's own client reads its negative ones wrong; times that do not fit
/// become the last that does.
SqlTime sql_time_of(const Timestamp& time);
/// Any columns: what is out of range is brought into it.
Timestamp timestamp_of(const SqlTime& time);

/// SQLite's integers are signed; identities beyond that range are stored by their bits.
constexpr std::int64_t sql_integer(std::uint64_t value) { return static_cast<std::int64_t>(value); }
constexpr std::uint64_t from_sql(std::int64_t value) { return static_cast<std::uint64_t>(value); }

/// flock.ltype: the letter 'R' or 'W'.
std::int64_t sql_flock_type(bool is_exclusive);
/// kDamaged: no such letter.
Result<bool> is_exclusive_flock(std::int64_t type);

}  // namespace headrace::records
