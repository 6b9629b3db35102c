// SPDX-License-Identifier: Apache-2.0
// Copies of the cells, each beginning on a cache line of its own.
#include "metrics/cells.h"

#include <algorithm>
#include <bit>
#include <new>
#include <thread>

namespace headrace::metrics {
namespace {

constexpr std::size_t kLineBytes = 64;
constexpr unsigned kShardsMax =
    16;  // more would cost memory for every metric, and two processors rarely meet on one of 16

unsigned shards_of_this_machine() {
  return std::bit_ceil(std::clamp(std::thread::hardware_concurrency(), 1u, kShardsMax));
}

}  // namespace

void Cells::Free::operator()(Cell* cells) const {
  ::operator delete[](static_cast<void*>(cells), std::align_val_t(kLineBytes));
}

Cells::Cells(std::size_t count) {
  constexpr std::size_t kCellsOfLine = kLineBytes / sizeof(Cell);
  stride_ = (count + kCellsOfLine - 1) / kCellsOfLine * kCellsOfLine;
  const unsigned shards = shards_of_this_machine();
  shard_mask_ = shards - 1;
  const std::size_t total = stride_ * shards;
  auto* cells = static_cast<Cell*>(::operator new[](total * sizeof(Cell), std::align_val_t(kLineBytes)));
  for (std::size_t i = 0; i < total; ++i) new (cells + i) Cell(0);
  lines_.reset(cells);
}

std::uint64_t Cells::sum(std::size_t cell) const {
  std::uint64_t sum = 0;
  for (unsigned shard = 0; shard <= shard_mask_; ++shard)
    sum += lines_[shard * stride_ + cell].load(std::memory_order_relaxed);
  return sum;
}

}  // namespace headrace::metrics
