// SPDX-License-Identifier: Apache-2.0
// Which mode an open gets, and how copies in the kernel's hands are kept equal to the file.
#include "vfs/open_file.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/checksum.h"

namespace headrace::vfs {
namespace {

/// How long a request waits while the kernel takes a notification about its own number. Longer, and the kernel waits in
/// it for the request.
constexpr Duration kOwnNoticeMax = std::chrono::milliseconds(50);

}  // namespace

OpenFile::OpenFile(const Context& context, NodeTable& nodes, Ino ino, Attr attr)
    : context_(context), nodes_(nodes), bytes_(context, ino, attr) {}
OpenFile::~OpenFile() = default;

OpenFile::Node& OpenFile::node_of(NodeId id) {
  const auto found =
      std::find_if(open_nodes_.begin(), open_nodes_.end(), [id](const Node& node) { return node.id == id; });
  if (found != open_nodes_.end()) return *found;
  Node node;
  node.id = id;
  // Cached numbers outlive this object: the table remembers them.
  if (nodes_.cached_version(id) != 0) node.mode = NodeMode::kCached;
  return open_nodes_.emplace_back(std::move(node));
}

bool OpenFile::has_writers() const {
  return std::any_of(open_nodes_.begin(), open_nodes_.end(), [](const Node& node) { return node.writers != 0; });
}

bool OpenFile::is_quiet(const Attr& attr) const {
  if (has_writers() || bytes_.is_dirty()) return false;
  const Moment changed = bytes_.last_change();
  if (changed != Moment::min() && context_.scheduler.clock().now() - changed < context_.options.quiet_time)
    return false;
  return nanoseconds_between(attr.mtime, context_.scheduler.clock().wall()) >= context_.options.quiet_time.count();
}

bool OpenFile::wants_copy(NodeId id, const Attr& attr) const {
  if (!context_.options.passthrough || attr.length < context_.options.small_file_bytes) return false;
  MutexLock lock(mutex_);
  for (const Node& node : open_nodes_) {
    if (node.id == id && node.mode == NodeMode::kPass && node.backing_holds && node.seen_mtime == attr.mtime &&
        node.seen_ctime == attr.ctime)
      return false;
  }
  return is_quiet(attr);
}

Result<OpenedMode> OpenFile::open(NodeId id, bool reads, bool writes, const Attr& attr,
                                  std::shared_ptr<block::NodeFile> copy, KernelPort* kernel) {
  MutexLock lock(mutex_);
  Node& node = node_of(id);
  if (node.mode == NodeMode::kPass && !node.is_private &&
      (node.seen_mtime != attr.mtime || node.seen_ctime != attr.ctime)) {
    // The attributes moved and not by a write of ours. The same copy again says that the bytes did not.
    if (copy != node.copy) node.backing_holds = false;
    node.seen_mtime = attr.mtime;
    node.seen_ctime = attr.ctime;
  }
  const OpenQuestion question{
      .mode = node.mode,
      .is_current = nodes_.is_current(id),
      .has_handles = node.handles != 0,
      .reads = reads,
      .writes = writes,
      .has_writers = has_writers(),
      .is_quiet = is_quiet(attr),
      .is_small = attr.length < context_.options.small_file_bytes,
      .is_whole = copy != nullptr && kernel != nullptr,
      .backing_holds = node.backing_holds,
  };
  OpenedMode opened;
  switch (answer_open(question)) {
    case OpenAnswer::kStale: nodes_.retire(id); return Code::kStale;
    case OpenAnswer::kDirect: node.mode = NodeMode::kDirect; break;
    case OpenAnswer::kCached: opened = open_cached(node, attr); break;
    case OpenAnswer::kPass:
    case OpenAnswer::kPassDirect: {
      Result<OpenedMode> pass =
          open_pass(node, std::move(copy), kernel, answer_open(question) == OpenAnswer::kPassDirect);
      if (pass) {
        opened = *pass;
        node.seen_mtime = attr.mtime;
        node.seen_ctime = attr.ctime;
      } else {
        if (node.mode == NodeMode::kPass) return pass.error();
        node.mode = NodeMode::kDirect;  // the kernel takes no backing: the slower lane is always right
      }
      break;
    }
  }
  ++node.handles;
  if (writes) ++node.writers;
  return opened;
}

Result<OpenedMode> OpenFile::open_pass(Node& node, std::shared_ptr<block::NodeFile> copy, KernelPort* kernel,
                                       bool direct) {
  if (node.backing_id == 0) {
    if (copy == nullptr || kernel == nullptr) return Code::kNotSupported;
    TRY(node.backing_id, kernel->register_backing(copy->descriptor()));
    keep_backing(node, copy->descriptor());
    node.copy = std::move(copy);
    node.mode = NodeMode::kPass;
    node.backing_holds = true;
  }
  return OpenedMode{direct ? OpenMode::kPassDirect : OpenMode::kPass, false, node.backing_id};
}

std::uint32_t OpenFile::version_of(const Attr& attr) {
  const std::uint64_t fields[] = {static_cast<std::uint64_t>(attr.mtime.seconds), attr.mtime.nanoseconds,
                                  static_cast<std::uint64_t>(attr.ctime.seconds), attr.ctime.nanoseconds, attr.length};
  return static_cast<std::uint32_t>(xxh3(std::as_bytes(std::span(fields)))) | 1;
}

OpenedMode OpenFile::open_cached(Node& node, const Attr& attr) {
  // Every committed change moves the change time, and with an uncommitted one the file is not quiet: the version says
  // it all.
  const std::uint32_t version = version_of(attr);
  const bool keep = node.mode == NodeMode::kCached && nodes_.cached_version(node.id) == version;
  node.mode = NodeMode::kCached;
  nodes_.set_cached_version(node.id, version);
  return {OpenMode::kCached, keep, 0};
}

void OpenFile::close(NodeId id, bool writes) {
  MutexLock lock(mutex_);
  Node& node = node_of(id);
  CHECK(node.handles > 0);
  --node.handles;
  if (writes) --node.writers;
}

void OpenFile::forgotten(NodeId id, KernelPort* kernel) {
  std::int32_t backing_id = 0;
  KeptBacking* kept = nullptr;
  {
    MutexLock lock(mutex_);
    const auto found =
        std::find_if(open_nodes_.begin(), open_nodes_.end(), [id](const Node& node) { return node.id == id; });
    if (found == open_nodes_.end() || found->handles != 0) return;
    backing_id = found->backing_id;
    kept = found->kept;
    open_nodes_.erase(found);
  }
  if (backing_id == 0) return;
  if (kept != nullptr) context_.options.index->backings.give_back(kept);
  if (context_.options.keeper != nullptr) context_.options.keeper->backing_gone(backing_id);
  if (kernel != nullptr) kernel->release_backing(backing_id);
}

void OpenFile::keep_backing(Node& node, int descriptor) {
  if (context_.options.index == nullptr || context_.options.keeper == nullptr) return;
  context_.options.keeper->backing_made(node.backing_id, descriptor);
  node.kept = context_.options.index->backings.take();
  if (node.kept == nullptr) return;
  node.kept->node = node.id;
  KeptTable<KeptBacking>::publish(*node.kept, static_cast<std::uint64_t>(node.backing_id));
}

void OpenFile::adopt_handle(NodeId id, NodeMode mode, bool writes) {
  MutexLock lock(mutex_);
  Node& node = node_of(id);
  node.mode = mode;
  ++node.handles;
  if (writes) ++node.writers;
}

void OpenFile::adopt_backing(NodeId id, KeptBacking& kept, std::shared_ptr<block::NodeFile> copy, bool shows_bytes) {
  MutexLock lock(mutex_);
  Node& node = node_of(id);
  node.mode = NodeMode::kPass;
  node.backing_id = static_cast<std::int32_t>(kept.key.load());
  node.kept = &kept;
  node.backing_holds = shows_bytes && copy != nullptr;
  node.copy = std::move(copy);
  node.is_private = true;
}

bool OpenFile::is_idle() const {
  if (bytes_.is_dirty()) return false;
  MutexLock lock(mutex_);
  return std::all_of(open_nodes_.begin(), open_nodes_.end(),
                     [](const Node& node) { return node.handles == 0 && node.mode != NodeMode::kPass; });
}

HandleCounts OpenFile::counts() const {
  MutexLock lock(mutex_);
  HandleCounts counts;
  for (const Node& node : open_nodes_) {
    counts.handles += node.handles;
    counts.writers += node.writers;
    if (node.mode == NodeMode::kPass) counts.pass += node.handles;
    if (node.mode == NodeMode::kPass && node.backing_holds && nodes_.is_current(node.id)) counts.has_backing = true;
    if (node.mode == NodeMode::kDirect) counts.direct += node.handles;
    if (node.mode == NodeMode::kCached) counts.cached += node.handles;
  }
  return counts;
}

std::vector<std::shared_ptr<block::NodeFile>> OpenFile::copies_to_write() {
  std::vector<std::shared_ptr<block::NodeFile>> copies;
  MutexLock lock(mutex_);
  for (Node& node : open_nodes_) {
    if (node.mode != NodeMode::kPass || node.copy == nullptr) continue;
    if (!node.is_private) {
      context_.tier.forget(node.copy->key());
      node.is_private = true;
    }
    copies.push_back(node.copy);
  }
  return copies;
}

void OpenFile::distrust(const block::NodeFile& copy) {
  MutexLock lock(mutex_);
  for (Node& node : open_nodes_) {
    if (node.copy.get() == &copy) node.backing_holds = false;
  }
}

bool OpenFile::invalidate_others(NodeId origin, const Changed& changed, KernelPort& kernel) {
  bool must_wait = false;
  for (const NodeId number : nodes_.held_of(ino(), origin)) {
    MutexLock lock(mutex_);
    const Node& node = node_of(number);
    const bool has_pages = node.mode == NodeMode::kCached || (node.mode == NodeMode::kDirect && node.handles != 0);
    const bool is_seen = has_pages || node.handles != 0;
    InodeChange change{.offset = -1, .length = static_cast<std::int64_t>(changed.length)};
    // copy_file_range, too, looks at no attributes for the end: it concerns every number that is open.
    if (is_seen) change.end = changed.end;
    if (has_pages || change.end) change.offset = static_cast<std::int64_t>(changed.offset);
    kernel.invalidate_inode(number, change);
    must_wait = must_wait || is_seen;
  }
  return must_wait;
}

bool OpenFile::call_in_stores(NodeId origin, std::uint64_t offset, std::uint64_t length, KernelPort& kernel) {
  bool may_be_some = false;
  MutexLock lock(mutex_);
  for (const Node& node : open_nodes_) {
    if (node.id == origin || node.writers == 0 || node.mode != NodeMode::kDirect) continue;
    kernel.invalidate_inode(node.id, {static_cast<std::int64_t>(offset), static_cast<std::int64_t>(length)});
    may_be_some = true;
  }
  return may_be_some;
}

void OpenFile::Mirror::tell_others(const Changed& changed) {
  if (kernel_ != nullptr) owes_wait_ = file_.invalidate_others(origin_, changed, *kernel_) || owes_wait_;
}

Result<void> OpenFile::Mirror::before_change(const Scope& scope, std::uint64_t offset, std::uint64_t length) {
  if (kernel_ == nullptr || length == 0 || !file_.call_in_stores(origin_, offset, length, *kernel_)) return {};
  return kernel_->drain(scope, {origin_, kOwnNoticeMax});
}

// A page may be written back because a notification asks for it: it waits for none that is about its own number.
Result<void> OpenFile::Mirror::settle(const Scope& scope) {
  if (!std::exchange(owes_wait_, false)) return {};
  return kernel_->drain(scope, {origin_, is_write_back_ ? Duration(0) : kOwnNoticeMax});
}

Result<void> OpenFile::Mirror::wrote(std::uint64_t offset, ByteSpan bytes) {
  for (const auto& copy : file_.copies_to_write()) {
    if (Result<void> wrote = copy->write_through(offset, bytes); !wrote) {
      file_.distrust(*copy);
      return wrote;
    }
  }
  Changed changed{offset, bytes.size(), {}};
  if (const std::uint64_t end = offset + bytes.size(); end == file_.bytes_.length()) changed.end = {end, bytes.back()};
  tell_others(changed);
  return {};
}

Result<void> OpenFile::Mirror::resized(const LengthChange& length) {
  for (const auto& copy : file_.copies_to_write()) {
    if (Result<void> resized = copy->truncate_through(length.after); !resized) {
      file_.distrust(*copy);
      return resized;
    }
  }
  Changed changed;
  if (length.after > length.before) changed.end = {length.after, std::byte{}};  // what is put there comes after this
  tell_others(changed);
  return {};
}

Result<void> OpenFile::Mirror::replaced(const Scope& scope, std::uint64_t offset, std::uint64_t length) {
  const auto copies = file_.copies_to_write();
  if (!copies.empty()) {
    std::vector<std::byte> buffer(std::min<std::uint64_t>(length, 1u << 20));
    for (std::uint64_t done = 0; done < length;) {
      TRY(const std::size_t got,
          file_.bytes_.read(scope, offset + done,
                            MutableByteSpan(buffer).first(std::min<std::uint64_t>(buffer.size(), length - done))));
      if (got == 0) break;
      for (const auto& copy : copies) {
        if (Result<void> wrote = copy->write_through(offset + done, ByteSpan(buffer).first(got)); !wrote) {
          file_.distrust(*copy);
          return wrote;
        }
      }
      done += got;
    }
  }
  tell_others({offset, length, {}});
  return {};
}

// The table.

Result<Acquired> FileTable::acquire(const Scope& scope, Ino ino, ReadAttr read) {
  Shard& shard = shard_of(ino);
  for (;;) {
    std::shared_ptr<OpenFile> file;
    {
      MutexLock lock(shard.mutex);
      if (const auto found = shard.files.find(ino); found != shard.files.end()) {
        file = found->second;
      } else if (!context_.commits.since(read.asked, ino)) {  // by one that was here in between
        file = std::make_shared<OpenFile>(context_, nodes_, ino, read.attr);
        shard.files.emplace(ino, file);
        return Acquired{std::move(file), read.attr};
      }
    }
    if (file != nullptr && file->bytes().refresh(read)) return Acquired{std::move(file), read.attr};
    read.asked = context_.commits.mark();
    TRY(read.attr, context_.volume.getattr(scope, ino));
  }
}

std::shared_ptr<OpenFile> FileTable::find(Ino ino) const {
  Shard& shard = shard_of(ino);
  MutexLock lock(shard.mutex);
  const auto found = shard.files.find(ino);
  return found == shard.files.end() ? nullptr : found->second;
}

void FileTable::drop_if_idle(const std::shared_ptr<OpenFile>& file) {
  Shard& shard = shard_of(file->ino());
  MutexLock lock(shard.mutex);
  const auto found = shard.files.find(file->ino());
  // Two references: the table's and the caller's. A third one is somebody who is about to open it.
  if (found != shard.files.end() && found->second == file && file.use_count() <= 2 && file->is_idle())
    shard.files.erase(found);
}

std::vector<std::shared_ptr<OpenFile>> FileTable::all() const {
  std::vector<std::shared_ptr<OpenFile>> files;
  for (Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    for (const auto& [ino, file] : shard.files) files.push_back(file);
  }
  return files;
}

}  // namespace headrace::vfs
