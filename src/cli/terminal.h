// SPDX-License-Identifier: Apache-2.0
// The three streams of a command: data goes to stdout, everything said to a person goes to stderr. Knows whether a
// person looks, and whether colours are wanted.
#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include "base/result.h"

namespace headrace::cli {

enum class Colour { kPlain, kRed, kGreen, kYellow, kBold };

class Terminal {
 public:
  struct Streams {
    int in = 0;
    int out = 1;
    int err = 2;
  };
  /// The descriptors stay the caller's. `may_colour`: false where NO_COLOR is set or TERM is "dumb".
  explicit Terminal(Streams streams, bool may_colour = true);

  /// Data. A write that fails is remembered: has_failed().
  void out(std::string_view text);
  /// Words for a person; a write that fails is dropped.
  void err(std::string_view text);
  bool has_failed() const { return has_failed_.load(std::memory_order_relaxed); }

  bool out_is_tty() const { return out_is_tty_; }
  bool err_is_tty() const { return err_is_tty_; }
  /// Whether a question would reach a person.
  bool can_ask() const { return in_is_tty_ && err_is_tty_; }
  /// Puts the question on stderr and reads one line. kNotSupported: nobody is there.
  Result<std::string> ask(std::string_view question);

  /// The text in a colour, where the stream shows colours; else as it is.
  std::string on_out(Colour colour, std::string_view text) const;
  std::string on_err(Colour colour, std::string_view text) const;
  /// Columns of the screen behind stderr; 80 where they are not known.
  int err_columns() const;

 private:
  const Streams streams_;
  const bool in_is_tty_, out_is_tty_, err_is_tty_;
  const bool may_colour_;
  std::atomic<bool> has_failed_ = false;
};

/// Names and messages from elsewhere, fit for a screen: control characters (escape sequences among them) become "?".
std::string printable(std::string_view text);

}  // namespace headrace::cli
