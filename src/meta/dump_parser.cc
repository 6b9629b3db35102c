// SPDX-License-Identifier: Apache-2.0
// Events of a JSON parser. The skeleton (top, entries) is followed with a stack; every other value is small and built
// whole.
#include "meta/dump_parser.h"

#include <fmt/format.h>

#include <charconv>
#include <istream>
#include <limits>

#include <nlohmann/json.hpp>

#include "meta/dump_text.h"

namespace headrace::meta {
namespace {

using nlohmann::ordered_json;

Error damaged(std::string what) { return {Code::kDamaged, std::move(what)}; }

/// A number of an object's member; absent: `fallback`.
template <class T>
Result<T> number(const ordered_json& object, const char* name, std::optional<T> fallback = T{}) {
  const auto found = object.find(name);
  if (found == object.end()) {
    if (fallback) return *fallback;
    return damaged(fmt::format("\"{}\" is missing", name));
  }
  if (found->is_number_unsigned()) {
    const auto value = found->get<std::uint64_t>();
    if (value <= static_cast<std::uint64_t>(std::numeric_limits<T>::max())) return static_cast<T>(value);
  } else if (found->is_number_integer() && std::numeric_limits<T>::is_signed) {
    const auto value = found->get<std::int64_t>();
    if (value >= static_cast<std::int64_t>(std::numeric_limits<T>::min())) return static_cast<T>(value);
  }
  return damaged(fmt::format("\"{}\" is no number that it could be", name));
}

/// kDamaged: 0, which no file has.
Result<Ino> inode_number(const ordered_json& object) {
  TRY(const auto ino, number<std::uint64_t>(object, "inode", std::nullopt));
  if (ino == 0) return damaged("\"inode\" is 0, which no file has");
  return Ino{ino};
}

Result<std::string> text(const ordered_json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return damaged(fmt::format("\"{}\" is no text", name));
  return found->get<std::string>();
}

Result<Timestamp> time_of(const ordered_json& attr, const char* seconds, const char* nanoseconds) {
  Timestamp time;
  TRY(time.seconds, number<std::int64_t>(attr, seconds));
  TRY(time.nanoseconds, number<std::uint32_t>(attr, nanoseconds));
  if (time.nanoseconds >= 1'000'000'000) return damaged(fmt::format("\"{}\" is more than a second", nanoseconds));
  return time;
}

Result<void> take_attr(const ordered_json& value, DumpedEntry& entry) {
  if (!value.is_object()) return damaged("\"attr\" is no object");
  TRY(entry.ino, inode_number(value));
  Attr& attr = entry.attr;
  TRY(const std::string type, text(value, "type"));
  TRY(attr.type, type_of_dump_name(type));
  TRY(attr.flags, number<std::uint8_t>(value, "flags"));
  TRY(const auto mode, number<std::uint16_t>(value, "mode"));
  attr.mode = mode & 0xFFF;
  TRY(attr.uid, number<std::uint32_t>(value, "uid"));
  TRY(attr.gid, number<std::uint32_t>(value, "gid"));
  TRY(attr.atime, time_of(value, "atime", "atimensec"));
  TRY(attr.mtime, time_of(value, "mtime", "mtimensec"));
  TRY(attr.ctime, time_of(value, "ctime", "ctimensec"));
  TRY(attr.nlink, number<std::uint32_t>(value, "nlink"));
  TRY(attr.length, number<std::uint64_t>(value, "length"));
  TRY(attr.rdev, number<std::uint32_t>(value, "rdev"));
  TRY(attr.tier, number<std::uint8_t>(value, "tier"));
  if (attr.length > kFileBytesMax) return damaged("\"length\" is beyond what a file can have");
  return {};
}

Result<void> take_xattrs(const ordered_json& value, DumpedEntry& entry) {
  if (!value.is_array()) return damaged("\"xattrs\" is no list");
  for (const ordered_json& one : value) {
    if (!one.is_object()) return damaged("an extended attribute is no object");
    TRY(std::string name, text(one, "name"));
    TRY(const std::string bytes, text(one, "value"));
    entry.xattrs.emplace_back(std::move(name), unescape_bytes(bytes));
  }
  return {};
}

Result<std::vector<std::pair<std::uint32_t, std::uint16_t>>> acl_list(const ordered_json& acl, const char* name) {
  std::vector<std::pair<std::uint32_t, std::uint16_t>> list;
  const auto found = acl.find(name);
  if (found == acl.end() || found->is_null()) return list;
  if (!found->is_array()) return damaged(fmt::format("\"{}\" of an ACL is no list", name));
  for (const ordered_json& one : *found) {
    if (!one.is_object()) return damaged("a rule of an ACL is no object");
    TRY(const auto id, number<std::uint32_t>(one, "id"));
    TRY(const auto permissions, number<std::uint16_t>(one, "perm"));
    list.emplace_back(id, permissions);
  }
  return list;
}

Result<std::optional<records::AclRecord>> acl_of(const ordered_json& value) {
  if (!value.is_object()) return damaged("an ACL is no object");
  records::AclRecord acl;
  TRY(acl.owner, number<std::uint16_t>(value, "owner"));
  TRY(acl.group, number<std::uint16_t>(value, "group"));
  TRY(acl.mask, number<std::uint16_t>(value, "mask"));
  TRY(acl.other, number<std::uint16_t>(value, "other"));
  TRY(acl.users, acl_list(value, "users"));
  TRY(acl.groups, acl_list(value, "groups"));
  return std::optional(std::move(acl));
}

Result<records::Slice> slice_of(const ordered_json& value) {
  if (!value.is_object()) return damaged("a slice is no object");
  records::Slice slice;
  TRY(auto id, number<std::uint64_t>(value, "id"));
  if (id == 0) {
    TRY(id, number<std::uint64_t>(value, "chunkid"));
  }  // its old spelling
  slice.id = SliceId{id};
  TRY(slice.pos, number<std::uint32_t>(value, "pos"));
  TRY(slice.size, number<std::uint32_t>(value, "size"));
  TRY(slice.off, number<std::uint32_t>(value, "off"));
  TRY(slice.len, number<std::uint32_t>(value, "len"));
  return slice;
}

Result<void> take_chunks(const ordered_json& value, DumpedEntry& entry) {
  if (!value.is_array()) return damaged("\"chunks\" is no list");
  for (const ordered_json& one : value) {
    if (!one.is_object()) return damaged("a chunk is no object");
    TRY(const auto index, number<std::uint32_t>(one, "index"));
    const auto slices = one.find("slices");
    records::SliceList list;
    if (slices != one.end() && !slices->is_null()) {
      if (!slices->is_array()) return damaged("\"slices\" is no list");
      for (const ordered_json& piece : *slices) {
        TRY(const records::Slice slice, slice_of(piece));
        list.push_back(slice);
      }
    }
    if (!list.empty()) entry.chunks.emplace_back(ChunkIndex{index}, std::move(list));
  }
  return {};
}

/// Builds one small value out of the parser's events.
class ValueBuilder {
 public:
  bool is_open() const { return !open_.empty(); }
  void begin(ordered_json container) {
    ordered_json* const at = add(std::move(container));
    open_.push_back(at);
  }
  void set_key(std::string key) { key_ = std::move(key); }
  /// Puts a value where it belongs; the answer stays where it is until its container ends.
  ordered_json* add(ordered_json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    ordered_json& container = *open_.back();
    if (container.is_array()) {
      container.push_back(std::move(value));
      return &container.back();
    }
    return &(container[std::move(key_)] = std::move(value));
  }
  /// True: the value is whole.
  bool end() {
    open_.pop_back();
    return open_.empty();
  }
  ordered_json take() { return std::exchange(root_, ordered_json()); }

 private:
  ordered_json root_;
  std::vector<ordered_json*> open_;
  std::string key_;
};

class Parser final : public nlohmann::json_sax<ordered_json> {
 public:
  explicit Parser(DumpVisitor& visitor) : visitor_(visitor) {}
  Result<void> outcome() {
    if (outcome_ && !has_ended_) return damaged("the dump ends too early");
    if (outcome_ && !has_tree_) return damaged("there is no \"FSTree\"");
    return outcome_;
  }

  bool null() override { return scalar(nullptr); }
  bool boolean(bool value) override { return scalar(value); }
  bool number_integer(number_integer_t value) override { return scalar(value); }
  bool number_unsigned(number_unsigned_t value) override { return scalar(value); }
  bool number_float(number_float_t value, const string_t&) override { return scalar(value); }
  bool string(string_t& value) override { return scalar(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool key(string_t& name) override {
    if (value_.is_open())
      value_.set_key(std::move(name));
    else
      levels_.back().key = std::move(name);
    return true;
  }
  bool start_array(std::size_t) override {
    if (!value_.is_open() && !takes_values()) return fail(damaged("a list stands where none can be"));
    value_.begin(ordered_json::array());
    return true;
  }
  bool end_array() override { return !value_.end() || keep(take_value(value_.take())); }
  bool start_object(std::size_t) override {
    if (value_.is_open()) {
      value_.begin(ordered_json::object());
      return true;
    }
    return keep(begin_object());
  }
  bool end_object() override {
    if (value_.is_open()) return !value_.end() || keep(take_value(value_.take()));
    return keep(end_level());
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return fail(damaged(fmt::format("no JSON at byte {}", position)));
  }

 private:
  enum class Where { kTop, kEntry, kEntries };
  struct Level {
    Where where = Where::kTop;
    std::string key;    // of the member that comes next
    DumpedEntry entry;  // kEntry
    bool has_attr = false, is_told = false, is_directory = false;
  };

  bool fail(Error error) {
    if (outcome_) outcome_ = std::move(error);
    return false;
  }
  bool keep(Result<void> result) { return result ? true : fail(result.error()); }
  bool takes_values() const { return !levels_.empty() && levels_.back().where != Where::kEntries; }
  bool scalar(ordered_json value) {
    if (value_.is_open()) {
      value_.add(std::move(value));
      return true;
    }
    if (!takes_values()) return fail(damaged("a value stands where an object must be"));
    return keep(take_value(value));
  }

  Result<void> begin_object() {
    if (levels_.empty()) {
      levels_.push_back({});
      return {};
    }
    Level& level = levels_.back();
    const bool is_root = level.where == Where::kTop && (level.key == "FSTree" || level.key == "Trash");
    if (is_root || level.where == Where::kEntries) {
      std::string name = is_root ? std::string() : unescape_bytes(level.key);
      Level entry;
      entry.where = Where::kEntry;
      entry.entry.name = std::move(name);
      levels_.push_back(std::move(entry));
      return {};
    }
    if (level.where == Where::kEntry && level.key == "entries") {
      TRY_OK(tell(level));
      if (!level.is_directory) return damaged("something that is no directory has entries");
      Level entries;
      entries.where = Where::kEntries;
      levels_.push_back(std::move(entries));
      return {};
    }
    value_.begin(ordered_json::object());
    return {};
  }

  Result<void> end_level() {
    Level& level = levels_.back();
    if (level.where == Where::kEntry) {
      if (!level.is_told) TRY_OK(tell(level));
      if (level.is_directory) TRY_OK(visitor_.on_directory_end());
    }
    levels_.pop_back();
    has_ended_ = levels_.empty();
    return {};
  }

  /// All of an entry but what it holds is known.
  Result<void> tell(Level& level) {
    if (level.is_told) return damaged("a directory has entries twice");
    if (!level.has_attr)
      return damaged(fmt::format("\"{}\" has no \"attr\" before its entries", escape_bytes(level.entry.name)));
    level.is_told = true;
    level.is_directory = level.entry.attr.type == FileType::kDirectory;
    if (levels_.size() > 2) return visitor_.on_entry(std::exchange(level.entry, {}));
    const bool is_trash = levels_.front().key == "Trash";
    has_tree_ |= !is_trash;
    if (!level.is_directory) return damaged("a root is no directory");
    return visitor_.on_root(std::exchange(level.entry, {}), is_trash);
  }

  Result<void> take_value(const ordered_json& value) {
    Level& level = levels_.back();
    if (level.where == Where::kTop) return take_member(level.key, value);
    if (level.is_told) return damaged(fmt::format("\"{}\" comes after the entries of its directory", level.key));
    const Result<void> taken = take_of_entry(level, value);
    if (!taken)
      return Error(taken.code(), fmt::format("entry \"{}\": {}", escape_bytes(level.entry.name), taken.error().text()));
    return {};
  }

  Result<void> take_of_entry(Level& level, const ordered_json& value) {
    DumpedEntry& entry = level.entry;
    if (level.key == "attr") {
      level.has_attr = true;
      return take_attr(value, entry);
    }
    if (level.key == "symlink") {
      if (!value.is_string()) return damaged("\"symlink\" is no text");
      entry.target = unescape_bytes(value.get_ref<const std::string&>());
      return {};
    }
    if (level.key == "xattrs") return take_xattrs(value, entry);
    if (level.key == "chunks") return take_chunks(value, entry);
    if (level.key == "entries") return damaged("\"entries\" is no object");
    if (level.key == "posix_acl_access" || level.key == "posix_acl_default") {
      TRY(auto acl, acl_of(value));
      (level.key == "posix_acl_access" ? entry.access_acl : entry.default_acl) = std::move(acl);
    }
    return {};
  }

  Result<void> take_member(const std::string& name, const ordered_json& value) {
    if (name == "Setting") {
      if (!value.is_object()) return damaged("\"Setting\" is no object");
      return visitor_.on_setting(value.dump());
    }
    if (name == "Counters") {
      if (!value.is_object()) return damaged("\"Counters\" is no object");
      for (const auto& [counter, unused] : value.items()) {
        TRY(const auto count, number<std::int64_t>(value, counter.c_str()));
        TRY_OK(visitor_.on_counter(counter, count));
      }
      return {};
    }
    if (name == "DelFiles") return take_deleted_files(value);
    if (name == "Quotas") return take_quotas(value);
    if ((name == "UserQuotas" || name == "GroupQuotas") && !value.empty()) {
      return Error(
          Code::kNotSupported,
          "the dump has limits for users or groups, which this version does not keep: load it with `juicefs load`");
    }
    if (name == "FSTree" || name == "Trash") return damaged(fmt::format("\"{}\" is no object", name));
    return {};  // sessions are over, and what is new is not known
  }

  Result<void> take_deleted_files(const ordered_json& value) {
    if (value.is_null()) return {};
    if (!value.is_array()) return damaged("\"DelFiles\" is no list");
    for (const ordered_json& file : value) {
      if (!file.is_object()) return damaged("a deleted file is no object");
      TRY(const Ino ino, inode_number(file));
      TRY(const auto length, number<std::uint64_t>(file, "length"));
      TRY(const auto seconds, number<std::int64_t>(file, "expire"));
      TRY_OK(visitor_.on_deleted_file(ino, {length, seconds}));
    }
    return {};
  }

  Result<void> take_quotas(const ordered_json& value) {
    if (value.is_null()) return {};
    if (!value.is_object()) return damaged("\"Quotas\" is no object");
    for (const auto& [name, quota] : value.items()) {
      std::uint64_t ino = 0;
      const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), ino);
      if (error != std::errc() || end != name.data() + name.size() || ino == 0 || !quota.is_object())
        return damaged(fmt::format("quota \"{}\" is of no directory", name));
      TRY(const auto space, number<std::int64_t>(quota, "maxSpace"));
      TRY(const auto inodes, number<std::int64_t>(quota, "maxInodes"));
      TRY_OK(visitor_.on_quota(Ino{ino}, space, inodes));
    }
    return {};
  }

  DumpVisitor& visitor_;
  std::vector<Level> levels_;
  ValueBuilder value_;
  Result<void> outcome_;
  bool has_ended_ = false, has_tree_ = false;
};

}  // namespace

Result<void> parse_dump(std::istream& in, DumpVisitor& visitor) {
  Parser parser(visitor);
  (void)ordered_json::sax_parse(in, &parser);
  return parser.outcome();
}

}  // namespace headrace::meta
