// SPDX-License-Identifier: Apache-2.0
// headrace load: a volume's metadata out of a dump.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <istream>

#include "base/fd.h"
#include "base/uri.h"
#include "cli/commands/commands.h"
#include "cli/gzip.h"
#include "cli/output.h"
#include "cli/volume_access.h"
#include "meta/load_dump.h"

namespace headrace::cli {
namespace {

constexpr std::string_view kScheme = "sqlite3://";

/// The place of a new database, and of the one beside it that is filled first: a volume is there whole or not at all.
struct Place {
  std::string path, query;
  std::string beside() const { return path + ".loading"; }
  std::string url_beside() const { return std::string(kScheme) + beside() + query; }
};

std::expected<Place, Failure> place_of(const std::string& url) {
  if (!url.starts_with(kScheme))
    return fail(Exit::kUsage, "a dump is loaded into sqlite3://PATH", "headrace load --help");
  const std::string rest = url.substr(kScheme.size());
  const std::size_t question = rest.find('?');
  Place place{rest.substr(0, question), question == std::string::npos ? "" : rest.substr(question)};
  if (place.path.empty()) return fail(Exit::kUsage, "sqlite3://PATH needs the path of a database file");
  struct stat there = {};
  if (::lstat(place.path.c_str(), &there) == 0) {
    return fail(Exit::kConflict,
                fmt::format("there is something at {} already; a dump is loaded into a new database", place.path),
                "name another path, or move that file away");
  }
  return place;
}

void remove_beside(const Place& place) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal", "-headrace-checkpoint"})
    ::unlink((place.beside() + suffix).c_str());
}

Result<void> publish(const Place& place) {
  const std::string beside = place.beside();
  // Nobody else's new database is replaced.
  if (::renameat2(AT_FDCWD, beside.c_str(), AT_FDCWD, place.path.c_str(), RENAME_NOREPLACE) != 0)
    return errno_error(errno, "rename " + beside);
  const std::string folder = std::filesystem::path(place.path).parent_path().string();
  const UniqueFd directory(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open() || ::fsync(directory.get()) != 0)
    return errno_error(errno, "sync the directory of " + place.path);
  return {};
}

Result<meta::LoadSummary> load_beside(Context& context, const Place& place, int fd) {
  TRY(const auto engine, records::open_engine(place.url_beside(), {.create = true}, context.scheduler));
  GunzipBuffer buffer(fd);
  std::istream in(&buffer);
  auto summary = meta::load_dump(context.scope, *engine, context.scheduler.clock(), in);
  // A document that was cut with its file is best explained by the file.
  if (!summary && !buffer.outcome()) return buffer.outcome().error();
  if (!summary) return summary;
  TRY_OK(engine->close());
  return summary;
}

Outcome run_load(Context& context) {
  const auto& arguments = context.options.arguments;
  auto place = place_of(arguments[0]);
  if (!place) return std::unexpected<Failure>(place.error());
  const bool is_file = arguments.size() > 1 && arguments[1] != "-";
  const std::string name = is_file ? arguments[1] : "the standard input";
  UniqueFd file;
  if (is_file) {
    file.reset(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return fail("cannot load", errno_error(errno, "open " + name));
  }
  remove_beside(*place);  // of a load that was killed
  const auto summary = load_beside(context, *place, is_file ? file.get() : STDIN_FILENO);
  if (!summary) {
    remove_beside(*place);
    return fail(fmt::format("cannot load {}", name), summary.error());
  }
  if (const auto published = publish(*place); !published) {
    remove_beside(*place);
    return fail("cannot load", published.error());
  }
  context.terminal.err(fmt::format("volume {}: {} files and directories, {}; its objects are looked for in {}\n",
                                   summary->format.name, format_count(summary->inodes),
                                   format_size(summary->used_bytes), summary->format.bucket));
  return {};
}

}  // namespace

Command load_command() {
  Command command;
  command.name = "load";
  command.summary = "Make a volume's metadata out of a dump or a backup";
  command.description =
      "FILE is what headrace dump, juicefs dump or a mount's backup in the bucket (NAME/meta/dump-….json.gz) wrote. "
      "The database must not exist "
      "yet; when the load fails there is none. Sessions and locks are not in a dump. Run headrace fsck on the result: "
      "what was written after the "
      "dump was made is not in it.";
  command.arguments = {
      {"META-URL", "where the metadata go: sqlite3://PATH, a new file"},
      {"FILE", "the dump, compressed with gzip or not; - for the standard input, which is the default", false}};
  command.refused = {
      {"binary", 0, "dumps are JSON here"},
      {"stat", 0, "dumps are JSON here"},
      {"threads", 0, "one thread fills the database"},
      {"encrypt-rsa-key", 0, "this version does not decrypt"},
      {"encrypt-algo", 0, "this version does not decrypt"},
  };
  command.examples = {
      {"headrace load sqlite3:///var/lib/data.db /mnt/disk/objects/data/meta/dump-2026-11-22-101530.json.gz",
       "after the database was lost"}};
  command.run = run_load;
  return command;
}

}  // namespace headrace::cli
