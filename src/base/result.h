// SPDX-License-Identifier: Apache-2.0
// What a function that can fail returns: a value, or an Error that says which of the known failures it was and, where a
// person will read it, in words what failed. Use:
//
//   Result<Attr> stat(Ino ino) {
//     TRY(const Record record, load(ino));          // returns the error of load(), or goes on with its value
//     if (record.is_gone) return Code::kNotFound;   // a code alone is an error
//     TRY_OK(check(record));                        // for Result<void>
//     return record.attr;
//   }
#pragma once

#include <expected>
#include <string>
#include <type_traits>
#include <utility>

#include "base/code.h"

namespace headrace {

/// Why something failed. `message` may be empty: then text_of(code) is all there is to say. It never holds a secret.
struct Error {
  Code code = Code::kIo;
  std::string message;

  Error(Code c) : code(c) {}  // NOLINT: a code alone is an error
  Error(Code c, std::string text) : code(c), message(std::move(text)) {}

  /// The message, or the code's own text where there is none.
  std::string text() const { return message.empty() ? std::string(text_of(code)) : message; }
  friend bool operator==(const Error& a, const Error& b) { return a.code == b.code && a.message == b.message; }
};

template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using Base = std::expected<T, Error>;
  using Base::Base;
  Result() = default;
  Result(Error error) : Base(std::unexpect, std::move(error)) {}  // NOLINT
  Result(Code code) : Base(std::unexpect, Error(code)) {}         // NOLINT
  Result(Base base) : Base(std::move(base)) {}                    // NOLINT
  /// The code of the failure. Only for a Result that failed.
  Code code() const { return this->error().code; }
};

template <>
class [[nodiscard]] Result<void> : public std::expected<void, Error> {
 public:
  using Base = std::expected<void, Error>;
  using Base::Base;
  Result() = default;
  Result(Error error) : Base(std::unexpect, std::move(error)) {}  // NOLINT
  Result(Code code) : Base(std::unexpect, Error(code)) {}         // NOLINT
  Result(Base base) : Base(std::move(base)) {}                    // NOLINT
  Code code() const { return this->error().code; }
};

/// The Error for a failed system call, from errno: "open /x: permission denied".
Error errno_error(int error, std::string_view what);

#define HEADRACE_CONCAT_INNER(a, b) a##b
#define HEADRACE_CONCAT(a, b) HEADRACE_CONCAT_INNER(a, b)
#define HEADRACE_TRY(result, declaration, ...)                                       \
  auto result = (__VA_ARGS__);                                                       \
  if (!result) return std::unexpected<::headrace::Error>(std::move(result).error()); \
  declaration = *std::move(result)

/// TRY(const T value, expression): declares value from a Result, or returns its error.
#define TRY(declaration, ...) HEADRACE_TRY(HEADRACE_CONCAT(try_result_, __COUNTER__), declaration, __VA_ARGS__)

/// TRY_OK(expression): returns the error of a Result, and drops its value.
#define TRY_OK(...)                                                                                              \
  do {                                                                                                           \
    auto headrace_try_result = (__VA_ARGS__);                                                                    \
    if (!headrace_try_result) return std::unexpected<::headrace::Error>(std::move(headrace_try_result).error()); \
  } while (false)

}  // namespace headrace
