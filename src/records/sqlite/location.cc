// SPDX-License-Identifier: Apache-2.0
// Paths and file systems.
#include "records/sqlite/location.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

namespace headrace::records {
namespace {

bool is_prefix_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

Result<void> take_parameter(std::string_view parameter, SqliteLocation& location) {
  const std::size_t equals = parameter.find('=');
  const std::string_view name = parameter.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? "" : parameter.substr(equals + 1);
  if (name != "table_prefix")
    return Error(Code::kInvalid, fmt::format("sqlite3://: there is no parameter {}, only table_prefix", name));
  if (value.empty() || value.size() > 64 || !std::all_of(value.begin(), value.end(), is_prefix_character)) {
    return Error(Code::kInvalid,
                 fmt::format("sqlite3://: table_prefix is made of letters, digits and _, at most 64, got '{}'", value));
  }
  location.table_prefix = fmt::format("jfs_{}_", value);
  return {};
}

}  // namespace

Result<SqliteLocation> parse_sqlite_location(std::string_view rest) {
  const std::size_t question = rest.find('?');
  const std::string_view path = rest.substr(0, question);
  if (path.empty() || path.find('\0') != std::string_view::npos)
    return Error(Code::kInvalid, "sqlite3://PATH needs the path of a database file");
  SqliteLocation location;
  std::error_code error;
  location.path = std::filesystem::absolute(std::filesystem::path(path), error).lexically_normal().string();
  if (error) return Error(Code::kInvalid, fmt::format("sqlite3://{}: {}", path, error.message()));
  std::string_view query = question == std::string_view::npos ? "" : rest.substr(question + 1);
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    TRY_OK(take_parameter(query.substr(0, end), location));
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return location;
}

std::string_view name_of_unfit_file_system(long type) {
  switch (static_cast<unsigned long>(type) & 0xFFFFFFFFul) {
    case 0x65735546: return "FUSE";
    case 0x6969: return "NFS";
    case 0x517B:
    case 0xFE534D42:
    case 0xFF534D42: return "SMB";
    case 0x01021997: return "9p";
    case 0x00C36400: return "Ceph";
    case 0x0BD00BD0: return "Lustre";
    case 0x47504653: return "GPFS";
    case 0x5346414F:
    case 0x6B414653: return "AFS";
    case 0x01161970: return "GFS2";
    case 0x7461636F: return "OCFS2";
    default: return {};
  }
}

Result<void> check_file_system(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  struct statfs found = {};
  // The folder, and the file where there is one: it may be a link to elsewhere.
  for (const std::string& place : {folder, path}) {
    if (::statfs(place.c_str(), &found) != 0) {
      if (errno == ENOENT && place == path) break;
      return errno_error(errno, place);
    }
    const std::string_view unfit = name_of_unfit_file_system(found.f_type);
    if (unfit.empty()) continue;
    return Error(
        Code::kNotSupported,
        fmt::format("{} is on {}, where SQLite's write-ahead log is not safe: put the metadata on a local disk, "
                    "or use Redis for a volume of several machines",
                    path, unfit));
  }
  return {};
}

FileIdentity identity_of(const std::string& path) {
  struct stat found = {};
  if (::stat(path.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino};
}

}  // namespace headrace::records
