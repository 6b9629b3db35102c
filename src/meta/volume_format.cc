// SPDX-License-Identifier: Apache-2.0
// The setting document as JSON, in and out.
#include "meta/volume_format.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <limits>
#include <optional>

namespace headrace::meta {
namespace {

using Json = nlohmann::ordered_json;

// Every member the real client knows, in the order it writes them (format sheet, section 2.1).
constexpr std::array kMembers = {"Name",          "UUID",           "Storage",          "StorageClass",
                                 "Tiers",         "Bucket",         "AccessKey",        "SecretKey",
                                 "SessionToken",  "BlockSize",      "Compression",      "Shards",
                                 "HashPrefix",    "Capacity",       "Inodes",           "EncryptKey",
                                 "EncryptAlgo",   "KeyEncrypted",   "UploadLimit",      "DownloadLimit",
                                 "TrashDays",     "MetaVersion",    "MinClientVersion", "MaxClientVersion",
                                 "DirStats",      "UserGroupQuota", "EnableACL",        "RangerRestUrl",
                                 "RangerService", "ChangeLog",      "ChangeLogMaxAge",  "ChangeLogMaxLines",
                                 "KerbConf"};

// A larger block cannot be a slice's.
constexpr std::uint64_t kBlockKibMax = 64 * 1024;
constexpr int kDepthMax = 64;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lowered(std::string text) {
  std::ranges::transform(text, text.begin(), lower);
  return text;
}

// The known spelling of a member's name, or the name itself.
std::string canonical(const std::string& name) {
  for (const char* member : kMembers) {
    if (std::ranges::equal(name, std::string_view(member), [](char a, char b) { return lower(a) == lower(b); }))
      return member;
  }
  return name;
}

// Brackets within brackets: what writes JSON goes down with them.
bool is_nested_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\')
      ++i;
    else if (c == '"')
      in_string = !in_string;
    else if (!in_string && (c == '[' || c == '{') && ++depth > kDepthMax)
      return true;
    else if (!in_string && (c == ']' || c == '}'))
      --depth;
  }
  return false;
}

Result<Json> parse_object(std::string_view text) {
  if (is_nested_too_deep(text)) return Error(Code::kDamaged, "the volume's description is nested too deep");
  Json parsed = Json::parse(text.begin(), text.end(), nullptr, false);
  if (parsed.is_discarded() || !parsed.is_object())
    return Error(Code::kDamaged, "the volume's description is no JSON object");
  Json object = Json::object();
  for (auto& [name, value] : parsed.items()) object[canonical(name)] = std::move(value);
  return object;
}

Error wrong_kind(const char* member, const char* wanted) {
  return {Code::kDamaged, std::string("the volume's description: ") + member + " is not " + wanted};
}

// Reads members into fields; a member that is absent or null leaves the field as it is. The first that is of a wrong
// kind is kept as the error of all.
class Members {
 public:
  explicit Members(const Json& object) : object_(object) {}

  void read(const char* name, std::string& field) {
    const Json* value = find(name);
    if (value == nullptr) return;
    if (!value->is_string()) return fail(name, "a text");
    field = value->get<std::string>();
  }
  void read(const char* name, bool& field) {
    const Json* value = find(name);
    if (value == nullptr) return;
    if (!value->is_boolean()) return fail(name, "true or false");
    field = value->get<bool>();
  }
  template <std::integral T>
  void read(const char* name, T& field) {
    const Json* value = find(name);
    if (value == nullptr) return;
    if (!value->is_number_unsigned() ||
        value->get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) {
      return fail(name, "a whole number in its range");
    }
    field = static_cast<T>(value->get<std::uint64_t>());
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  const Json* find(const char* name) const {
    const auto it = object_.find(name);
    return it == object_.end() || it->is_null() ? nullptr : &*it;
  }
  void fail(const char* name, const char* wanted) {
    if (!error_) error_ = wrong_kind(name, wanted);
  }

  const Json& object_;
  std::optional<Error> error_;
};

Result<void> check_complete(const VolumeFormat& format) {
  const std::pair<const char*, const std::string*> texts[] = {
      {"Name", &format.name}, {"UUID", &format.uuid}, {"Storage", &format.storage}, {"Bucket", &format.bucket}};
  for (const auto& [name, text] : texts) {
    if (text->empty()) return Error(Code::kDamaged, std::string("the volume's description has no ") + name);
  }
  if (format.block_kib == 0 || format.block_kib > kBlockKibMax) return wrong_kind("BlockSize", "a size in KiB");
  return {};
}

// Sets a member, or leaves it out where the real client would.
template <class T>
void set(Json& out, const char* name, const T& value, bool omit) {
  if (omit) {
    out.erase(name);
  } else {
    out[name] = value;
  }
}

Json with_members(Json out, const VolumeFormat& format) {
  const bool is_new = out.empty();
  out["Name"] = format.name;
  out["UUID"] = format.uuid;
  out["Storage"] = format.storage;
  set(out, "StorageClass", format.storage_class, format.storage_class.empty());
  if (is_new) out["Tiers"] = {{"0", {{"ID", 0}, {"StorageClass", format.storage_class}, {"Tag", ""}}}};
  out["Bucket"] = format.bucket;
  set(out, "AccessKey", format.access_key, format.access_key.empty());
  out["BlockSize"] = format.block_kib;
  set(out, "Compression", format.compression, format.compression == "none" && !is_new && !out.contains("Compression"));
  set(out, "Shards", format.shards, format.shards == 0);
  set(out, "HashPrefix", true, !format.hash_prefix);
  set(out, "Capacity", format.capacity_bytes, format.capacity_bytes == 0);
  set(out, "Inodes", format.inodes_max, format.inodes_max == 0);
  set(out, "EncryptAlgo", format.encrypt_algorithm, format.encrypt_algorithm.empty());
  out["TrashDays"] = format.trash_days;
  set(out, "MetaVersion", format.meta_version, format.meta_version == 0);
  set(out, "MinClientVersion", format.min_client_version, format.min_client_version.empty());
  set(out, "MaxClientVersion", format.max_client_version, format.max_client_version.empty());
  set(out, "DirStats", true, !format.dir_stats);
  set(out, "UserGroupQuota", true, !format.user_group_quota);
  out["EnableACL"] = format.enable_acl;
  set(out, "ChangeLog", true, !format.change_log);
  return out;
}

// The real client's order first, then what it does not know.
Json in_order(const Json& object) {
  Json ordered = Json::object();
  for (const char* member : kMembers) {
    if (const auto it = object.find(member); it != object.end()) ordered[member] = *it;
  }
  for (const auto& [name, value] : object.items()) {
    if (!ordered.contains(name)) ordered[name] = value;
  }
  return ordered;
}

}  // namespace

Result<VolumeFormat> parse_format(std::string_view json) {
  TRY(const Json object, parse_object(json));
  VolumeFormat format;
  format.document = std::string(json);
  // What is absent is what the real client takes an absent member for, not what it gives to a new volume.
  format.block_kib = 0;
  format.trash_days = 0;
  format.meta_version = 0;
  format.dir_stats = false;
  format.encrypt_algorithm.clear();
  std::string encrypt_key;
  Members members(object);
  members.read("Name", format.name);
  members.read("UUID", format.uuid);
  members.read("Storage", format.storage);
  members.read("Bucket", format.bucket);
  members.read("StorageClass", format.storage_class);
  members.read("AccessKey", format.access_key);
  members.read("BlockSize", format.block_kib);
  members.read("Compression", format.compression);
  members.read("Shards", format.shards);
  members.read("HashPrefix", format.hash_prefix);
  members.read("Capacity", format.capacity_bytes);
  members.read("Inodes", format.inodes_max);
  members.read("EncryptKey", encrypt_key);
  members.read("EncryptAlgo", format.encrypt_algorithm);
  members.read("TrashDays", format.trash_days);
  members.read("MetaVersion", format.meta_version);
  members.read("MinClientVersion", format.min_client_version);
  members.read("MaxClientVersion", format.max_client_version);
  members.read("DirStats", format.dir_stats);
  members.read("UserGroupQuota", format.user_group_quota);
  members.read("EnableACL", format.enable_acl);
  members.read("ChangeLog", format.change_log);
  if (members.error()) return *members.error();
  format.storage = lowered(std::move(format.storage));
  format.compression = format.compression.empty() ? "none" : lowered(std::move(format.compression));
  format.is_encrypted = !encrypt_key.empty();
  TRY_OK(check_complete(format));
  return format;
}

std::string format_document(const VolumeFormat& format) {
  Json base = Json::object();
  if (Result<Json> known = parse_object(format.document)) base = *std::move(known);
  return in_order(with_members(std::move(base), format)).dump(0, ' ', false, Json::error_handler_t::replace);
}

}  // namespace headrace::meta
