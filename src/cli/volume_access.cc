// SPDX-License-Identifier: Apache-2.0
// Opening engines and stores, and what their errors mean to a person.
#include "cli/volume_access.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "base/rng.h"
#include "base/uri.h"

namespace headrace::cli {
namespace {

std::string shown(const std::string& url) {
  const Result<Url> parsed = parse_url(url);
  return parsed ? parsed->redacted() : redacted(url);
}

std::string random_name(Rng& rng) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::string name;
  for (int i = 0; i < 10; ++i) name.push_back(kLetters[rng.below(kLetters.size())]);
  return name;
}

}  // namespace

ArgumentSpec meta_url_argument() { return {"META-URL", "where the volume's metadata is: sqlite3://PATH"}; }

OptionSpec bucket_option() {
  return {.name = "bucket",
          .kind = ValueKind::kText,
          .value_name = "DIR",
          .text = "The bucket, where it is not (any more) the one that the volume's description names"};
}

std::expected<std::string, Failure> bucket_directory(std::string_view text) {
  if (text.starts_with("file://")) text.remove_prefix(7);
  if (text.empty() || text.find("://") != std::string_view::npos) {
    return fail(Exit::kUsage, fmt::format("--bucket: a directory, got '{}'", redacted(std::string(text))),
                "--storage file keeps objects in a directory");
  }
  std::error_code error;
  std::string path = std::filesystem::absolute(text, error).lexically_normal().string();
  if (error) return fail(Exit::kFailed, fmt::format("--bucket {}: {}", text, error.message()));
  if (!path.ends_with('/')) path += '/';
  return path;
}

std::expected<VolumeAccess, Failure> open_volume(const Scope& scope, Scheduler& scheduler, const std::string& url,
                                                 bool read_only, records::EngineObserver* observer) {
  VolumeAccess access;
  access.url = shown(url);
  const bool may_be_made = url.starts_with("sqlite3://");
  auto engine = records::open_engine(url, {.read_only = read_only, .observer = observer}, scheduler);
  if (!engine) {
    std::string hint;
    if (may_be_made && engine.code() == Code::kNotFound)
      hint = fmt::format("headrace format {} NAME makes a volume there", access.url);
    if (may_be_made && engine.code() == Code::kDamaged)
      hint = "move the database away and load the newest backup from the bucket: headrace help load";
    return fail(fmt::format("cannot open {}", access.url), engine.error(), hint);
  }
  access.engine = *std::move(engine);
  auto format = meta::load_format(scope, *access.engine);
  if (!format) {
    const std::string hint = may_be_made && format.code() == Code::kNotFound
                                 ? fmt::format("headrace format {} NAME makes a volume there", access.url)
                                 : "";
    return fail(fmt::format("cannot open the volume at {}", access.url), format.error(), hint);
  }
  access.format = *std::move(format);
  return access;
}

std::expected<std::unique_ptr<VolumeStore>, Failure> open_objects(Scheduler& scheduler,
                                                                  const meta::VolumeFormat& format,
                                                                  const VolumeStoreOptions& options) {
  auto store = VolumeStore::open(format, scheduler, options);
  if (store) return *std::move(store);
  const std::string& bucket = options.bucket.empty() ? format.bucket : options.bucket;
  const std::string hint = store.code() == Code::kNotFound ? "--bucket DIR, if the bucket has moved" : "";
  return fail(fmt::format("cannot open the bucket {} of volume {}", shown(bucket), format.name), store.error(), hint);
}

nlohmann::ordered_json masked_setting(const meta::VolumeFormat& format) {
  using nlohmann::ordered_json;
  ordered_json setting = ordered_json::parse(format.document, nullptr, false);
  if (!setting.is_object()) return ordered_json::object();
  for (const auto& [name, value] : setting.items()) {
    if (!value.is_string()) continue;
    if (name == "SecretKey" || name == "SessionToken" || name == "EncryptKey") setting[name] = "***";
    if (name == "Bucket") setting[name] = shown(value.get<std::string>());
  }
  return setting;
}

Result<void> test_objects(const Scope& scope, object::ObjectStore& objects) {
  Rng rng(random_seed());
  const std::string key = "testing/" + random_name(rng);
  std::array<std::byte, 100> bytes, back;
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(rng.next());
  const std::array<ByteSpan, 1> parts{bytes};
  TRY_OK(objects.put(scope, key, parts));
  const Result<object::GetResult> got = objects.get(scope, key, 0, back);
  const std::array<std::string, 1> keys{key};
  const Result<void> removed = objects.remove(scope, keys);
  if (!got) return got.error();
  if (got->bytes != bytes.size() || bytes != back)
    return Error(Code::kDamaged, "a test object came back with other bytes");
  return removed;
}

}  // namespace headrace::cli
