// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <thread>

#include "base/fd.h"

namespace headrace::cli {
namespace {

/// What one thread did in one measurement.
struct Done {
  Duration busy{0};  // inside system calls
  std::uint64_t operations = 0, bytes = 0, verified_bytes = 0;
  Result<void> outcome;
};

/// Bytes that say which file and offset they belong to: a wrong one shows.
void fill(std::vector<std::byte>& block, std::uint64_t file, std::uint64_t offset) {
  for (std::size_t at = 0; at < block.size(); at += 8) {
    std::uint64_t z = file * 0x9E3779B97F4A7C15ull + offset + at;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    z ^= z >> 31;
    std::memcpy(block.data() + at, &z, std::min<std::size_t>(8, block.size() - at));
  }
}

/// One thread's part of every measurement.
class Worker {
 public:
  Worker(const Scope& scope, const Clock& clock, const BenchSettings& settings, unsigned number)
      : scope_(scope), clock_(clock), settings_(settings), number_(number) {}

  Done write_big() {
    return over([this](Done& done) {
      return write_file(big_path(), number_, settings_.big_bytes, settings_.block_bytes, done);
    });
  }
  Done read_big() {
    return over([this](Done& done) {
      return read_file(big_path(), number_, settings_.big_bytes, settings_.block_bytes, done);
    });
  }
  Done write_small() {
    return each_small([this](std::uint64_t i, Done& done) {
      return write_file(small_path(i), small_id(i), settings_.small_bytes, settings_.small_bytes, done);
    });
  }
  Done read_small() {
    return each_small([this](std::uint64_t i, Done& done) {
      return read_file(small_path(i), small_id(i), settings_.small_bytes, settings_.small_bytes, done);
    });
  }
  Done stat_small() {
    return each_small([this](std::uint64_t i, Done& done) -> Result<void> {
      struct stat info;
      int answered = 0;
      timed(done, [&] { answered = stat(small_path(i).c_str(), &info); });
      if (answered != 0) return errno_error(errno, small_path(i));
      if (static_cast<std::uint64_t>(info.st_size) != settings_.small_bytes)
        return Error(Code::kDamaged, small_path(i) + ": another length than written");
      ++done.operations;
      return {};
    });
  }

 private:
  template <class F>
  Done over(F body) {
    Done done;
    done.outcome = body(done);
    return done;
  }
  template <class F>
  Done each_small(F body) {
    return over([&](Done& done) -> Result<void> {
      for (std::uint64_t i = 0; i < settings_.small_count; ++i) TRY_OK(body(i, done));
      return {};
    });
  }
  template <class F>
  void timed(Done& done, F call) {
    const Moment before = clock_.now();
    call();
    done.busy += clock_.now() - before;
  }

  Result<void> write_file(const std::string& path, std::uint64_t id, std::uint64_t bytes, std::uint64_t block_bytes,
                          Done& done) {
    UniqueFd fd;
    timed(done, [&] { fd.reset(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)); });
    if (!fd.is_open()) return errno_error(errno, path);
    for (std::uint64_t offset = 0; offset < bytes; offset += block_bytes) {
      if (scope_.stop.stop_requested()) return Code::kInterrupted;
      block_.resize(std::min(block_bytes, bytes - offset));
      fill(block_, id, offset);
      Result<void> written;
      timed(done, [&] { written = write_all(fd.get(), block_); });
      TRY_OK(written);
    }
    int closed = 0;
    timed(done, [&] { closed = close(fd.release()); });
    if (closed != 0) return errno_error(errno, path);
    ++done.operations;
    done.bytes += bytes;
    return {};
  }

  Result<void> read_file(const std::string& path, std::uint64_t id, std::uint64_t bytes, std::uint64_t block_bytes,
                         Done& done) {
    UniqueFd fd;
    timed(done, [&] { fd.reset(open(path.c_str(), O_RDONLY | O_CLOEXEC)); });
    if (!fd.is_open()) return errno_error(errno, path);
    for (std::uint64_t offset = 0; offset < bytes; offset += block_bytes) {
      if (scope_.stop.stop_requested()) return Code::kInterrupted;
      block_.resize(std::min(block_bytes, bytes - offset));
      wanted_.resize(block_.size());
      Result<std::size_t> got;
      timed(done, [&] { got = pread_full(fd.get(), block_, offset); });
      if (!got) return Error(got.code(), path + ": " + got.error().text());
      fill(wanted_, id, offset);
      if (*got != block_.size() || block_ != wanted_)
        return Error(Code::kDamaged, fmt::format("{}: wrong bytes from offset {}", path, offset));
      done.verified_bytes += block_.size();
    }
    timed(done, [&] { fd.reset(); });
    ++done.operations;
    done.bytes += bytes;
    return {};
  }

  std::string big_path() const { return fmt::format("{}/big-{}", settings_.folder, number_); }
  std::string small_path(std::uint64_t i) const { return fmt::format("{}/small-{}-{}", settings_.folder, number_, i); }
  std::uint64_t small_id(std::uint64_t i) const { return (std::uint64_t{number_} + 1) << 32 | i; }

  const Scope& scope_;
  const Clock& clock_;
  const BenchSettings& settings_;
  const unsigned number_;
  std::vector<std::byte> block_, wanted_;
};

/// Runs one measurement on every worker at once.
Result<BenchItem> measure(Scheduler& scheduler, std::vector<Worker>& workers, std::string name, bool is_bytes,
                          Done (Worker::*work)(), BenchResult& result) {
  std::vector<Done> done(workers.size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < workers.size(); ++i) {
      threads.push_back(scheduler.new_thread("bench", [&, i](std::stop_token) { done[i] = (workers[i].*work)(); }));
    }
  }
  BenchItem item{std::move(name), is_bytes, 0, 0};
  double busy_seconds = 0;
  std::uint64_t operations = 0;
  for (const Done& one : done) {
    TRY_OK(one.outcome);
    const double seconds = std::max(1e-9, std::chrono::duration<double>(one.busy).count());
    item.per_second += static_cast<double>(is_bytes ? one.bytes : one.operations) / seconds;
    busy_seconds += seconds;
    operations += one.operations;
    result.verified_bytes += one.verified_bytes;
  }
  item.seconds_each = operations == 0 ? 0 : busy_seconds / static_cast<double>(operations);
  return item;
}

Result<BenchResult> run_all(const Scope& scope, Scheduler& scheduler, const BenchSettings& settings,
                            FunctionRef<void(const std::string&)> step) {
  struct Measurement {
    const char* name;
    bool is_bytes;
    bool is_big;
    Done (Worker::*work)();
  };
  constexpr Measurement kAll[] = {
      {"write big file", true, true, &Worker::write_big},
      {"read big file", true, true, &Worker::read_big},
      {"read big file again", true, true, &Worker::read_big},
      {"write small file", false, false, &Worker::write_small},
      {"read small file", false, false, &Worker::read_small},
      {"read small file again", false, false, &Worker::read_small},
      {"stat file", false, false, &Worker::stat_small},
  };
  std::vector<Worker> workers;
  for (unsigned i = 0; i < settings.threads; ++i) workers.emplace_back(scope, scheduler.clock(), settings, i);
  BenchResult result;
  for (const Measurement& one : kAll) {
    if ((one.is_big ? settings.big_bytes : settings.small_count) == 0) continue;
    if (scope.stop.stop_requested()) return Code::kInterrupted;
    step(one.name);
    TRY(BenchItem item, measure(scheduler, workers, one.name, one.is_bytes, one.work, result));
    result.items.push_back(std::move(item));
  }
  return result;
}

}  // namespace

Result<BenchResult> run_bench(const Scope& scope, Scheduler& scheduler, const BenchSettings& settings,
                              FunctionRef<void(const std::string&)> step) {
  if (mkdir(settings.folder.c_str(), 0700) != 0) return errno_error(errno, settings.folder);
  auto result = run_all(scope, scheduler, settings, step);
  std::error_code error;
  std::filesystem::remove_all(settings.folder, error);
  if (error && result)
    return Error(Code::kIo, fmt::format("{} could not be removed: {}", settings.folder, error.message()));
  return result;
}

double memory_copy_rate(const Clock& clock) {
  constexpr std::size_t kBytes = 64u << 20;
  constexpr int kRounds = 8;
  const std::vector<std::byte> from(kBytes, std::byte{1});
  std::vector<std::byte> to(kBytes);
  std::memcpy(to.data(), from.data(), kBytes);  // so that all pages are there
  double best = 0;
  for (int i = 0; i < kRounds; ++i) {
    const Moment before = clock.now();
    std::memcpy(to.data(), from.data(), kBytes);
    asm volatile("" : : "r"(to.data()) : "memory");
    best = std::max(best, kBytes / std::max(1e-9, std::chrono::duration<double>(clock.now() - before).count()));
  }
  return best;
}

}  // namespace headrace::cli
