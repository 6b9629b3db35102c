// SPDX-License-Identifier: Apache-2.0
// A reference to something callable, for parameters that are only called before the function returns. Two words, no
// allocation. (std::function_ref comes with C++26.)
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace headrace {

template <class Signature>
class FunctionRef;

template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef> && std::is_invocable_r_v<R, F&, Args...>)
  FunctionRef(F&& callable)  // NOLINT: that is its use
      : object_(address_of(callable)), call_([](void* object, Args... args) -> R {
          using Target = std::remove_reference_t<F>;
          if constexpr (std::is_function_v<Target>) {
            return reinterpret_cast<Target*>(object)(std::forward<Args>(args)...);
          } else {
            return (*static_cast<Target*>(object))(std::forward<Args>(args)...);
          }
        }) {}

  R operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  /// POSIX promises that a function's address fits.
  template <class F>
  static void* address_of(F& callable) {
    if constexpr (std::is_function_v<F>) {
      return reinterpret_cast<void*>(&callable);
    } else {
      return const_cast<void*>(static_cast<const void*>(std::addressof(callable)));
    }
  }

  void* object_;
  R (*call_)(void*, Args...);
};

}  // namespace headrace
