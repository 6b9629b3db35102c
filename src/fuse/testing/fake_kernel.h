// SPDX-License-Identifier: Apache-2.0
// The kernel's end of a fake device: a socket pair that keeps messages whole, one for each request and one for each
// reply. Every wait has an end.
#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/fd.h"
#include "fuse/abi.h"
#include "fuse/device.h"
#include "fuse/testing/request_builder.h"

namespace headrace::fuse::testing {

struct FakeReply {
  std::uint64_t unique = 0;
  std::int32_t error = 0;  // errno as the kernel reads it: negative, or a notification's code
  std::vector<std::byte> body;

  template <class Struct>
  Struct as(std::size_t at = 0) const {
    Struct value{};
    if (body.size() >= at + sizeof value) std::memcpy(static_cast<void*>(&value), body.data() + at, sizeof value);
    return value;
  }
  std::string text() const { return std::string(text_view(body)); }
};

class FakeKernel {
 public:
  FakeKernel();

  /// The server's end; once.
  UniqueFd take_device() { return std::move(device_); }
  /// One more descriptor for the same messages.
  static Result<UniqueFd> clone(int first);

  void send(const RequestBuilder& request) { send(request.build()); }
  void send(const std::vector<std::byte>& message);
  /// The next message of the server; nothing within `milliseconds`.
  std::optional<FakeReply> receive(int milliseconds = 10000);
  /// Sends and receives.
  std::optional<FakeReply> ask(const RequestBuilder& request) {
    send(request);
    return receive();
  }
  /// INIT as Linux of this protocol sends it, with everything offered that it has.
  static RequestBuilder init(std::uint32_t minor);
  /// Unmounts.
  void end() { kernel_.reset(); }

 private:
  UniqueFd kernel_, device_;
  std::vector<std::byte> room_;
};

}  // namespace headrace::fuse::testing
