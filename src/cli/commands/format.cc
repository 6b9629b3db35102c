// SPDX-License-Identifier: Apache-2.0
// headrace format: a new volume, or other settings for one that is there (juicefs-volume-format, sections 2 and 5.2).
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <bit>

#include <nlohmann/json.hpp>

#include "base/rng.h"
#include "base/uri.h"
#include "base/uuid.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/volume_access.h"

namespace headrace::cli {
namespace {

constexpr std::uint64_t kMiB = 1ull << 20, kGiB = 1ull << 30;
constexpr Duration kLimit = std::chrono::minutes(2);

std::expected<std::string, Failure> wanted_bucket(const Context& context) {
  std::string bucket = context.options.text("bucket");
  if (bucket.empty()) {
    const auto home = context.environment.find("HOME");
    bucket = geteuid() == 0 || home == context.environment.end() ? "/var/jfs" : home->second + "/.juicefs/local";
  }
  return bucket_directory(bucket);
}

/// The description that the flags ask for, over `base`: defaults, or what the volume has.
std::expected<meta::VolumeFormat, Failure> wanted_format(const Context& context, meta::VolumeFormat base, bool is_new) {
  const Options& options = context.options;
  if (is_new || options.is_set("bucket")) {
    auto bucket = wanted_bucket(context);
    if (!bucket) return std::unexpected<Failure>(bucket.error());
    base.bucket = *bucket;
  }
  if (is_new || options.is_set("block-size"))
    base.block_kib = static_cast<std::uint32_t>(options.size("block-size") / 1024);
  if (is_new || options.is_set("shards")) base.shards = static_cast<std::uint32_t>(options.number("shards"));
  if (is_new || options.is_set("hash-prefix")) base.hash_prefix = options.on("hash-prefix");
  if (is_new || options.is_set("trash-days"))
    base.trash_days = static_cast<std::uint32_t>(options.number("trash-days"));
  if (is_new || options.is_set("capacity")) base.capacity_bytes = options.size("capacity");
  if (is_new || options.is_set("inodes")) base.inodes_max = options.number("inodes");
  return base;
}

Outcome check_flags(const Options& options) {
  if (const Result<void> name = meta::check_volume_name(options.arguments[1]); !name)
    return fail(Exit::kUsage, name.error().text());
  if (options.text("storage") != "file") {
    return fail(Exit::kUsage,
                fmt::format("--storage {} is not supported by this version: only file", options.text("storage")),
                "--storage file --bucket DIR keeps objects in a directory");
  }
  if (!std::has_single_bit(options.size("block-size"))) {
    return fail(Exit::kUsage,
                fmt::format("--block-size: a power of two, got {}", format_size(options.size("block-size"))));
  }
  return {};
}

/// Whether a volume of another time left objects below our name. Test objects do not count.
Outcome check_empty(const Scope& scope, object::ObjectStore& objects, const std::string& bucket,
                    const std::string& name) {
  std::string after;
  for (;;) {
    TRY(const object::ListPage page, objects.list(scope, "", after, 1000));
    for (const object::ObjectInfo& object : page.objects) {
      const bool is_test = object.key == "testing" || object.key.starts_with("testing/");
      if (object.size > 0 && !is_test) {
        return fail(Exit::kConflict, fmt::format("{}{}/ is not empty: it holds {}", bucket, name, object.key),
                    "choose another name or bucket, or remove what is there");
      }
      after = object.key;
    }
    if (page.is_last || page.objects.empty()) return {};
  }
}

void report(Context& context, const meta::VolumeFormat& format, const std::string& url, bool is_new) {
  if (context.wants_json()) {
    auto document = new_document("Format");
    document["created"] = is_new;
    document["name"] = format.name;
    document["uuid"] = format.uuid;
    document["metadata"] = url;
    document["storage"] = format.storage;
    document["bucket"] = format.bucket;
    document["blockSizeBytes"] = format.block_bytes();
    document["hashPrefix"] = format.hash_prefix;
    document["shards"] = format.shards;
    document["capacityBytes"] = format.capacity_bytes;
    document["inodes"] = format.inodes_max;
    document["trashDays"] = format.trash_days;
    return print_json(context.terminal, document);
  }
  Fields fields;
  fields.add("Volume", format.name);
  fields.add("UUID", format.uuid);
  fields.add("Metadata", url);
  fields.add("Bucket", format.bucket);
  fields.add("Block size", format_size(format.block_bytes()));
  fields.add("Capacity", format.capacity_bytes == 0 ? "unlimited" : format_size(format.capacity_bytes));
  fields.add("Inodes", format.inodes_max == 0 ? "unlimited" : format_count(format.inodes_max));
  fields.add("Trash", format.trash_days == 0
                          ? "none"
                          : fmt::format("{} day{}", format.trash_days, format.trash_days == 1 ? "" : "s"));
  context.terminal.out((is_new ? "Made a volume.\n" : "Changed the volume's settings.\n") + fields.text());
}

Outcome change_volume(Context& context, const Scope& scope, VolumeAccess& access) {
  const std::string& name = context.options.arguments[1];
  if (!context.options.on("force") || access.format.name != name) {
    return fail(Exit::kConflict, fmt::format("there is already a volume '{}' at {}", access.format.name, access.url),
                access.format.name == name
                    ? fmt::format("headrace mount {} MOUNTPOINT uses it; --force changes its settings", access.url)
                    : fmt::format("headrace destroy {} {} removes it", access.url, access.format.uuid));
  }
  const auto wanted = wanted_format(context, access.format, false);
  if (!wanted) return std::unexpected<Failure>(wanted.error());
  const auto store = open_objects(context.scheduler, *wanted, {});
  if (!store) return std::unexpected<Failure>(store.error());
  if (const auto tested = test_objects(scope, (*store)->objects()); !tested)
    return fail(fmt::format("the bucket {} does not work", wanted->bucket), tested.error());
  TRY(const meta::VolumeFormat changed,
      meta::format_volume(scope, *access.engine, context.scheduler.clock(), *wanted, true));
  TRY_OK(access.engine->close());
  report(context, changed, access.url, false);
  return {};
}

/// What a new volume brings into the bucket, taken back unless the volume comes to be: its marker, and directories that
/// were not there.
class BucketMark {
 public:
  BucketMark(const Context& context, const meta::VolumeFormat& format)
      : context_(context),
        directories_{format.bucket, format.bucket + format.name},
        is_new_(access(format.bucket.c_str(), F_OK) != 0) {}
  ~BucketMark() {
    if (objects_ != nullptr) {
      const std::array<std::string, 1> keys{"juicefs_uuid"};
      const Result<void> removed = objects_->remove(context_.scope.without_stop(), keys);
      if (!removed) context_.log.warn("juicefs_uuid is left in the bucket", {{"why", removed.error().text()}});
    }
    if (is_kept_) return;
    static_cast<void>(rmdir((directories_[1] + "/testing").c_str()));  // only empty ones go
    static_cast<void>(rmdir(directories_[1].c_str()));
    if (is_new_) static_cast<void>(rmdir(directories_[0].c_str()));
  }
  BucketMark(const BucketMark&) = delete;
  BucketMark& operator=(const BucketMark&) = delete;

  Result<void> put(const Scope& scope, object::ObjectStore& objects, const std::string& uuid) {
    const std::array<ByteSpan, 1> parts{bytes_of(uuid)};
    objects_ = &objects;  // also one whose outcome is unknown
    return objects.put(scope, "juicefs_uuid", parts);
  }
  void keep() {
    objects_ = nullptr;
    is_kept_ = true;
  }

 private:
  const Context& context_;
  const std::array<std::string, 2> directories_;
  const bool is_new_;
  object::ObjectStore* objects_ = nullptr;
  bool is_kept_ = false;
};

Outcome make_volume(Context& context, const Scope& scope, const std::string& url) {
  meta::VolumeFormat base;
  base.name = context.options.arguments[1];
  base.storage = "file";
  Rng rng(random_seed());
  base.uuid = new_uuid(rng);
  base.min_client_version = "1.1.0-A";
  const auto wanted = wanted_format(context, base, true);
  if (!wanted) return std::unexpected<Failure>(wanted.error());
  std::unique_ptr<VolumeStore> store;
  BucketMark mark(context, *wanted);
  auto opened = open_objects(context.scheduler, *wanted, {.make_directory = true});
  if (!opened) return std::unexpected<Failure>(opened.error());
  store = *std::move(opened);
  object::ObjectStore& objects = store->objects();
  if (const auto tested = test_objects(scope, objects); !tested)
    return fail(fmt::format("the bucket {} does not work", wanted->bucket), tested.error());
  if (const Outcome empty = check_empty(scope, objects, wanted->bucket, wanted->name); !empty) return empty;
  if (const auto marked = mark.put(scope, objects, wanted->uuid); !marked) {
    return fail(fmt::format("the bucket {} does not work", wanted->bucket), marked.error());
  }
  auto engine = records::open_engine(url, {.create = true}, context.scheduler);
  if (!engine) return fail(fmt::format("cannot make {}", redacted(url)), engine.error());
  const auto made = meta::format_volume(scope, **engine, context.scheduler.clock(), *wanted, false);
  if (!made) return fail(fmt::format("cannot write the volume's description to {}", redacted(url)), made.error());
  mark.keep();
  TRY_OK((*engine)->close());
  report(context, *made, redacted(url), true);
  return {};
}

Outcome run_format(Context& context) {
  if (const Outcome flags = check_flags(context.options); !flags) return flags;
  const std::string& url = context.options.arguments[0];
  const Scope scope = context.within(kLimit);
  auto present = open_volume(scope, context.scheduler, url, false);
  if (present) return change_volume(context, scope, *present);
  if (present.error().exit != Exit::kNotFound) return std::unexpected<Failure>(present.error());
  return make_volume(context, scope, url);
}

}  // namespace

Command format_command() {
  Command command;
  command.name = "format";
  command.summary = "Make a volume: names in a metadata engine, bytes in a bucket, in JuiceFS's format";
  command.arguments = {meta_url_argument(), {"NAME", "the volume's name: lower-case letters, digits and '-'"}};
  command.options = {
      {.name = "storage",
       .kind = ValueKind::kText,
       .value_name = "KIND",
       .text = "What the bucket is: file, a directory",
       .fallback = "file"},
      {.name = "bucket",
       .kind = ValueKind::kText,
       .value_name = "DIR",
       .text = "The directory that holds the objects; made where it is missing",
       .fallback_text = "/var/jfs, or ~/.juicefs/local for other users than root"},
      {.name = "block-size",
       .kind = ValueKind::kSize,
       .value_name = "SIZE",
       .text = "The largest object; a power of two",
       .fallback = "4MiB",
       .bare_unit = 1024,
       .least = 64 * 1024,
       .most = 16 * kMiB},
      {.name = "trash-days",
       .kind = ValueKind::kNumber,
       .value_name = "DAYS",
       .text = "How long removed files stay in .trash; 0: no trash",
       .fallback = "1",
       .most = 3650},
      {.name = "hash-prefix", .text = "Spread object names over 256 prefixes"},
      {.name = "shards",
       .kind = ValueKind::kNumber,
       .value_name = "N",
       .text = "Spread objects over N buckets, named by %d in --bucket",
       .fallback = "0",
       .most = 256},
      {.name = "capacity",
       .kind = ValueKind::kSize,
       .value_name = "SIZE",
       .text = "How much the volume may hold; 0: unlimited",
       .fallback = "0",
       .bare_unit = kGiB},
      {.name = "inodes",
       .kind = ValueKind::kNumber,
       .value_name = "N",
       .text = "How many files and directories it may hold; 0: unlimited",
       .fallback = "0"},
      {.name = "force",
       .text = "Change the settings of a volume of this name that is there already",
       .only_flag = true},
  };
  const std::string secrets =
      "secrets are not taken on the command line, where others see them; a file bucket needs none";
  const std::string no_encryption = "this version does not encrypt; use a bucket that encrypts at rest";
  command.refused = {
      {"compress", 0, "this version does not compress; training data mostly is compressed already"},
      {"encrypt-rsa-key", 0, no_encryption},
      {"encrypt-algo", 0, no_encryption},
      {"access-key", 0, secrets},
      {"secret-key", 0, secrets},
      {"session-token", 0, secrets},
      {"storage-class", 0, "a file bucket has no storage classes"},
      {"enable-acl", 0, "this version does not keep POSIX ACLs"},
      {"no-update", 0, "a volume that is there is never changed without --force"},
      {"enable-quota", 0, "this version keeps no quotas but --capacity and --inodes"},
  };
  command.examples = {
      {"headrace format sqlite3:///var/lib/data.db data --bucket /mnt/disk/objects", "a volume called data"},
      {"headrace format sqlite3://data.db data --trash-days 7 --force", "keep removed files for a week from now on"},
  };
  command.prints = true;
  command.run = run_format;
  return command;
}

}  // namespace headrace::cli
