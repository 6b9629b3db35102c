// SPDX-License-Identifier: Apache-2.0
// Who we are, for other clients to read.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "meta/volume_impl.h"

namespace headrace::meta {
namespace {

using Json = nlohmann::ordered_json;

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

// IPv4 addresses of interfaces that are up, without loopback.
std::vector<std::string> addresses() {
  std::vector<std::string> found;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return found;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != AF_INET) continue;
    if ((at->ifa_flags & IFF_UP) == 0 || (at->ifa_flags & IFF_LOOPBACK) != 0) continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    const auto* address = reinterpret_cast<const sockaddr_in*>(at->ifa_addr);
    if (::inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size()) != nullptr) found.emplace_back(text.data());
  }
  ::freeifaddrs(list);
  return found;
}

// RFC 3339 in UTC with up to nine digits of a second, without trailing zeros.
std::string rfc3339(Timestamp moment) {
  const std::chrono::sys_seconds second{std::chrono::seconds(moment.seconds)};
  const auto day = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(second - day);
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                 time.hours().count(), time.minutes().count(), time.seconds().count());
  if (moment.nanoseconds != 0) {
    text += fmt::format(".{:09}", moment.nanoseconds);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + "Z";
}

}  // namespace

std::string describe_session(const std::string& mount_point, Timestamp now) {
  Json info = Json::object();
  info["Version"] = kClientVersion;
  info["HostName"] = host_name();
  if (const std::vector<std::string> own = addresses(); !own.empty()) info["IPAddrs"] = own;
  info["MountPoint"] = mount_point;
  info["MountTime"] = rfc3339(now);
  info["ProcessID"] = ::getpid();
  return info.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace headrace::meta
