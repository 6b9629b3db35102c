// SPDX-License-Identifier: Apache-2.0
// Commands in JuiceFS's binary form, answers in its JSON.
#include "vfs/control.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "vfs/tree_walk.h"

namespace headrace::vfs {
namespace {

constexpr std::uint32_t kFillCache = 1004, kInfo = 1005, kSummary = 1007;
constexpr std::size_t kPathsMax = 64;
constexpr std::size_t kExtentsMax = 100'000;
constexpr int kDepthMax = 10;

std::string frame_json(const std::string& json) {
  std::string out(1, static_cast<char>(0xFF));
  append_big_endian(out, static_cast<std::uint32_t>(json.size()));
  return out + json;
}

std::string dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

nlohmann::ordered_json json_of(const TreeNode& node) {
  nlohmann::ordered_json json{
      {"Inode", node.ino.value()}, {"Path", node.path},        {"Type", static_cast<int>(node.type)},
      {"Size", node.sums.size},    {"Files", node.sums.files}, {"Dirs", node.sums.directories}};
  if (!node.children.empty()) {
    json["Children"] = nlohmann::ordered_json::array();
    for (const TreeNode& child : node.children) json["Children"].push_back(json_of(child));
  }
  return json;
}

nlohmann::ordered_json json_of(const FilePlace& place) {
  return {{"Length", place.length},
          {"PresentBytes", place.present_bytes},
          {"IsWhole", place.is_whole},
          {"OpenHandles", place.open_handles},
          {"PassHandles", place.pass_handles},
          {"DirectHandles", place.direct_handles},
          {"CachedHandles", place.cached_handles},
          {"Writers", place.writers},
          {"UnflushedBytes", place.unflushed_bytes},
          {"WhyNotPassthrough", place.why_not_passthrough}};
}

std::string json_of(const WarmReport& report) {
  return dump({{"FileCount", report.files},
               {"SliceCount", report.slices},
               {"TotalBytes", report.bytes},
               {"MissBytes", report.missing_bytes},
               {"Locations", nlohmann::ordered_json::object()}});
}

}  // namespace

void Control::answer(const Scope& scope, std::uint32_t command, std::string body,
                     const std::shared_ptr<Conversation>& conversation) {
  Result<std::string> answered = Code::kInvalid;
  switch (command) {
    case kInfo: answered = info(scope, body); break;
    case kSummary: answered = summary(scope, body); break;
    case kFillCache: {
      const Result<void> begun = warm_up(body, conversation);
      if (begun) return;  // it answers by itself
      answered = begun.error();
      break;
    }
    default: break;
  }
  conversation->say(answered ? *answered : std::string(1, static_cast<char>(errno_of(answered.code()))));
  conversation->finish();
}

void Control::close() {
  stop_.request_stop();
  std::unique_ptr<ThreadPool> jobs;
  {
    MutexLock lock(mutex_);
    jobs = std::move(jobs_);
  }
  if (jobs != nullptr) jobs->close();
}

Result<void> Control::warm_up(std::string_view body, const std::shared_ptr<Conversation>& conversation) {
  TRY(WarmRequest request, parse_warm_request(body));
  MutexLock lock(mutex_);
  if (stop_.stop_requested()) return Code::kInterrupted;
  if (jobs_ == nullptr) jobs_ = std::make_unique<ThreadPool>(context_.scheduler, "warm-up", 2, 16);
  return jobs_->try_submit([this, request = std::move(request), conversation]() mutable {
    if (request.in_background) {
      conversation->say(frame_json(json_of(WarmReport{})));
      conversation->finish();
    }
    const Scope scope{Moment::max(), stop_.get_token()};
    const Result<WarmReport> report = warmer_.run(scope, request, [&](std::uint64_t files, std::uint64_t bytes) {
      if (request.in_background) return;
      std::string frame(1, static_cast<char>(0xFE));
      append_big_endian(frame, files);
      append_big_endian(frame, bytes);
      conversation->say(frame);
    });
    if (!report) context_.log.warn("warming up ended early", {{"err", report.error().text()}});
    if (request.in_background) return;
    conversation->say(report ? frame_json(json_of(*report))
                             : std::string(1, static_cast<char>(errno_of(report.code()))));
    conversation->finish();
  });
}

Result<std::string> Control::info(const Scope& scope, std::string_view body) {
  if (body.size() < 10) return Code::kInvalid;
  const Ino ino{load_big_endian<std::uint64_t>(body.data())};
  const bool recursive = body[8] != 0;
  nlohmann::ordered_json json{{"Ino", ino.value()}, {"Failed", false}, {"Reason", ""}};
  TRY(const Attr attr, context_.volume.getattr(scope, ino));
  TRY(const TreeSums sums, sum_tree(scope, context_.volume, ino, recursive));
  json["Summary"] = {{"Length", sums.length}, {"Size", sums.size}, {"Files", sums.files}, {"Dirs", sums.directories}};
  TRY(const std::vector<std::string> paths, context_.volume.paths_of(scope, ino, kPathsMax));
  json["Paths"] = paths;
  json["Chunks"] = nlohmann::ordered_json::array();
  json["Objects"] = nlohmann::ordered_json::array();
  if (attr.type == FileType::kRegular) {
    const block::Layout layout{context_.volume.format().block_bytes(), context_.volume.format().hash_prefix};
    if (const Result<meta::ChunkView> view = context_.volume.whole_file(scope, ino, kExtentsMax)) {
      for (const Extent& extent : view->extents) {
        const std::uint32_t chunk = chunk_of(extent.offset).value();
        json["Chunks"].push_back({{"ChunkIndex", chunk},
                                  {"Id", extent.slice.value()},
                                  {"Size", extent.slice_size},
                                  {"Off", extent.slice_offset},
                                  {"Len", extent.length}});
        for (std::uint64_t at = 0; at < extent.length && !extent.is_hole();) {
          const std::uint64_t in_slice = extent.slice_offset + at;
          const auto index = static_cast<std::uint32_t>(in_slice / layout.block_bytes);
          const block::BlockKey key = block::block_key(layout, extent.slice, extent.slice_size, index);
          const std::uint64_t off = in_slice % layout.block_bytes,
                              length = std::min<std::uint64_t>(key.size - off, extent.length - at);
          json["Objects"].push_back({{"ChunkIndex", chunk},
                                     {"Key", context_.volume.format().name + "/" + block::object_name(layout, key)},
                                     {"Size", key.size},
                                     {"Off", off},
                                     {"Len", length}});
          at += length;
        }
      }
    }
    TRY(const FilePlace place, place_of(scope, ino));
    json["Place"] = json_of(place);
  }
  return frame_json(dump(json));
}

Result<std::string> Control::summary(const Scope& scope, std::string_view body) {
  if (body.size() < 8) return Code::kInvalid;
  const Ino ino{load_big_endian<std::uint64_t>(body.data())};
  const int depth = body.size() > 8 ? std::min<int>(static_cast<unsigned char>(body[8]), kDepthMax) : 3;
  const std::size_t entries = body.size() > 9 ? static_cast<unsigned char>(body[9]) : 10;
  TRY(const std::vector<std::string> paths, context_.volume.paths_of(scope, ino, 1));
  TRY(const TreeNode tree,
      summarize_tree(scope, context_.volume, ino, paths.empty() ? "" : paths.front(), depth, entries));
  return frame_json(dump({{"Errno", 0}, {"Tree", json_of(tree)}}));
}

Result<FilePlace> Control::place_of(const Scope& scope, Ino ino) {
  TRY(const meta::ChunkView view, context_.volume.whole_file(scope, ino, kExtentsMax));
  FilePlace place;
  place.length = view.attr.length;
  const std::shared_ptr<block::NodeFile> copy = context_.tier.find(whole_files_.key_of(ino, view));
  if (copy != nullptr) {
    place.is_whole = copy->is_complete();
    for (std::uint64_t at = 0; at < place.length; at += block::kFillUnit) {
      const std::uint64_t unit = std::min(block::kFillUnit, place.length - at);
      if (place.is_whole || copy->has(at, unit)) place.present_bytes += unit;
    }
  }
  if (const std::shared_ptr<OpenFile> file = files_.find(ino)) {
    const HandleCounts counts = file->counts();
    place.length = file->bytes().length();
    place.open_handles = counts.handles;
    place.pass_handles = counts.pass;
    place.direct_handles = counts.direct;
    place.cached_handles = counts.cached;
    place.writers = counts.writers;
    place.unflushed_bytes = file->bytes().dirty_bytes();
    if (counts.has_backing) {
      place.is_whole = true;
      place.present_bytes = place.length;
    }
  }
  if (!context_.options.passthrough)
    place.why_not_passthrough = "passthrough is off on this mount";
  else if (place.length < context_.options.small_file_bytes)
    place.why_not_passthrough = "small files are served from the page cache";
  else if (place.writers != 0 || place.unflushed_bytes != 0)
    place.why_not_passthrough = "the file is being written";
  else if (!place.is_whole)
    place.why_not_passthrough = "the file is not whole on this node";
  return place;
}

}  // namespace headrace::vfs
