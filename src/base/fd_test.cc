// SPDX-License-Identifier: Apache-2.0
#include "base/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "base/rng.h"

namespace headrace {
namespace {

UniqueFd new_file() { return UniqueFd(::memfd_create("test", MFD_CLOEXEC)); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFd, ClosesWhatItHoldsOnceAndAtTheEnd) {
  int number = -1;
  {
    UniqueFd first = new_file();
    number = first.get();
    UniqueFd second = std::move(first);
    EXPECT_FALSE(first.is_open());  // NOLINT: what a moved one says is promised
    EXPECT_TRUE(is_open(number));
    UniqueFd other = new_file();
    const int replaced = other.get();
    other = std::move(second);
    EXPECT_FALSE(is_open(replaced));
    EXPECT_EQ(other.get(), number);
  }
  EXPECT_FALSE(is_open(number));
}

TEST(UniqueFd, WhatIsReleasedStaysOpen) {
  UniqueFd fd = new_file();
  const int number = fd.release();
  EXPECT_FALSE(fd.is_open());
  EXPECT_TRUE(is_open(number));
  ::close(number);
}

TEST(UniqueFd, ClosingKeepsErrno) {
  UniqueFd bad(1 << 20);  // close(2) will say EBADF
  errno = ENOSPC;
  bad.reset();
  EXPECT_EQ(errno, ENOSPC);
}

TEST(Fd, WhatWasWrittenReadsBackAndAReadEndsWithTheFile) {
  const UniqueFd fd = new_file();
  ASSERT_TRUE(write_all(fd.get(), bytes_of("hello ")));
  ASSERT_TRUE(write_all(fd.get(), bytes_of("world")));
  ASSERT_TRUE(pwrite_all(fd.get(), bytes_of("W"), 6));
  std::string text(100, '?');
  EXPECT_EQ(pread_full(fd.get(), std::as_writable_bytes(std::span(text)), 0).value(), 11u);
  EXPECT_EQ(text.substr(0, 12), "hello World?");
  EXPECT_EQ(pread_full(fd.get(), std::as_writable_bytes(std::span(text)), 11).value(), 0u);
  EXPECT_EQ(pread_full(fd.get(), {}, 0).value(), 0u);
}

TEST(Fd, AnErrorSaysWhichCallFailed) {
  EXPECT_EQ(write_all(-1, bytes_of("x")).error().message, "write: Bad file descriptor");
  std::byte byte{};
  EXPECT_EQ(pread_full(-1, std::span(&byte, 1), 0).code(), Code::kBadHandle);
  const UniqueFd read_only(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(pwrite_all(read_only.get(), bytes_of("x"), 0).code(), Code::kBadHandle);
}

TEST(Fd, AFullDeviceIsNoSpace) {
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full.is_open());
  EXPECT_EQ(write_all(full.get(), bytes_of("x")).code(), Code::kNoSpace);
}

TEST(Fd, PartialWritesAndSignalsLoseNothing) {
  struct sigaction interrupt{}, before{};
  interrupt.sa_handler = [](int) {};  // without SA_RESTART: calls end with EINTR
  ASSERT_EQ(::sigaction(SIGUSR1, &interrupt, &before), 0);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  UniqueFd in(ends[0]), out(ends[1]);
  Rng rng(3);
  std::string sent(3 << 20, '\0');
  for (char& c : sent) c = static_cast<char>(rng.next());
  const pthread_t writer = pthread_self();
  std::string got;
  std::jthread reader([&] {
    std::vector<char> buffer(1999);
    for (;;) {
      pthread_kill(writer, SIGUSR1);
      const ssize_t size = ::read(in.get(), buffer.data(), buffer.size());
      if (size <= 0) return;
      got.append(buffer.data(), static_cast<std::size_t>(size));
      if (got.size() >= sent.size()) return;
    }
  });
  EXPECT_TRUE(write_all(out.get(), bytes_of(sent)));
  reader.join();
  EXPECT_TRUE(got == sent);
  ::sigaction(SIGUSR1, &before, nullptr);
}

}  // namespace
}  // namespace headrace
