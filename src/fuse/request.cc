// SPDX-License-Identifier: Apache-2.0
// One parser a struct; a cursor that cannot leave the buffer.
#include "fuse/request.h"

#include <array>
#include <cstring>
#include <type_traits>

namespace headrace::fuse {
namespace {

/// Takes things off the front of a request. After the first failure everything is empty, and ok() says so.
class Cursor {
 public:
  explicit Cursor(ByteSpan bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool is_at_end() const { return rest_.empty(); }
  ByteSpan rest() const { return rest_; }

  /// A kernel struct, or its first `bytes` where an older protocol had fewer; the remainder is zero.
  template <class T>
  T take(std::size_t bytes = sizeof(T)) {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    const ByteSpan from = take_bytes(bytes);
    if (ok_) std::memcpy(static_cast<void*>(&value), from.data(), bytes);
    return value;
  }

  ByteSpan take_bytes(std::size_t count) {
    if (!ok_ || rest_.size() < count) return fail();
    const ByteSpan taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  /// Text up to a NUL inside the buffer, which is taken too.
  std::string_view take_text(std::size_t length_max) {
    const void* end = ok_ && !rest_.empty() ? std::memchr(rest_.data(), 0, rest_.size()) : nullptr;
    if (end == nullptr) return fail(), std::string_view{};
    const auto length = static_cast<std::size_t>(static_cast<const std::byte*>(end) - rest_.data());
    if (length > length_max) return fail(), std::string_view{};
    return text_view(take_bytes(length + 1)).substr(0, length);
  }

  /// The name of a directory entry or attribute: not empty. Longer ones than any file system here has stop at the
  /// kernel (1,024).
  std::string_view take_name() {
    const std::string_view name = take_text(kNameFromKernelMax);
    if (name.empty()) fail();
    return name;
  }

 private:
  static constexpr std::size_t kNameFromKernelMax = 1024;  // FUSE_NAME_MAX

  ByteSpan fail() {
    ok_ = false;
    rest_ = {};
    return {};
  }

  ByteSpan rest_;
  bool ok_ = true;
};

struct Parsing {
  Cursor cursor;
  const Negotiated& negotiated;
  Request& request;
};
using Parser = Ask (*)(Parsing&);

Ask parse_unserved(Parsing&) { return UnservedAsk{}; }
Ask parse_lookup(Parsing& p) { return LookupAsk{p.cursor.take_name()}; }
Ask parse_forget(Parsing& p) { return ForgetAsk{p.cursor.take<fuse_forget_in>().nlookup}; }

Ask parse_batch_forget(Parsing& p) {
  const auto in = p.cursor.take<fuse_batch_forget_in>();
  return BatchForgetAsk{in.count, p.cursor.take_bytes(std::size_t{in.count} * sizeof(fuse_forget_one))};
}

Ask parse_getattr(Parsing& p) {
  const auto in = p.cursor.take<fuse_getattr_in>();
  GetattrAsk ask;
  if ((in.getattr_flags & FUSE_GETATTR_FH) != 0) ask.handle = in.fh;
  return ask;
}

Ask parse_setattr(Parsing& p) { return SetattrAsk{p.cursor.take<fuse_setattr_in>()}; }
Ask parse_readlink(Parsing&) { return ReadlinkAsk{}; }

Ask parse_symlink(Parsing& p) {
  const std::string_view name = p.cursor.take_name();
  return SymlinkAsk{name, p.cursor.take_text(kSymlinkBytesMax)};
}

Ask parse_mknod(Parsing& p) {
  const auto in = p.cursor.take<fuse_mknod_in>();
  p.request.umask = in.umask;
  return MknodAsk{p.cursor.take_name(), in.mode, in.rdev};
}

Ask parse_mkdir(Parsing& p) {
  const auto in = p.cursor.take<fuse_mkdir_in>();
  p.request.umask = in.umask;
  return MkdirAsk{p.cursor.take_name(), in.mode};
}

Ask parse_unlink(Parsing& p) { return UnlinkAsk{p.cursor.take_name()}; }
Ask parse_rmdir(Parsing& p) { return RmdirAsk{p.cursor.take_name()}; }

Ask parse_rename(Parsing& p) {
  const auto in = p.cursor.take<fuse_rename_in>();
  const std::string_view name = p.cursor.take_name();
  return RenameAsk{name, in.newdir, p.cursor.take_name(), 0};
}

Ask parse_rename2(Parsing& p) {
  const auto in = p.cursor.take<fuse_rename2_in>();
  const std::string_view name = p.cursor.take_name();
  return RenameAsk{name, in.newdir, p.cursor.take_name(), in.flags};
}

Ask parse_link(Parsing& p) {
  const auto in = p.cursor.take<fuse_link_in>();
  return LinkAsk{in.oldnodeid, p.cursor.take_name()};
}

Ask parse_open(Parsing& p) {
  const auto in = p.cursor.take<fuse_open_in>();
  return OpenAsk{in.flags, (in.open_flags & FUSE_OPEN_KILL_SUIDGID) != 0};
}

Ask parse_read(Parsing& p) {
  const auto in = p.cursor.take<fuse_read_in>();
  return ReadAsk{in.fh, in.offset, in.size};
}

Ask parse_write(Parsing& p) {
  const auto in = p.cursor.take<fuse_write_in>();
  return WriteAsk{in.fh, in.offset, p.cursor.take_bytes(in.size), (in.write_flags & FUSE_WRITE_CACHE) != 0,
                  (in.write_flags & FUSE_WRITE_KILL_SUIDGID) != 0};
}

Ask parse_statfs(Parsing&) { return StatfsAsk{}; }

Ask parse_release(Parsing& p) {
  const auto in = p.cursor.take<fuse_release_in>();
  ReleaseAsk ask{in.fh, {}};
  if ((in.release_flags & FUSE_RELEASE_FLOCK_UNLOCK) != 0) ask.flock_owner = in.lock_owner;
  return ask;
}

Ask parse_fsync(Parsing& p) {
  const auto in = p.cursor.take<fuse_fsync_in>();
  return FsyncAsk{in.fh, (in.fsync_flags & FUSE_FSYNC_FDATASYNC) != 0};
}

Ask parse_setxattr(Parsing& p) {
  const bool is_extended = p.negotiated.has(FUSE_SETXATTR_EXT);
  const auto in = p.cursor.take<fuse_setxattr_in>(is_extended ? sizeof(fuse_setxattr_in) : kSetxattrInBytesBeforeExt);
  const std::string_view name = p.cursor.take_name();
  return SetxattrAsk{name, text_view(p.cursor.take_bytes(in.size)), in.flags};
}

Ask parse_getxattr(Parsing& p) {
  const auto in = p.cursor.take<fuse_getxattr_in>();
  return GetxattrAsk{p.cursor.take_name(), in.size};
}

Ask parse_listxattr(Parsing& p) { return ListxattrAsk{p.cursor.take<fuse_getxattr_in>().size}; }
Ask parse_removexattr(Parsing& p) { return RemovexattrAsk{p.cursor.take_name()}; }

Ask parse_flush(Parsing& p) {
  const auto in = p.cursor.take<fuse_flush_in>();
  return FlushAsk{in.fh, in.lock_owner};
}

Ask parse_init_ask(Parsing& p) { return InitAsk{p.cursor.rest()}; }
Ask parse_opendir(Parsing& p) { return OpendirAsk{p.cursor.take<fuse_open_in>().flags}; }

Ask parse_readdir(Parsing& p) {
  const auto in = p.cursor.take<fuse_read_in>();
  return ReaddirAsk{in.fh, in.offset, in.size, p.request.header.opcode == FUSE_READDIRPLUS};
}

Ask parse_releasedir(Parsing& p) { return ReleasedirAsk{p.cursor.take<fuse_release_in>().fh}; }

Ask parse_fsyncdir(Parsing& p) {
  const auto in = p.cursor.take<fuse_fsync_in>();
  return FsyncdirAsk{in.fh, (in.fsync_flags & FUSE_FSYNC_FDATASYNC) != 0};
}

Ask parse_lock(Parsing& p) {
  const auto in = p.cursor.take<fuse_lk_in>();
  const std::uint32_t opcode = p.request.header.opcode;
  LockAsk ask;
  ask.kind = opcode == FUSE_GETLK   ? LockAsk::Kind::kGet
             : opcode == FUSE_SETLK ? LockAsk::Kind::kSet
                                    : LockAsk::Kind::kSetAndWait;
  ask.handle = in.fh;
  ask.owner = in.owner;
  ask.lock = in.lk;
  ask.is_flock = (in.lk_flags & FUSE_LK_FLOCK) != 0;
  return ask;
}

Ask parse_create(Parsing& p) {
  const auto in = p.cursor.take<fuse_create_in>();
  p.request.umask = in.umask;
  return CreateAsk{p.cursor.take_name(), in.flags, in.mode, (in.open_flags & FUSE_OPEN_KILL_SUIDGID) != 0};
}

Ask parse_tmpfile(Parsing& p) {
  // A name follows ("/" today); it names nothing.
  const auto in = p.cursor.take<fuse_create_in>();
  p.request.umask = in.umask;
  return TmpfileAsk{in.flags, in.mode};
}

Ask parse_interrupt(Parsing& p) { return InterruptAsk{p.cursor.take<fuse_interrupt_in>().unique}; }
Ask parse_destroy(Parsing&) { return DestroyAsk{}; }

Ask parse_fallocate(Parsing& p) {
  const auto in = p.cursor.take<fuse_fallocate_in>();
  return FallocateAsk{in.fh, in.offset, in.length, in.mode};
}

Ask parse_seek(Parsing& p) {
  const auto in = p.cursor.take<fuse_lseek_in>();
  return SeekAsk{in.fh, in.offset, in.whence};
}

Ask parse_copy(Parsing& p) {
  const auto in = p.cursor.take<fuse_copy_file_range_in>();
  return CopyAsk{in.fh_in,   in.off_in, in.nodeid_out, in.fh_out,
                 in.off_out, in.len,    in.flags,      p.request.header.opcode == kOpCopyFileRange64};
}

Ask parse_syncfs(Parsing&) { return SyncfsAsk{}; }
Ask parse_ioctl(Parsing&) { return IoctlAsk{}; }

struct Operation {
  std::string_view name;
  Parser parse = nullptr;
};
using Table = std::array<Operation, kOpcodeCount>;

/// The one table of operations.
constexpr Table make_table() {
  Table t{};
  t.fill({"unknown", parse_unserved});
  t[FUSE_LOOKUP] = {"lookup", parse_lookup};
  t[FUSE_FORGET] = {"forget", parse_forget};
  t[FUSE_GETATTR] = {"getattr", parse_getattr};
  t[FUSE_SETATTR] = {"setattr", parse_setattr};
  t[FUSE_READLINK] = {"readlink", parse_readlink};
  t[FUSE_SYMLINK] = {"symlink", parse_symlink};
  t[FUSE_MKNOD] = {"mknod", parse_mknod};
  t[FUSE_MKDIR] = {"mkdir", parse_mkdir};
  t[FUSE_UNLINK] = {"unlink", parse_unlink};
  t[FUSE_RMDIR] = {"rmdir", parse_rmdir};
  t[FUSE_RENAME] = {"rename", parse_rename};
  t[FUSE_LINK] = {"link", parse_link};
  t[FUSE_OPEN] = {"open", parse_open};
  t[FUSE_READ] = {"read", parse_read};
  t[FUSE_WRITE] = {"write", parse_write};
  t[FUSE_STATFS] = {"statfs", parse_statfs};
  t[FUSE_RELEASE] = {"release", parse_release};
  t[FUSE_FSYNC] = {"fsync", parse_fsync};
  t[FUSE_SETXATTR] = {"setxattr", parse_setxattr};
  t[FUSE_GETXATTR] = {"getxattr", parse_getxattr};
  t[FUSE_LISTXATTR] = {"listxattr", parse_listxattr};
  t[FUSE_REMOVEXATTR] = {"removexattr", parse_removexattr};
  t[FUSE_FLUSH] = {"flush", parse_flush};
  t[FUSE_INIT] = {"init", parse_init_ask};
  t[FUSE_OPENDIR] = {"opendir", parse_opendir};
  t[FUSE_READDIR] = {"readdir", parse_readdir};
  t[FUSE_RELEASEDIR] = {"releasedir", parse_releasedir};
  t[FUSE_FSYNCDIR] = {"fsyncdir", parse_fsyncdir};
  t[FUSE_GETLK] = {"getlk", parse_lock};
  t[FUSE_SETLK] = {"setlk", parse_lock};
  t[FUSE_SETLKW] = {"setlkw", parse_lock};
  t[FUSE_ACCESS] = {"access", parse_unserved};
  t[FUSE_CREATE] = {"create", parse_create};
  t[FUSE_INTERRUPT] = {"interrupt", parse_interrupt};
  t[FUSE_BMAP] = {"bmap", parse_unserved};
  t[FUSE_DESTROY] = {"destroy", parse_destroy};
  t[FUSE_IOCTL] = {"ioctl", parse_ioctl};
  t[FUSE_POLL] = {"poll", parse_unserved};
  t[FUSE_NOTIFY_REPLY] = {"notify_reply", parse_unserved};
  t[FUSE_BATCH_FORGET] = {"batch_forget", parse_batch_forget};
  t[FUSE_FALLOCATE] = {"fallocate", parse_fallocate};
  t[FUSE_READDIRPLUS] = {"readdirplus", parse_readdir};
  t[FUSE_RENAME2] = {"rename2", parse_rename2};
  t[FUSE_LSEEK] = {"lseek", parse_seek};
  t[FUSE_COPY_FILE_RANGE] = {"copy_file_range", parse_copy};
  t[FUSE_SETUPMAPPING] = {"setupmapping", parse_unserved};
  t[FUSE_REMOVEMAPPING] = {"removemapping", parse_unserved};
  t[FUSE_SYNCFS] = {"syncfs", parse_syncfs};
  t[FUSE_TMPFILE] = {"tmpfile", parse_tmpfile};
  t[kOpStatx] = {"statx", parse_unserved};
  t[kOpCopyFileRange64] = {"copy_file_range_64", parse_copy};
  return t;
}
constexpr Table kTable = make_table();

const Operation& operation_of(std::uint32_t opcode) { return kTable[opcode < kOpcodeCount ? opcode : 0]; }

/// The supplementary group among the extensions; false: they are not well formed.
bool parse_extensions(ByteSpan bytes, std::optional<std::uint32_t>& group) {
  Cursor cursor(bytes);
  while (!cursor.is_at_end()) {
    const auto head = cursor.take<ExtensionHeader>();
    if (!cursor.ok() || head.size < sizeof head || head.size % 8 != 0) return false;
    Cursor body(cursor.take_bytes(head.size - sizeof head));
    if (!cursor.ok()) return false;
    if (head.type != kExtensionGroups) continue;  // a security context: not asked for
    const auto count = body.take<std::uint32_t>();
    if (count != 1) return false;  // the protocol allows one
    group = body.take<std::uint32_t>();
    if (!body.ok()) return false;
  }
  return cursor.ok();
}

}  // namespace

fuse_forget_one BatchForgetAsk::at(std::uint32_t index) const {
  fuse_forget_one one{};
  std::memcpy(&one, items.data() + std::size_t{index} * sizeof one, sizeof one);
  return one;
}

Caller Request::caller() const {
  Caller caller{header.uid, header.gid, header.pid, umask, {}};
  if (extra_group) caller.groups.push_back(*extra_group);
  return caller;
}

Result<RequestHeader> parse_header(ByteSpan message) {
  Cursor cursor(message);
  const auto in = cursor.take<fuse_in_header>();
  if (!cursor.ok() || in.len != message.size())
    return Error(Code::kInvalid, "a request whose length is not what it says");
  return RequestHeader{in.opcode, in.unique, in.nodeid, in.uid, in.gid, in.pid};
}

Result<Request> parse_request(ByteSpan message, const Negotiated& negotiated) {
  Request request;
  TRY(request.header, parse_header(message));
  Cursor cursor(message);
  const std::size_t extension_bytes = std::size_t{cursor.take<fuse_in_header>().total_extlen} * 8;
  const auto malformed = [&request] {
    return Error(Code::kInvalid, "malformed " + std::string(name_of_opcode(request.header.opcode)));
  };
  if (extension_bytes > cursor.rest().size()) return malformed();
  const ByteSpan body = cursor.rest().first(cursor.rest().size() - extension_bytes);
  Parsing parsing{Cursor(body), negotiated, request};
  request.ask = operation_of(request.header.opcode).parse(parsing);
  if (!parsing.cursor.ok()) return malformed();
  if (!parse_extensions(cursor.rest().last(extension_bytes), request.extra_group)) return malformed();
  return request;
}

std::string_view name_of_opcode(std::uint32_t opcode) { return operation_of(opcode).name; }

bool wants_reply(std::uint32_t opcode) {
  return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET && opcode != FUSE_INTERRUPT;
}

}  // namespace headrace::fuse
