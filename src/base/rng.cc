// SPDX-License-Identifier: Apache-2.0
// Entropy for seeds.
#include "base/rng.h"

#include <sys/random.h>

#include "base/check.h"

namespace headrace {

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  CHECK(getrandom(&seed, sizeof seed, 0) == sizeof seed);
  return seed;
}

}  // namespace headrace
