// SPDX-License-Identifier: Apache-2.0
// The requests an object store knows, for those who count, delay or break them.
#pragma once

#include <string_view>

namespace headrace::object {

enum class Method : unsigned char { kGet, kPut, kHead, kRemove, kList };
inline constexpr int kMethodCount = 5;

/// "get", "put", "head", "remove", "list": for metrics and messages.
constexpr std::string_view name_of(Method method) {
  constexpr std::string_view kNames[kMethodCount] = {"get", "put", "head", "remove", "list"};
  return kNames[static_cast<int>(method)];
}

}  // namespace headrace::object
