// SPDX-License-Identifier: Apache-2.0
// The rules of object_store.h, as code.
#include "object/key.h"

#include <fmt/format.h>

namespace headrace::object {
namespace {

bool has_dot_component(std::string_view key) {
  while (true) {
    const std::size_t slash = key.find('/');
    const std::string_view component = key.substr(0, slash);
    if (component == "." || component == "..") return true;
    if (slash == std::string_view::npos) return false;
    key.remove_prefix(slash + 1);
  }
}

}  // namespace

Result<void> check_key(std::string_view key) {
  if (key.empty()) return Error(Code::kInvalid, "an object's key must not be empty");
  if (key.size() > kKeyBytesMax) {
    return Error(Code::kInvalid, fmt::format("an object's key has at most {} bytes, got {}", kKeyBytesMax, key.size()));
  }
  if (key.find('\0') != std::string_view::npos) return Error(Code::kInvalid, "an object's key must not contain a NUL");
  if (key.front() == '/') return Error(Code::kInvalid, fmt::format("an object's key must not begin with '/': {}", key));
  if (has_dot_component(key))
    return Error(Code::kInvalid, fmt::format("an object's key must not contain '.' or '..' as a component: {}", key));
  return {};
}

Result<void> check_list_limit(std::size_t limit) {
  if (limit >= 1 && limit <= kListLimitMax) return {};
  return Error(Code::kInvalid, fmt::format("a page of a listing has 1 to {} objects, got {}", kListLimitMax, limit));
}

}  // namespace headrace::object
