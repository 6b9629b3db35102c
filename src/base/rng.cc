// SPDX-License-Identifier: Apache-2.0
// Entropy for seeds.
#include "base/rng.h"

#include <sys/random.h>

#include <cerrno>

#include "base/check.h"

namespace headrace {

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  ssize_t got;
  do {
    got = getrandom(&seed, sizeof seed, 0);
  } while (got < 0 && errno == EINTR);  // only before the kernel has its entropy
  CHECK(got == sizeof seed);
  return seed;
}

}  // namespace headrace
