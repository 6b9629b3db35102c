// SPDX-License-Identifier: Apache-2.0
// The end of a program that found itself wrong. Only write(2): the heap may be what is broken.
#include "base/check.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace headrace {

void check_failed(const char* file, int line, const char* condition) {
  char text[512];
  const int length = std::snprintf(text, sizeof text, "headrace: internal error at %s:%d: %s\n", file, line, condition);
  if (length > 0) {
    [[maybe_unused]] const ssize_t ignored =
        ::write(STDERR_FILENO, text,
                static_cast<std::size_t>(length) < sizeof text ? static_cast<std::size_t>(length) : sizeof text - 1);
  }
  std::abort();
}

}  // namespace headrace
