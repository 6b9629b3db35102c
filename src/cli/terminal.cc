// SPDX-License-Identifier: Apache-2.0
// Streams through write(2).
#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "base/bytes.h"
#include "base/fd.h"

namespace headrace::cli {
namespace {

std::string_view escape_of(Colour colour) {
  switch (colour) {
    case Colour::kRed: return "\x1b[31m";
    case Colour::kGreen: return "\x1b[32m";
    case Colour::kYellow: return "\x1b[33m";
    case Colour::kBold: return "\x1b[1m";
    case Colour::kPlain: break;
  }
  return {};
}

std::string in_colour(bool shows, Colour colour, std::string_view text) {
  if (!shows || colour == Colour::kPlain) return std::string(text);
  return std::string(escape_of(colour)) + std::string(text) + "\x1b[0m";
}

}  // namespace

Terminal::Terminal(Streams streams, bool may_colour)
    : streams_(streams),
      in_is_tty_(isatty(streams.in) == 1),
      out_is_tty_(isatty(streams.out) == 1),
      err_is_tty_(isatty(streams.err) == 1),
      may_colour_(may_colour) {}

void Terminal::out(std::string_view text) {
  if (!write_all(streams_.out, bytes_of(text))) has_failed_.store(true, std::memory_order_relaxed);
}

void Terminal::err(std::string_view text) { static_cast<void>(write_all(streams_.err, bytes_of(text)).has_value()); }

Result<std::string> Terminal::ask(std::string_view question) {
  if (!can_ask()) return Error(Code::kNotSupported, "nobody is there to ask");
  err(question);
  std::string line;
  char c = 0;
  while (line.size() < 4096) {
    const ssize_t got = read(streams_.in, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || c == '\n') break;
    line.push_back(c);
  }
  return line;
}

std::string Terminal::on_out(Colour colour, std::string_view text) const {
  return in_colour(out_is_tty_ && may_colour_, colour, text);
}
std::string Terminal::on_err(Colour colour, std::string_view text) const {
  return in_colour(err_is_tty_ && may_colour_, colour, text);
}

int Terminal::err_columns() const {
  winsize size{};
  if (ioctl(streams_.err, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20) return size.ws_col;
  return 80;
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) c = '?';
  }
  return out;
}

}  // namespace headrace::cli
