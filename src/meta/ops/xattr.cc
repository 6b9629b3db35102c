// SPDX-License-Identifier: Apache-2.0
// Extended attributes. They do not move the ctime (format sheet, section 3.9).
#include "meta/ops/load.h"
#include "meta/ops/operations.h"

namespace headrace::meta::ops {
namespace {

constexpr std::size_t kXattrsListedMax = 1 << 16;

Result<void> check_may_change(RecordTxn& txn, Ino ino) {
  TRY(const Attr attr, load_inode(txn, ino));
  if ((attr.flags & (kFlagImmutable | kFlagAppend)) != 0) return Code::kNotPermitted;
  return {};
}

}  // namespace

Result<std::string> getxattr(RecordTxn& txn, Ino ino, std::string_view name) {
  TRY(const std::optional<XattrRecord> found, get(txn, XattrKey{ino, std::string(name)}));
  if (!found) return Code::kNoData;
  return found->value;
}

Result<void> setxattr(RecordTxn& txn, Ino ino, std::string_view name, std::string_view value, std::uint32_t flags) {
  TRY_OK(check_may_change(txn, ino));
  XattrKey key{ino, std::string(name)};
  if (flags != 0) {
    TRY(const std::optional<XattrRecord> found, get(txn, key));
    if (found && (flags & kXattrCreate) != 0) return Code::kExists;
    if (!found && (flags & kXattrReplace) != 0) return Code::kNoData;
  }
  put(txn, std::move(key), XattrRecord{std::string(value)});
  return {};
}

Result<std::vector<std::string>> listxattr(RecordTxn& txn, Ino ino) {
  TRY(const std::vector<Item> items, txn.scan(XattrsOf{ino}, kXattrsListedMax));
  std::vector<std::string> names;
  names.reserve(items.size());
  for (const Item& item : items) names.push_back(std::get<XattrKey>(item.key).name);
  return names;
}

Result<void> removexattr(RecordTxn& txn, Ino ino, std::string_view name) {
  TRY_OK(check_may_change(txn, ino));
  XattrKey key{ino, std::string(name)};
  TRY(const std::optional<XattrRecord> found, get(txn, key));
  if (!found) return Code::kNoData;
  erase(txn, std::move(key));
  return {};
}

}  // namespace headrace::meta::ops
