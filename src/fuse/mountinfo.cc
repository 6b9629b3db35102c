// SPDX-License-Identifier: Apache-2.0
#include "fuse/mountinfo.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "base/fd.h"

namespace headrace::fuse {
namespace {

bool is_octal(char c) { return c >= '0' && c <= '7'; }

/// "\040" is a blank; the kernel escapes blank, tab, newline and backslash so.
std::string unescaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The next word, taken off the front; empty at the end.
std::string_view next_word(std::string_view& line) {
  const std::size_t end = line.find(' ');
  const std::string_view word = line.substr(0, end);
  line = end == std::string_view::npos ? std::string_view{} : line.substr(end + 1);
  return word;
}

}  // namespace

std::optional<MountEntry> parse_mountinfo_line(std::string_view line) {
  // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
  MountEntry entry;
  const auto id = number(next_word(line)), parent_id = number(next_word(line));
  const std::string_view device = next_word(line);
  const std::size_t colon = device.find(':');
  if (!id || !parent_id || colon == std::string_view::npos) return std::nullopt;
  const auto major = number(device.substr(0, colon)), minor = number(device.substr(colon + 1));
  if (!major || !minor) return std::nullopt;
  entry.id = *id;
  entry.parent_id = *parent_id;
  entry.major = *major;
  entry.minor = *minor;
  entry.root = unescaped(next_word(line));
  entry.mount_point = unescaped(next_word(line));
  entry.options = next_word(line);
  if (!entry.mount_point.starts_with('/') || entry.options.empty()) return std::nullopt;
  for (;;) {  // optional fields, up to a lone hyphen
    if (line.empty()) return std::nullopt;
    if (next_word(line) == "-") break;
  }
  entry.type = unescaped(next_word(line));
  entry.source = unescaped(next_word(line));
  entry.super_options = next_word(line);
  if (entry.type.empty()) return std::nullopt;
  return entry;
}

std::vector<MountEntry> parse_mountinfo(std::string_view text) {
  std::vector<MountEntry> entries;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (auto entry = parse_mountinfo_line(text.substr(0, end))) entries.push_back(*std::move(entry));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return entries;
}

std::optional<MountEntry> top_mount_at(const std::vector<MountEntry>& mounts, std::string_view path) {
  for (auto it = mounts.rbegin(); it != mounts.rend(); ++it) {
    if (it->mount_point == path) return *it;
  }
  return std::nullopt;
}

Result<std::vector<MountEntry>> read_mountinfo() {
  const UniqueFd file(open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return errno_error(errno, "open /proc/self/mountinfo");
  // The kernel's own limit is 100,000 mounts (fs.mount-max); a line is at most two paths.
  constexpr std::size_t kBytesMax = 256u << 20;
  std::string text;
  std::array<char, 65536> part;
  for (;;) {
    const ssize_t got = read(file.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error(errno, "read /proc/self/mountinfo");
    if (got == 0) return parse_mountinfo(text);
    text.append(part.data(), static_cast<std::size_t>(got));
    if (text.size() > kBytesMax) return Error(Code::kTooBig, "/proc/self/mountinfo has no end");
  }
}

}  // namespace headrace::fuse
