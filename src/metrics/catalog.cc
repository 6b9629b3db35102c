// SPDX-License-Identifier: Apache-2.0
// The shared tables of buckets.
#include "metrics/catalog.h"

#include "base/check.h"

namespace headrace::metrics {
namespace {

constexpr double kSecondsBounds[] = {50e-6,  100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3,
                                     100e-3, 250e-3, 500e-3, 1,      2.5,  5,      10,   25,    60};
constexpr double kBytesBounds[] = {4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864};
constexpr double kCountBounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};

}  // namespace

std::span<const double> bounds_of(Unit unit) {
  switch (unit) {
    case Unit::kSeconds: return kSecondsBounds;
    case Unit::kBytes: return kBytesBounds;
    case Unit::kCount: return kCountBounds;
  }
  return kCountBounds;
}

void this_name_is_not_in_the_catalog_or_of_another_kind() { CHECK(false); }

}  // namespace headrace::metrics
