// SPDX-License-Identifier: Apache-2.0
// What may be the key of an object, and the limits of a listing, in every store.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace headrace::object {

inline constexpr std::size_t kKeyBytesMax = 1024;
inline constexpr std::size_t kListLimitMax = 10'000;

/// Ok for 1 … 1024 bytes without NUL, without a leading '/', and without a component "." or "..". kInvalid says what is
/// wrong.
Result<void> check_key(std::string_view key);

/// Ok for 1 … 10,000: how many objects one page of a listing may have.
Result<void> check_list_limit(std::size_t limit);

}  // namespace headrace::object
