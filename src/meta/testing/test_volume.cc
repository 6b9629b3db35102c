// SPDX-License-Identifier: Apache-2.0
// Volumes for stories.
#include "meta/testing/test_volume.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/check.h"

namespace headrace::meta::testing {
namespace {

std::string new_directory() {
  const char* base = std::getenv("TMPDIR");
  std::string pattern = std::string(base != nullptr ? base : "/tmp") + "/headrace-meta-XXXXXX";
  CHECK(::mkdtemp(pattern.data()) != nullptr);
  return pattern;
}

// Errors and above only: tests provoke warnings by the dozen.
constexpr int kStandardError = 2;

}  // namespace

std::vector<std::string> engine_kinds() {
  std::vector<std::string> kinds{"memory"};
  SystemScheduler scheduler;
  const auto sqlite = records::open_engine("sqlite3:///nonexistent/volume.db", {}, scheduler);
  if (!sqlite && sqlite.code() == Code::kNotFound) kinds.emplace_back("sqlite");
  return kinds;
}

VolumeFormat plain_format() {
  VolumeFormat format;
  format.name = "test";
  format.uuid = "0e5bd5f6-1c2d-4e3f-8a9b-0c1d2e3f4a5b";
  format.storage = "file";
  format.bucket = "/nowhere/";
  format.trash_days = 0;
  return format;
}

TestVolume::TestVolume(const std::string& engine_kind, VolumeFormat format) : log_(kStandardError, LogLevel::kOff) {
  std::string url = "memory://";
  if (engine_kind == "sqlite") {
    directory_ = new_directory();
    url = "sqlite3://" + directory_ + "/volume.db";
  }
  auto engine = records::open_engine(url, {.create = true}, scheduler_);
  CHECK(engine.has_value());
  engine_ = *std::move(engine);
  CHECK(format_volume(Scope{}, *engine_, scheduler_.clock(), std::move(format), false).has_value());
  volume_ = open_another();
}

TestVolume::~TestVolume() {
  (void)volume_->close(Scope{});
  volume_.reset();
  engine_.reset();
  if (!directory_.empty()) std::filesystem::remove_all(directory_);
}

std::unique_ptr<Volume> TestVolume::open_another(VolumeOptions options) {
  auto volume = Volume::open(Scope{}, *engine_, scheduler_, log_, std::move(options));
  CHECK(volume.has_value());
  return *std::move(volume);
}

void TestVolume::check(const Result<void>& result) { CHECK(result.has_value()); }

Ino TestVolume::make_directory(Ino parent, std::string_view name, std::uint16_t mode) {
  NewNode node;
  node.type = FileType::kDirectory;
  node.mode = mode;
  const auto made = volume_->mknod(Scope{}, root(), parent, name, node);
  CHECK(made.has_value());
  return made->ino;
}

Ino TestVolume::make_file(Ino parent, std::string_view name, std::uint16_t mode) {
  NewNode node;
  node.mode = mode;
  const auto made = volume_->mknod(Scope{}, root(), parent, name, node);
  CHECK(made.has_value());
  return made->ino;
}

SliceId TestVolume::write(Ino ino, std::uint64_t offset, std::uint64_t length) {
  SliceId first;
  while (length > 0) {
    const auto id = volume_->new_slice_id(Scope{});
    CHECK(id.has_value());
    if (first == SliceId{0}) first = *id;
    const auto here = static_cast<std::uint32_t>(std::min(length, kChunkBytes - offset_in_chunk(offset)));
    const NewSlice slice{chunk_of(offset), {offset_in_chunk(offset), *id, here, 0, here}};
    CHECK(volume_->commit_slices(Scope{}, ino, std::span(&slice, 1), now()).has_value());
    offset += here;
    length -= here;
  }
  return first;
}

Attr TestVolume::attr(Ino ino) {
  const auto attr = volume_->getattr(Scope{}, ino);
  CHECK(attr.has_value());
  return *attr;
}

std::vector<std::string> TestVolume::names(Ino directory) {
  const auto entries = volume_->readdir(Scope{}, directory, "", 100000, false);
  CHECK(entries.has_value());
  std::vector<std::string> names;
  for (const DirEntry& entry : *entries) names.push_back(entry.name);
  return names;
}

void TestVolume::set_mode(Ino ino, std::uint16_t mode) {
  AttrChange change;
  change.mode = mode;
  CHECK(volume_->setattr(Scope{}, root(), ino, change).has_value());
}

void TestVolume::set_owner(Ino ino, std::uint32_t uid, std::uint32_t gid) {
  AttrChange change;
  change.uid = uid;
  change.gid = gid;
  CHECK(volume_->setattr(Scope{}, root(), ino, change).has_value());
}

void TestVolume::set_flags(Ino ino, std::uint8_t flags) {
  AttrChange change;
  change.flags = flags;
  CHECK(volume_->setattr(Scope{}, root(), ino, change).has_value());
}

std::vector<records::Item> TestVolume::all(records::Whole what) {
  const auto rows = engine_->read(
      Scope{}, {}, [&](records::RecordTxn& txn) { return txn.scan(records::WholeVolume{what, 0}, 1 << 20); });
  CHECK(rows.has_value());
  return *rows;
}

}  // namespace headrace::meta::testing
