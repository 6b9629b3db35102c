// SPDX-License-Identifier: Apache-2.0
// A walk over trees, with files handed to a few threads.
#include "vfs/warmer.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/thread_pool.h"
#include "meta/overlay.h"

namespace headrace::vfs {
namespace {

constexpr std::size_t kExtentsMax = 100'000;
constexpr std::size_t kPage = 1000;
constexpr std::uint32_t kThreadsMax = 16;
constexpr std::size_t kPiece = 1u << 20;
constexpr Duration kProgressEvery = std::chrono::milliseconds(300);

/// Calls visit(key, bytes of the file in it) for each block that the file's bytes lie in.
template <class Visit>
void for_each_block(const meta::VolumeFormat& format, const meta::ChunkView& view, const Visit& visit) {
  const block::Layout layout{format.block_bytes(), format.hash_prefix};
  for (const Extent& extent : view.extents) {
    for (std::uint64_t at = 0; at < extent.length && !extent.is_hole();) {
      const std::uint64_t in_slice = extent.slice_offset + at;
      const auto index = static_cast<std::uint32_t>(in_slice / layout.block_bytes);
      const block::BlockKey key = block::block_key(layout, extent.slice, extent.slice_size, index);
      const std::uint64_t length =
          std::min<std::uint64_t>(key.size - in_slice % layout.block_bytes, extent.length - at);
      visit(key, length);
      at += length;
    }
  }
}

}  // namespace

Result<WarmRequest> parse_warm_request(std::string_view body) {
  if (body.size() < 4) return Code::kInvalid;
  const std::size_t length = load_big_endian<std::uint32_t>(body.data());
  if (length > body.size() - 4) return Code::kInvalid;
  WarmRequest request;
  std::string_view paths = body.substr(4, length);
  while (!paths.empty()) {
    const std::size_t end = std::min(paths.find('\n'), paths.size());
    if (end != 0) request.paths.emplace_back(paths.substr(0, end));
    paths.remove_prefix(std::min(end + 1, paths.size()));
  }
  const std::string_view rest = body.substr(4 + length);
  if (rest.size() >= 2)
    request.threads = std::clamp<std::uint32_t>(load_big_endian<std::uint16_t>(rest.data()), 1, kThreadsMax);
  if (rest.size() >= 3) request.in_background = rest[2] != 0;
  if (rest.size() >= 4) {
    if (static_cast<unsigned char>(rest[3]) > 2) return Code::kInvalid;
    request.action = static_cast<WarmRequest::Action>(rest[3]);
  }
  return request;
}

Result<Ino> Warmer::resolve(const Scope& scope, std::string_view path) {
  Ino ino = kRootIno;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (name.empty() || name == ".") continue;
    TRY(const meta::Entry entry, context_.volume.lookup(scope, ino, name));
    ino = entry.ino;
  }
  return ino;
}

/// One run: what its threads share.
struct Warmer::Round {
  Mutex mutex;
  WarmReport report GUARDED_BY(mutex);
  std::optional<Error> first_error GUARDED_BY(mutex);
  Moment next_progress GUARDED_BY(mutex){};

  void add(const Result<WarmReport>& one, const Clock& clock, const Progress& progress) {
    MutexLock lock(mutex);
    if (!one) {
      // A file that went away meanwhile needs no warming.
      if (one.code() != Code::kNotFound && !first_error) first_error = one.error();
      return;
    }
    report.files += one->files;
    report.slices += one->slices;
    report.bytes += one->bytes;
    report.missing_bytes += one->missing_bytes;
    const Moment now = clock.now();
    if (now < next_progress) return;
    next_progress = now + kProgressEvery;
    progress(report.files, report.bytes);
  }
};

Result<WarmReport> Warmer::run(const Scope& scope, const WarmRequest& request, const Progress& progress) {
  std::vector<Ino> open;
  for (const std::string& path : request.paths) {
    TRY(const Ino ino, resolve(scope, path));
    open.push_back(ino);
  }
  Round round;
  ThreadPool pool(context_.scheduler, "warm", std::min(request.threads, kThreadsMax), 64);
  const auto start_file = [&](Ino ino) -> Result<void> {
    return pool.submit(scope, [this, &scope, &round, &progress, &request, ino] {
      round.add(do_file(scope, ino, request.action), context_.scheduler.clock(), progress);
    });
  };
  while (!open.empty()) {
    const Ino ino = open.back();
    open.pop_back();
    TRY(const Attr attr, context_.volume.getattr(scope, ino));
    if (attr.type == FileType::kRegular) TRY_OK(start_file(ino));
    if (attr.type != FileType::kDirectory) continue;
    for (std::string after;;) {
      TRY(const std::vector<meta::DirEntry> page, context_.volume.readdir(scope, ino, after, kPage, false));
      for (const meta::DirEntry& entry : page) {
        if (entry.type == FileType::kDirectory) open.push_back(entry.ino);
        if (entry.type == FileType::kRegular) TRY_OK(start_file(entry.ino));
      }
      if (page.size() < kPage) break;
      after = page.back().name;
    }
  }
  pool.close();
  MutexLock lock(round.mutex);
  if (round.first_error) return *round.first_error;
  if (scope.stop.stop_requested()) return Code::kInterrupted;
  return round.report;
}

Result<WarmReport> Warmer::do_file(const Scope& scope, Ino ino, WarmRequest::Action action) {
  switch (action) {
    case WarmRequest::Action::kWarmUp: break;
    case WarmRequest::Action::kEvict: return evict_file(scope, ino);
    case WarmRequest::Action::kCheck: return check_file(scope, ino);
  }
  return warm_file(scope, ino);
}

Result<WarmReport> Warmer::warm_file(const Scope& scope, Ino ino) {
  for (int lists_read = 1;; ++lists_read) {
    TRY(const meta::ChunkView view, context_.volume.whole_file(scope, ino, kExtentsMax));
    Result<WarmReport> warmed = warm_version(scope, ino, view);
    if (warmed || warmed.code() != Code::kNotFound) return warmed;
    if (lists_read == kListsReadMax) return Error(Code::kIo, warmed.error().text());
  }
}

Result<WarmReport> Warmer::warm_version(const Scope& scope, Ino ino, const meta::ChunkView& view) {
  WarmReport report{1, view.extents.size(), view.attr.length, 0};
  if (view.attr.length == 0) return report;
  if (context_.options.passthrough && view.attr.length >= context_.options.small_file_bytes) {
    const Result<void> brought = whole_files_.bring(scope, ino, view);
    if (brought) return report;
    if (brought.code() != Code::kNoSpace) return brought.error();
    // No room for all of it: its blocks compete for what there is, like any reader's.
  }
  if (Result<void> read = read_through(scope, view); !read) return read.error();
  return report;
}

Result<void> Warmer::read_through(const Scope& scope, const meta::ChunkView& view) {
  std::vector<std::byte> piece(std::min<std::uint64_t>(kPiece, view.attr.length));
  for (std::uint64_t at = 0; at < view.attr.length; at += piece.size()) {
    const std::uint64_t end = std::min(at + piece.size(), view.attr.length);
    TRY_OK(context_.blocks.read(scope, meta::clip(view.extents, at, end), at, MutableByteSpan(piece).first(end - at)));
  }
  return {};
}

Result<WarmReport> Warmer::check_file(const Scope& scope, Ino ino) {
  TRY(const meta::ChunkView view, context_.volume.whole_file(scope, ino, kExtentsMax));
  WarmReport report{1, view.extents.size(), view.attr.length, 0};
  const std::shared_ptr<block::NodeFile> copy = context_.tier.find(whole_files_.key_of(ino, view));
  if (copy != nullptr && copy->is_complete()) return report;
  for_each_block(context_.volume.format(), view, [&](const block::BlockKey& key, std::uint64_t length) {
    if (!context_.tier.has_block(key)) report.missing_bytes += length;
  });
  return report;
}

Result<WarmReport> Warmer::evict_file(const Scope& scope, Ino ino) {
  TRY(const meta::ChunkView view, context_.volume.whole_file(scope, ino, kExtentsMax));
  context_.tier.forget(whole_files_.key_of(ino, view));
  for_each_block(context_.volume.format(), view,
                 [this](const block::BlockKey& key, std::uint64_t) { context_.tier.forget(key); });
  return WarmReport{1, view.extents.size(), view.attr.length, 0};
}

}  // namespace headrace::vfs
