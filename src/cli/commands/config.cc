// SPDX-License-Identifier: Apache-2.0
// headrace config: the description that a volume has, member by member, and changes of those members that may change.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/uri.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/volume_access.h"

namespace headrace::cli {
namespace {

using nlohmann::ordered_json;

constexpr Duration kLimit = std::chrono::minutes(2);
constexpr const char* kChangeable[] = {"trash-days", "capacity", "inodes", "bucket"};

bool asks_for_changes(const Options& options) {
  for (const char* name : kChangeable) {
    if (options.is_set(name)) return true;
  }
  return false;
}

struct Change {
  std::string name, from, to;
};

std::string limit_text(std::uint64_t value, const std::string& text) { return value == 0 ? "unlimited" : text; }

/// What the flags ask for, over what the volume has; says what that changes.
std::expected<meta::VolumeFormat, Failure> changed_format(const Context& context, const meta::VolumeFormat& old,
                                                          std::vector<Change>& changes) {
  const Options& options = context.options;
  meta::VolumeFormat next = old;
  const auto note = [&changes](std::string name, std::string from, std::string to) {
    if (from != to) changes.push_back({std::move(name), std::move(from), std::move(to)});
  };
  if (options.is_set("trash-days")) next.trash_days = static_cast<std::uint32_t>(options.number("trash-days"));
  if (options.is_set("capacity")) next.capacity_bytes = options.size("capacity");
  if (options.is_set("inodes")) next.inodes_max = options.number("inodes");
  if (options.is_set("bucket")) {
    auto bucket = bucket_directory(options.text("bucket"));
    if (!bucket) return std::unexpected<Failure>(bucket.error());
    next.bucket = *bucket;
  }
  note("trash-days", std::to_string(old.trash_days), std::to_string(next.trash_days));
  note("capacity", limit_text(old.capacity_bytes, format_size(old.capacity_bytes)),
       limit_text(next.capacity_bytes, format_size(next.capacity_bytes)));
  note("inodes", limit_text(old.inodes_max, format_count(old.inodes_max)),
       limit_text(next.inodes_max, format_count(next.inodes_max)));
  note("bucket", old.bucket, next.bucket);
  return next;
}

/// The bucket that the volume is to have from now on must work, and must be the volume's own.
Outcome check_bucket(const Context& context, const Scope& scope, const meta::VolumeFormat& next) {
  const auto store = open_objects(context.scheduler, next, {});
  if (!store) return std::unexpected<Failure>(store.error());
  const auto marked = (*store)->objects().head(scope, "juicefs_uuid");
  if (!marked) {
    return fail(fmt::format("the bucket {} does not hold volume {}", next.bucket, next.name), marked.error(),
                "copy the objects first, then change the setting");
  }
  if (const auto tested = test_objects(scope, (*store)->objects()); !tested) {
    return fail(fmt::format("the bucket {} does not work", next.bucket), tested.error());
  }
  return {};
}

Outcome change(Context& context) {
  const Scope scope = context.within(kLimit);
  auto access = open_volume(scope, context.scheduler, context.options.arguments[0], false);
  if (!access) return std::unexpected<Failure>(access.error());
  std::vector<Change> changes;
  const auto next = changed_format(context, access->format, changes);
  if (!next) return std::unexpected<Failure>(next.error());
  if (next->bucket != access->format.bucket) {
    if (Outcome works = check_bucket(context, scope, *next); !works) return works;
  }
  if (!changes.empty()) TRY_OK(meta::format_volume(scope, *access->engine, context.scheduler.clock(), *next, true));
  TRY_OK(access->engine->close());
  if (context.wants_json()) {
    ordered_json document = new_document("ConfigChange");
    document["changes"] = ordered_json::array();
    for (const Change& one : changes)
      document["changes"].push_back({{"name", one.name}, {"from", one.from}, {"to", one.to}});
    print_json(context.terminal, document);
    return {};
  }
  if (changes.empty()) context.terminal.out("nothing to change\n");
  for (const Change& one : changes) context.terminal.out(fmt::format("{}: {} -> {}\n", one.name, one.from, one.to));
  return {};
}

Outcome show(Context& context) {
  auto access = open_volume(context.scope, context.scheduler, context.options.arguments[0], true);
  if (!access) return std::unexpected<Failure>(access.error());
  ordered_json setting = masked_setting(access->format);
  if (context.wants_json()) {
    ordered_json document = new_document("Config");
    document["setting"] = std::move(setting);
    print_json(context.terminal, document);
    return {};
  }
  Fields fields;
  for (const auto& [name, value] : setting.items()) {
    fields.add(name, value.is_string() ? value.get<std::string>()
                                       : value.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
  }
  context.terminal.out(fields.text());
  return {};
}

}  // namespace

Command config_command() {
  Command command;
  command.name = "config";
  command.summary = "Show the description of a volume, or change what of it may change";
  command.description =
      "Without a flag every member is shown. Mounts that are up take a change over with their next heartbeat, a bucket "
      "when mounted again.";
  command.arguments = {meta_url_argument()};
  command.options = {
      {.name = "trash-days",
       .kind = ValueKind::kNumber,
       .value_name = "DAYS",
       .text = "How long removed files stay in .trash; 0: no trash",
       .most = 3650,
       .only_flag = true},
      {.name = "capacity",
       .kind = ValueKind::kSize,
       .value_name = "SIZE",
       .text = "How much the volume may hold; 0: unlimited",
       .bare_unit = 1ull << 30,
       .only_flag = true},
      {.name = "inodes",
       .kind = ValueKind::kNumber,
       .value_name = "N",
       .text = "How many files and directories it may hold; 0: unlimited",
       .only_flag = true},
      {.name = "bucket",
       .kind = ValueKind::kText,
       .value_name = "DIR",
       .text = "Where the objects are now; they must be there already",
       .only_flag = true},
  };
  const std::string no_secrets = "a file bucket needs no credentials";
  command.refused = {{"access-key", 0, no_secrets},
                     {"secret-key", 0, no_secrets},
                     {"session-token", 0, no_secrets},
                     {"storage", 0, "this version has one kind of bucket: file"},
                     {"yes", 'y', "nothing is asked"},
                     {"force", 0, "a bucket that does not work is never written into the description"},
                     {"dir-stats", 0, "this version does not change it"},
                     {"enable-acl", 0, "this version does not keep POSIX ACLs"},
                     {"encrypt-secret", 0, "this version keeps no secrets in the description"},
                     {"min-client-version", 0, "this version does not change it"},
                     {"max-client-version", 0, "this version does not change it"}};
  command.examples = {
      {"headrace config sqlite3:///var/lib/data.db", "every member"},
      {"headrace config sqlite3:///var/lib/data.db --trash-days 7 --capacity 500GiB", "change two of them"}};
  command.prints = true;
  command.run = [](Context& context) { return asks_for_changes(context.options) ? change(context) : show(context); };
  return command;
}

}  // namespace headrace::cli
