// SPDX-License-Identifier: Apache-2.0
// One line a request, for who reads `.accesslog`: JuiceFS's form, so that its tools read it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace headrace::fuse {

/// One request, done.
struct Access {
  std::string_view operation;
  std::string_view args;  // with parentheses
  std::uint64_t node = 0;
  std::uint32_t uid = 0, gid = 0, pid = 0;
  int error = 0;  // errno, or 0
  Duration took{0};
};

/// Thread-safe. Outlives the lanes that write to it.
class AccessLog {
 public:
  virtual ~AccessLog() = default;
  /// Asked before each request: while it is false nothing is put together. One atomic load.
  virtual bool is_read() const = 0;
  virtual void record(const Access& access) = 0;
};

/// `2026.08.21 10:00:00.123456 [uid:0,gid:0,pid:4242] write (3,5,0,1): OK <0.000123>`; an error's text in place of OK.
/// `when` in UTC.
std::string access_line(const Access& access, Timestamp when);

}  // namespace headrace::fuse
