// SPDX-License-Identifier: Apache-2.0
// Hour directories and the names in them.
#include "meta/ops/trash.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

#include "meta/ops/account.h"

namespace headrace::meta::ops {
namespace {

std::optional<int> number_of(std::string_view digits) {
  int number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number < 0) return std::nullopt;
  return number;
}

Attr trash_directory(Timestamp now, Ino parent) {
  Attr attr;
  attr.type = FileType::kDirectory;
  attr.mode = 0555;
  attr.nlink = 2;
  attr.length = 4096;
  attr.parent = parent;
  attr.atime = attr.mtime = attr.ctime = now;
  return attr;
}

}  // namespace

std::string trash_hour_name(Timestamp moment) {
  const std::chrono::sys_seconds second{std::chrono::seconds(moment.seconds)};
  const auto day = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(day);
  const auto hour = std::chrono::duration_cast<std::chrono::hours>(second - day).count();
  return fmt::format("{:04}-{:02}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), hour);
}

std::optional<std::int64_t> trash_hour_of(std::string_view name) {
  if (name.size() != 13 || name[4] != '-' || name[7] != '-' || name[10] != '-') return std::nullopt;
  const auto year = number_of(name.substr(0, 4)), month = number_of(name.substr(5, 2)),
             day = number_of(name.substr(8, 2)), hour = number_of(name.substr(11, 2));
  if (!year || !month || !day || !hour || *hour > 23) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const auto moment = std::chrono::sys_days(date) + std::chrono::hours(*hour);
  return std::chrono::duration_cast<std::chrono::seconds>(moment.time_since_epoch()).count();
}

std::string trash_name(Ino parent, Ino ino, std::string_view name) {
  std::string text = fmt::format("{}-{}-{}", parent.value(), ino.value(), name);
  if (text.size() > kNameBytesMax) text.resize(kNameBytesMax);
  return text;
}

bool wants_trash(const OpContext& context, Ino parent, const Attr& attr) {
  return context.trash_days > 0 && !is_trash(parent) && (attr.flags & kFlagSkipTrash) == 0;
}

Result<Ino> load_or_make_trash_hour(RecordTxn& txn, const OpContext& context) {
  const EntryKey entry_key{kTrashRoot, trash_hour_name(context.now)};
  TRY(const std::optional<EntryRecord> entry, get(txn, entry_key));
  if (entry) return entry->ino;
  TRY(const std::optional<Attr> root, get(txn, InodeKey{kTrashRoot}));
  if (!root) put(txn, InodeKey{kTrashRoot}, new_trash_root(context.now));
  TRY(const std::optional<std::int64_t> last, get(txn, CounterKey{"nextTrash"}));
  const std::int64_t number = last.value_or(0) + 1;
  put(txn, CounterKey{"nextTrash"}, number);
  const Ino hour{kTrashRoot.value() + static_cast<std::uint64_t>(number)};
  put(txn, InodeKey{hour}, trash_directory(context.now, kTrashRoot));
  put(txn, entry_key, EntryRecord{hour, FileType::kDirectory});
  if (context.format.dir_stats) put(txn, DirStatsKey{hour}, DirStatsRecord{});
  add_volume_usage(txn, 4096, 1);
  return hour;
}

void put_into_trash(RecordTxn& txn, const OpContext& context, Ino parent, Ino ino, Attr attr, Ino hour,
                    const std::string& name) {
  if (attr.parent != Ino{0}) {
    attr.parent = hour;
  } else {
    add(txn, ParentLinkKey{ino, hour}, 1);
    add(txn, ParentLinkKey{ino, parent}, -1);
  }
  put(txn, EntryKey{hour, name}, EntryRecord{ino, attr.type});
  add_dir_stats(txn, context, hour, usage_of(attr));
  put(txn, InodeKey{ino}, std::move(attr));
}

Attr new_trash_root(Timestamp now) { return trash_directory({now.seconds, 0}, kRootIno); }

}  // namespace headrace::meta::ops
