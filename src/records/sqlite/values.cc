// SPDX-License-Identifier: Apache-2.0
// Values of SQL columns.
#include "records/sqlite/values.h"

#include <algorithm>
#include <limits>

namespace headrace::records {
namespace {

constexpr std::int64_t kMicro = 1'000'000;
constexpr std::int64_t kSecondsMax = std::numeric_limits<std::int64_t>::max() / kMicro - 1;

}  // namespace

SqlTime sql_time_of(const Timestamp& time) {
  if (time.seconds < 0) return {};
  const std::int64_t seconds = std::min(time.seconds, kSecondsMax);
  return {seconds * kMicro + time.nanoseconds / 1000, time.nanoseconds % 1000};
}

Timestamp timestamp_of(const SqlTime& time) {
  std::int64_t seconds = time.microseconds / kMicro;
  std::int64_t micros = time.microseconds % kMicro;
  if (micros < 0) {
    micros += kMicro;
    --seconds;
  }
  const std::int64_t remainder = time.remainder >= 0 && time.remainder < 1000 ? time.remainder : 0;
  return {seconds, static_cast<std::uint32_t>(micros * 1000 + remainder)};
}

std::int64_t sql_flock_type(bool is_exclusive) { return is_exclusive ? 'W' : 'R'; }

Result<bool> is_exclusive_flock(std::int64_t type) {
  if (type != 'W' && type != 'R') return Error(Code::kDamaged, "there is no flock type " + std::to_string(type));
  return type == 'W';
}

}  // namespace headrace::records
