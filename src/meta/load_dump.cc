// SPDX-License-Identifier: Apache-2.0
// Records by the thousand; a directory's own record when its last entry is known.
#include "meta/load_dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <bitset>
#include <map>
#include <set>
#include <unordered_map>

#include "meta/dump_parser.h"
#include "meta/dump_text.h"
#include "meta/ops/account.h"
#include "meta/ops/trash.h"
#include "meta/overlay.h"
#include "meta/volume.h"
#include "records/codec.h"

namespace headrace::meta {
namespace {

using records::Commit;
using records::CounterKey;
using records::DirQuotaRecord;
using records::DirStatsRecord;
using records::EntryKey;
using records::InodeKey;
using records::Key;
using records::Record;
using records::RecordTxn;

constexpr std::size_t kRecordsAtOnce = 2000;

Error damaged(std::string what) { return {Code::kDamaged, std::move(what)}; }

/// Which inodes have been met: a bit each, in pieces, since numbers lie close together.
class SeenInodes {
 public:
  /// Whether it is the first time.
  bool add(Ino ino) {
    auto bit = pieces_[ino.value() / kBits][ino.value() % kBits];
    const bool is_first = !bit;
    bit = true;
    return is_first;
  }

 private:
  static constexpr std::size_t kBits = 1024;
  std::unordered_map<std::uint64_t, std::bitset<kBits>> pieces_;
};

/// Writes many records in few commits.
class RecordWriter {
 public:
  RecordWriter(const Scope& scope, records::RecordEngine& engine) : scope_(scope), engine_(engine) {}

  template <class K>
  void put(K key, typename K::Record record) {
    puts_.push_back({Key(std::move(key)), Record(std::move(record))});
  }
  void add_reference(records::SliceRefKey slice) { references_.push_back(slice); }
  Result<void> flush_if_full() {
    return puts_.size() + references_.size() < kRecordsAtOnce ? Result<void>() : flush(Commit::kVisible);
  }
  Result<void> flush(Commit commit) {
    TRY_OK(engine_.run(scope_, commit, {}, [this](RecordTxn& txn) -> Result<void> {
      for (const records::Item& item : puts_) txn.put(item.key, item.record);
      for (const records::SliceRefKey& slice : references_) records::add(txn, slice, 1);
      return {};
    }));
    puts_.clear();
    references_.clear();
    return {};
  }

 private:
  const Scope& scope_;
  records::RecordEngine& engine_;
  std::vector<records::Item> puts_;
  std::vector<records::SliceRefKey> references_;
};

struct Limits {
  std::int64_t space_max = -1, inodes_max = -1;
};

/// A directory whose entries are being met.
struct Level {
  Ino ino;
  Attr attr;
  DirStatsRecord children;
  std::int64_t tree_space = 0, tree_inodes = 0;  // everything below
  std::uint32_t directories = 0;
  std::string last_name;  // the greatest that was met
};

class Loader final : public DumpVisitor {
 public:
  Loader(const Scope& scope, records::RecordEngine& engine, const Clock& clock)
      : scope_(scope), engine_(engine), now_(clock.wall()), writer_(scope, engine) {}

  Result<void> on_setting(const std::string& document) override {
    TRY(summary_.format, parse_format(document));
    has_setting_ = true;
    return {};
  }
  Result<void> on_counter(std::string_view name, std::int64_t value) override {
    counters_[std::string(name)] = value;
    return {};
  }
  Result<void> on_deleted_file(Ino ino, const records::DeletedFileRecord& file) override {
    writer_.put(records::DeletedFileKey{ino}, file);
    return writer_.flush_if_full();
  }
  Result<void> on_quota(Ino ino, std::int64_t space_max, std::int64_t inodes_max) override {
    quotas_[ino] = {space_max, inodes_max};
    return {};
  }

  Result<void> on_root(DumpedEntry entry, bool is_trash) override {
    if (!has_setting_) return damaged("\"Setting\" must come before the tree");
    // What the real client shows of a volume without a trash.
    is_made_up_ = is_trash && entry.attr.mode == 0 && entry.attr.ctime == Timestamp{};
    if (is_trash && entry.ino != kTrashRoot)
      return damaged(fmt::format("the trash cannot be inode {}", entry.ino.value()));
    has_trash_ |= is_trash && !is_made_up_;
    entry.ino = is_trash ? kTrashRoot : kRootIno;
    entry.attr.parent = kRootIno;
    if (!seen_.add(entry.ino)) return damaged(is_trash ? "there are two trashes" : "there are two roots");
    return begin_directory(entry);
  }

  Result<void> on_entry(DumpedEntry entry) override {
    const Result<void> taken = take_entry(entry);
    if (!taken && taken.code() == Code::kDamaged) {
      return damaged(
          fmt::format("entry \"{}\", inode {}: {}", escape_bytes(entry.name), entry.ino.value(), taken.error().text()));
    }
    return taken;
  }

  Result<void> on_directory_end() override {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    level.attr.nlink = is_trash(level.ino) ? 2 : 2 + level.directories;
    const bool is_there = level.ino != kTrashRoot || !is_made_up_ || level.children.inodes > 0;
    if (is_there) writer_.put(InodeKey{level.ino}, level.attr);
    if (summary_.format.dir_stats && level.ino != kTrashRoot)
      writer_.put(records::DirStatsKey{level.ino}, level.children);
    if (const auto quota = quotas_.find(level.ino); quota != quotas_.end()) {
      writer_.put(records::DirQuotaKey{level.ino}, DirQuotaRecord{quota->second.space_max, quota->second.inodes_max,
                                                                  level.tree_space, level.tree_inodes});
    }
    if (!levels_.empty()) {
      levels_.back().tree_space += level.tree_space;
      levels_.back().tree_inodes += level.tree_inodes;
    }
    return writer_.flush_if_full();
  }

  Result<LoadSummary> finish() {
    TRY_OK(writer_.flush(Commit::kVisible));
    TRY_OK(write_links());
    VolumeFormat& format = summary_.format;
    if (!has_trash_ && format.trash_days > 0) writer_.put(InodeKey{kTrashRoot}, ops::new_trash_root(now_));
    write_counters();
    format.document = format_document(format);
    writer_.put(records::SettingKey{}, records::SettingRecord{format.document});
    TRY_OK(writer_.flush(Commit::kDurable));
    return std::move(summary_);
  }

 private:
  Result<void> take_entry(DumpedEntry& entry) {
    if (entry.name.empty() || entry.name.size() > kNameBytesMax || entry.name == "." || entry.name == ".." ||
        entry.name.find('/') != std::string::npos || entry.name.find('\0') != std::string::npos) {
      return damaged("no such name can be");
    }
    if (entry.ino <= kRootIno || entry.ino == kTrashRoot) return damaged("no entry can have this inode");
    const bool is_first = seen_.add(entry.ino);
    const bool is_directory = entry.attr.type == FileType::kDirectory;
    if (!is_first && is_directory) return damaged("a directory stands in two places");
    TRY_OK(check_new_name(entry.name));
    if (!is_first) TRY_OK(take_attr_of_first(entry));
    Level& parent = levels_.back();
    const ops::Usage usage = ops::usage_of(entry.attr);
    parent.children.length += usage.length;
    parent.children.space += usage.space;
    parent.children.inodes += usage.inodes;
    parent.tree_space += usage.space;
    parent.tree_inodes += usage.inodes;
    parent.directories += is_directory ? 1 : 0;
    writer_.put(EntryKey{parent.ino, entry.name}, records::EntryRecord{entry.ino, entry.attr.type});
    if (!is_first) {
      ++more_names_[entry.ino];
      return writer_.flush_if_full();
    }
    entry.attr.parent = parent.ino;
    ++summary_.inodes;
    summary_.used_bytes += space_of(entry.attr);
    if (is_trash(entry.ino))
      last_trash_ = std::max(last_trash_, entry.ino.value() - kTrashRoot.value());
    else
      last_ino_ = std::max(last_ino_, entry.ino.value());
    if (is_directory) return begin_directory(entry);
    TRY_OK(write_contents(entry));
    entry.attr.nlink = 1;
    writer_.put(InodeKey{entry.ino}, entry.attr);
    return writer_.flush_if_full();
  }

  /// An inode that stands in several places is what it was in the first.
  Result<void> take_attr_of_first(DumpedEntry& entry) {
    TRY_OK(writer_.flush(Commit::kVisible));
    TRY(std::optional<Attr> attr,
        engine_.read(scope_, {}, [&](RecordTxn& txn) { return records::get(txn, InodeKey{entry.ino}); }));
    if (!attr || attr->type != entry.attr.type)
      return damaged(fmt::format("inode {} stands there as two different things", entry.ino.value()));
    entry.attr = *std::move(attr);
    return {};
  }

  /// Names come in order; one that does not is looked up among those that came before.
  Result<void> check_new_name(const std::string& name) {
    Level& level = levels_.back();
    if (level.last_name.empty() || name > level.last_name) {
      level.last_name = name;
      return {};
    }
    TRY_OK(writer_.flush(Commit::kVisible));
    TRY(const auto there,
        engine_.read(scope_, {}, [&](RecordTxn& txn) { return records::get(txn, EntryKey{level.ino, name}); }));
    if (there) return damaged("the directory has this name twice");
    return {};
  }

  Result<void> begin_directory(DumpedEntry& entry) {
    if (!entry.chunks.empty()) return damaged("a directory has chunks");
    entry.attr.length = 4096;
    TRY_OK(write_attachments(entry));
    Level level;
    level.ino = entry.ino;
    level.attr = entry.attr;
    levels_.push_back(std::move(level));
    return writer_.flush_if_full();
  }

  Result<void> write_contents(DumpedEntry& entry) {
    if (entry.attr.type != FileType::kRegular) {
      if (!entry.chunks.empty()) return damaged("something that is no regular file has chunks");
      entry.attr.length = 0;
    }
    if (entry.attr.type == FileType::kSymlink) {
      if (entry.target.empty() || entry.target.size() >= kSymlinkBytesMax) return damaged("no target can be so long");
      entry.attr.length = entry.target.size();
      writer_.put(records::SymlinkKey{entry.ino}, records::SymlinkRecord{entry.target});
    }
    std::set<ChunkIndex> chunks;
    for (auto& [chunk, list] : entry.chunks) {
      if (!chunks.insert(chunk).second) return damaged(fmt::format("chunk {} stands there twice", chunk.value()));
      const Result<records::SliceList> pieces = visible_pieces(list);
      if (!pieces) return damaged(fmt::format("chunk {}: {}", chunk.value(), pieces.error().text()));
      for (const records::Slice& slice : list) {
        if (slice.id == SliceId{0}) continue;
        last_slice_ = std::max(last_slice_, slice.id.value());
        writer_.add_reference({slice.id, slice.size});
      }
      writer_.put(records::SlicesKey{entry.ino, chunk}, std::move(list));
      TRY_OK(writer_.flush_if_full());
    }
    return write_attachments(entry);
  }

  Result<void> write_attachments(DumpedEntry& entry) {
    for (auto& [name, value] : entry.xattrs) {
      if (name.empty() || name.size() > kXattrNameMax || value.size() > kXattrValueMax)
        return damaged("an extended attribute is too long");
      writer_.put(records::XattrKey{entry.ino, name}, records::XattrRecord{std::move(value)});
    }
    entry.attr.access_acl = number_of(entry.access_acl);
    entry.attr.default_acl = number_of(entry.default_acl);
    return {};
  }

  /// Rules that are the same share a number.
  std::uint32_t number_of(const std::optional<records::AclRecord>& acl) {
    if (!acl) return 0;
    const auto [at, is_new] =
        acls_.try_emplace(records::encode_acl(*acl), static_cast<std::uint32_t>(acls_.size() + 1));
    if (is_new) writer_.put(records::AclKey{at->second}, *acl);
    return at->second;
  }

  /// What was met more than once has several names, and no directory of its own.
  Result<void> write_links() {
    for (const auto& [ino, more] : more_names_) {
      TRY(std::optional<Attr> attr,
          engine_.read(scope_, {}, [&, number = ino](RecordTxn& txn) { return records::get(txn, InodeKey{number}); }));
      if (!attr) return damaged(fmt::format("inode {} is gone again", ino.value()));
      attr->nlink = more + 1;
      attr->parent = Ino{0};
      writer_.put(InodeKey{ino}, *attr);
      TRY_OK(writer_.flush_if_full());
    }
    return {};
  }

  std::int64_t counter(const char* name) const {
    const auto found = counters_.find(name);
    return found == counters_.end() ? 0 : std::max<std::int64_t>(found->second, 0);
  }
  void write_counters() {
    const auto next = [](std::uint64_t last) { return static_cast<std::int64_t>(last + 1); };
    writer_.put(CounterKey{"usedSpace"}, static_cast<std::int64_t>(summary_.used_bytes));
    writer_.put(CounterKey{"totalInodes"}, static_cast<std::int64_t>(summary_.inodes));
    writer_.put(CounterKey{"nextInode"}, std::max({counter("nextInodes"), next(last_ino_), std::int64_t{2}}));
    writer_.put(CounterKey{"nextChunk"},
                std::max(counter("nextChunk"), next(last_slice_)) + static_cast<std::int64_t>(kSliceNumbersPassedOver));
    writer_.put(CounterKey{"nextSession"}, counter("nextSession"));
    writer_.put(CounterKey{"nextTrash"}, std::max(counter("nextTrash"), static_cast<std::int64_t>(last_trash_)));
    writer_.put(CounterKey{"nextCleanupSlices"}, 0);
  }

  const Scope& scope_;
  records::RecordEngine& engine_;
  const Timestamp now_;
  RecordWriter writer_;
  LoadSummary summary_;
  bool has_setting_ = false, has_trash_ = false, is_made_up_ = false;
  std::map<std::string, std::int64_t> counters_;
  std::map<Ino, Limits> quotas_;
  std::map<std::string, std::uint32_t> acls_;
  std::vector<Level> levels_;
  SeenInodes seen_;
  std::map<Ino, std::uint32_t> more_names_;
  std::uint64_t last_ino_ = 1, last_slice_ = 0, last_trash_ = 0;
};

Result<void> check_empty(const Scope& scope, records::RecordEngine& engine) {
  return engine.read(scope, {}, [](RecordTxn& txn) -> Result<void> {
    TRY(const auto setting, records::get(txn, records::SettingKey{}));
    if (setting) {
      const Result<VolumeFormat> format = parse_format(setting->json);
      return Error(Code::kExists,
                   fmt::format("the metadata holds the volume \"{}\"; a dump is loaded into an empty place",
                               format ? format->name : "?"));
    }
    TRY(const auto inodes, txn.scan(records::WholeVolume{records::Whole::kInodes, 0}, 1));
    TRY(const auto counters, txn.scan(records::WholeVolume{records::Whole::kCounters, 0}, 1));
    if (!inodes.empty() || !counters.empty())
      return Error(Code::kExists, "the metadata is not empty; a dump is loaded into an empty place");
    return {};
  });
}

}  // namespace

Result<LoadSummary> load_dump(const Scope& scope, records::RecordEngine& engine, const Clock& clock,
                              std::istream& dump) {
  if (engine.traits().is_read_only) return Error(Code::kReadOnly, "this metadata can only be read");
  TRY_OK(check_empty(scope, engine));
  Loader loader(scope, engine, clock);
  TRY_OK(parse_dump(dump, loader));
  return loader.finish();
}

}  // namespace headrace::meta
