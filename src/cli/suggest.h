// SPDX-License-Identifier: Apache-2.0
// "Did you mean": the known word nearest to one that nobody knows.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace headrace::cli {

/// The candidate with the fewest changed, missing, additional or swapped letters, if they are at most a third of the
/// word (at least one, at most three); of equals the first.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace headrace::cli
