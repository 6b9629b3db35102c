// SPDX-License-Identifier: Apache-2.0
// headrace fsck: does the metadata agree with itself, and does the bucket hold every object that it names? Writes
// nothing.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "base/uri.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/slice_objects.h"
#include "cli/volume_access.h"
#include "meta/check.h"

namespace headrace::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kFaultsMax = 10'000, kFilesMax = 1'000;

/// What is wrong with objects; bounded, all counted.
struct BrokenObject {
  SliceId slice;
  ObjectFault fault;
};
struct ObjectReport {
  std::vector<BrokenObject> broken;
  std::uint64_t broken_total = 0, slices = 0, objects = 0, bytes = 0;
};

struct DamagedFile {
  Ino ino;
  std::set<std::uint64_t> slices;
  std::vector<std::string> paths;
};

/// Which files show the broken slices, and under which names.
Result<std::vector<DamagedFile>> files_of(const Context& context, records::RecordEngine& engine,
                                          const ObjectReport& report) {
  std::set<std::uint64_t> broken;
  for (const BrokenObject& one : report.broken) broken.insert(one.slice.value());
  std::map<std::uint64_t, DamagedFile> files;
  std::uint64_t after = 0;
  for (;;) {
    const auto page = engine.read(context.scope, {}, [&](records::RecordTxn& txn) {
      return txn.scan(records::WholeVolume{records::Whole::kSlices, after}, 1000);
    });
    if (!page) return page.error();
    if (page->empty()) break;
    for (const records::Item& item : *page) {
      const Ino ino = std::get<records::SlicesKey>(item.key).ino;
      after = ino.value();
      for (const records::Slice& slice : std::get<records::SliceList>(item.record)) {
        if (broken.contains(slice.id.value()) && files.size() < kFilesMax)
          files[ino.value()].slices.insert(slice.id.value());
      }
    }
  }
  TRY(const auto volume, meta::Volume::open(context.scope, engine, context.scheduler, context.log,
                                            {.is_read_only = true, .mount_point = "fsck", .has_session = false}));
  std::vector<DamagedFile> found;
  for (auto& [ino, file] : files) {
    file.ino = Ino{ino};
    if (const auto paths = volume->paths_of(context.scope, file.ino, 8)) file.paths = *paths;
    found.push_back(std::move(file));
  }
  return found;
}

std::string text_of(const meta::CheckReport& report, const ObjectReport& objects,
                    const std::vector<DamagedFile>& files) {
  std::string out;
  for (const meta::Finding& finding : report.findings)
    out += fmt::format("{}: {}\n", meta::name_of(finding.kind), printable(finding.sentence));
  if (report.findings_total > report.findings.size()) {
    out += fmt::format("... and {} findings more\n", format_count(report.findings_total - report.findings.size()));
  }
  for (const BrokenObject& one : objects.broken)
    out += fmt::format("object {}: {}\n", one.fault.object, one.fault.sentence);
  if (objects.broken_total > objects.broken.size()) {
    out += fmt::format("... and {} objects more\n", format_count(objects.broken_total - objects.broken.size()));
  }
  for (const DamagedFile& file : files) {
    out += fmt::format("damaged: {}\n",
                       file.paths.empty() ? fmt::format("inode {}", file.ino.value()) : printable(file.paths.front()));
  }
  out += fmt::format("{} directories, {} files, {} others; {} in {} slices, {} objects\n",
                     format_count(report.directories), format_count(report.files), format_count(report.others),
                     format_size(objects.bytes), format_count(objects.slices), format_count(objects.objects));
  return out;
}

ordered_json json_of(const meta::CheckReport& report, const ObjectReport& objects,
                     const std::vector<DamagedFile>& files) {
  ordered_json document = new_document("Fsck");
  document["directories"] = report.directories;
  document["files"] = report.files;
  document["others"] = report.others;
  document["slices"] = objects.slices;
  document["objects"] = objects.objects;
  document["objectBytes"] = objects.bytes;
  document["findingsTotal"] = report.findings_total;
  document["findings"] = ordered_json::array();
  for (const meta::Finding& finding : report.findings) {
    document["findings"].push_back({{"kind", meta::name_of(finding.kind)},
                                    {"inode", finding.ino.value()},
                                    {"slice", finding.slice.value()},
                                    {"sentence", finding.sentence}});
  }
  document["brokenObjectsTotal"] = objects.broken_total;
  document["brokenObjects"] = ordered_json::array();
  for (const BrokenObject& one : objects.broken) {
    document["brokenObjects"].push_back(
        {{"object", one.fault.object}, {"slice", one.slice.value()}, {"sentence", one.fault.sentence}});
  }
  document["damagedFiles"] = ordered_json::array();
  for (const DamagedFile& file : files)
    document["damagedFiles"].push_back({{"inode", file.ino.value()}, {"paths", file.paths}});
  return document;
}

/// Findings that are more than statistics which a client had not written yet.
std::uint64_t damage_in(const meta::CheckReport& report) {
  std::uint64_t harmless = 0;
  for (const meta::Finding& finding : report.findings)
    harmless += finding.kind == meta::FindingKind::kNoDirStats ? 1 : 0;
  return report.findings_total - harmless;
}

/// Whether what a reference shows is zeros, as its objects say.
Result<bool> shows_zeros(const Scope& scope, object::ObjectStore& objects, const block::Layout& layout,
                         const records::Slice& reference) {
  std::vector<std::byte> bytes(std::min<std::uint64_t>(layout.block_bytes, reference.len));
  for (std::uint32_t done = 0; done < reference.len;) {
    const std::uint32_t at = reference.off + done, block = at / layout.block_bytes, within = at % layout.block_bytes;
    const std::uint32_t length = std::min(reference.len - done, layout.block_bytes - within);
    const auto key = block::object_name(layout, block::block_key(layout, reference.id, reference.size, block));
    TRY(const object::GetResult got, objects.get(scope, key, within, MutableByteSpan(bytes).first(length)));
    const auto end = bytes.begin() + static_cast<std::ptrdiff_t>(got.bytes);
    if (std::any_of(bytes.begin(), end, [](std::byte byte) { return byte != std::byte{0}; })) return false;
    if (got.bytes < length) return Error(Code::kNotFound, "an object is too short");
    done += length;
  }
  return true;
}

Outcome run_fsck(Context& context) {
  auto access = open_volume(context.scope, context.scheduler, context.options.arguments[0], true);
  if (!access) return std::unexpected<Failure>(access.error());
  const auto store = open_objects(context.scheduler, access->format, {.bucket = context.options.text("bucket")});
  if (!store) return std::unexpected<Failure>(store.error());
  const block::Layout layout{access->format.block_bytes(), access->format.hash_prefix};
  SliceObjects present((*store)->objects(), layout);
  ObjectReport objects;
  Progress progress(context.terminal, context.scheduler.clock(), "checking slices", 0, context.options.on("quiet"));
  meta::CheckOptions options;
  options.findings_max = kFaultsMax;
  options.is_zero = [&](const records::Slice& reference) {
    return shows_zeros(context.scope, (*store)->objects(), layout, reference);
  };
  options.needed_slice = [&](SliceId slice, std::uint32_t size) -> Result<void> {
    if (context.scope.stop.stop_requested()) return Code::kInterrupted;
    TRY(const std::vector<SliceObject>* found, present.of(context.scope, slice));
    for (ObjectFault& fault : compare_objects(layout, slice, size, *found)) {
      ++objects.broken_total;
      if (objects.broken.size() < kFaultsMax) objects.broken.push_back({slice, std::move(fault)});
    }
    ++objects.slices;
    objects.objects += block::block_count(layout, size);
    objects.bytes += size;
    progress.update(objects.slices, format_size(objects.bytes));
    return {};
  };
  const auto report = meta::check_volume(context.scope, *access->engine, options);
  if (!report) return fail(fmt::format("cannot check {}", access->url), report.error());
  std::vector<DamagedFile> files;
  if (!objects.broken.empty()) {
    TRY(files, files_of(context, *access->engine, objects));
  }
  if (context.wants_json()) {
    print_json(context.terminal, json_of(*report, objects, files));
  } else {
    context.terminal.out(text_of(*report, objects, files));
  }
  const std::uint64_t damage = damage_in(*report);
  if (damage == 0 && objects.broken_total == 0) return {};
  return fail(Exit::kDamaged,
              fmt::format("volume {}: {} findings in the metadata, {} objects missing or wrong", access->format.name,
                          format_count(damage), format_count(objects.broken_total)));
}

}  // namespace

Command fsck_command() {
  Command command;
  command.name = "fsck";
  command.summary = "Check a volume: metadata against itself, and against the objects in the bucket";
  command.description =
      "Changes nothing. Ends with 8 when something is damaged or missing. Of a volume that is being changed meanwhile, "
      "the difference "
      "between two moments can show as a finding: look again when it is quiet.";
  command.arguments = {meta_url_argument()};
  command.options = {bucket_option(), {.name = "quiet", .letter = 'q', .text = "No progress"}};
  command.refused = {
      {"path", 0, "the whole volume is checked"},
      {"repair", 0, "this version does not repair"},
      {"recursive", 'r', "the whole volume is checked"},
      {"sync-dir-stat", 0, "this version does not repair"},
  };
  command.examples = {{"headrace fsck sqlite3:///var/lib/data.db", "exit status 0: nothing is damaged"}};
  command.prints = true;
  command.run = run_fsck;
  return command;
}

}  // namespace headrace::cli
