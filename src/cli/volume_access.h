// SPDX-License-Identifier: Apache-2.0
// What commands share that work on a volume by its metadata URL: opening it, with errors that say what to do.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "cli/command.h"
#include "cli/volume_store.h"
#include "meta/volume.h"
#include "meta/volume_format.h"
#include "records/txn.h"

namespace headrace::cli {

/// The argument META-URL, as every command describes it.
ArgumentSpec meta_url_argument();
/// --bucket: the bucket in place of the one that the volume's description names.
OptionSpec bucket_option();

/// The directory that --bucket names, as a volume's description has it: absolute, with '/' at its end. kUsage: another
/// kind of bucket.
std::expected<std::string, Failure> bucket_directory(std::string_view text);

/// The engine of a volume that is there, and its description.
struct VolumeAccess {
  std::string url;  // without its password
  std::unique_ptr<records::RecordEngine> engine;
  meta::VolumeFormat format;
};

/// Failures name the URL without its password: kUsage (no metadata URL), kNotFound (no database, or no volume in it),
/// kConflict (a foreign database) …
std::expected<VolumeAccess, Failure> open_volume(const Scope& scope, Scheduler& scheduler, const std::string& url,
                                                 bool read_only, records::EngineObserver* observer = nullptr);

/// The volume's objects.
std::expected<std::unique_ptr<VolumeStore>, Failure> open_objects(Scheduler& scheduler,
                                                                  const meta::VolumeFormat& format,
                                                                  const VolumeStoreOptions& options);

/// The description as it is stored, every member, with secrets masked.
nlohmann::ordered_json masked_setting(const meta::VolumeFormat& format);

/// Writes, reads back and removes a small object.
Result<void> test_objects(const Scope& scope, object::ObjectStore& objects);

}  // namespace headrace::cli
