// SPDX-License-Identifier: Apache-2.0
#include "cli/control.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "base/bytes.h"

namespace headrace::cli {
namespace {

using Seen = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

std::string progress_frame(std::uint64_t a, std::uint64_t b) {
  std::string out = "\xFE";
  append_big_endian(out, a);
  append_big_endian(out, b);
  return out;
}
std::string json_frame(std::string_view json) {
  std::string out = "\xFF";
  append_big_endian(out, static_cast<std::uint32_t>(json.size()));
  return out.append(json);
}

TEST(Control, ARequestIsCommandLengthAndBodyAsTheFormatHasIt) {
  std::string body;
  append_big_endian(body, std::uint64_t{5});
  body += std::string("\0\0\0", 3);
  const std::string request = control_request(ControlCommand::kInfo, body);
  EXPECT_EQ(request.substr(0, 8), std::string("\0\0\x03\xED\0\0\0\x0B", 8));
  EXPECT_EQ(request.substr(8), body);
}

TEST(Control, AnAnswerIsReadFromPiecesOfAnySize) {
  const std::string answer = progress_frame(3, 400) + progress_frame(7, 900) + json_frame(R"({"Ino":5})");
  for (std::size_t piece = 1; piece <= answer.size(); ++piece) {
    AnswerReader reader;
    Seen seen;
    const auto note = [&seen](std::uint64_t a, std::uint64_t b) { seen.emplace_back(a, b); };
    std::optional<Result<std::string>> got;
    for (std::size_t at = 0; at < answer.size() && !got; at += piece) got = reader.feed(answer.substr(at, piece), note);
    ASSERT_TRUE(got.has_value()) << "pieces of " << piece;
    ASSERT_TRUE(got->has_value());
    EXPECT_EQ(**got, R"({"Ino":5})");
    EXPECT_EQ(seen, (Seen{{3, 400}, {7, 900}}));
  }
}

TEST(Control, AByteAloneIsAnErrnoAndZeroIsSuccess) {
  const auto ignore = [](std::uint64_t, std::uint64_t) {};
  EXPECT_EQ(AnswerReader().feed(std::string(1, '\0'), ignore)->value(), "");
  EXPECT_EQ(AnswerReader().feed("\x02", ignore)->code(), Code::kNotFound);
  EXPECT_EQ(AnswerReader().feed("\x16", ignore)->code(), Code::kNotSupported) << "an old server";
}

TEST(Control, AnAnswerThatSaysItIsHugeIsRefusedBeforeAnythingIsReserved) {
  const auto ignore = [](std::uint64_t, std::uint64_t) {};
  const auto got = AnswerReader().feed(std::string("\xFF\xFF\xFF\xFF\xFF", 5), ignore);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->code(), Code::kDamaged);
}

TEST(Control, AFolderWithoutAControlFileIsNotOnAMount) {
  const auto client = ControlClient::open("/proc/self");
  ASSERT_FALSE(client);
  EXPECT_EQ(client.code(), Code::kNotSupported);
}

}  // namespace
}  // namespace headrace::cli
