// SPDX-License-Identifier: Apache-2.0
#include "apps/mount_config.h"

#include <nlohmann/json.hpp>

#include "base/uri.h"
#include "cli/volume_access.h"

namespace headrace::apps {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

double seconds(Duration length) { return std::chrono::duration<double>(length).count(); }

std::string shown_url(const std::string& text) {
  const Result<Url> url = parse_url(text);
  return url ? url->redacted() : std::string("***");
}

ordered_json lane(const fuse::LaneState& state) { return {{"On", state.is_on}, {"Why", state.why}}; }

SeenConfig::Lane seen_lane(const json& document, const char* name) {
  const json lane = document.value(json::json_pointer(std::string("/Headrace/Lanes/") + name), json::object());
  if (!lane.is_object()) return {};
  return {lane.value("On", false), lane.value("Why", std::string())};
}

SeenConfig read_document(const json& document) {
  SeenConfig seen;
  const auto text = [&document](const char* pointer) {
    return document.value(json::json_pointer(pointer), std::string());
  };
  const auto number = [&document](const char* pointer) -> std::optional<std::uint64_t> {
    const json::json_pointer at(pointer);
    if (!document.contains(at) || !document[at].is_number_unsigned()) return std::nullopt;
    return document[at].get<std::uint64_t>();
  };
  seen.volume = text("/Format/Name");
  seen.uuid = text("/Format/UUID");
  seen.version = text("/Version");
  seen.metadata = text("/Headrace/Metadata");
  seen.protocol = text("/Headrace/Lanes/Protocol");
  seen.tier_place = text("/Headrace/TierPlace");
  seen.metrics_address = text("/Headrace/MetricsAddress");
  if (const auto pid = number("/Pid")) seen.pid = static_cast<int>(*pid);
  if (const auto supervisor = number("/Headrace/Supervisor"); supervisor && *supervisor != 0)
    seen.supervisor = static_cast<int>(*supervisor);
  seen.restarts = number("/Headrace/Restarts").value_or(0);
  seen.is_read_only = document.value(json::json_pointer("/Meta/ReadOnly"), false);
  seen.cache_bytes = number("/Headrace/CacheBytes");
  seen.buffer_bytes = number("/Headrace/BufferBytes");
  seen.mounted_seconds = static_cast<std::int64_t>(number("/Headrace/MountedSeconds").value_or(0));
  seen.passthrough = seen_lane(document, "Passthrough");
  seen.io_uring = seen_lane(document, "IoUring");
  return seen;
}

}  // namespace

std::string config_document(const MountFacts& facts) {
  const MountSettings& settings = facts.settings;
  ordered_json document;
  document["Meta"] = {{"ReadOnly", settings.is_read_only},
                      {"NoBGJob", !settings.background_jobs},
                      {"Heartbeat", settings.heartbeat.count()},
                      {"MountPoint", settings.mount_point},
                      {"Sid", facts.session}};
  document["Format"] = cli::masked_setting(facts.format);
  document["Chunk"] = {{"BlockSize", facts.format.block_bytes()},    {"MaxUpload", settings.uploads_max},
                       {"MaxDownload", settings.downloads_max},      {"GetTimeout", settings.get_timeout.count()},
                       {"PutTimeout", settings.put_timeout.count()}, {"CacheSize", settings.cache_bytes},
                       {"BufferSize", settings.buffer_bytes},        {"Writeback", false}};
  document["Version"] = facts.version;
  document["AttrTimeout"] = seconds(settings.attr_ttl);
  document["EntryTimeout"] = seconds(settings.entry_ttl);
  document["DirEntryTimeout"] = seconds(settings.dir_entry_ttl);
  document["Mountpoint"] = settings.mount_point;
  document["Pid"] = facts.pid;
  document["Headrace"] = {{"Metadata", shown_url(settings.meta_url)},
                          {"Supervisor", facts.supervisor},
                          {"Restarts", facts.restarts},
                          {"MountedSeconds", facts.mounted_seconds},
                          {"CacheBytes", settings.cache_bytes},
                          {"BufferBytes", settings.buffer_bytes},
                          {"TierPlace", facts.tier_place},
                          {"MetricsAddress", facts.metrics_address},
                          {"AllowOther", settings.allow_other},
                          {"Lanes",
                           {{"Kernel", facts.lanes.kernel_release},
                            {"Protocol", facts.lanes.protocol},
                            {"Classic", lane(facts.lanes.classic)},
                            {"Passthrough", lane(facts.lanes.passthrough)},
                            {"IoUring", lane(facts.lanes.io_uring)}}}};
  return document.dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

Result<SeenConfig> parse_config_document(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return Error(Code::kDamaged, "the mount's .config is no JSON object");
  try {
    return read_document(document);
  } catch (const json::exception&) {
    return Error(Code::kDamaged, "the mount's .config has members of another kind");
  }
}

}  // namespace headrace::apps
