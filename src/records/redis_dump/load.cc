// SPDX-License-Identifier: Apache-2.0
// One function for each kind of key.
#include "records/redis_dump/load.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include <nlohmann/json.hpp>

#include "records/codec.h"

namespace headrace::records {
namespace {

using nlohmann::json;

Error damaged(std::string_view what) { return {Code::kDamaged, std::string(what)}; }

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<std::string> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return damaged("an odd number of hex digits");
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t at = 0; at < hex.size(); at += 2) {
    const int high = digit_of(hex[at]), low = digit_of(hex[at + 1]);
    if (high < 0 || low < 0) return damaged("bytes that are not hex");
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

template <class T>
Result<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    return damaged(fmt::format("\"{}\" is no number", text));
  return value;
}
Result<Ino> ino_of(std::string_view text) {
  TRY(const auto value, number<std::uint64_t>(text));
  return Ino{value};
}
Result<SessionId> session_of(std::string_view text) {
  TRY(const auto value, number<std::uint64_t>(text));
  return SessionId{value};
}
/// Scores are numbers as Redis prints them: "1763800000", "1.7638e+09".
Result<std::int64_t> score_of(std::string_view text) {
  TRY(const double value, number<double>(text));
  if (!(std::abs(value) < 9e18)) return damaged(fmt::format("\"{}\" is no time", text));
  return static_cast<std::int64_t>(value);
}

struct Pair {
  std::string_view first, second;
};
Result<Pair> split(std::string_view text, char at) {
  const std::size_t found = text.find(at);
  if (found == std::string_view::npos) return damaged(fmt::format("\"{}\" has no '{}'", text, at));
  return Pair{text.substr(0, found), text.substr(found + 1)};
}

/// A key's value, of the type that is asked for. Fields and members are bytes, as are values; scores are text.
class Value {
 public:
  explicit Value(const json& document) : document_(document) {}

  Result<std::string> string() const {
    TRY(const json* value, of_type("string", json::value_t::string));
    return from_hex(value->get_ref<const std::string&>());
  }
  template <class Visit>
  Result<void> each_element(const char* type, Visit visit) const {
    TRY(const json* value, of_type(type, json::value_t::array));
    for (const json& element : *value) {
      if (!element.is_string()) return damaged("an element that is no text");
      TRY(const std::string bytes, from_hex(element.get_ref<const std::string&>()));
      TRY_OK(visit(bytes));
    }
    return {};
  }
  template <class Visit>
  Result<void> each_field(Visit visit) const {
    return each_pair("hash", [&](const std::string& field, const std::string& text) -> Result<void> {
      TRY(const std::string bytes, from_hex(text));
      return visit(field, bytes);
    });
  }
  template <class Visit>
  Result<void> each_member(Visit visit) const {
    return each_pair("zset", [&](const std::string& member, const std::string& text) -> Result<void> {
      TRY(const std::int64_t score, score_of(text));
      return visit(member, score);
    });
  }

 private:
  Result<const json*> of_type(const char* type, json::value_t kind) const {
    if (!document_.is_object()) return damaged("no object with a type and a value");
    const auto named = document_.find("type"), value = document_.find("value");
    if (named == document_.end() || value == document_.end() || *named != type || value->type() != kind) {
      return damaged(fmt::format("no {}, which it should be", type));
    }
    return &*value;
  }
  template <class Visit>
  Result<void> each_pair(const char* type, Visit visit) const {
    TRY(const json* value, of_type(type, json::value_t::object));
    for (const auto& [name, text] : value->items()) {
      if (!text.is_string()) return damaged("a value that is no text");
      TRY(const std::string bytes, from_hex(name));
      TRY_OK(visit(bytes, text.get_ref<const std::string&>()));
    }
    return {};
  }

  const json& document_;
};

class Loader {
 public:
  explicit Loader(MemoryStore& store) : store_(store) {}

  Result<void> load(std::string_view key, const Value& value) {
    for (const Named& known : kNamed) {
      if (key == known.name) return (this->*known.load)(key, value);
    }
    for (const Named& known : kNumbered) {
      const std::string_view rest = key.starts_with(known.name) ? key.substr(known.name.size()) : "";
      if (!rest.empty() && digit_of(rest.front()) >= 0 && rest.front() <= '9') return (this->*known.load)(rest, value);
    }
    return {};
  }

 private:
  using Load = Result<void> (Loader::*)(std::string_view, const Value&);
  struct Named {
    std::string_view name;
    Load load;
  };

  Result<void> setting(std::string_view, const Value& value) {
    TRY(std::string text, value.string());
    store_.put(SettingKey{}, SettingRecord{std::move(text)});
    return {};
  }
  Result<void> counter(std::string_view name, const Value& value) {
    TRY(const std::string text, value.string());
    TRY(const auto count, number<std::int64_t>(text));
    store_.put(CounterKey{std::string(name)}, count);
    return {};
  }
  Result<void> last_number(std::string_view name, const Value& value) {
    TRY(const std::string text, value.string());
    TRY(const auto last, number<std::int64_t>(text));
    // Redis keeps the last number that was given out; of inodes and slices the record is the next free one.
    if (name == "nextsession")
      store_.put(CounterKey{"nextSession"}, last);
    else
      store_.put(CounterKey{name == "nextinode" ? "nextInode" : "nextChunk"}, last + 1);
    return {};
  }
  Result<void> inode(std::string_view rest, const Value& value) {
    TRY(const Ino ino, ino_of(rest));
    TRY(const std::string bytes, value.string());
    TRY(const Attr attr, decode_inode(bytes));
    store_.put(InodeKey{ino}, attr);
    return {};
  }
  Result<void> directory(std::string_view rest, const Value& value) {
    TRY(const Ino parent, ino_of(rest));
    return value.each_field([&](const std::string& name, const std::string& bytes) -> Result<void> {
      TRY(const EntryRecord entry, decode_entry(bytes));
      store_.put(EntryKey{parent, name}, entry);
      return {};
    });
  }
  Result<void> parents(std::string_view rest, const Value& value) {
    TRY(const Ino ino, ino_of(rest));
    return value.each_field([&](const std::string& field, const std::string& text) -> Result<void> {
      TRY(const Ino parent, ino_of(field));
      TRY(const auto count, number<std::int64_t>(text));
      if (count > 0) store_.put(ParentLinkKey{ino, parent}, count);  // what is left of links that went
      return {};
    });
  }
  Result<void> chunk(std::string_view rest, const Value& value) {
    TRY(const Pair numbers, split(rest, '_'));
    TRY(const Ino ino, ino_of(numbers.first));
    TRY(const auto index, number<std::uint32_t>(numbers.second));
    SliceList list;
    TRY_OK(value.each_element("list", [&](const std::string& bytes) -> Result<void> {
      TRY(const SliceList one, decode_slices(bytes));
      list.insert(list.end(), one.begin(), one.end());
      return {};
    }));
    store_.put(SlicesKey{ino, ChunkIndex{index}}, std::move(list));
    return {};
  }
  Result<void> symlink(std::string_view rest, const Value& value) {
    TRY(const Ino ino, ino_of(rest));
    TRY(std::string target, value.string());
    store_.put(SymlinkKey{ino}, SymlinkRecord{std::move(target)});
    return {};
  }
  Result<void> xattrs(std::string_view rest, const Value& value) {
    TRY(const Ino ino, ino_of(rest));
    return value.each_field([&](const std::string& name, const std::string& bytes) -> Result<void> {
      store_.put(XattrKey{ino, name}, XattrRecord{bytes});
      return {};
    });
  }
  Result<std::pair<SessionId, LockOwner>> owner_of(std::string_view field) {
    TRY(const Pair parts, split(field, '_'));
    TRY(const SessionId session, session_of(parts.first));
    std::uint64_t owner = 0;
    const auto [end, error] =
        std::from_chars(parts.second.data(), parts.second.data() + parts.second.size(), owner, 16);
    if (error != std::errc() || end != parts.second.data() + parts.second.size())
      return damaged(fmt::format("\"{}\" is no owner of a lock", field));
    return std::pair(session, LockOwner{owner});
  }
  Result<void> flocks(std::string_view rest, const Value& value) {
    TRY(const Ino ino, ino_of(rest));
    return value.each_field([&](const std::string& field, const std::string& type) -> Result<void> {
      TRY(const auto owner, owner_of(field));
      if (type != "R" && type != "W") return damaged(fmt::format("\"{}\" is no kind of lock", type));
      store_.put(FlockKey{ino, owner.first, owner.second}, FlockRecord{type == "W"});
      return {};
    });
  }
  Result<void> posix_locks(std::string_view rest, const Value& value) {
    TRY(const Ino ino, ino_of(rest));
    return value.each_field([&](const std::string& field, const std::string& bytes) -> Result<void> {
      TRY(const auto owner, owner_of(field));
      TRY(std::vector<LockRange> ranges, decode_lock_ranges(bytes));
      store_.put(PosixLockKey{ino, owner.first, owner.second}, std::move(ranges));
      return {};
    });
  }
  /// The record as it is so far, for what lies in several keys.
  template <class K>
  Result<typename K::Record> so_far(const K& key) {
    TRY(std::optional<Record> found, store_.get(Key(key)));
    if (!found) return typename K::Record{};
    return std::get<typename K::Record>(*std::move(found));
  }
  Result<void> expiries(std::string_view, const Value& value) {
    return value.each_member([&](const std::string& member, std::int64_t score) -> Result<void> {
      TRY(const SessionId session, session_of(member));
      TRY(SessionRecord record, so_far(SessionKey{session}));
      record.expires_seconds = score;
      store_.put(SessionKey{session}, std::move(record));
      return {};
    });
  }
  Result<void> session_infos(std::string_view, const Value& value) {
    return value.each_field([&](const std::string& field, const std::string& info) -> Result<void> {
      TRY(const SessionId session, session_of(field));
      TRY(SessionRecord record, so_far(SessionKey{session}));
      record.info = info;
      store_.put(SessionKey{session}, std::move(record));
      return {};
    });
  }
  Result<void> sustained(std::string_view rest, const Value& value) {
    TRY(const SessionId session, session_of(rest));
    return value.each_element("set", [&](const std::string& member) -> Result<void> {
      TRY(const Ino ino, ino_of(member));
      store_.put(SustainedKey{session, ino}, SustainedRecord{});
      return {};
    });
  }
  Result<void> deleted_files(std::string_view, const Value& value) {
    return value.each_member([&](const std::string& member, std::int64_t score) -> Result<void> {
      TRY(const Pair parts, split(member, ':'));
      TRY(const Ino ino, ino_of(parts.first));
      TRY(const auto length, number<std::uint64_t>(parts.second));
      store_.put(DeletedFileKey{ino}, DeletedFileRecord{length, score});
      return {};
    });
  }
  Result<void> detached(std::string_view, const Value& value) {
    return value.each_member([&](const std::string& member, std::int64_t score) -> Result<void> {
      TRY(const Ino ino, ino_of(member));
      store_.put(DetachedKey{ino}, score);
      return {};
    });
  }
  Result<void> references(std::string_view, const Value& value) {
    return value.each_field([&](const std::string& field, const std::string& text) -> Result<void> {
      if (!field.starts_with('k')) return damaged(fmt::format("\"{}\" is no slice", field));
      TRY(const Pair parts, split(std::string_view(field).substr(1), '_'));
      TRY(const auto id, number<std::uint64_t>(parts.first));
      TRY(const auto size, number<std::uint32_t>(parts.second));
      TRY(const auto count, number<std::int64_t>(text));
      if (id != 0) store_.put(SliceRefKey{SliceId{id}, size}, count + 1);  // Redis keeps one less
      return {};
    });
  }
  Result<void> delayed(std::string_view, const Value& value) {
    return value.each_field([&](const std::string& field, const std::string& bytes) -> Result<void> {
      TRY(const Pair parts, split(field, '_'));
      TRY(const auto made_by, number<std::uint64_t>(parts.first));
      TRY(const auto seconds, number<std::int64_t>(parts.second));
      TRY(std::vector<SliceRefKey> slices, decode_delayed_slices(bytes));
      store_.put(DelayedSlicesKey{SliceId{made_by}}, DelayedSlicesRecord{seconds, std::move(slices)});
      return {};
    });
  }
  /// One number of a record of each directory, from a hash of its own.
  template <class K, std::int64_t K::Record::* kMember>
  Result<void> of_directories(std::string_view, const Value& value) {
    return value.each_field([&](const std::string& field, const std::string& text) -> Result<void> {
      TRY(const Ino ino, ino_of(field));
      TRY(auto record, so_far(K{ino}));
      TRY(record.*kMember, number<std::int64_t>(text));
      store_.put(K{ino}, record);
      return {};
    });
  }
  Result<void> quota_limits(std::string_view, const Value& value) {
    return value.each_field([&](const std::string& field, const std::string& bytes) -> Result<void> {
      TRY(const Ino ino, ino_of(field));
      TRY(const DirQuotaRecord limits, decode_quota_limits(bytes));
      TRY(DirQuotaRecord record, so_far(DirQuotaKey{ino}));
      record.space_max = limits.space_max;
      record.inodes_max = limits.inodes_max;
      store_.put(DirQuotaKey{ino}, record);
      return {};
    });
  }
  Result<void> acls(std::string_view, const Value& value) {
    return value.each_field([&](const std::string& field, const std::string& bytes) -> Result<void> {
      TRY(const auto id, number<std::uint32_t>(field));
      TRY(AclRecord acl, decode_acl(bytes));
      store_.put(AclKey{id}, std::move(acl));
      return {};
    });
  }

  static const std::array<Named, 25> kNamed;
  static const std::array<Named, 9> kNumbered;  // letters, and a number behind them

  MemoryStore& store_;
};

const std::array<Loader::Named, 25> Loader::kNamed = {{
    {"setting", &Loader::setting},
    {"usedSpace", &Loader::counter},
    {"totalInodes", &Loader::counter},
    {"nextTrash", &Loader::counter},
    {"lastCleanupSessions", &Loader::counter},
    {"lastCleanupFiles", &Loader::counter},
    {"lastCleanupTrash", &Loader::counter},
    {"nextCleanupSlices", &Loader::counter},
    {"nextinode", &Loader::last_number},
    {"nextchunk", &Loader::last_number},
    {"nextsession", &Loader::last_number},
    {"allSessions", &Loader::expiries},
    {"sessionInfos", &Loader::session_infos},
    {"delfiles", &Loader::deleted_files},
    {"detachedNodes", &Loader::detached},
    {"sliceRef", &Loader::references},
    {"delSlices", &Loader::delayed},
    {"dirDataLength", &Loader::of_directories<DirStatsKey, &DirStatsRecord::length>},
    {"dirUsedSpace", &Loader::of_directories<DirStatsKey, &DirStatsRecord::space>},
    {"dirUsedInodes", &Loader::of_directories<DirStatsKey, &DirStatsRecord::inodes>},
    {"dirQuota", &Loader::quota_limits},
    {"dirQuotaUsedSpace", &Loader::of_directories<DirQuotaKey, &DirQuotaRecord::used_space>},
    {"dirQuotaUsedInodes", &Loader::of_directories<DirQuotaKey, &DirQuotaRecord::used_inodes>},
    {"acl", &Loader::acls},
    {"aclMaxId", &Loader::counter},
}};
const std::array<Loader::Named, 9> Loader::kNumbered = {{
    {"i", &Loader::inode},
    {"d", &Loader::directory},
    {"p", &Loader::parents},
    {"c", &Loader::chunk},
    {"s", &Loader::symlink},
    {"x", &Loader::xattrs},
    {"lockf", &Loader::flocks},
    {"lockp", &Loader::posix_locks},
    {"session", &Loader::sustained},
}};

/// A key without a cluster's prefix.
std::string_view plain_key(std::string_view key) {
  const std::size_t end = key.find('}');
  return key.starts_with('{') && end != std::string_view::npos ? key.substr(end + 1) : key;
}

}  // namespace

Result<void> load_redis_dump(std::string_view text, MemoryStore& store) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return damaged("not a JSON object of the keys of a Redis volume");
  Loader loader(store);
  for (const auto& [key, value] : document.items()) {
    const Result<void> loaded = loader.load(plain_key(key), Value(value));
    if (!loaded) return Error(loaded.code(), fmt::format("key \"{}\": {}", key, loaded.error().text()));
  }
  TRY(const std::optional<Record> setting, store.get(Key(SettingKey{})));
  if (!setting) return damaged("there is no key \"setting\": not the keys of a volume");
  return {};
}

}  // namespace headrace::records
