// SPDX-License-Identifier: Apache-2.0
// Where random tests get their seed.
#pragma once

#include <cstdint>
#include <cstdlib>

#include "base/rng.h"

namespace headrace::object {

/// The seed of this run: HEADRACE_TEST_SEED, or a new one.
inline std::uint64_t test_seed() {
  const char* given = std::getenv("HEADRACE_TEST_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 0) : random_seed();
}

}  // namespace headrace::object
