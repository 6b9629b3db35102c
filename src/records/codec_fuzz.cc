// SPDX-License-Identifier: Apache-2.0
// Decoders of any bytes: they refuse or give a record that encodes to what was read.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "records/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace records = headrace::records;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto slices = records::decode_slices(bytes)) CHECK(records::encode_slices(*slices) == bytes);
  if (const auto locks = records::decode_lock_ranges(bytes)) CHECK(records::encode_lock_ranges(*locks) == bytes);
  if (const auto delayed = records::decode_delayed_slices(bytes))
    CHECK(records::encode_delayed_slices(*delayed) == bytes);
  if (const auto entry = records::decode_entry(bytes)) CHECK(records::encode_entry(*entry) == bytes);
  if (const auto acl = records::decode_acl(bytes)) CHECK(records::encode_acl(*acl) == bytes);
  if (const auto list = records::decode_acl_list(bytes)) CHECK(records::encode_acl_list(*list) == bytes);
  if (const auto quota = records::decode_quota_limits(bytes)) CHECK(records::encode_quota_limits(*quota) == bytes);
  if (const auto inode = records::decode_inode(bytes))
    CHECK(records::decode_inode(records::encode_inode(*inode)).value() == *inode);
  return 0;
}
