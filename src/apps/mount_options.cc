// SPDX-License-Identifier: Apache-2.0
#include "apps/mount_options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/uri.h"

namespace headrace::apps {
namespace {

using cli::Exit;
using cli::Failure;
using cli::OptionSpec;
using cli::ValueKind;

constexpr std::uint64_t kMiB = 1ull << 20;
constexpr std::uint64_t kSecond = 1'000'000'000ull;
constexpr std::uint64_t kBufferWanted = 300 * kMiB, kBufferLeast = 64 * kMiB;

OptionSpec ttl(std::string name, std::string text) {
  return {.name = std::move(name),
          .kind = ValueKind::kDuration,
          .value_name = "TIME",
          .text = std::move(text),
          .fallback = "1s",
          .most = 3600 * kSecond};
}
OptionSpec request_limit(std::string name, std::string text) {
  return {.name = std::move(name),
          .kind = ValueKind::kDuration,
          .value_name = "TIME",
          .text = std::move(text),
          .fallback = "60s",
          .least = kSecond,
          .most = 3600 * kSecond};
}

/// What -o says, one word at a time.
struct FuseOptions {
  bool allow_other = false;
  bool read_only = false;
};

std::expected<FuseOptions, Failure> parse_fuse_options(const std::vector<std::string>& lists) {
  // These hold in any case, or say what is the default.
  constexpr std::string_view kAlways[] = {
      "rw", "default_permissions", "nosuid", "nodev", "noatime", "exec", "async", "_netdev"};
  FuseOptions options;
  for (std::string_view list : lists) {
    while (!list.empty()) {
      const std::size_t comma = list.find(',');
      const std::string_view word = list.substr(0, comma);
      list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
      if (word == "allow_other") {
        options.allow_other = true;
      } else if (word == "ro") {
        options.read_only = true;
      } else if (!word.empty() && std::ranges::find(kAlways, word) == std::end(kAlways)) {
        return std::unexpected<Failure>(
            Failure(Exit::kUsage, fmt::format("-o {} is not supported", word),
                    "allow_other and ro are; rw, nosuid, nodev, noatime and default_permissions hold in any case"));
      }
    }
  }
  return options;
}

std::string default_log_file(const cli::Environment& environment) {
  if (geteuid() == 0) return "/var/log/headrace.log";
  const auto state = environment.find("XDG_STATE_HOME");
  if (state != environment.end() && state->second.starts_with('/')) return state->second + "/headrace.log";
  const auto home = environment.find("HOME");
  return (home == environment.end() ? std::string("/tmp") : home->second) + "/headrace.log";
}

std::string absolute(const std::string& path) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::absolute(path, error);
  return error ? path : whole.lexically_normal().string();
}

/// "" stays; a URL is left to who opens it.
std::string absolute_bucket(const std::string& bucket) {
  return bucket.empty() || bucket.find("://") != std::string::npos ? bucket : absolute(bucket);
}

/// A path in the metadata URL is relative to where the command was typed; a server in the background is elsewhere.
std::string absolute_url(const std::string& url) {
  for (const std::string_view scheme : {"sqlite3://", "redis-dump://"}) {
    if (!url.starts_with(scheme)) continue;
    const std::string rest = url.substr(scheme.size());
    const std::size_t query = rest.find('?');
    if (rest.starts_with('/') || rest.empty() || query == 0) return url;
    return std::string(scheme) + absolute(rest.substr(0, query)) +
           (query == std::string::npos ? "" : rest.substr(query));
  }
  return url;
}

}  // namespace

std::uint64_t default_cache_bytes(const MemoryUse& memory) { return memory.limit_bytes() / 4; }
std::uint64_t default_buffer_bytes(const MemoryUse& memory) {
  return std::clamp(memory.limit_bytes() / 4, kBufferLeast, kBufferWanted);
}

// One option a row or two, as a table is read.
// clang-format off
std::vector<OptionSpec> mount_option_specs() {
  return {
      {.name = "background", .letter = 'd', .text = "Serve in the background; returns when the mount answers, or with the reason why not"},
      {.name = "foreground", .letter = 'f', .text = "Serve in this process, which is the default"},
      {.name = "fuse-option", .letter = 'o', .kind = ValueKind::kText, .value_name = "OPTION",
       .text = "Options with commas between: allow_other (other users may look in), ro", .repeats = true},
      {.name = "read-only", .text = "Nothing can be changed through this mount"},
      {.name = "cache-size", .kind = ValueKind::kSize, .value_name = "SIZE", .text = "RAM for files and blocks kept on this node",
       .fallback_text = "a quarter of the memory of the machine or cgroup", .bare_unit = kMiB, .least = 64 * kMiB, .zero_is_off = true},
      {.name = "cache-large-write", .text = "Keep full blocks of what is written on this node too; small files are kept in any case"},
      {.name = "buffer-size", .kind = ValueKind::kSize, .value_name = "SIZE", .text = "RAM for bytes on their way in and out",
       .fallback_text = "300 MiB, at most a quarter of the memory", .bare_unit = kMiB, .least = kBufferLeast},
      {.name = "max-uploads", .kind = ValueKind::kNumber, .value_name = "N", .text = "Blocks sent to the bucket at a time", .fallback = "20",
       .least = 1, .most = 1000},
      {.name = "max-downloads", .kind = ValueKind::kNumber, .value_name = "N", .text = "Blocks fetched from the bucket at a time",
       .fallback = "200", .least = 1, .most = 10000},
      request_limit("get-timeout", "How long one attempt to fetch a block may take"),
      request_limit("put-timeout", "How long one attempt to send a block may take"),
      ttl("attr-cache", "How long the kernel keeps attributes that another mount may change"),
      ttl("entry-cache", "How long the kernel keeps names of files"),
      ttl("dir-entry-cache", "How long the kernel keeps names of directories"),
      {.name = "heartbeat", .kind = ValueKind::kDuration, .value_name = "TIME",
       .text = "How often the session is renewed; others clean up after a mount that was silent for five times as long", .fallback = "12s",
       .least = kSecond, .most = 600 * kSecond},
      {.name = "max-restarts", .kind = ValueKind::kNumber, .value_name = "N",
       .text = "How often in a minute a server that died is followed by another; one death more ends the mount", .fallback = "5", .least = 0,
       .most = 1000},
      {.name = "backup-meta", .kind = ValueKind::kDuration, .value_name = "TIME",
       .text = "How often the metadata are backed up into the bucket, while somebody changes the volume; 0: never", .fallback = "1h",
       .least = kSecond, .most = 30 * 24 * 3600 * kSecond, .zero_is_off = true},
      {.name = "backup-skip-trash", .text = "Leave the trash out of backups"},
      {.name = "no-bgjob", .text = "Leave trash, deleted files, dead sessions, compaction and backups to other mounts"},
      {.name = "enable-xattr", .text = "Serve extended attributes", .fallback = "true"},
      {.name = "hide-internal", .text = "Do not list .stats, .config, .accesslog and .trash at the root; they still answer"},
      {.name = "lanes", .kind = ValueKind::kText, .value_name = "LANES",
       .text = "The ways into the kernel: auto, classic, or passthrough,classic (then a machine without it is refused)", .fallback = "auto"},
      cli::OptionSpec{.name = "bucket", .kind = ValueKind::kText, .value_name = "DIR",
                      .text = "The bucket, where it is not (any more) the one that the volume's description names"},
      {.name = "metrics", .kind = ValueKind::kText, .value_name = "ADDRESS",
       .text = "Where metrics and health are served over HTTP; off for nowhere. When the default is in use, any free port is taken",
       .fallback = "127.0.0.1:9567"},
      {.name = "log", .kind = ValueKind::kText, .value_name = "FILE", .text = "Where a server in the background writes its log",
       .fallback_text = "/var/log/headrace.log, or below the home directory"},
  };
}
// clang-format on

std::vector<cli::RefusedOption> refused_mount_options() {
  const std::string no_disk = "the cache of this version is memory: --cache-size";
  const std::string no_writeback = "a file is in the bucket when close() returns; nothing waits on this node's disk";
  const std::string automatic = "read-ahead is decided by how a file is read";
  const std::string no_squash = "not in this version; what users may do is decided by the kernel from the files' modes";
  const std::string no_limit =
      "not in this version; --max-uploads and --max-downloads bound how many blocks move at a time";
  return {
      {"subdir", 0, "not in this version; the whole volume is mounted"},
      {"writeback", 0, no_writeback},
      {"upload-delay", 0, no_writeback},
      {"upload-hours", 0, no_writeback},
      {"max-stage-write", 0, no_writeback},
      {"cache-dir", 0, no_disk},
      {"cache-mode", 0, no_disk},
      {"cache-items", 0, no_disk},
      {"cache-expire", 0, no_disk},
      {"cache-eviction", 0, "least recently used copies go first"},
      {"cache-scan-interval", 0, no_disk},
      {"cache-partial-only", 0, "whole files and single blocks are kept, as there is room"},
      {"free-space-ratio", 0, no_disk},
      {"verify-cache-checksum", 0, "every byte that leaves the cache has been checked, always"},
      {"prefetch", 0, automatic},
      {"max-readahead", 0, automatic},
      {"initial-readahead", 0, automatic},
      {"open-cache", 0, "attributes come from the metadata at every open"},
      {"open-cache-limit", 0, "attributes come from the metadata at every open"},
      {"readdir-cache", 0, "listings come from the metadata"},
      {"negative-entry-cache", 0, "names that are not there are asked for again"},
      {"negative-dir-entry-cache", 0, "names that are not there are asked for again"},
      {"upload-limit", 0, no_limit},
      {"download-limit", 0, no_limit},
      {"max-deletes", 0, "deletes are made a batch at a time"},
      {"io-retries", 0, "a request is tried again until its deadline, within a budget: --get-timeout, --put-timeout"},
      {"root-squash", 0, no_squash},
      {"all-squash", 0, no_squash},
      {"umask", 0, "the umask of who makes a file holds"},
      {"enable-cap", 0, "security.capability is not kept by this version"},
      {"enable-selinux", 0, "security.selinux is not kept by this version"},
      {"enable-ioctl", 0, "file flags cannot be set through this mount"},
      {"enable-acl", 0, "this version does not keep POSIX ACLs"},
      {"prefix-internal", 0, "internal files have the names that JuiceFS gives them"},
      {"atime-mode", 0, "access times are not kept (noatime)"},
      {"skip-dir-nlink", 0, "every change of a directory is kept"},
      {"skip-dir-mtime", 0, "every change of a directory is kept"},
      {"sort-dir", 0, "directories are always listed in the order of names"},
      {"fast-statfs", 0, "statfs reads counters and is fast"},
      {"storage", 0, "the kind of bucket is in the volume's description"},
      {"storage-class", 0, "a file bucket has no storage classes"},
      {"check-storage", 0, "the bucket is looked at before each mount"},
      {"update-fstab", 0, "write the line into /etc/fstab yourself"},
      {"force", 0, "a dead mount is freed by itself; a living one is never covered"},
      {"consul", 0, "not in this version"},
      {"custom-labels", 0, "not in this version"},
      {"no-usage-report", 0, "nothing is ever reported to anybody"},
      {"no-syslog", 0, "nothing is written to syslog"},
      {"no-agent", 0, "there is no agent"},
      {"log-id", 0, "lines of the log name the volume"},
      {"verbose", 'v', "use --log-level debug"},
      {"debug", 0, "use --log-level debug"},
      {"trace", 0, "use --log-level debug"},
      {"quiet", 'q', "use --log-level warn"},
      {"max-write", 0, "the kernel may send 1 MiB at a time"},
      {"max-fuse-io", 0, "the kernel may send 1 MiB at a time"},
      {"max-uploads-per-file", 0, "--max-uploads bounds all files together"},
  };
}

std::expected<MountSettings, Failure> mount_settings(const cli::Options& options, const cli::Environment& environment,
                                                     const MemoryUse& memory) {
  MountSettings settings;
  settings.meta_url = absolute_url(options.arguments[0]);
  settings.mount_point = absolute(options.arguments[1]);
  settings.is_background = options.on("background");
  if (settings.is_background && options.on("foreground")) {
    return cli::fail(Exit::kUsage, "--background and --foreground cannot both be");
  }
  const auto lanes = fuse::parse_lanes(options.text("lanes"));
  if (!lanes) return cli::fail(Exit::kUsage, lanes.error().text());
  settings.lanes = *lanes;
  const auto words = parse_fuse_options(options.list("fuse-option"));
  if (!words) return std::unexpected<Failure>(words.error());
  settings.allow_other = words->allow_other;
  settings.is_read_only = options.on("read-only") || words->read_only;
  settings.bucket = absolute_bucket(options.text("bucket"));
  settings.log_file = options.is_set("log") ? absolute(options.text("log")) : default_log_file(environment);
  settings.cache_bytes = options.is_set("cache-size") ? options.size("cache-size") : default_cache_bytes(memory);
  settings.buffer_bytes = options.is_set("buffer-size") ? options.size("buffer-size") : default_buffer_bytes(memory);
  if (settings.cache_bytes + settings.buffer_bytes > memory.limit_bytes()) {
    return cli::fail(Exit::kUsage,
                     fmt::format("--cache-size {} and --buffer-size {} are more than the {} of memory there is",
                                 format_size(settings.cache_bytes), format_size(settings.buffer_bytes),
                                 format_size(memory.limit_bytes())));
  }
  settings.uploads_max = static_cast<std::uint32_t>(options.number("max-uploads"));
  settings.downloads_max = static_cast<std::uint32_t>(options.number("max-downloads"));
  settings.get_timeout = options.duration("get-timeout");
  settings.put_timeout = options.duration("put-timeout");
  settings.attr_ttl = options.duration("attr-cache");
  settings.entry_ttl = options.duration("entry-cache");
  settings.dir_entry_ttl = options.duration("dir-entry-cache");
  settings.heartbeat = options.duration("heartbeat");
  settings.restarts_max = static_cast<std::uint32_t>(options.number("max-restarts"));
  settings.background_jobs = !options.on("no-bgjob");
  settings.backup_interval = options.duration("backup-meta");
  settings.backup_skips_trash = options.on("backup-skip-trash");
  settings.xattrs = options.on("enable-xattr");
  settings.hide_internal = options.on("hide-internal");
  settings.caches_large_writes = options.on("cache-large-write");
  if (options.text("metrics") != "off") settings.metrics_address = options.text("metrics");
  settings.is_metrics_address_asked_for = options.is_set("metrics");
  return settings;
}

}  // namespace headrace::apps
