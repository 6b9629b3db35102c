// SPDX-License-Identifier: Apache-2.0
// CHECK(condition): our own mistakes stop the program, in every build, with file, line and the condition. Never for
// what the world or a user may cause.
#pragma once

namespace headrace {

[[noreturn]] void check_failed(const char* file, int line, const char* condition);

}  // namespace headrace

#define CHECK(condition)                                                    \
  (__builtin_expect(static_cast<bool>(condition), 1) ? static_cast<void>(0) \
                                                     : ::headrace::check_failed(__FILE__, __LINE__, #condition))
