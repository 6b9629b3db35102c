// SPDX-License-Identifier: Apache-2.0
// Client versions as the volume format compares them (format sheet, section 2.3).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace headrace::meta {

/// "1.4.0-beta1+anything": one to three numbers; what stands behind '+' does not count. A version without a pre-release
/// is greater than any with one; pre-releases compare as bytes.
struct Version {
  std::array<std::uint32_t, 3> numbers{};
  bool is_prerelease = false;
  std::string prerelease;

  friend std::strong_ordering operator<=>(const Version& a, const Version& b);
  friend bool operator==(const Version&, const Version&) = default;
};

/// Nothing: it is no version.
std::optional<Version> parse_version(std::string_view text);

}  // namespace headrace::meta
