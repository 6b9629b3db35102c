// SPDX-License-Identifier: Apache-2.0
// What this program may do with a volume: features it does not keep up, and the version gates of format sheet
// section 2.3.
#include <algorithm>
#include <charconv>
#include <compare>
#include <optional>

#include "meta/version.h"
#include "meta/volume_format.h"

namespace headrace::meta {

const char* const kClientVersion = "1.4.0+2026-11-22.headrace";

std::optional<Version> parse_version(std::string_view text) {
  Version version;
  text = text.substr(0, text.find('+'));
  if (const std::size_t dash = text.find('-'); dash != std::string_view::npos) {
    version.prerelease = std::string(text.substr(dash + 1));
    version.is_prerelease = true;
    text = text.substr(0, dash);
  }
  for (std::size_t part = 0; part < version.numbers.size(); ++part) {
    const std::string_view digits = text.substr(0, text.find('.'));
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), version.numbers[part]);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    if (digits.size() == text.size()) return version;
    text.remove_prefix(digits.size() + 1);
  }
  return std::nullopt;  // more than three numbers
}

std::strong_ordering operator<=>(const Version& a, const Version& b) {
  if (const auto order = a.numbers <=> b.numbers; order != std::strong_ordering::equal) return order;
  if (a.is_prerelease != b.is_prerelease)
    return a.is_prerelease ? std::strong_ordering::less : std::strong_ordering::greater;
  return a.prerelease <=> b.prerelease;
}

namespace {

// Why a gate keeps this program out; nothing when it lets it in.
std::optional<std::string> refused_by_gate(const std::string& gate, bool is_minimum) {
  if (gate.empty()) return std::nullopt;
  const std::optional<Version> limit = parse_version(gate), own = parse_version(kClientVersion);
  const std::string wanted = std::string("the volume asks for clients ") + (is_minimum ? "from " : "up to ") + gate;
  if (!limit) return wanted + ", which is no version: set it right with `juicefs config`";
  const bool is_in = is_minimum ? *own >= *limit : *own <= *limit;
  if (is_in) return std::nullopt;
  return wanted + ", and this one speaks the format of " + kClientVersion +
         ": use another client, or `juicefs config` to change it";
}

std::optional<std::string> refused(const VolumeFormat& format) {
  if (format.meta_version > 1)
    return "the volume's metadata has version " + std::to_string(format.meta_version) + ", and this program knows 1";
  if (auto reason = refused_by_gate(format.min_client_version, true)) return reason;
  if (auto reason = refused_by_gate(format.max_client_version, false)) return reason;
  if (format.is_encrypted)
    return "the volume is encrypted (EncryptKey), which this version cannot read: use the JuiceFS client";
  if (format.compression != "none") {
    return "the volume is compressed (" + format.compression +
           "), which this version cannot read: copy it into a volume without compression";
  }
  return std::nullopt;
}

std::optional<std::string> read_only(const VolumeFormat& format) {
  if (format.enable_acl)
    return "the volume has POSIX ACLs (EnableACL), which this version does not keep up: mount it read-only";
  if (format.user_group_quota) {
    return "the volume has user and group quotas, which this version does not keep up: mount it read-only, or turn "
           "UserGroupQuota off";
  }
  if (format.change_log)
    return "the volume keeps a change log, which this version does not write: mount it read-only, or turn ChangeLog "
           "off";
  return std::nullopt;
}

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

}  // namespace

Admission admission(const VolumeFormat& format) {
  if (auto reason = refused(format)) return {Access::kRefused, *std::move(reason)};
  if (auto reason = read_only(format)) return {Access::kReadOnly, *std::move(reason)};
  return {};
}

Result<void> check_volume_name(std::string_view name) {
  const bool is_good = name.size() >= 3 && name.size() <= 63 && is_lower_or_digit(name.front()) &&
                       is_lower_or_digit(name.back()) &&
                       std::ranges::all_of(name, [](char c) { return is_lower_or_digit(c) || c == '-'; });
  if (is_good) return {};
  return Error(
      Code::kInvalid,
      "a volume's name has 3 to 63 characters, lower-case letters, digits and '-', and begins and ends with a letter "
      "or digit; got \"" +
          std::string(name) + "\"");
}

}  // namespace headrace::meta
