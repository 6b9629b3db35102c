// SPDX-License-Identifier: Apache-2.0
// The numbers behind BlockStoreStats, counted where things happen.
#pragma once

#include <atomic>
#include <cstdint>

namespace headrace::block {

/// Thread-safe.
struct BlockCounters {
  using Count = std::atomic<std::uint64_t>;
  Count hits{0}, hit_bytes{0};
  Count fetches{0}, fetch_bytes{0}, fetch_errors{0}, fetches_shared{0};
  Count prefetches{0}, prefetches_dropped{0};
  Count uploads{0}, upload_bytes{0}, upload_errors{0};
  Count downloads_now{0}, uploads_now{0};
};

/// One more "now" while it lives.
class CountedNow {
 public:
  explicit CountedNow(BlockCounters::Count& count) : count_(count) { ++count_; }
  ~CountedNow() { --count_; }
  CountedNow(const CountedNow&) = delete;
  CountedNow& operator=(const CountedNow&) = delete;

 private:
  BlockCounters::Count& count_;
};

}  // namespace headrace::block
