// SPDX-License-Identifier: Apache-2.0
// Errors of system calls in words.
#include "base/result.h"

#include <cstring>

namespace headrace {

Error errno_error(int error, std::string_view what) {
  const Code code = code_of_errno(error);
  char buffer[128];
  return Error(code, std::string(what) + ": " + strerror_r(error, buffer, sizeof buffer));
}

}  // namespace headrace
