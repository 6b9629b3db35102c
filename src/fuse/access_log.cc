// SPDX-License-Identifier: Apache-2.0
#include "fuse/access_log.h"

#include <cstring>
#include <ctime>

#include <fmt/format.h>

namespace headrace::fuse {
namespace {

std::string text_of_errno(int error) {
  char buffer[128];
  return strerror_r(error, buffer, sizeof buffer);
}

}  // namespace

std::string access_line(const Access& access, Timestamp when) {
  const auto seconds = static_cast<std::time_t>(when.seconds);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}.{:02}.{:02} {:02}:{:02}:{:02}.{:06} [uid:{},gid:{},pid:{}] {} {}: {} <{:.6f}>",
                     utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     when.nanoseconds / 1000, access.uid, access.gid, access.pid, access.operation, access.args,
                     access.error == 0 ? "OK" : text_of_errno(access.error),
                     std::chrono::duration<double>(access.took).count());
}

}  // namespace headrace::fuse
