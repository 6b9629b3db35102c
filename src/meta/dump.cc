// SPDX-License-Identifier: Apache-2.0
// The tree is walked with a stack of its own, in the order in which it is written.
#include "meta/dump.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <deque>
#include <vector>

#include <nlohmann/json.hpp>

#include "meta/backup_names.h"
#include "meta/dump_text.h"
#include "meta/volume.h"

namespace headrace::meta {
namespace {

using nlohmann::ordered_json;
using records::EntriesOf;
using records::EntryKey;
using records::EntryRecord;
using records::InodeKey;
using records::Item;
using records::RecordTxn;
using records::SliceList;
using records::SlicesKey;
using records::Whole;
using records::WholeVolume;

constexpr std::size_t kPieceBytes = 128 << 10;
constexpr std::size_t kRowsAtOnce = 512, kRowsFarDown = 16, kFarDown = 32;
constexpr std::size_t kListsAtOnce = 64, kXattrsMax = 1 << 16;

/// Collects text, and hands it on in pieces. What is counted makes the digest.
class Writer {
 public:
  explicit Writer(DumpSink sink) : sink_(sink), state_(XXH3_createState()) { XXH3_64bits_reset(state_); }
  ~Writer() { XXH3_freeState(state_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void add(std::string_view text) {
    count(text);
    add_uncounted(text);
  }
  void count(std::string_view text) { XXH3_64bits_update(state_, text.data(), text.size()); }
  void add_uncounted(std::string_view text) { pending_ += text; }
  Result<void> flush_if_full() { return pending_.size() < kPieceBytes ? Result<void>() : flush(); }
  Result<void> flush() {
    bytes_ += pending_.size();
    const Result<void> taken = pending_.empty() ? Result<void>() : sink_(pending_);
    pending_.clear();
    return taken;
  }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t digest() const { return XXH3_64bits_digest(state_); }

 private:
  DumpSink sink_;
  XXH3_state_t* const state_;
  std::string pending_;
  std::uint64_t bytes_ = 0;
};

std::string attr_text(Ino ino, const Attr& attr) {
  std::string out = fmt::format("\"attr\": {{\"inode\":{}", ino.value());
  const auto optional = [&out](const char* name, auto value) {
    if (value != 0) out += fmt::format(",\"{}\":{}", name, value);
  };
  optional("flags", static_cast<unsigned>(attr.flags));
  out += fmt::format(",\"type\":\"{}\",\"mode\":{},\"uid\":{},\"gid\":{},\"atime\":{},\"mtime\":{},\"ctime\":{}",
                     dump_name_of(attr.type), attr.mode, attr.uid, attr.gid, attr.atime.seconds, attr.mtime.seconds,
                     attr.ctime.seconds);
  optional("atimensec", attr.atime.nanoseconds);
  optional("mtimensec", attr.mtime.nanoseconds);
  optional("ctimensec", attr.ctime.nanoseconds);
  out += fmt::format(",\"nlink\":{},\"length\":{}", attr.nlink, attr.type == FileType::kRegular ? attr.length : 0);
  optional("rdev", attr.rdev);
  optional("tier", static_cast<unsigned>(attr.tier));
  return out + "}";
}

std::string list_text(ChunkIndex chunk, const SliceList& list) {
  std::string out = fmt::format("{{\"index\":{},\"slices\":[", chunk.value());
  for (const records::Slice& slice : list) {
    if (&slice != &list.front()) out += ',';
    out += fmt::format("{{\"id\":{}", slice.id.value());
    if (slice.pos != 0) out += fmt::format(",\"pos\":{}", slice.pos);
    out += fmt::format(",\"size\":{}", slice.size);
    if (slice.off != 0) out += fmt::format(",\"off\":{}", slice.off);
    out += fmt::format(",\"len\":{}}}", slice.len);
  }
  return out + "]}";
}

std::string acl_list_text(const std::vector<std::pair<std::uint32_t, std::uint16_t>>& list) {
  if (list.empty()) return "null";
  std::string out = "[";
  for (const auto& [id, permissions] : list)
    out += fmt::format("{}{{\"id\":{},\"perm\":{}}}", out.size() > 1 ? "," : "", id, permissions);
  return out + "]";
}

std::string acl_text(const records::AclRecord& acl) {
  return fmt::format("{{\"owner\":{},\"group\":{},\"other\":{},\"mask\":{},\"users\":{},\"groups\":{}}}", acl.owner,
                     acl.group, acl.other, acl.mask, acl_list_text(acl.users), acl_list_text(acl.groups));
}

/// A member of the document that is small, in the look of the rest.
std::string member_text(const std::string& name, const ordered_json& value) {
  const std::string flat = with_go_escapes(value.dump(2, ' ', false, ordered_json::error_handler_t::replace));
  std::string out = fmt::format("  \"{}\": ", name);
  for (const char c : flat) {
    out += c;
    if (c == '\n') out += "  ";
  }
  return out + ",\n";
}

/// The directory that is being written.
struct Level {
  Ino ino;
  std::string after;      // the name written last
  std::deque<Item> rows;  // names and inodes that come next
  bool is_last_page = false;
  bool is_empty = true;  // nothing is written yet
};

class TreeDump {
 public:
  TreeDump(const Scope& scope, const Clock& clock, RecordTxn& txn, Writer& writer, DumpSummary& summary)
      : scope_(scope), clock_(clock), txn_(txn), writer_(writer), summary_(summary) {}

  /// `"NAME": {…}` without what follows.
  Result<void> write_root(const std::string& name, Ino ino, const Attr& attr) {
    writer_.add(fmt::format("  \"{}\": {{\n", name));
    TRY_OK(begin_entry(ino, attr));
    while (!levels_.empty()) TRY_OK(step());
    return {};
  }

 private:
  std::string indent(std::size_t more = 0) const { return std::string(2 + 4 * levels_.size() + more, ' '); }

  /// Everything of an entry up to what a directory holds; a directory becomes the innermost level.
  Result<void> begin_entry(Ino ino, const Attr& attr) {
    ++summary_.inodes;
    const std::string space = indent(2);
    writer_.add(space + attr_text(ino, attr));
    if (attr.type == FileType::kSymlink) {
      TRY(const auto target, records::get(txn_, records::SymlinkKey{ino}));
      writer_.add(fmt::format(",\n{}\"symlink\": \"{}\"", space, target ? escape_bytes(target->target) : ""));
    }
    TRY_OK(write_xattrs(ino, space));
    TRY_OK(write_acl("posix_acl_access", attr.access_acl, space));
    TRY_OK(write_acl("posix_acl_default", attr.default_acl, space));
    if (attr.type == FileType::kRegular) TRY_OK(write_chunks(ino, space));
    if (attr.type == FileType::kDirectory) {
      writer_.add(fmt::format(",\n{}\"entries\": {{\n", space));
      levels_.push_back({ino, {}, {}, false, true});
    } else {
      writer_.add("\n");
    }
    return writer_.flush_if_full();
  }

  Result<void> write_xattrs(Ino ino, const std::string& space) {
    TRY(const std::vector<Item> xattrs, txn_.scan(records::XattrsOf{ino}, kXattrsMax));
    if (xattrs.empty()) return {};
    std::string all, counted;
    for (const Item& item : xattrs) {
      const std::string& name = std::get<records::XattrKey>(item.key).name;
      const std::string text =
          fmt::format("{{\"name\":{},\"value\":{}}}", json_string(name),
                      json_string(escape_bytes(std::get<records::XattrRecord>(item.record).value)));
      all += (all.empty() ? "" : ",") + text;
      if (ino != kRootIno || name != kLastBackupXattr) counted += text;
    }
    writer_.add_uncounted(fmt::format(",\n{}\"xattrs\": [{}]", space, all));
    writer_.count(counted);
    return {};
  }

  Result<void> write_acl(const char* name, std::uint32_t id, const std::string& space) {
    if (id == 0) return {};
    TRY(const auto acl, records::get(txn_, records::AclKey{id}));
    if (acl) writer_.add(fmt::format(",\n{}\"{}\": {}", space, name, acl_text(*acl)));
    return {};
  }

  Result<void> write_chunks(Ino ino, const std::string& space) {
    std::uint64_t next = 0, written = 0;
    std::string first;
    for (;;) {
      TRY(const std::vector<Item> lists,
          txn_.scan(records::SlicesOf{ino, ChunkIndex{static_cast<std::uint32_t>(next)}}, kListsAtOnce));
      for (const Item& item : lists) {
        const ChunkIndex chunk = std::get<SlicesKey>(item.key).chunk;
        next = std::uint64_t{chunk.value()} + 1;
        std::string text = list_text(chunk, std::get<SliceList>(item.record));
        if (written == 0) {
          first = std::move(text);
        } else {
          // The first is written when it is known whether it is alone.
          if (written == 1) writer_.add(fmt::format(",\n{}\"chunks\": [\n{}  {}", space, space, first));
          writer_.add(fmt::format(",\n{}  {}", space, text));
          TRY_OK(writer_.flush_if_full());
        }
        ++written;
      }
      if (lists.size() < kListsAtOnce || next > 0xFFFFFFFFu) break;
    }
    if (written == 1) writer_.add(fmt::format(",\n{}\"chunks\": [{}]", space, first));
    if (written > 1) writer_.add(fmt::format("\n{}]", space));
    return {};
  }

  /// The next entry of the innermost directory, or its end.
  Result<void> step() {
    Level& level = levels_.back();
    if (level.rows.empty() && !level.is_last_page) TRY_OK(load_rows(level));
    if (level.rows.empty()) return end_level();
    const Item name = std::move(level.rows.front());
    level.rows.pop_front();
    const auto& entry = std::get<EntryRecord>(name.record);
    level.after = std::get<EntryKey>(name.key).name;
    const bool has_inode = !level.rows.empty() && std::holds_alternative<InodeKey>(level.rows.front().key);
    if (!has_inode) {
      ++summary_.left_out;
      return {};
    }
    const Attr attr = std::get<Attr>(level.rows.front().record);
    level.rows.pop_front();
    writer_.add(level.is_empty ? "" : ",\n");
    level.is_empty = false;
    writer_.add(fmt::format("{}\"{}\": {{\n", indent(), escape_bytes(level.after)));
    const std::size_t depth = levels_.size();
    TRY_OK(begin_entry(entry.ino, attr));
    if (levels_.size() == depth) writer_.add(indent() + "}");
    return {};
  }

  Result<void> load_rows(Level& level) {
    if (scope_.stop.stop_requested()) return Code::kInterrupted;
    if (clock_.now() >= scope_.deadline) return Error(Code::kTimedOut, "the dump takes longer than it may");
    const std::size_t limit = levels_.size() > kFarDown ? kRowsFarDown : kRowsAtOnce;
    TRY(std::vector<Item> rows, txn_.scan(EntriesOf{level.ino, level.after, true}, limit));
    std::size_t names = 0;
    for (const Item& row : rows) names += std::holds_alternative<EntryKey>(row.key) ? 1 : 0;
    level.is_last_page = names < limit;
    level.rows.assign(std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
    return {};
  }

  Result<void> end_level() {
    const bool was_empty = levels_.back().is_empty;
    levels_.pop_back();
    writer_.add(fmt::format("{}{}}}\n{}}}", was_empty ? "" : "\n", indent(2), indent()));
    return writer_.flush_if_full();
  }

  const Scope& scope_;
  const Clock& clock_;
  RecordTxn& txn_;
  Writer& writer_;
  DumpSummary& summary_;
  std::vector<Level> levels_;
};

Result<std::string> setting_text(RecordTxn& txn, const DumpOptions& options, bool& has_user_quotas) {
  TRY(const auto stored, records::get(txn, records::SettingKey{}));
  if (!stored) return Error(Code::kNotFound, "there is no volume in this metadata");
  TRY(const VolumeFormat format, parse_format(stored->json));
  has_user_quotas = format.user_group_quota;
  ordered_json setting = ordered_json::parse(stored->json, nullptr, false);
  for (const char* secret : {"SecretKey", "SessionToken"}) {
    if (!options.keep_secret_key && setting.contains(secret) && setting[secret] != "") setting[secret] = "removed";
  }
  return member_text("Setting", setting);
}

Result<std::string> counters_text(RecordTxn& txn) {
  ordered_json counters = ordered_json::object();
  constexpr std::pair<const char*, const char*> kNames[] = {
      {"usedSpace", "usedSpace"}, {"usedInodes", "totalInodes"},  {"nextInodes", "nextInode"},
      {"nextChunk", "nextChunk"}, {"nextSession", "nextSession"}, {"nextTrash", "nextTrash"}};
  for (const auto& [shown, stored] : kNames) {
    TRY(const auto value, records::get(txn, records::CounterKey{stored}));
    counters[shown] = value.value_or(0);
  }
  return member_text("Counters", counters);
}

/// Calls visit(item) for every record of a kind.
template <class Visit>
Result<void> each(RecordTxn& txn, Whole what, auto number_of, Visit visit) {
  std::uint64_t after = 0;
  for (;;) {
    TRY(const std::vector<Item> page, txn.scan(WholeVolume{what, after}, kRowsAtOnce));
    if (page.empty()) return {};
    for (const Item& item : page) visit(item);
    after = number_of(page.back());
  }
}

Result<std::string> sustained_text(RecordTxn& txn) {
  ordered_json sessions = ordered_json::array();
  const auto number_of = [](const Item& item) { return std::get<records::SustainedKey>(item.key).session.value(); };
  TRY_OK(each(txn, Whole::kSustained, number_of, [&](const Item& item) {
    const auto& key = std::get<records::SustainedKey>(item.key);
    if (sessions.empty() || sessions.back()["sid"] != key.session.value())
      sessions.push_back({{"sid", key.session.value()}, {"inodes", ordered_json::array()}});
    sessions.back()["inodes"].push_back(key.ino.value());
  }));
  return member_text("Sustained", sessions);
}

Result<std::string> deleted_text(RecordTxn& txn) {
  ordered_json files = ordered_json::array();
  const auto number_of = [](const Item& item) { return std::get<records::DeletedFileKey>(item.key).ino.value(); };
  TRY_OK(each(txn, Whole::kDeletedFiles, number_of, [&](const Item& item) {
    const auto& file = std::get<records::DeletedFileRecord>(item.record);
    files.push_back({{"inode", number_of(item)}, {"length", file.length}, {"expire", file.deleted_seconds}});
  }));
  return member_text("DelFiles", files);
}

Result<std::string> quotas_text(RecordTxn& txn) {
  ordered_json quotas = ordered_json::object();
  const auto number_of = [](const Item& item) { return std::get<records::DirQuotaKey>(item.key).ino.value(); };
  TRY_OK(each(txn, Whole::kDirQuotas, number_of, [&](const Item& item) {
    const auto& quota = std::get<records::DirQuotaRecord>(item.record);
    if (quota.space_max == -1 && quota.inodes_max == -1) return;
    quotas[std::to_string(number_of(item))] = {{"maxSpace", quota.space_max}, {"maxInodes", quota.inodes_max}};
  }));
  return quotas.empty() ? std::string() : member_text("Quotas", quotas);
}

/// The real client shows such a trash where there is none.
Attr no_trash() {
  Attr attr;
  attr.type = FileType::kDirectory;
  attr.nlink = 2;
  return attr;
}

Result<void> dump(const Scope& scope, const Clock& clock, RecordTxn& txn, const DumpOptions& options, Writer& writer,
                  DumpSummary& summary) {
  bool has_user_quotas = false;
  TRY(const std::string setting, setting_text(txn, options, has_user_quotas));
  if (has_user_quotas) {
    return Error(Code::kNotSupported,
                 "the volume has user and group quotas, which this version cannot dump: use `juicefs dump`");
  }
  TRY(const std::string counters, counters_text(txn));
  TRY(const std::string sustained, sustained_text(txn));
  TRY(const std::string deleted, deleted_text(txn));
  TRY(const std::string quotas, quotas_text(txn));
  writer.add_uncounted("{\n");
  writer.add(setting);
  writer.add_uncounted(counters);  // sessions, and numbers taken ahead of need
  writer.add_uncounted(sustained);
  writer.add(deleted);
  writer.add(quotas);
  TreeDump tree(scope, clock, txn, writer, summary);
  TRY(const std::optional<Attr> root, records::get(txn, InodeKey{kRootIno}));
  if (!root) return Error(Code::kDamaged, "the volume has no root directory");
  TRY_OK(tree.write_root("FSTree", kRootIno, *root));
  if (!options.skip_trash) {
    writer.add(",\n");
    TRY(const std::optional<Attr> trash, records::get(txn, InodeKey{kTrashRoot}));
    TRY_OK(tree.write_root("Trash", kTrashRoot, trash.value_or(no_trash())));
  }
  writer.add("\n}\n");
  return writer.flush();
}

}  // namespace

Result<DumpSummary> dump_volume(const Scope& scope, records::RecordEngine& engine, const Clock& clock,
                                const DumpOptions& options, DumpSink sink) {
  DumpSummary summary;
  Writer writer(sink);
  bool has_run = false;
  TRY_OK(engine.read(scope, {}, [&](RecordTxn& txn) -> Result<void> {
    if (has_run) return Error(Code::kConflict, "the state that was being dumped is gone");
    has_run = true;
    return dump(scope, clock, txn, options, writer, summary);
  }));
  summary.bytes = writer.bytes();
  summary.digest = writer.digest();
  return summary;
}

}  // namespace headrace::meta
