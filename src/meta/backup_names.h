// SPDX-License-Identifier: Apache-2.0
// Backups of metadata in a volume's bucket: what they are called, when one is due, and which ones go
// (juicefs-volume-format, section 5.2). Other clients keep the same names, mark and rotation. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headrace::meta {

/// The folder of the bucket, below the volume's name.
inline constexpr std::string_view kBackupFolder = "meta/";
/// The extended attribute of the root that says when somebody last began one.
inline constexpr std::string_view kLastBackupXattr = "lastBackup";

/// "dump-2026-11-22-101530.json.gz", in UTC.
std::string backup_name(std::int64_t unix_seconds);
/// When a backup of this name was made; nothing: it is no such name.
std::optional<std::int64_t> backup_time(std::string_view name);

/// The value of the mark: RFC 3339. Read in any time zone.
std::string backup_mark(std::int64_t unix_seconds);
std::optional<std::int64_t> parse_backup_mark(std::string_view text);

/// Which of these names are to be removed now: everything stays for two days, then the last of each day for two weeks,
/// of each week for two months, of each month for two years. The newest stays in any case, and so do names that are no
/// backup's.
std::vector<std::string> backups_to_remove(std::vector<std::string> names, std::int64_t now);

}  // namespace headrace::meta
