// SPDX-License-Identifier: Apache-2.0
// A dump goes into a file without a name first: objects are stored whole, and memory does not grow with the volume.
#include "apps/backup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/fd.h"
#include "base/uri.h"
#include "cli/gzip.h"
#include "meta/backup_names.h"
#include "meta/dump.h"

namespace headrace::apps {
namespace {

constexpr Duration kShortestLook = std::chrono::seconds(1);
constexpr std::size_t kNamesAtOnce = 1000;
constexpr std::size_t kNamesMax = 100'000;

/// Which state a backup holds, in its gzip header: other programs pass it over.
std::string comment_of(std::uint64_t digest) { return fmt::format("headrace {:016x}", digest); }

Result<UniqueFd> nameless_file() {
  std::error_code error;
  const std::string folder = std::filesystem::temp_directory_path(error).string();
  UniqueFd file(::open(error ? "/tmp" : folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file.is_open()) file.reset(::memfd_create("headrace-backup", MFD_CLOEXEC));
  if (!file.is_open()) return errno_error(errno, "make a file for the dump");
  return file;
}

/// All of a file, as the memory that it is.
class Mapped {
 public:
  static Result<Mapped> of(int fd) {
    struct stat seen = {};
    if (::fstat(fd, &seen) != 0) return errno_error(errno, "look at the dump");
    const auto size = static_cast<std::size_t>(seen.st_size);
    void* const at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) return errno_error(errno, "map the dump");
    return Mapped(at, size);
  }
  Mapped(Mapped&& other) noexcept : at_(std::exchange(other.at_, nullptr)), size_(other.size_) {}
  Mapped& operator=(Mapped&&) = delete;
  ~Mapped() {
    if (at_ != nullptr) ::munmap(at_, size_);
  }
  ByteSpan bytes() const { return {static_cast<const std::byte*>(at_), size_}; }

 private:
  Mapped(void* at, std::size_t size) : at_(at), size_(size) {}
  void* at_;
  std::size_t size_;
};

}  // namespace

MetaBackup::MetaBackup(meta::Volume& volume, object::ObjectStore& objects, Scheduler& scheduler, const Log& log,
                       BackupOptions options)
    : volume_(volume), objects_(objects), scheduler_(scheduler), log_(log), options_(options) {}

void MetaBackup::start() {
  if (options_.interval == Duration(0) || volume_.is_read_only()) return;
  thread_ = scheduler_.new_thread("meta backup",
                                  [this](std::stop_token stop) { look_again_and_again(Scope{Moment::max(), stop}); });
}

void MetaBackup::close() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void MetaBackup::look_again_and_again(const Scope& scope) {
  // Oftener than one is due: whose turn it is, is decided by the mark in the volume.
  while (pause(scheduler_, scope, std::max(options_.interval / 10, kShortestLook))) {
    const Result<Made> made = run_once(scope.until(scheduler_.clock().now() + options_.length_max), options_.interval);
    if (!made && made.code() != Code::kInterrupted) log_failure(made.error());
  }
}

void MetaBackup::log_failure(const Error& error) {
  log_.warn("the metadata could not be backed up; the backup before stays", {{"err", error.text()}});
}

void MetaBackup::finish() {
  if (options_.interval == Duration(0) || volume_.is_read_only()) return;
  if (!backed_up_ && volume_.changes() == 0) return;
  const Result<Made> made = run_once({scheduler_.clock().now() + options_.length_max_at_end, {}}, Duration(0));
  if (!made) log_failure(made.error());
}

Result<MetaBackup::Made> MetaBackup::run_once(const Scope& scope, Duration apart) {
  if (backed_up_ == volume_.changes()) return Made::kNothingToDo;
  if (options_.interval <= std::chrono::hours(1)) {
    TRY(const meta::VolumeUsage usage, volume_.usage(scope));
    if (usage.used_inodes > options_.inodes_max_hourly) {
      return Error(Code::kTooBig, fmt::format("{} files are too many for a backup every {}", usage.used_inodes,
                                              format_duration(options_.interval)));
    }
  }
  TRY(const bool is_mine, volume_.claim_backup(scope, apart));
  if (!is_mine) return Made::kNotDue;
  return make(scope);
}

Result<MetaBackup::Made> MetaBackup::make(const Scope& scope) {
  const Moment begun = scheduler_.clock().now();
  const std::uint64_t changes = volume_.changes();
  TRY(const UniqueFd file, nameless_file());
  cli::GzipWriter gzip(file.get(), comment_of(0));
  const meta::DumpOptions options{.skip_trash = options_.skip_trash};
  TRY(const meta::DumpSummary summary,
      meta::dump_volume(scope, volume_.engine(), scheduler_.clock(), options,
                        [&gzip](std::string_view piece) { return gzip.write(piece); }));
  TRY_OK(gzip.finish());
  TRY_OK(gzip.replace_comment(comment_of(summary.digest)));
  TRY(std::vector<std::string> names, stored_names(scope));
  if (!names.empty()) {
    TRY(const bool is_unchanged, is_digest_of(scope, names.back(), comment_of(summary.digest)));
    if (is_unchanged) {
      backed_up_ = changes;
      return Made::kUnchanged;
    }
  }
  const std::string name = meta::backup_name(scheduler_.clock().wall().seconds);
  TRY(const Mapped mapped, Mapped::of(file.get()));
  const std::array<ByteSpan, 1> parts{mapped.bytes()};
  TRY_OK(objects_.put(scope, std::string(meta::kBackupFolder) + name, parts));
  backed_up_ = changes;
  log_.info("the metadata are backed up", {{"object", std::string(meta::kBackupFolder) + name},
                                           {"entries", std::to_string(summary.inodes)},
                                           {"size", format_size(mapped.bytes().size())},
                                           {"took", format_duration(scheduler_.clock().now() - begun)}});
  if (summary.left_out > 0)
    log_.warn("names without an inode are not in the backup: see headrace fsck",
              {{"names", std::to_string(summary.left_out)}});
  names.push_back(name);
  TRY_OK(remove_old(scope, std::move(names)));
  return Made::kStored;
}

/// Of the backups that are there, by age.
Result<std::vector<std::string>> MetaBackup::stored_names(const Scope& scope) {
  std::vector<std::string> names;
  std::string after;
  for (;;) {
    TRY(const object::ListPage page, objects_.list(scope, meta::kBackupFolder, after, kNamesAtOnce));
    for (const object::ObjectInfo& info : page.objects) {
      after = info.key;
      std::string name = info.key.substr(meta::kBackupFolder.size());
      if (meta::backup_time(name)) names.push_back(std::move(name));
    }
    if (page.is_last || names.size() >= kNamesMax) return names;
  }
}

Result<bool> MetaBackup::is_digest_of(const Scope& scope, const std::string& name, const std::string& comment) {
  std::array<std::byte, 128> head = {};
  const auto got = objects_.get(scope, std::string(meta::kBackupFolder) + name, 0, head);
  if (!got && got.code() == Code::kNotFound) return false;
  if (!got) return got.error();
  return cli::gzip_comment(text_view(ByteSpan(head).first(got->bytes))) == comment;
}

Result<void> MetaBackup::remove_old(const Scope& scope, std::vector<std::string> names) {
  std::vector<std::string> keys;
  for (const std::string& name : meta::backups_to_remove(std::move(names), scheduler_.clock().wall().seconds)) {
    keys.push_back(std::string(meta::kBackupFolder) + name);
  }
  if (keys.empty()) return {};
  return objects_.remove(scope, keys);
}

}  // namespace headrace::apps
