// SPDX-License-Identifier: Apache-2.0
// headrace gc: what a volume keeps without need: objects that nothing names, files and slices whose release was not
// finished. Says what there is; removes it with --delete.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/uri.h"
#include "cli/commands/commands.h"
#include "cli/needed_slices.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/volume_access.h"
#include "meta/check.h"
#include "object/file_tree.h"

namespace headrace::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kPage = 1000;

struct Counted {
  std::uint64_t count = 0, bytes = 0;
};
struct GcReport {
  Counted in_use, leaked, young, foreign;  // objects; young: without a name, but perhaps about to get one
  std::uint64_t deleted_files = 0, pending_slices = 0, retired_slices = 0;
  bool was_deleted = false;
};

/// How many records of a kind there are.
Result<std::uint64_t> count_records(const Scope& scope, records::RecordEngine& engine, records::Whole what,
                                    std::uint64_t (*number)(const records::Key&)) {
  std::uint64_t count = 0, after = 0;
  for (;;) {
    const auto page = engine.read(
        scope, {}, [&](records::RecordTxn& txn) { return txn.scan(records::WholeVolume{what, after}, kPage); });
    if (!page) return page.error();
    if (page->empty()) return count;
    count += page->size();
    after = number(page->back().key);
  }
}

Result<void> count_pending(const Scope& scope, records::RecordEngine& engine, GcReport& report) {
  using records::Key;
  TRY(report.deleted_files, count_records(scope, engine, records::Whole::kDeletedFiles, [](const Key& key) {
        return std::get<records::DeletedFileKey>(key).ino.value();
      }));
  TRY(report.pending_slices, count_records(scope, engine, records::Whole::kPendingSliceRefs, [](const Key& key) {
        return std::get<records::SliceRefKey>(key).id.value();
      }));
  TRY(report.retired_slices, count_records(scope, engine, records::Whole::kDelayedSlices, [](const Key& key) {
        return std::get<records::DelayedSlicesKey>(key).made_by.value();
      }));
  return {};
}

/// Releases what meta plans, until nothing is left: deleted files first, since they give pending slices.
Outcome release_pending(const Context& context, const VolumeAccess& access, object::ObjectStore& objects,
                        GcReport& report) {
  TRY(const auto volume, meta::Volume::open(context.scope, *access.engine, context.scheduler, context.log,
                                            {.mount_point = "gc", .has_session = false}));
  const block::Layout layout{access.format.block_bytes(), access.format.hash_prefix};
  report.deleted_files = report.pending_slices = 0;
  for (;;) {
    TRY(const std::size_t files, volume->release_deleted_files(context.scope, Duration(0), kPage));
    report.deleted_files += files;
    if (files == 0) break;
  }
  TRY(report.retired_slices, volume->expire_delayed_slices(context.scope, 1'000'000));
  for (;;) {
    TRY(const std::vector<meta::DoomedSlice> doomed, volume->doomed_slices(context.scope, kPage));
    if (doomed.empty()) return {};
    for (const meta::DoomedSlice& slice : doomed) {
      std::vector<std::string> keys;
      for (std::uint32_t i = 0; i < block::block_count(layout, slice.size); ++i) {
        keys.push_back(block::object_name(layout, block::block_key(layout, slice.slice, slice.size, i)));
      }
      TRY_OK(objects.remove(context.scope, keys));
      TRY_OK(volume->forget_slice(context.scope, slice));
      ++report.pending_slices;
    }
  }
}

/// Looks at every object below chunks/ and removes the leaked ones where asked to.
Outcome sweep_objects(const Context& context, const block::Layout& layout, object::ObjectStore& objects,
                      const NeededSlices& needed, GcReport& report) {
  Progress progress(context.terminal, context.scheduler.clock(), "looking at objects", 0, context.options.on("quiet"));
  const std::int64_t old = context.scheduler.clock().wall().seconds - kLeakAgeSeconds;
  const bool deletes = context.options.on("delete");
  std::string after;
  std::uint64_t seen = 0;
  for (;;) {
    TRY(const object::ListPage page, objects.list(context.scope, "chunks/", after, kPage));
    std::vector<std::string> leaked;
    for (const object::ObjectInfo& object : page.objects) {
      after = object.key;
      const auto key = block::parse_object_name(layout, object.key);
      Counted* kind = &report.in_use;
      // A put that a crash interrupted leaves its temporary object: nobody will come back to it.
      const bool is_temporary = object::is_temporary_key(object.key);
      if (!key && !is_temporary) {
        kind = &report.foreign;
      } else if (is_temporary || !needed.needs(layout, *key)) {
        kind = object.modified.seconds < old ? &report.leaked : &report.young;
        if (kind == &report.leaked) leaked.push_back(object.key);
      }
      ++kind->count;
      kind->bytes += object.size;
    }
    seen += page.objects.size();
    if (deletes && !leaked.empty()) TRY_OK(objects.remove(context.scope, leaked));
    progress.update(seen, fmt::format("{} leaked", format_count(report.leaked.count)));
    if (page.is_last || page.objects.empty()) return {};
  }
}

void print(Context& context, const GcReport& report) {
  const std::string_view verb = report.was_deleted ? "removed" : "found";
  if (context.wants_json()) {
    const auto counted = [](const Counted& c) { return ordered_json{{"count", c.count}, {"bytes", c.bytes}}; };
    ordered_json document = new_document("Gc");
    document["deleted"] = report.was_deleted;
    document["inUse"] = counted(report.in_use);
    document["leaked"] = counted(report.leaked);
    document["young"] = counted(report.young);
    document["foreign"] = counted(report.foreign);
    document["deletedFiles"] = report.deleted_files;
    document["pendingSlices"] = report.pending_slices;
    document["retiredSlices"] = report.retired_slices;
    return print_json(context.terminal, document);
  }
  Table table({"WHAT", "COUNT", "SIZE"});
  const auto add = [&table](std::string what, const Counted& c) {
    table.add_row({std::move(what), format_count(c.count), format_size(c.bytes)});
  };
  add("objects in use", report.in_use);
  add(fmt::format("leaked objects {}", verb), report.leaked);
  add("nameless objects younger than an hour, kept", report.young);
  add("files in chunks/ that are no blocks, kept", report.foreign);
  table.add_row({fmt::format("deleted files {}", report.was_deleted ? "released" : "to be released"),
                 format_count(report.deleted_files), ""});
  table.add_row({fmt::format("slices without a reference {}", verb), format_count(report.pending_slices), ""});
  table.add_row({fmt::format("slices retired by compaction {}", report.was_deleted ? "released" : "found"),
                 format_count(report.retired_slices), ""});
  context.terminal.out(table.text());
  if (!report.was_deleted && report.leaked.count + report.deleted_files + report.pending_slices > 0) {
    context.terminal.err("nothing was removed; --delete removes it\n");
  }
}

Outcome run_gc(Context& context) {
  const bool deletes = context.options.on("delete");
  auto access = open_volume(context.scope, context.scheduler, context.options.arguments[0], !deletes);
  if (!access) return std::unexpected<Failure>(access.error());
  const auto store = open_objects(context.scheduler, access->format, {.bucket = context.options.text("bucket")});
  if (!store) return std::unexpected<Failure>(store.error());
  object::ObjectStore& objects = (*store)->objects();
  GcReport report;
  report.was_deleted = deletes;
  if (deletes) {
    if (Outcome released = release_pending(context, *access, objects, report); !released) return released;
  } else {
    TRY_OK(count_pending(context.scope, *access->engine, report));
  }
  NeededSlices needed;
  meta::CheckOptions options;
  options.findings_max = 0;
  options.needed_slice = [&needed](SliceId slice, std::uint32_t size) -> Result<void> {
    needed.add(slice, size);
    return {};
  };
  const auto checked = meta::check_volume(context.scope, *access->engine, options);
  if (!checked) return fail(fmt::format("cannot read the metadata of {}", access->url), checked.error());
  const block::Layout layout{access->format.block_bytes(), access->format.hash_prefix};
  if (Outcome swept = sweep_objects(context, layout, objects, needed, report); !swept) return swept;
  TRY_OK(access->engine->close());
  print(context, report);
  return {};
}

}  // namespace

Command gc_command() {
  Command command;
  command.name = "gc";
  command.summary = "Find, and with --delete remove, what a volume keeps without need";
  command.description =
      "Objects that no slice names are removed when they are older than an hour: younger ones may belong to a file "
      "that is being "
      "written. Files in the trash are not touched.";
  command.arguments = {meta_url_argument()};
  command.options = {
      {.name = "delete", .text = "Remove it", .only_flag = true},
      bucket_option(),
      {.name = "quiet", .letter = 'q', .text = "No progress"},
  };
  command.refused = {
      {"compact", 0, "chunks are compacted by the mounts that read and write them"},
      {"threads", 'p', "objects are removed a thousand at a time"},
  };
  command.examples = {{"headrace gc sqlite3:///var/lib/data.db", "what would go"},
                      {"headrace gc sqlite3:///var/lib/data.db --delete", "remove it"}};
  command.prints = true;
  command.run = run_gc;
  return command;
}

}  // namespace headrace::cli
