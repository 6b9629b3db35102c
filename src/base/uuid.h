// SPDX-License-Identifier: Apache-2.0
// Random identifiers in the text form of RFC 4122, version 4.
#pragma once

#include <string>
#include <string_view>

#include "base/rng.h"

namespace headrace {

/// "0e5bd5f6-1c2d-4e3f-8a9b-0c1d2e3f4a5b", lower case.
std::string new_uuid(Rng& rng);
bool is_uuid(std::string_view text);

}  // namespace headrace
