// SPDX-License-Identifier: Apache-2.0
// headrace dump: all metadata of a volume as one JSON document, in JuiceFS's own form.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/fd.h"
#include "base/uri.h"
#include "cli/commands/commands.h"
#include "cli/gzip.h"
#include "cli/output.h"
#include "cli/volume_access.h"
#include "meta/dump.h"

namespace headrace::cli {
namespace {

/// A file that is there whole or not at all: written beside its place, and moved there at the end.
class NewFile {
 public:
  static Result<NewFile> make(const std::string& path) {
    const std::string beside = path + ".part";
    UniqueFd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file.is_open()) return errno_error(errno, "write " + beside);
    return NewFile(path, beside, std::move(file));
  }
  NewFile(NewFile&&) = default;
  ~NewFile() {
    if (file_.is_open()) ::unlink(beside_.c_str());
  }
  int fd() const { return file_.get(); }
  Result<void> publish() {
    if (::fsync(file_.get()) != 0) return errno_error(errno, "write " + beside_);
    if (::rename(beside_.c_str(), path_.c_str()) != 0) return errno_error(errno, "rename " + beside_);
    file_.reset();
    return {};
  }

 private:
  NewFile(std::string path, std::string beside, UniqueFd file)
      : path_(std::move(path)), beside_(std::move(beside)), file_(std::move(file)) {}

  std::string path_, beside_;
  UniqueFd file_;
};

Result<meta::DumpSummary> dump_into(Context& context, records::RecordEngine& engine, const meta::DumpOptions& options,
                                    int fd, bool is_compressed) {
  const Clock& clock = context.scheduler.clock();
  if (!is_compressed)
    return meta::dump_volume(context.scope, engine, clock, options,
                             [fd](std::string_view piece) { return write_all(fd, bytes_of(piece)); });
  GzipWriter gzip(fd);
  TRY(const meta::DumpSummary summary, meta::dump_volume(context.scope, engine, clock, options,
                                                         [&](std::string_view piece) { return gzip.write(piece); }));
  TRY_OK(gzip.finish());
  return summary;
}

Outcome run_dump(Context& context) {
  const auto& arguments = context.options.arguments;
  const std::string path = arguments.size() > 1 && arguments[1] != "-" ? arguments[1] : "";
  if (path.ends_with(".zstd") || path.ends_with(".zst"))
    return fail(Exit::kUsage, "this version does not write zstd", "name the file …json.gz");
  auto access = open_volume(context.scope, context.scheduler, arguments[0], true);
  if (!access) return std::unexpected<Failure>(access.error());
  const meta::DumpOptions options{.skip_trash = context.options.on("skip-trash"),
                                  .keep_secret_key = context.options.on("keep-secret-key")};
  std::optional<NewFile> file;
  if (!path.empty()) {
    auto made = NewFile::make(path);
    if (!made) return fail("cannot dump", made.error());
    file.emplace(*std::move(made));
  }
  const auto summary =
      dump_into(context, *access->engine, options, file ? file->fd() : STDOUT_FILENO, path.ends_with(".gz"));
  if (!summary) return fail(fmt::format("cannot dump {}", access->url), summary.error());
  if (file) {
    if (const auto published = file->publish(); !published) return fail("cannot dump", published.error());
    context.terminal.err(
        fmt::format("{} entries of volume {} are in {}\n", format_count(summary->inodes), access->format.name, path));
  }
  if (summary->left_out == 0) return {};
  return fail(Exit::kDamaged,
              fmt::format("{} names lead to no inode and are not in the dump", format_count(summary->left_out)),
              "headrace fsck says which");
}

}  // namespace

Command dump_command() {
  Command command;
  command.name = "dump";
  command.summary = "Write all metadata of a volume into a JSON file";
  command.description =
      "The document is JuiceFS's own: juicefs load reads it, and headrace load reads what juicefs dump wrote. It holds "
      "names, attributes "
      "and which objects make up which file, not the bytes of files. It shows one moment; the volume may be in use "
      "meanwhile.";
  command.arguments = {
      meta_url_argument(),
      {"FILE", "where it goes; compressed when it ends in .gz; - for the standard output, which is the default",
       false}};
  command.options = {
      {.name = "skip-trash", .text = "Without what lies in the trash"},
      {.name = "keep-secret-key",
       .text =
           "With the keys of the bucket, which otherwise are \"removed\"; then keep the file as secret as they are"},
  };
  command.refused = {
      {"subdir", 0, "the whole volume is dumped"},
      {"binary", 0, "JSON is what every version reads"},
      {"fast", 0, "a dump is fast, and its memory does not grow with the volume"},
      {"threads", 0, "one thread reads one state of the volume"},
      {"encrypt-rsa-key", 0, "this version does not encrypt"},
      {"encrypt-algo", 0, "this version does not encrypt"},
  };
  command.examples = {{"headrace dump sqlite3:///var/lib/data.db data.json.gz", "keep it where the database is not"}};
  command.run = run_dump;
  return command;
}

}  // namespace headrace::cli
