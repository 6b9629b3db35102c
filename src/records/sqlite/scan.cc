// SPDX-License-Identifier: Apache-2.0
// Records by range.
#include "records/sqlite/reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "records/range.h"
#include "records/sqlite/rows.h"
#include "records/sqlite/values.h"

namespace headrace::records {
namespace {

using Items = std::vector<Item>;

std::int64_t number(Ino ino) { return sql_integer(ino.value()); }
Ino ino_at(const Query& row, int column) { return Ino{from_sql(row.integer_at(column))}; }
SessionId session_id_at(const Query& row, int column) { return SessionId{from_sql(row.integer_at(column))}; }
LockOwner owner_at(const Query& row, int column) { return LockOwner{from_sql(row.integer_at(column))}; }
SliceId slice_id_at(const Query& row, int column) { return SliceId{from_sql(row.integer_at(column))}; }

Error named(const Error& error, const Key& key) {
  return error.code == Code::kDamaged ? Error(error.code, describe(key) + ": " + error.text()) : error;
}

/// Puts one row behind the others. A record that could not be read ends the listing with its name.
template <class R>
Result<void> keep(Items& items, Key key, R record) {
  if constexpr (requires {
                  record.has_value();
                  record.error();
                }) {
    if (!record) return named(record.error(), key);
    items.push_back({std::move(key), *std::move(record)});
  } else {
    items.push_back({std::move(key), std::move(record)});
  }
  return {};
}

/// Hands each row to `take(items, row)`.
template <class Take>
Result<Items> rows_of(Query& query, Take take) {
  Items items;
  while (true) {
    TRY(const bool has_row, query.step());
    if (!has_row) return items;
    TRY_OK(take(items, query));
  }
}

/// All rows up to `limit` for each kind of range; more than are asked for show that there are more.
struct Lister {
  Connection& db;
  std::int64_t limit;

  Result<Items> operator()(const EntriesOf& r) const {
    if (!r.with_inodes) {
      return rows_of(db.query("SELECT name,inode,type FROM $edge WHERE parent=?1 AND name>?2 ORDER BY name LIMIT ?3")
                         .integer(number(r.parent))
                         .blob(r.after)
                         .integer(limit),
                     [&r](Items& items, const Query& row) {
                       return keep(items, EntryKey{r.parent, std::string(row.bytes_at(0))}, entry_at(row, 1));
                     });
    }
    return rows_of(db.query("SELECT e.name,e.inode,e.type,n.inode," HEADRACE_NODE_COLUMNS
                            " FROM $edge e LEFT JOIN $node n ON n.inode=e.inode WHERE e.parent=?1 AND e.name>?2 ORDER "
                            "BY e.name LIMIT ?3")
                       .integer(number(r.parent))
                       .blob(r.after)
                       .integer(limit),
                   [&r](Items& items, const Query& row) -> Result<void> {
                     TRY_OK(keep(items, EntryKey{r.parent, std::string(row.bytes_at(0))}, entry_at(row, 1)));
                     if (row.is_null_at(3)) return {};
                     Result<Attr> attr = attr_at(row, 4);
                     if (attr) items.push_back({InodeKey{ino_at(row, 3)}, *attr});
                     return {};
                   });
  }
  Result<Items> operator()(const SlicesOf& r) const {
    return rows_of(
        db.query("SELECT indx,slices FROM $chunk WHERE inode=?1 AND indx BETWEEN ?2 AND ?3 ORDER BY indx LIMIT ?4")
            .integer(number(r.ino))
            .integer(r.from.value())
            .integer(r.to.value())
            .integer(limit),
        [&r](Items& items, const Query& row) {
          return keep(items, SlicesKey{r.ino, ChunkIndex{static_cast<std::uint32_t>(row.integer_at(0))}},
                      slices_at(row, 1));
        });
  }
  Result<Items> operator()(const XattrsOf& r) const {
    return rows_of(db.query("SELECT name,value FROM $xattr WHERE inode=?1 ORDER BY name LIMIT ?2")
                       .integer(number(r.ino))
                       .integer(limit),
                   [&r](Items& items, const Query& row) {
                     return keep(items, XattrKey{r.ino, std::string(row.bytes_at(0))},
                                 XattrRecord{std::string(row.bytes_at(1))});
                   });
  }
  Result<Items> operator()(const LinksTo& r) const {
    return rows_of(db.query("SELECT parent,name,inode,type FROM $edge WHERE inode=?1 ORDER BY parent,name LIMIT ?2")
                       .integer(number(r.ino))
                       .integer(limit),
                   [](Items& items, const Query& row) {
                     return keep(items, EntryKey{ino_at(row, 0), std::string(row.bytes_at(1))}, entry_at(row, 2));
                   });
  }
  // Owners are unsigned numbers in signed columns: those with the top bit come last.
  Result<Items> operator()(const FlocksOf& r) const {
    return rows_of(
        db.query("SELECT inode,sid,owner,ltype FROM $flock WHERE inode=?1 ORDER BY sid,owner<0,owner LIMIT ?2")
            .integer(number(r.ino))
            .integer(limit),
        keep_flock);
  }
  Result<Items> operator()(const PosixLocksOf& r) const {
    return rows_of(
        db.query("SELECT inode,sid,owner,records FROM $plock WHERE inode=?1 ORDER BY sid,owner<0,owner LIMIT ?2")
            .integer(number(r.ino))
            .integer(limit),
        keep_posix_lock);
  }
  Result<Items> operator()(const SustainedOf& r) const {
    return rows_of(db.query("SELECT sid,inode FROM $sustained WHERE sid=?1 ORDER BY inode LIMIT ?2")
                       .integer(sql_integer(r.session.value()))
                       .integer(limit),
                   keep_sustained);
  }
  Result<Items> operator()(const LocksHeldBy& r) const {
    TRY(Items items,
        rows_of(db.query("SELECT inode,sid,owner,ltype FROM $flock WHERE sid=?1 ORDER BY inode,owner<0,owner LIMIT ?2")
                    .integer(sql_integer(r.session.value()))
                    .integer(limit),
                keep_flock));
    TRY(const Items posix,
        rows_of(
            db.query("SELECT inode,sid,owner,records FROM $plock WHERE sid=?1 ORDER BY inode,owner<0,owner LIMIT ?2")
                .integer(sql_integer(r.session.value()))
                .integer(limit),
            keep_posix_lock));
    items.insert(items.end(), posix.begin(), posix.end());
    return items;
  }
  Result<Items> operator()(const WholeVolume& r) const {
    if (r.after_number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return Items();
    if (r.what == Whole::kCounters && r.after_number > 0) return Items();
    return whole(r.what, sql_integer(r.after_number));
  }

  static Result<void> keep_flock(Items& items, const Query& row) {
    return keep(items, FlockKey{ino_at(row, 0), session_id_at(row, 1), owner_at(row, 2)}, flock_at(row, 3));
  }
  static Result<void> keep_posix_lock(Items& items, const Query& row) {
    return keep(items, PosixLockKey{ino_at(row, 0), session_id_at(row, 1), owner_at(row, 2)}, lock_ranges_at(row, 3));
  }
  static Result<void> keep_sustained(Items& items, const Query& row) {
    return keep(items, SustainedKey{session_id_at(row, 0), ino_at(row, 1)}, SustainedRecord{});
  }
  static Result<void> keep_slice_ref(Items& items, const Query& row) {
    return keep(items, SliceRefKey{slice_id_at(row, 0), static_cast<std::uint32_t>(row.integer_at(1))},
                row.integer_at(2));
  }

  Result<Items> whole(Whole what, std::int64_t after) const;
  Result<Items> whole_of_inodes(Whole what, std::int64_t after) const;
};

Result<Items> Lister::whole(Whole what, std::int64_t after) const {
  switch (what) {
    case Whole::kSliceRefs:
      return rows_of(db.query("SELECT chunkid,size,refs FROM $chunk_ref WHERE chunkid>?1 ORDER BY chunkid LIMIT ?2")
                         .integer(after)
                         .integer(limit),
                     keep_slice_ref);
    case Whole::kPendingSliceRefs:  // few among many: by the index on refs
      return rows_of(
          db.query("SELECT chunkid,size,refs FROM $chunk_ref WHERE refs<=0 AND +chunkid>?1 ORDER BY +chunkid LIMIT ?2")
              .integer(after)
              .integer(limit),
          keep_slice_ref);
    case Whole::kDelayedSlices:
      return rows_of(
          db.query("SELECT chunkid,deleted,slices FROM $delslices WHERE chunkid>?1 ORDER BY chunkid LIMIT ?2")
              .integer(after)
              .integer(limit),
          [](Items& items, const Query& row) {
            return keep(items, DelayedSlicesKey{slice_id_at(row, 0)}, delayed_slices_at(row, 1));
          });
    case Whole::kSessions:
      return rows_of(db.query("SELECT sid,expire,info FROM $session2 WHERE sid>?1 ORDER BY sid LIMIT ?2")
                         .integer(after)
                         .integer(limit),
                     [](Items& items, const Query& row) {
                       return keep(items, SessionKey{session_id_at(row, 0)}, session_at(row, 1));
                     });
    case Whole::kSustained:
      return rows_of(db.query("SELECT sid,inode FROM $sustained WHERE sid>?1 ORDER BY sid,inode LIMIT ?2")
                         .integer(after)
                         .integer(limit),
                     keep_sustained);
    case Whole::kCounters:
      return rows_of(
          db.query("SELECT name,value FROM $counter WHERE ?1=0 ORDER BY name LIMIT ?2").integer(after).integer(limit),
          [](Items& items, const Query& row) {
            return keep(items, CounterKey{std::string(row.bytes_at(0))}, row.integer_at(1));
          });
    default: return whole_of_inodes(what, after);
  }
}

Result<Items> Lister::whole_of_inodes(Whole what, std::int64_t after) const {
  switch (what) {
    case Whole::kInodes:
      return rows_of(
          db.query("SELECT n.inode," HEADRACE_NODE_COLUMNS " FROM $node n WHERE n.inode>?1 ORDER BY n.inode LIMIT ?2")
              .integer(after)
              .integer(limit),
          [](Items& items, const Query& row) { return keep(items, InodeKey{ino_at(row, 0)}, attr_at(row, 1)); });
    case Whole::kEntries:
      return rows_of(db.query("SELECT parent,name,inode,type FROM $edge WHERE parent>?1 ORDER BY parent,name LIMIT ?2")
                         .integer(after)
                         .integer(limit),
                     [](Items& items, const Query& row) {
                       return keep(items, EntryKey{ino_at(row, 0), std::string(row.bytes_at(1))}, entry_at(row, 2));
                     });
    case Whole::kSlices:
      return rows_of(db.query("SELECT inode,indx,slices FROM $chunk WHERE inode>?1 ORDER BY inode,indx LIMIT ?2")
                         .integer(after)
                         .integer(limit),
                     [](Items& items, const Query& row) {
                       return keep(items,
                                   SlicesKey{ino_at(row, 0), ChunkIndex{static_cast<std::uint32_t>(row.integer_at(1))}},
                                   slices_at(row, 2));
                     });
    case Whole::kDeletedFiles:
      return rows_of(db.query("SELECT inode,length,expire FROM $delfile WHERE inode>?1 ORDER BY inode LIMIT ?2")
                         .integer(after)
                         .integer(limit),
                     [](Items& items, const Query& row) {
                       return keep(items, DeletedFileKey{ino_at(row, 0)}, deleted_file_at(row, 1));
                     });
    case Whole::kDirStats:
      return rows_of(db.query("SELECT inode,data_length,used_space,used_inodes FROM $dir_stats WHERE inode>?1 ORDER BY "
                              "inode LIMIT ?2")
                         .integer(after)
                         .integer(limit),
                     [](Items& items, const Query& row) {
                       return keep(items, DirStatsKey{ino_at(row, 0)}, dir_stats_at(row, 1));
                     });
    case Whole::kDirQuotas:
      return rows_of(db.query("SELECT inode,max_space,max_inodes,used_space,used_inodes FROM $dir_quota WHERE inode>?1 "
                              "ORDER BY inode LIMIT ?2")
                         .integer(after)
                         .integer(limit),
                     [](Items& items, const Query& row) {
                       return keep(items, DirQuotaKey{ino_at(row, 0)}, dir_quota_at(row, 1));
                     });
    case Whole::kDetached:
      return rows_of(
          db.query("SELECT inode,added FROM $detached_node WHERE inode>?1 ORDER BY inode LIMIT ?2")
              .integer(after)
              .integer(limit),
          [](Items& items, const Query& row) { return keep(items, DetachedKey{ino_at(row, 0)}, row.integer_at(1)); });
    case Whole::kXattrs:
      return rows_of(db.query("SELECT inode,name,value FROM $xattr WHERE inode>?1 ORDER BY inode,name LIMIT ?2")
                         .integer(after)
                         .integer(limit),
                     [](Items& items, const Query& row) {
                       return keep(items, XattrKey{ino_at(row, 0), std::string(row.bytes_at(1))},
                                   XattrRecord{std::string(row.bytes_at(2))});
                     });
    default:  // kSymlinks
      return rows_of(db.query("SELECT inode,target FROM $symlink WHERE inode>?1 ORDER BY inode LIMIT ?2")
                         .integer(after)
                         .integer(limit),
                     [](Items& items, const Query& row) {
                       return keep(items, SymlinkKey{ino_at(row, 0)}, SymlinkRecord{std::string(row.bytes_at(1))});
                     });
  }
}

bool is_one_number(const Items& items) {
  return !items.empty() && page_number_of(items.front().key) == page_number_of(items.back().key);
}

/// Entries alone count; their inodes come along.
bool cut_entries_with_inodes(std::size_t limit, Items& items) {
  std::size_t entries = 0;
  const auto beyond = std::find_if(items.begin(), items.end(), [&](const Item& item) {
    return std::holds_alternative<EntryKey>(item.key) && ++entries > limit;
  });
  const bool was_cut = beyond != items.end();
  items.erase(beyond, items.end());
  return was_cut;
}

}  // namespace

Result<Page> SqliteReader::scan(const Range& range, std::size_t limit) {
  constexpr std::size_t kLimitMax = std::numeric_limits<std::int64_t>::max() / 4;
  std::size_t asked = std::min(limit, kLimitMax) + 1;
  const bool is_whole = std::holds_alternative<WholeVolume>(range);
  Page page;
  while (true) {
    TRY(page.items, std::visit(Lister{connection_, static_cast<std::int64_t>(asked)}, range));
    // A number with more records than the page is read to its end.
    if (!is_whole || page.items.size() < asked || asked > kLimitMax || !is_one_number(page.items)) break;
    asked *= 2;
  }
  const auto* entries = std::get_if<EntriesOf>(&range);
  const bool with_inodes = entries != nullptr && entries->with_inodes;
  page.has_more = with_inodes ? cut_entries_with_inodes(limit, page.items) : cut_page(range, limit, page.items);
  return page;
}

}  // namespace headrace::records
