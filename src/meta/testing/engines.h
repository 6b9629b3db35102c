// SPDX-License-Identifier: Apache-2.0
// Tests that run once for each engine: `class Rename : public EachEngine {}; ON_EACH_ENGINE(Rename); TEST_P(Rename,
// …)`.
#pragma once

#include <gtest/gtest.h>

#include "meta/testing/test_volume.h"

namespace headrace::meta::testing {

class EachEngine : public ::testing::TestWithParam<std::string> {
 protected:
  const Scope scope_;
};

#define ON_EACH_ENGINE(suite)                                                                              \
  INSTANTIATE_TEST_SUITE_P(Engines, suite, ::testing::ValuesIn(::headrace::meta::testing::engine_kinds()), \
                           [](const auto& info) { return info.param; })

}  // namespace headrace::meta::testing
