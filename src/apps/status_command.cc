// SPDX-License-Identifier: Apache-2.0
// headrace status: of a volume (by its metadata URL), of one mount, or of all mounts of this node. A mount that hangs
// is shown as one.
#include <fmt/format.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/mount_config.h"
#include "base/uri.h"
#include "cli/output.h"
#include "cli/probe.h"
#include "cli/volume_access.h"
#include "fuse/mount.h"
#include "fuse/mount_probe.h"
#include "fuse/mountinfo.h"

namespace headrace::apps {
namespace {

using cli::Context;
using cli::Exit;
using cli::Outcome;
using nlohmann::ordered_json;

constexpr Duration kLookMax = std::chrono::seconds(2);
constexpr std::size_t kConfigBytesMax = 1u << 20;

/// One mount, as far as it answers.
struct SeenMount {
  fuse::MountEntry entry;
  std::string state;  // "serving", "dead", "silent"
  std::optional<SeenConfig> config;
  std::optional<std::uint64_t> waiting;  // requests without an answer
};

SeenMount look(const Context& context, const fuse::MountEntry& entry) {
  SeenMount seen{entry, "serving", std::nullopt, std::nullopt};
  if (const auto waiting = fuse::waiting_requests(entry.minor)) seen.waiting = *waiting;
  const auto text =
      cli::read_file(context.within(kLookMax), context.scheduler, entry.mount_point + "/.config", kConfigBytesMax);
  if (text) {
    if (const auto config = parse_config_document(*text)) seen.config = *config;
    return seen;
  }
  const auto state = fuse::probe_path(entry.mount_point, kLookMax);
  if (!state) {
    seen.state = "unknown";
  } else if (*state == fuse::PathState::kDead) {
    seen.state = "dead";
  } else if (*state == fuse::PathState::kSilent) {
    seen.state = "silent";
  } else {
    seen.state = *state == fuse::PathState::kForbidden ? "another user's" : "serving";
  }
  return seen;
}

ordered_json lane_json(const SeenConfig::Lane& lane) { return {{"on", lane.is_on}, {"why", lane.why}}; }

/// The supervisor's process, if it still runs (in this PID namespace).
std::optional<int> living_supervisor(const SeenConfig& config) {
  if (!config.supervisor || (kill(*config.supervisor, 0) != 0 && errno == ESRCH)) return std::nullopt;
  return config.supervisor;
}

ordered_json json_of(const SeenMount& seen) {
  ordered_json item{{"mountPoint", seen.entry.mount_point}, {"volume", seen.entry.source}, {"state", seen.state}};
  if (seen.waiting) item["waitingRequests"] = *seen.waiting;
  if (!seen.config) return item;
  const SeenConfig& config = *seen.config;
  item["uuid"] = config.uuid;
  item["metadata"] = config.metadata;
  item["version"] = config.version;
  item["readOnly"] = config.is_read_only;
  if (config.pid) item["pid"] = *config.pid;
  if (const auto supervisor = living_supervisor(config)) item["supervisorPid"] = *supervisor;
  item["restarts"] = config.restarts;
  if (config.mounted_seconds != 0) item["mountedAt"] = cli::format_time(config.mounted_seconds);
  if (config.cache_bytes) item["cacheBytes"] = *config.cache_bytes;
  if (config.buffer_bytes) item["bufferBytes"] = *config.buffer_bytes;
  item["nodeTier"] = config.tier_place;
  item["metrics"] = config.metrics_address;
  item["lanes"] = {{"protocol", config.protocol},
                   {"passthrough", lane_json(config.passthrough)},
                   {"ioUring", lane_json(config.io_uring)}};
  return item;
}

std::string age_of(const Context& context, std::int64_t since) {
  const std::int64_t age = context.scheduler.clock().wall().seconds - since;
  return since == 0 || age < 0 ? std::string() : format_duration(std::chrono::seconds(age));
}

std::string table_of(const Context& context, const std::vector<SeenMount>& mounts) {
  cli::Table table({"MOUNTPOINT", "VOLUME", "STATE", "PASSTHROUGH", "CACHE", "PID", "AGE"});
  for (const SeenMount& seen : mounts) {
    const SeenConfig config = seen.config.value_or(SeenConfig{});
    table.add_row({seen.entry.mount_point, seen.entry.source, seen.state,
                   seen.config ? (config.passthrough.is_on ? "on" : "off") : "",
                   config.cache_bytes ? format_size(*config.cache_bytes) : "",
                   config.pid ? std::to_string(*config.pid) : "", age_of(context, config.mounted_seconds)});
  }
  return table.text();
}

std::string fields_of(const Context& context, const SeenMount& seen) {
  cli::Fields fields;
  fields.add("Mount point", seen.entry.mount_point);
  fields.add("Volume", seen.entry.source);
  fields.add("State", seen.state);
  if (seen.waiting) fields.add("Waiting requests", std::to_string(*seen.waiting));
  if (!seen.config) return fields.text();
  const SeenConfig& config = *seen.config;
  fields.add("UUID", config.uuid);
  fields.add("Metadata", config.metadata);
  fields.add("Access", config.is_read_only ? "read-only" : "read and write");
  if (config.mounted_seconds != 0) {
    fields.add("Mounted", fmt::format("{} ({} ago)", cli::format_time(config.mounted_seconds),
                                      age_of(context, config.mounted_seconds)));
  }
  fields.add("Server", fmt::format("headrace {}, process {}", config.version, config.pid.value_or(0)));
  const auto supervisor = living_supervisor(config);
  fields.add("Supervisor",
             supervisor ? fmt::format("process {}, {} restart{}", *supervisor, config.restarts,
                                      config.restarts == 1 ? "" : "s")
                        : fmt::format("none, {} restart{} before", config.restarts, config.restarts == 1 ? "" : "s"));
  fields.add("Node tier", fmt::format("{} ({})", config.cache_bytes ? format_size(*config.cache_bytes) : "unknown",
                                      config.tier_place));
  if (config.buffer_bytes) fields.add("Buffers", format_size(*config.buffer_bytes));
  fields.add("Kernel protocol", config.protocol);
  fields.add("Passthrough", (config.passthrough.is_on ? "on" : "off: ") +
                                (config.passthrough.is_on ? std::string() : config.passthrough.why));
  fields.add("io_uring",
             (config.io_uring.is_on ? "on" : "off: ") + (config.io_uring.is_on ? std::string() : config.io_uring.why));
  fields.add("Metrics", config.metrics_address.empty() ? "off" : "http://" + config.metrics_address + "/metrics");
  return fields.text();
}

Outcome show_mounts(Context& context) {
  TRY(const auto entries, fuse::read_mountinfo());
  std::vector<SeenMount> mounts;
  for (const fuse::MountEntry& entry : entries) {
    if (entry.is_ours()) mounts.push_back(look(context, entry));
  }
  if (context.wants_json()) {
    ordered_json document = cli::new_document("MountList");
    document["items"] = ordered_json::array();
    for (const SeenMount& seen : mounts) document["items"].push_back(json_of(seen));
    cli::print_json(context.terminal, document);
  } else if (mounts.empty()) {
    context.terminal.err("no volume is mounted on this node\n");
  } else {
    context.terminal.out(table_of(context, mounts));
  }
  return {};
}

Outcome show_mount(Context& context, const std::string& path) {
  const auto where = fuse::canonical_mount_point(path);
  if (!where) return cli::fail(fmt::format("cannot look at {}", path), where.error());
  TRY(const auto entries, fuse::read_mountinfo());
  const auto entry = fuse::top_mount_at(entries, *where);
  if (!entry || !entry->is_ours()) {
    return cli::fail(Exit::kNotFound, fmt::format("no volume is mounted on {}", *where),
                     "headrace status lists the mounts; of a volume: headrace status META-URL");
  }
  const SeenMount seen = look(context, *entry);
  if (context.wants_json()) {
    ordered_json document = cli::new_document("Mount");
    document.update(json_of(seen));
    cli::print_json(context.terminal, document);
  } else {
    context.terminal.out(fields_of(context, seen));
  }
  if (seen.state == "dead" || seen.state == "silent") {
    return cli::fail(Exit::kUnreachable,
                     fmt::format("the server of {} is {}", *where, seen.state == "dead" ? "gone" : "silent"),
                     fmt::format("headrace umount {}{}", seen.state == "dead" ? "" : "--force ", *where));
  }
  return {};
}

ordered_json session_json(const meta::SessionInfo& session) {
  ordered_json item{{"Sid", session.session.value()}, {"Expire", cli::format_time(session.expires_seconds)}};
  const ordered_json info = ordered_json::parse(session.info, nullptr, false);
  if (info.is_object()) item.update(info);
  item["Sid"] = session.session.value();  // whatever the session's own text says of these two
  item["Expire"] = cli::format_time(session.expires_seconds);
  return item;
}

std::string member(const ordered_json& item, const char* name) {
  const auto found = item.find(name);
  return found != item.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string volume_text(const cli::VolumeAccess& access, const meta::VolumeUsage& usage, const ordered_json& sessions) {
  const meta::VolumeFormat& format = access.format;
  cli::Fields fields;
  fields.add("Volume", format.name);
  fields.add("UUID", format.uuid);
  fields.add("Metadata", access.url);
  fields.add("Bucket", fmt::format("{} ({})", redacted(format.bucket), format.storage));
  fields.add("Block size", format_size(format.block_bytes()));
  fields.add("Used", fmt::format("{} of {}", format_size(usage.used_bytes),
                                 format.capacity_bytes == 0 ? "unlimited" : format_size(format.capacity_bytes)));
  fields.add("Inodes", fmt::format("{} of {}", cli::format_count(usage.used_inodes),
                                   format.inodes_max == 0 ? "unlimited" : cli::format_count(format.inodes_max)));
  fields.add("Trash", format.trash_days == 0
                          ? "none"
                          : fmt::format("{} day{}", format.trash_days, format.trash_days == 1 ? "" : "s"));
  const meta::Admission admitted = meta::admission(format);
  if (admitted.access != meta::Access::kReadWrite) fields.add("Restricted", admitted.reason);
  std::string out = fields.text();
  if (sessions.empty()) return out + "Sessions:    <none>\n";
  cli::Table table({"SESSION", "HOST", "MOUNTPOINT", "PID", "VERSION", "EXPIRES"});
  for (const ordered_json& session : sessions) {
    const auto pid = session.find("ProcessID");
    table.add_row(
        {std::to_string(session.value("Sid", std::uint64_t{0})), member(session, "HostName"),
         member(session, "MountPoint"),
         pid != session.end() && pid->is_number_integer() ? std::to_string(pid->get<std::int64_t>()) : std::string(),
         member(session, "Version"), member(session, "Expire")});
  }
  return out + "\n" + table.text();
}

Outcome show_volume(Context& context, const std::string& url) {
  auto access = cli::open_volume(context.scope, context.scheduler, url, true);
  if (!access) return std::unexpected<cli::Failure>(access.error());
  const auto volume = meta::Volume::open(context.scope, *access->engine, context.scheduler, context.log,
                                         {.is_read_only = true, .mount_point = "status", .has_session = false});
  ordered_json sessions = ordered_json::array();
  meta::VolumeUsage usage;
  if (volume) {
    TRY(const std::vector<meta::SessionInfo> listed, (*volume)->sessions(context.scope));
    for (const meta::SessionInfo& session : listed) sessions.push_back(session_json(session));
    TRY(usage, (*volume)->usage(context.scope));
  }
  if (context.wants_json()) {
    ordered_json document = cli::new_document("VolumeStatus");
    document["metadata"] = access->url;
    document["setting"] = cli::masked_setting(access->format);
    document["sessions"] = sessions;
    document["statistic"] = {{"UsedSpace", usage.used_bytes},
                             {"AvailableSpace", usage.available_bytes},
                             {"UsedInodes", usage.used_inodes},
                             {"AvailableInodes", usage.available_inodes}};
    cli::print_json(context.terminal, document);
  } else {
    context.terminal.out(volume_text(*access, usage, sessions));
  }
  if (!volume) return cli::fail(fmt::format("volume {} cannot be used", access->format.name), volume.error());
  return {};
}

Outcome run_status(Context& context) {
  if (context.options.arguments.empty()) return show_mounts(context);
  const std::string& what = context.options.arguments[0];
  return what.find("://") != std::string::npos ? show_volume(context, what) : show_mount(context, what);
}

}  // namespace

cli::Command status_command() {
  cli::Command command;
  command.name = "status";
  command.summary = "Show a volume, a mount, or all mounts of this node";
  command.arguments = {{"WHAT", "a metadata URL or a mount point; nothing: the mounts of this node", false}};
  command.examples = {
      {"headrace status", "what is mounted here"},
      {"headrace status /data", "lanes, cache, server of one mount"},
      {"headrace status sqlite3:///var/lib/data.db", "settings, sessions and usage of a volume"},
  };
  command.refused = {{"session", 's', "sessions are listed, their open files are not"}};
  command.prints = true;
  command.run = run_status;
  return command;
}

}  // namespace headrace::apps
