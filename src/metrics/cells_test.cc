// SPDX-License-Identifier: Apache-2.0
#include "metrics/cells.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>
#include <vector>

namespace headrace::metrics {
namespace {

TEST(Cells, EachIsASumOfItsOwn) {
  Cells cells(20);  // more than fit on a cache line
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(cells.sum(i), 0u);
  for (std::size_t i = 0; i < 20; ++i) cells.add(i, i + 1);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(cells.sum(i), i + 1);
}

TEST(Cells, WhatWasAddedOnAnyProcessorIsInTheSum) {
  Cells cells(1);
  cpu_set_t allowed;
  ASSERT_EQ(::sched_getaffinity(0, sizeof allowed, &allowed), 0);
  std::uint64_t expected = 0;
  std::vector<std::jthread> threads;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    expected += static_cast<std::uint64_t>(cpu) + 1;
    threads.emplace_back([&cells, cpu] {
      cpu_set_t only;
      CPU_ZERO(&only);
      CPU_SET(cpu, &only);
      ::sched_setaffinity(0, sizeof only, &only);
      cells.add(0, static_cast<std::uint64_t>(cpu) + 1);
    });
  }
  threads.clear();
  EXPECT_EQ(cells.sum(0), expected);
}

TEST(Cells, ASumWrapsAround) {
  Cells cells(1);
  cells.add(0, UINT64_MAX);
  cells.add(0, 3);
  EXPECT_EQ(cells.sum(0), 2u);
}

}  // namespace
}  // namespace headrace::metrics
