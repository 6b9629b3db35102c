// SPDX-License-Identifier: Apache-2.0
// The loads that bench/run puts on a file system, and the limits it measures beside it. One load a call, one JSON line
// out:
//
//   io_load memcpy BYTES SECONDS             DRAM into a buffer that stays in cache: what a read can cost at least
//   io_load seqread FILE BLOCK               the whole file once, one thread
//   io_load randread FILE BLOCK THREADS SECONDS      random aligned blocks
//   io_load epoch LIST THREADS SEED          every file of the list: open, fstat, read, close, shuffled
//   io_load writefiles DIR COUNT BYTES SEED  files of BYTES bytes, one thread, each closed
//   io_load create DIR COUNT BYTES THREADS   the same by threads, each in its own folder
//   io_load mknods DIR COUNT                 empty files, 10,000 in each of DIR/d0, DIR/d1 …, by two threads
//   io_load seqwrite FILE BYTES BLOCK        written, then fsync
//   io_load syncs FILE COUNT BYTES           so many times BYTES overwritten and synced, as a database's log is
//   io_load touch BYTES                      memory, then free again: what a host backs from now on for a while
//   io_load stat LIST THREADS ROUNDS         every name, ROUNDS times
//   io_load mmap FILE seq|rand SECONDS       page faults
//   io_load latency LIST THREADS SECONDS     random files whole, with percentiles
//   io_load accelerator LIST THREADS SEED BATCH STEP
//                                            every file once, shuffled, in batches, each followed by STEP seconds
//
// Times are of this process's loop alone; opening of the one big file is outside. Bytes are compared by bench/run.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "io_load: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

/// The one line of output.
void report(double seconds, std::uint64_t operations, std::uint64_t bytes, const std::string& more = "") {
  std::printf("{\"seconds\": %.6f, \"operations\": %llu, \"bytes\": %llu, \"cpu_seconds\": %.6f%s}\n", seconds,
              static_cast<unsigned long long>(operations), static_cast<unsigned long long>(bytes), cpu_seconds(),
              more.c_str());
}

std::vector<std::string> read_list(const char* path) {
  std::ifstream in(path);
  if (!in) fail(path);
  std::vector<std::string> names;
  for (std::string line; std::getline(in, line);) names.push_back(line);
  if (names.empty()) fail("the list is empty");
  return names;
}

int open_or_fail(const std::string& path, int flags, mode_t mode = 0644) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) fail(path);
  return fd;
}

void run_threads(unsigned count, const auto& body) {
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < count; ++t) threads.emplace_back([&body, t] { body(t); });
  for (std::thread& thread : threads) thread.join();
}

void* aligned(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  return memory;
}

void load_memcpy(std::uint64_t bytes, double seconds) {
  constexpr std::size_t kBuffer = 1u << 20;
  char* source = static_cast<char*>(aligned(bytes));
  char* target = static_cast<char*>(aligned(kBuffer));
  std::memset(source, 7, bytes);
  std::uint64_t done = 0;
  const auto start = Clock::now();
  while (seconds_since(start) < seconds) {
    for (std::uint64_t at = 0; at + kBuffer <= bytes; at += kBuffer, done += kBuffer) {
      std::memcpy(target, source + at, kBuffer);
      asm volatile("" : : "r"(target) : "memory");
    }
  }
  report(seconds_since(start), done / kBuffer, done);
}

void load_seqread(const char* path, std::size_t block) {
  const int fd = open_or_fail(path, O_RDONLY);
  void* buffer = aligned(block);
  std::uint64_t bytes = 0, operations = 0;
  const auto start = Clock::now();
  for (;;) {
    const ssize_t got = read(fd, buffer, block);
    if (got < 0) fail(path);
    if (got == 0) break;
    bytes += static_cast<std::uint64_t>(got);
    ++operations;
  }
  report(seconds_since(start), operations, bytes);
  close(fd);
}

void load_randread(const char* path, std::size_t block, unsigned threads, double seconds) {
  std::atomic<std::uint64_t> operations = 0;
  const auto start = Clock::now();
  run_threads(threads, [&](unsigned t) {
    const int fd = open_or_fail(path, O_RDONLY);
    struct stat status{};
    if (fstat(fd, &status) != 0) fail(path);
    void* buffer = aligned(std::max<std::size_t>(block, 4096));
    std::mt19937_64 rng(t + 1);
    const std::uint64_t blocks = static_cast<std::uint64_t>(status.st_size) / block;
    std::uint64_t done = 0;
    while (seconds_since(start) < seconds) {
      for (int i = 0; i < 64; ++i, ++done) {
        if (pread(fd, buffer, block, static_cast<off_t>(rng() % blocks * block)) != static_cast<ssize_t>(block))
          fail(path);
      }
    }
    operations += done;
    close(fd);
  });
  report(seconds_since(start), operations, operations * block);
}

std::uint64_t read_whole(const std::string& path, char* buffer, std::size_t room) {
  const int fd = open_or_fail(path, O_RDONLY);
  struct stat status{};
  if (fstat(fd, &status) != 0) fail(path);
  std::uint64_t total = 0;
  while (total < static_cast<std::uint64_t>(status.st_size)) {
    const ssize_t got = read(fd, buffer, room);
    if (got <= 0) fail(path);
    total += static_cast<std::uint64_t>(got);
  }
  close(fd);
  return total;
}

void load_epoch(const char* list, unsigned threads, unsigned seed) {
  std::vector<std::string> names = read_list(list);
  std::shuffle(names.begin(), names.end(), std::mt19937_64(seed));
  std::atomic<std::size_t> next = 0;
  std::atomic<std::uint64_t> bytes = 0;
  const auto start = Clock::now();
  run_threads(threads, [&](unsigned) {
    constexpr std::size_t kRoom = 256u << 10;
    char* buffer = static_cast<char*>(aligned(kRoom));
    std::uint64_t mine = 0;
    for (std::size_t i; (i = next.fetch_add(1)) < names.size();) mine += read_whole(names[i], buffer, kRoom);
    bytes += mine;
  });
  report(seconds_since(start), names.size(), bytes);
}

void load_latency(const char* list, unsigned threads, double seconds) {
  const std::vector<std::string> names = read_list(list);
  std::vector<std::vector<double>> times(threads);
  std::atomic<std::uint64_t> bytes = 0;
  const auto start = Clock::now();
  run_threads(threads, [&](unsigned t) {
    constexpr std::size_t kRoom = 256u << 10;
    char* buffer = static_cast<char*>(aligned(kRoom));
    std::mt19937_64 rng(t + 1);
    std::uint64_t mine = 0;
    while (seconds_since(start) < seconds) {
      const auto began = Clock::now();
      mine += read_whole(names[rng() % names.size()], buffer, kRoom);
      times[t].push_back(seconds_since(began));
    }
    bytes += mine;
  });
  const double took = seconds_since(start);
  std::vector<double> all;
  for (const auto& mine : times) all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  const auto at = [&all](double share) {
    return all[static_cast<std::size_t>(share * static_cast<double>(all.size() - 1))];
  };
  char more[160];
  std::snprintf(more, sizeof more, ", \"p50\": %.6f, \"p99\": %.6f, \"max\": %.6f", at(0.5), at(0.99), all.back());
  report(took, all.size(), bytes, more);
}

/// A training as its input sees it: loaders keep a few batches ready, the accelerator takes one and is busy for a step.
/// The share of time that it is busy is what an input pipeline is judged by (MLPerf Storage's utilisation).
void load_accelerator(const char* list, unsigned threads, unsigned seed, std::size_t batch, double step) {
  constexpr std::size_t kBatchesReady = 4;
  std::vector<std::string> names = read_list(list);
  std::shuffle(names.begin(), names.end(), std::mt19937_64(seed));
  const std::size_t steps = names.size() / batch;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t next = 0, done = 0, taken = 0;  // samples, samples, batches
  std::uint64_t bytes = 0;
  const auto start = Clock::now();
  std::thread loaders([&] {
    run_threads(threads, [&](unsigned) {
      constexpr std::size_t kRoom = 256u << 10;
      char* buffer = static_cast<char*>(aligned(kRoom));
      for (;;) {
        std::size_t mine;
        {
          std::unique_lock lock(mutex);
          changed.wait(lock, [&] { return next >= steps * batch || next < (taken + kBatchesReady) * batch; });
          if (next >= steps * batch) return;
          mine = next++;
        }
        const std::uint64_t got = read_whole(names[mine], buffer, kRoom);
        const std::lock_guard lock(mutex);
        bytes += got;
        if (++done % batch == 0) changed.notify_all();
      }
    });
  });
  for (std::size_t i = 0; i < steps; ++i) {
    {
      // Loaders finish samples in any order: a batch is ready when as many are done as belong to it and those before.
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return done >= (i + 1) * batch; });
      ++taken;
    }
    changed.notify_all();
    std::this_thread::sleep_for(std::chrono::duration<double>(step));
  }
  const double took = seconds_since(start);
  loaders.join();
  char more[64];
  std::snprintf(more, sizeof more, ", \"busy\": %.4f", static_cast<double>(steps) * step / took);
  report(took, steps * batch, bytes, more);
}

/// Bytes of file `number`, the same for the same seed: what bench/run checks against.
void fill(std::vector<char>& buffer, std::uint64_t number, std::uint64_t seed) {
  std::mt19937_64 rng(number * 1'000'003 + seed);
  for (std::size_t i = 0; i + 8 <= buffer.size(); i += 8) {
    const std::uint64_t word = rng();
    std::memcpy(buffer.data() + i, &word, 8);
  }
}

void write_file(const std::string& path, const std::vector<char>& bytes) {
  const int fd = open_or_fail(path, O_WRONLY | O_CREAT | O_EXCL);
  if (write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) fail(path);
  if (close(fd) != 0) fail(path);
}

void load_writefiles(const std::string& folder, std::uint64_t count, std::size_t size, std::uint64_t seed) {
  std::vector<char> bytes(size);
  fill(bytes, 0, seed);
  const auto start = Clock::now();
  for (std::uint64_t i = 0; i < count; ++i) {
    std::memcpy(bytes.data(), &i, std::min(size, sizeof i));
    write_file(folder + "/" + std::to_string(i), bytes);
  }
  report(seconds_since(start), count, count * size);
}

void load_create(const std::string& folder, std::uint64_t count, std::size_t size, unsigned threads) {
  for (unsigned t = 0; t < threads; ++t) {
    if (mkdir((folder + "/t" + std::to_string(t)).c_str(), 0755) != 0) fail(folder);
  }
  const auto start = Clock::now();
  run_threads(threads, [&](unsigned t) {
    std::vector<char> bytes(size);
    fill(bytes, t, 1);
    for (std::uint64_t i = t; i < count; i += threads)
      write_file(folder + "/t" + std::to_string(t) + "/" + std::to_string(i), bytes);
  });
  report(seconds_since(start), count, count * size);
}

void load_mknods(const std::string& folder, std::uint64_t count) {
  constexpr std::uint64_t kEach = 10'000;
  const auto start = Clock::now();
  run_threads(2, [&](unsigned t) {
    for (std::uint64_t i = t; i < count; i += 2) {
      const std::string path = folder + "/d" + std::to_string(i / kEach) + "/" + std::to_string(i % kEach);
      if (mknod(path.c_str(), S_IFREG | 0644, 0) != 0) fail(path);
    }
  });
  report(seconds_since(start), count, 0);
}

void load_seqwrite(const char* path, std::uint64_t bytes, std::size_t block) {
  const int fd = open_or_fail(path, O_WRONLY | O_CREAT | O_TRUNC);
  std::vector<char> buffer(block);
  fill(buffer, 1, 1);
  const auto start = Clock::now();
  for (std::uint64_t done = 0; done < bytes; done += block) {
    std::memcpy(buffer.data(), &done, sizeof done);
    if (write(fd, buffer.data(), block) != static_cast<ssize_t>(block)) fail(path);
  }
  if (fsync(fd) != 0) fail(path);
  report(seconds_since(start), bytes / block, bytes);
  if (close(fd) != 0) fail(path);
}

/// The file has its length before: a log that is used again.
void load_syncs(const char* path, std::uint64_t count, std::size_t size) {
  constexpr std::uint64_t kFileBytes = 4u << 20;
  const int fd = open_or_fail(path, O_WRONLY | O_CREAT);
  std::vector<char> bytes(kFileBytes);
  if (pwrite(fd, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(kFileBytes) || fsync(fd) != 0) fail(path);
  const auto start = Clock::now();
  for (std::uint64_t i = 0; i < count; ++i) {
    bytes[0] = static_cast<char>(i);
    if (pwrite(fd, bytes.data(), size, static_cast<off_t>(i * size % (kFileBytes - size))) !=
            static_cast<ssize_t>(size) ||
        fdatasync(fd) != 0)
      fail(path);
  }
  report(seconds_since(start), count, count * size);
  if (close(fd) != 0) fail(path);
}

void load_touch(std::uint64_t bytes) {
  const auto start = Clock::now();
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) fail("memory");
  madvise(memory, bytes, MADV_HUGEPAGE);
  for (std::uint64_t at = 0; at < bytes; at += 4096) static_cast<volatile char*>(memory)[at] = 1;
  munmap(memory, bytes);
  report(seconds_since(start), bytes / 4096, bytes);
}

void load_stat(const char* list, unsigned threads, unsigned rounds) {
  const std::vector<std::string> names = read_list(list);
  const auto start = Clock::now();
  run_threads(threads, [&](unsigned t) {
    for (unsigned round = 0; round < rounds; ++round) {
      for (std::size_t i = t; i < names.size(); i += threads) {
        struct stat status{};
        if (stat(names[i].c_str(), &status) != 0) fail(names[i]);
      }
    }
  });
  report(seconds_since(start), names.size() * rounds, 0);
}

void load_mmap(const char* path, std::string_view order, double seconds) {
  const int fd = open_or_fail(path, O_RDONLY);
  struct stat status{};
  if (fstat(fd, &status) != 0) fail(path);
  const auto size = static_cast<std::size_t>(status.st_size);
  std::uint64_t operations = 0, sum = 0;
  std::mt19937_64 rng(1);
  const auto start = Clock::now();
  // Mapped anew each time, so that every touch is a page fault.
  while (seconds_since(start) < seconds) {
    const char* map = static_cast<const char*>(mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0));
    if (map == MAP_FAILED) fail(path);
    if (order == "rand") {
      madvise(const_cast<char*>(map), size, MADV_RANDOM);
      for (int i = 0; i < 4096; ++i, ++operations) sum += static_cast<unsigned char>(map[rng() % size]);
    } else {
      for (std::size_t at = 0; at < size; at += 64) sum += static_cast<unsigned char>(map[at]);
      operations += size / 4096;
    }
    munmap(const_cast<char*>(map), size);
  }
  report(seconds_since(start), operations, operations * 4096, sum == 1 ? ", \"odd\": 1" : "");
  close(fd);
}

std::uint64_t number(const char* text) { return std::strtoull(text, nullptr, 10); }

}  // namespace

int main(int argc, char** argv) {
  const std::vector<const char*> a(argv + 1, argv + argc);
  const std::string_view load = a.empty() ? "" : a[0];
  const auto is = [&](std::string_view name, std::size_t arguments) {
    return load == name && a.size() == arguments + 1;
  };
  if (is("memcpy", 2))
    load_memcpy(number(a[1]), std::atof(a[2]));
  else if (is("seqread", 2))
    load_seqread(a[1], number(a[2]));
  else if (is("randread", 4))
    load_randread(a[1], number(a[2]), static_cast<unsigned>(number(a[3])), std::atof(a[4]));
  else if (is("epoch", 3))
    load_epoch(a[1], static_cast<unsigned>(number(a[2])), static_cast<unsigned>(number(a[3])));
  else if (is("latency", 3))
    load_latency(a[1], static_cast<unsigned>(number(a[2])), std::atof(a[3]));
  else if (is("accelerator", 5))
    load_accelerator(a[1], static_cast<unsigned>(number(a[2])), static_cast<unsigned>(number(a[3])), number(a[4]),
                     std::atof(a[5]));
  else if (is("writefiles", 4))
    load_writefiles(a[1], number(a[2]), number(a[3]), number(a[4]));
  else if (is("create", 4))
    load_create(a[1], number(a[2]), number(a[3]), static_cast<unsigned>(number(a[4])));
  else if (is("mknods", 2))
    load_mknods(a[1], number(a[2]));
  else if (is("seqwrite", 3))
    load_seqwrite(a[1], number(a[2]), number(a[3]));
  else if (is("syncs", 3))
    load_syncs(a[1], number(a[2]), number(a[3]));
  else if (is("touch", 1))
    load_touch(number(a[1]));
  else if (is("stat", 3))
    load_stat(a[1], static_cast<unsigned>(number(a[2])), static_cast<unsigned>(number(a[3])));
  else if (is("mmap", 3))
    load_mmap(a[1], a[2], std::atof(a[3]));
  else {
    std::fprintf(stderr, "io_load: see the first lines of bench/io_load.cc for the loads and their arguments\n");
    return 2;
  }
}
