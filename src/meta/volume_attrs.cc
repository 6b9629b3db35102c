// SPDX-License-Identifier: Apache-2.0
// Volume's operations on attributes, and what the volume as a whole uses.
#include <algorithm>

#include "meta/ops/load.h"
#include "meta/volume_impl.h"

namespace headrace::meta {
namespace {

using records::InodeKey;
using records::RecordTxn;

Result<void> check_xattr_name(std::string_view name) {
  if (name.empty() || name.size() > kXattrNameMax) return Code::kRange;
  return {};
}

}  // namespace

Result<Attr> Volume::getattr(const Scope& scope, Ino ino) {
  return impl_->read(scope, {InodeKey{ino}}, [&](RecordTxn& txn) { return ops::load_inode(txn, ino); });
}

Result<Attr> Volume::setattr(const Scope& scope, const Caller& caller, Ino ino, const AttrChange& change) {
  return impl_->change(scope, {InodeKey{ino}}, [&](RecordTxn& txn, const OpContext& context) {
    return ops::setattr(txn, context, caller, ino, change);
  });
}

Result<std::string> Volume::getxattr(const Scope& scope, Ino ino, std::string_view name) {
  TRY_OK(check_xattr_name(name));
  return impl_->read(scope, {}, [&](RecordTxn& txn) { return ops::getxattr(txn, ino, name); });
}

Result<void> Volume::setxattr(const Scope& scope, Ino ino, std::string_view name, std::string_view value,
                              std::uint32_t flags) {
  TRY_OK(check_xattr_name(name));
  if (value.size() > kXattrValueMax) return Code::kRange;
  if (flags > (kXattrCreate | kXattrReplace)) return Code::kInvalid;
  return impl_->change(scope, {InodeKey{ino}},
                       [&](RecordTxn& txn, const OpContext&) { return ops::setxattr(txn, ino, name, value, flags); });
}

Result<std::vector<std::string>> Volume::listxattr(const Scope& scope, Ino ino) {
  return impl_->read(scope, {}, [&](RecordTxn& txn) { return ops::listxattr(txn, ino); });
}

Result<void> Volume::removexattr(const Scope& scope, Ino ino, std::string_view name) {
  TRY_OK(check_xattr_name(name));
  return impl_->change(scope, {InodeKey{ino}},
                       [&](RecordTxn& txn, const OpContext&) { return ops::removexattr(txn, ino, name); });
}

Result<VolumeUsage> Volume::usage(const Scope& scope) {
  struct Counters {
    std::uint64_t space = 0, inodes = 0;
  };
  TRY(const Counters used, impl_->read(scope, {}, [](RecordTxn& txn) -> Result<Counters> {
    TRY(const auto space, records::get(txn, records::CounterKey{"usedSpace"}));
    TRY(const auto inodes, records::get(txn, records::CounterKey{"totalInodes"}));
    const auto clamped = [](std::optional<std::int64_t> value) {
      return static_cast<std::uint64_t>(std::max<std::int64_t>(value.value_or(0), 0));
    };
    return Counters{clamped(space), clamped(inodes)};
  }));
  // Format sheet, section 3.8: a volume without a limit shows one that it stays well below.
  const VolumeFormat& description = format();
  VolumeUsage usage;
  usage.used_bytes = used.space;
  usage.used_inodes = used.inodes;
  usage.total_bytes = description.capacity_bytes;
  if (usage.total_bytes == 0) {
    usage.total_bytes = 1ull << 50;
    while (usage.total_bytes < 1ull << 62 && used.space > usage.total_bytes / 10 * 8) usage.total_bytes *= 2;
  }
  usage.available_bytes = usage.total_bytes > used.space ? usage.total_bytes - used.space : 0;
  if (description.inodes_max > 0) {
    usage.available_inodes = description.inodes_max > used.inodes ? description.inodes_max - used.inodes : 0;
  } else {
    usage.available_inodes = 10ull << 20;
    while (usage.available_inodes < 1ull << 60 && usage.available_inodes * 4 < used.inodes) usage.available_inodes *= 2;
  }
  return usage;
}

}  // namespace headrace::meta
