// SPDX-License-Identifier: Apache-2.0
// Hashes and names of keys.
#include "records/keys.h"

#include <fmt/format.h>

#include <functional>

namespace headrace::records {
namespace {

std::size_t mix(std::size_t seed, std::size_t value) { return (seed ^ value) * 0x9E3779B97F4A7C15ull + (seed >> 29); }

template <class... Parts>
std::size_t hash_all(const Parts&... parts) {
  std::size_t seed = 0x51ED270B;
  ((seed = mix(seed, std::hash<Parts>{}(parts))), ...);
  return seed;
}

struct HashOf {
  std::size_t operator()(const EntryKey& key) const { return hash_all(key.parent, key.name); }
  std::size_t operator()(const SlicesKey& key) const { return hash_all(key.ino, key.chunk); }
  std::size_t operator()(const XattrKey& key) const { return hash_all(key.ino, key.name); }
  std::size_t operator()(const ParentLinkKey& key) const { return hash_all(key.ino, key.parent); }
  std::size_t operator()(const SliceRefKey& key) const { return hash_all(key.id, key.size); }
  std::size_t operator()(const DelayedSlicesKey& key) const { return hash_all(key.made_by); }
  std::size_t operator()(const SessionKey& key) const { return hash_all(key.session); }
  std::size_t operator()(const SustainedKey& key) const { return hash_all(key.session, key.ino); }
  std::size_t operator()(const FlockKey& key) const { return hash_all(key.ino, key.session, key.owner); }
  std::size_t operator()(const PosixLockKey& key) const { return hash_all(key.ino, key.session, key.owner); }
  std::size_t operator()(const CounterKey& key) const { return hash_all(key.name); }
  std::size_t operator()(const SettingKey&) const { return 0; }
  std::size_t operator()(const AclKey& key) const { return hash_all(key.id); }
  template <class OfInode>
  std::size_t operator()(const OfInode& key) const {
    return hash_all(key.ino);
  }
};

/// Names may hold any byte: what is not printable is shown as %XX, and no message grows beyond a line.
std::string printable(const std::string& bytes) {
  std::string out;
  for (const char c : bytes) {
    if (out.size() > 80) return out + "…";
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7F && byte != '%')
      out += c;
    else
      out += fmt::format("%{:02X}", byte);
  }
  return out;
}

struct NameOf {
  std::string operator()(const InodeKey& key) const { return fmt::format("inode {}", key.ino.value()); }
  std::string operator()(const EntryKey& key) const {
    return fmt::format("entry {} of directory {}", printable(key.name), key.parent.value());
  }
  std::string operator()(const SlicesKey& key) const {
    return fmt::format("slices of chunk {} of inode {}", key.chunk.value(), key.ino.value());
  }
  std::string operator()(const SymlinkKey& key) const { return fmt::format("target of symlink {}", key.ino.value()); }
  std::string operator()(const XattrKey& key) const {
    return fmt::format("attribute {} of inode {}", printable(key.name), key.ino.value());
  }
  std::string operator()(const ParentLinkKey& key) const {
    return fmt::format("links of inode {} in directory {}", key.ino.value(), key.parent.value());
  }
  std::string operator()(const SliceRefKey& key) const {
    return fmt::format("references of slice {} of {} bytes", key.id.value(), key.size);
  }
  std::string operator()(const DelayedSlicesKey& key) const {
    return fmt::format("slices retired by slice {}", key.made_by.value());
  }
  std::string operator()(const DeletedFileKey& key) const { return fmt::format("deleted file {}", key.ino.value()); }
  std::string operator()(const SessionKey& key) const { return fmt::format("session {}", key.session.value()); }
  std::string operator()(const SustainedKey& key) const {
    return fmt::format("inode {} held by session {}", key.ino.value(), key.session.value());
  }
  std::string operator()(const FlockKey& key) const {
    return fmt::format("flock of session {} on inode {}", key.session.value(), key.ino.value());
  }
  std::string operator()(const PosixLockKey& key) const {
    return fmt::format("POSIX locks of session {} on inode {}", key.session.value(), key.ino.value());
  }
  std::string operator()(const DirStatsKey& key) const {
    return fmt::format("statistics of directory {}", key.ino.value());
  }
  std::string operator()(const DirQuotaKey& key) const { return fmt::format("quota of directory {}", key.ino.value()); }
  std::string operator()(const DetachedKey& key) const { return fmt::format("detached inode {}", key.ino.value()); }
  std::string operator()(const CounterKey& key) const { return fmt::format("counter {}", printable(key.name)); }
  std::string operator()(const SettingKey&) const { return "volume description"; }
  std::string operator()(const AclKey& key) const { return fmt::format("ACL rule {}", key.id); }
};

}  // namespace

std::size_t KeyHash::operator()(const Key& key) const { return mix(key.index(), std::visit(HashOf{}, key)); }

std::string describe(const Key& key) { return std::visit(NameOf{}, key); }

bool fits(const Key& key, const Record& record) {
  return std::visit([&record]<class K>(const K&) { return std::holds_alternative<typename K::Record>(record); }, key);
}

}  // namespace headrace::records
