// SPDX-License-Identifier: Apache-2.0
#include "block/read_target.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace headrace::block {
namespace {

TEST(ReadTarget, AfterTheReaderHasLeftNothingIsWritten) {
  SystemScheduler scheduler;
  std::string memory(8, '.');
  ReadTarget target(scheduler, std::as_writable_bytes(std::span(memory)));
  target.copy(2, bytes_of("ab"));
  EXPECT_EQ(memory, "..ab....");
  target.leave();
  target.copy(4, bytes_of("cd"));
  EXPECT_EQ(memory, "..ab....");
  EXPECT_TRUE(target.has_left());
}

TEST(ReadTarget, LeavingWaitsForCopiesUnderWay) {
  SystemScheduler scheduler;
  const std::string source(1u << 20, 'x');
  for (int round = 0; round < 20; ++round) {
    std::string memory(3 * source.size(), '.');
    ReadTarget target(scheduler, std::as_writable_bytes(std::span(memory)));
    std::atomic<int> begun{0};
    std::vector<std::jthread> threads;
    for (std::uint64_t i = 0; i < 3; ++i) {
      threads.emplace_back([&, i] {
        ++begun;
        target.copy(i * source.size(), bytes_of(source));
      });
    }
    while (begun == 0) std::this_thread::yield();
    target.leave();
    std::fill(memory.begin(), memory.end(), '!');  // a race here is what a sanitizer would see
    threads.clear();
    EXPECT_EQ(memory.find('x'), std::string::npos);
  }
}

}  // namespace
}  // namespace headrace::block
