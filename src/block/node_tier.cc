// SPDX-License-Identifier: Apache-2.0
// The tier's face over its index, its arena and its files.
#include "block/node_tier.h"

#include <sys/resource.h>

#include <atomic>

#include "block/file_source.h"
#include "block/node_file.h"
#include "block/tier_index.h"

namespace headrace::block {
namespace {

/// A zero-byte copy, for which nothing needs to be kept: a file without units.
constexpr std::uint64_t kEmpty = 0;

/// How many files may be open here: half of what the process may have, because connections and handles need some too.
std::uint64_t own_files_max() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return 1u << 20;
  return limit.rlim_cur / 2;
}

class RealNodeTier final : public NodeTier {
 public:
  RealNodeTier(FileSource source, UniqueFd arena_file, const NodeTierOptions& options)
      : source_(std::move(source)),
        index_(make_index(std::move(arena_file), options)),
        own_files_max_(own_files_max()) {}

  std::shared_ptr<NodeFile> find(const CopyKey& key) override {
    std::shared_ptr<NodeFile> file = index_->find(key);
    ++(file != nullptr ? file_hits_ : file_misses_);
    return file;
  }

  Result<std::shared_ptr<NodeFile>> find_or_create(const CopyKey& key) override {
    if (std::shared_ptr<NodeFile> file = index_->find(key)) return file;
    TRY(std::shared_ptr<TierFile> file,
        key.length >= kOwnFileBytesMin || key.length == kEmpty ? new_own_file(key) : new_short_file(key));
    return std::shared_ptr<NodeFile>(index_->insert(std::move(file)));
  }

  void forget(const CopyKey& key) override { index_->forget(key); }
  void forget(const BlockKey& key) override { index_->forget(key); }

  Result<void> read_block(const BlockKey& key, std::uint32_t offset, MutableByteSpan into) override {
    const std::shared_ptr<CheckedCopy> copy = index_->find(key);
    if (copy == nullptr || offset > copy->size() || into.size() > copy->size() - offset) {
      ++block_misses_;
      return Code::kNotFound;
    }
    const Result<void> read = copy->read(offset, into);
    if (!read) {
      // Damaged, or not to be read at all: both will not get better.
      index_->drop_damaged(key, *copy);
      ++block_misses_;
      return Code::kNotFound;
    }
    ++block_hits_;
    return {};
  }

  bool has_block(const BlockKey& key) const override { return index_->contains(key); }

  void put_block(const BlockKey& key, ByteSpan bytes) override {
    if (bytes.empty() || index_->contains(key)) return;
    const std::optional<Slot> slot = index_->take_slot(bytes.size());
    if (!slot) {
      ++drops_;
      return;
    }
    auto copy = std::make_shared<CheckedCopy>(index_->shared_arena(), *slot, static_cast<std::uint32_t>(bytes.size()));
    if (!copy->write(bytes)) {
      ++drops_;
      return;
    }
    index_->insert(key, std::move(copy));
    ++puts_;
    put_bytes_ += bytes.size();
  }

  std::uint64_t shrink(std::uint64_t bytes) override { return index_->shrink(bytes); }

  NodeTierStats stats() const override {
    NodeTierStats stats = index_->stats();
    stats.file_hits = file_hits_;
    stats.file_misses = file_misses_;
    stats.hits = stats.file_hits + block_hits_;
    stats.misses = stats.file_misses + block_misses_;
    stats.puts = puts_;
    stats.put_bytes = put_bytes_;
    stats.drops = drops_;
    stats.place = source_.place();
    return stats;
  }

 private:
  static std::shared_ptr<TierIndex> make_index(UniqueFd arena_file, const NodeTierOptions& options) {
    const auto space = std::make_shared<Space>(options.bytes_max);
    return std::make_shared<TierIndex>(
        space, std::make_shared<Arena>(std::move(arena_file), Arena::file_bytes_for(options.bytes_max), space));
  }

  Result<std::shared_ptr<TierFile>> new_own_file(const CopyKey& key) {
    const std::uint64_t bytes = allocation_of(key.length);
    if (!index_->take_space(bytes)) return Error(Code::kNoSpace, "the node's tier has no room for a copy of this file");
    Result<UniqueFd> file = source_.new_file(key.length);
    // Descriptors are a kind of room too: old copies make place for new ones.
    while (file ? file->get() >= static_cast<int>(own_files_max_) : file.code() == Code::kTransient) {
      if (index_->shrink(kOwnFileBytesMin) == 0) break;
      file = source_.new_file(key.length);
    }
    if (file && file->get() < static_cast<int>(own_files_max_)) {
      return std::shared_ptr<TierFile>(
          std::make_shared<OwnFile>(key, std::move(*file), index_->shared_space(), index_));
    }
    index_->space().give_back(bytes);
    if (!file && file.code() != Code::kTransient) return file.error();
    return Error(Code::kNoSpace, "the node's tier has no descriptor left for a copy of this file");
  }

  Result<std::shared_ptr<TierFile>> new_short_file(const CopyKey& key) {
    const std::optional<Slot> slot = index_->take_slot(key.length);
    if (!slot) return Error(Code::kNoSpace, "the node's tier has no room for a copy of this file");
    return std::shared_ptr<TierFile>(
        std::make_shared<ShortFile>(key, index_->shared_arena(), *slot, index_->shared_space(), index_));
  }

  const FileSource source_;
  const std::shared_ptr<TierIndex> index_;
  const std::uint64_t own_files_max_;
  std::atomic<std::uint64_t> file_hits_{0}, file_misses_{0}, block_hits_{0}, block_misses_{0};
  std::atomic<std::uint64_t> puts_{0}, put_bytes_{0}, drops_{0};
};

/// Holds nothing.
class NoNodeTier final : public NodeTier {
 public:
  std::shared_ptr<NodeFile> find(const CopyKey&) override { return nullptr; }
  Result<std::shared_ptr<NodeFile>> find_or_create(const CopyKey&) override {
    return Error(Code::kNoSpace, "this node keeps no copies");
  }
  void forget(const CopyKey&) override {}
  void forget(const BlockKey&) override {}
  Result<void> read_block(const BlockKey&, std::uint32_t, MutableByteSpan) override { return Code::kNotFound; }
  bool has_block(const BlockKey&) const override { return false; }
  void put_block(const BlockKey&, ByteSpan) override {}
  std::uint64_t shrink(std::uint64_t) override { return 0; }
  NodeTierStats stats() const override {
    NodeTierStats stats;
    stats.place = "none";
    return stats;
  }
};

}  // namespace

std::unique_ptr<NodeTier> new_node_tier(const Log& log, const NodeTierOptions& options) {
  if (options.bytes_max == 0) return std::make_unique<NoNodeTier>();
  FileSource source = FileSource::open(options.bytes_max, options.fallback_directory, options.may_mount);
  Result<UniqueFd> arena_file = source.new_file(Arena::file_bytes_for(options.bytes_max));
  if (!arena_file) {
    log.warn("this node keeps no copies: there is no place for them",
             {{"place", source.place()}, {"error", arena_file.error().text()}});
    return std::make_unique<NoNodeTier>();
  }
  if (!source.shortcoming().empty()) {
    log.warn("copies on this node are slower than they could be",
             {{"place", source.place()}, {"reason", source.shortcoming()}});
  }
  return std::make_unique<RealNodeTier>(std::move(source), std::move(*arena_file), options);
}

}  // namespace headrace::block
