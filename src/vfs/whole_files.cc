// SPDX-License-Identifier: Apache-2.0
// Names of copies.
#include "vfs/whole_files.h"

#include "base/checksum.h"

namespace headrace::vfs {
namespace {

/// A file in more pieces than this waits for its compaction.
constexpr std::size_t kExtentsMax = 20'000;

}  // namespace

block::CopyKey WholeFiles::key_of(Ino ino, const meta::ChunkView& view) const {
  std::string extents;
  extents.reserve(view.extents.size() * 32);
  for (const Extent& extent : view.extents) {
    append_big_endian(extents, extent.offset);
    append_big_endian(extents, extent.length);
    append_big_endian(extents, extent.slice.value());
    append_big_endian(extents, extent.slice_size);
    append_big_endian(extents, extent.slice_offset);
  }
  const std::uint64_t digest = xxh3(bytes_of(extents));
  const std::uint32_t second = crc32c(bytes_of(extents));
  return {context_.volume.format().uuid + "/" + std::to_string(ino.value()) + "/" + std::to_string(digest) + "-" +
              std::to_string(second),
          view.attr.length};
}

std::shared_ptr<block::NodeFile> WholeFiles::complete_copy(const Scope& scope, OpenFile& file) {
  const Result<meta::ChunkView> view = context_.volume.whole_file(scope, file.ino(), kExtentsMax);
  if (!view) return nullptr;
  std::shared_ptr<block::NodeFile> copy = context_.tier.find(key_of(file.ino(), *view));
  return copy != nullptr && copy->is_complete() ? copy : nullptr;
}

void WholeFiles::close() {}

}  // namespace headrace::vfs
