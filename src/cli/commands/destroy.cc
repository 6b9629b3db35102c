// SPDX-License-Identifier: Apache-2.0
// headrace destroy: removes a volume, its objects and its metadata. Asks for the volume's name first.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/uri.h"
#include "cli/commands/commands.h"
#include "cli/erase_volume.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/volume_access.h"

namespace headrace::cli {
namespace {

constexpr std::size_t kPage = 1000;

struct Removed {
  std::uint64_t objects = 0, bytes = 0, records = 0;
};

/// Mounts that are alive: their sessions have not expired.
Outcome check_sessions(const Context& context, const VolumeAccess& access) {
  TRY(const auto volume, meta::Volume::open(context.scope, *access.engine, context.scheduler, context.log,
                                            {.is_read_only = true, .mount_point = "destroy", .has_session = false}));
  TRY(const std::vector<meta::SessionInfo> sessions, volume->sessions(context.scope));
  const std::int64_t now = context.scheduler.clock().wall().seconds;
  std::uint64_t alive = 0;
  for (const meta::SessionInfo& session : sessions) alive += session.expires_seconds > now ? 1 : 0;
  if (alive == 0) return {};
  return fail(Exit::kConflict,
              fmt::format("volume {} is in use by {}", access.format.name,
                          alive == 1 ? "a mount" : fmt::format("{} mounts", alive)),
              fmt::format("headrace status {} lists them; unmount them first, or --force", access.url));
}

Outcome ask(Context& context, const VolumeAccess& access, const std::string& bucket) {
  if (context.options.on("yes")) return {};
  const std::string what = fmt::format("volume {} ({}), with everything below {}{}/", access.format.name,
                                       access.format.uuid, bucket, access.format.name);
  if (!context.terminal.can_ask()) {
    return fail(Exit::kUsage, fmt::format("this would remove {}", what), "--yes removes it without asking");
  }
  context.terminal.err(fmt::format("This removes {}. It cannot be undone.\n", what));
  TRY(const std::string answer, context.terminal.ask("Type the volume's name to go on: "));
  if (answer != access.format.name) return fail(Exit::kFailed, "that is not its name; nothing was removed");
  return {};
}

Outcome remove_objects(Context& context, object::ObjectStore& objects, Removed& removed) {
  Progress progress(context.terminal, context.scheduler.clock(), "removing objects", 0, context.options.on("quiet"));
  std::string after;
  for (;;) {
    TRY(const object::ListPage page, objects.list(context.scope, "", after, kPage));
    std::vector<std::string> keys;
    for (const object::ObjectInfo& object : page.objects) {
      keys.push_back(object.key);
      after = object.key;
      removed.bytes += object.size;
    }
    if (!keys.empty()) TRY_OK(objects.remove(context.scope, keys));
    removed.objects += keys.size();
    progress.update(removed.objects, format_size(removed.bytes));
    if (page.is_last || page.objects.empty()) return {};
  }
}

void print(Context& context, const VolumeAccess& access, const Removed& removed) {
  if (context.wants_json()) {
    auto document = new_document("Destroy");
    document["name"] = access.format.name;
    document["uuid"] = access.format.uuid;
    document["objects"] = removed.objects;
    document["bytes"] = removed.bytes;
    document["records"] = removed.records;
    return print_json(context.terminal, document);
  }
  context.terminal.out(fmt::format("removed volume {}: {} objects with {}, {} records\n", access.format.name,
                                   format_count(removed.objects), format_size(removed.bytes),
                                   format_count(removed.records)));
}

Outcome run_destroy(Context& context) {
  auto access = open_volume(context.scope, context.scheduler, context.options.arguments[0], false);
  if (!access) return std::unexpected<Failure>(access.error());
  if (context.options.arguments[1] != access->format.uuid) {
    return fail(Exit::kUsage,
                fmt::format("the volume at {} has another UUID than {}", access->url, context.options.arguments[1]),
                fmt::format("headrace status {} shows it", access->url));
  }
  if (!context.options.on("force")) {
    if (Outcome unused = check_sessions(context, *access); !unused) return unused;
  }
  const std::string bucket =
      context.options.text("bucket").empty() ? access->format.bucket : context.options.text("bucket");
  const auto store = open_objects(context.scheduler, access->format, {.bucket = context.options.text("bucket")});
  if (!store) return std::unexpected<Failure>(store.error());
  if (Outcome agreed = ask(context, *access, bucket); !agreed) return agreed;
  Removed removed;
  if (Outcome objects = remove_objects(context, (*store)->objects(), removed); !objects) return objects;
  Progress progress(context.terminal, context.scheduler.clock(), "removing metadata", 0, context.options.on("quiet"));
  TRY_OK(erase_volume(context.scope, *access->engine, [&](std::uint64_t records) {
    removed.records = records;
    progress.update(records);
  }));
  TRY_OK(access->engine->close());
  print(context, *access, removed);
  return {};
}

}  // namespace

Command destroy_command() {
  Command command;
  command.name = "destroy";
  command.summary = "Remove a volume: its objects and its metadata";
  command.description = "Refused while the volume is mounted anywhere. Asks for the volume's name, or needs --yes.";
  command.arguments = {meta_url_argument(), {"UUID", "the volume's UUID, as headrace status shows it"}};
  command.options = {
      {.name = "yes", .letter = 'y', .text = "Do not ask", .only_flag = true},
      {.name = "force", .text = "Although it seems to be mounted: those mounts will fail", .only_flag = true},
      bucket_option(),
      {.name = "quiet", .letter = 'q', .text = "No progress"},
  };
  command.examples = {
      {"headrace destroy sqlite3:///var/lib/data.db 0e5bd5f6-1c2d-4e3f-8a9b-0c1d2e3f4a5b", "asks first"}};
  command.prints = true;
  command.run = run_destroy;
  return command;
}

}  // namespace headrace::cli
