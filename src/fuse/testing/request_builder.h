// SPDX-License-Identifier: Apache-2.0
// Builds request messages as the kernel sends them.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "fuse/abi.h"

namespace headrace::fuse::testing {

class RequestBuilder {
 public:
  explicit RequestBuilder(std::uint32_t opcode, std::uint64_t unique = 2, std::uint64_t node = 1) {
    fuse_in_header header{};
    header.opcode = opcode;
    header.unique = unique;
    header.nodeid = node;
    header.uid = 1000;
    header.gid = 1001;
    header.pid = 4242;
    add(header);
  }

  template <class Struct>
  RequestBuilder& add(const Struct& body, std::size_t bytes = sizeof(Struct)) {
    const auto* const from = reinterpret_cast<const std::byte*>(&body);
    message_.insert(message_.end(), from, from + bytes);
    return *this;
  }
  /// With its NUL.
  RequestBuilder& name(std::string_view text) { return data(text).data(std::string_view("\0", 1)); }
  RequestBuilder& data(std::string_view text) {
    const ByteSpan bytes = bytes_of(text);
    message_.insert(message_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  /// The one extension there is: a supplementary group.
  RequestBuilder& group(std::uint32_t group) {
    while (message_.size() % 8 != 0) message_.push_back(std::byte{0});
    add(ExtensionHeader{16, kExtensionGroups});
    const std::uint32_t body[2] = {1, group};
    add(body);
    extension_units_ += 2;
    return *this;
  }

  std::vector<std::byte> build() const {
    std::vector<std::byte> message = message_;
    fuse_in_header header;
    std::memcpy(&header, message.data(), sizeof header);
    header.len = static_cast<std::uint32_t>(message.size());
    header.total_extlen = extension_units_;
    std::memcpy(message.data(), &header, sizeof header);
    return message;
  }

 private:
  std::vector<std::byte> message_;
  std::uint16_t extension_units_ = 0;
};

}  // namespace headrace::fuse::testing
