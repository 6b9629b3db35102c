// SPDX-License-Identifier: Apache-2.0
// One request of the kernel, from bytes to typed arguments. Everything is checked here, so that nothing behind it looks
// at a length again: structs are whole, names end inside the buffer and are not longer than the file system allows any
// name to be, data have the length that their struct says. Views point into the buffer that was parsed. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/result.h"
#include "fuse/abi.h"
#include "fuse/init.h"

namespace headrace::fuse {

using NodeId = std::uint64_t;

// The arguments of each operation, as the kernel's structs name them. `node` of the request is the directory where a
// name is given.
struct LookupAsk {
  std::string_view name;
};
struct ForgetAsk {
  std::uint64_t lookups = 0;
};
struct BatchForgetAsk {
  std::uint32_t count = 0;
  ByteSpan items;  // `count` fuse_forget_one
  fuse_forget_one at(std::uint32_t index) const;
};
struct GetattrAsk {
  std::optional<std::uint64_t> handle;
};
struct SetattrAsk {
  fuse_setattr_in in{};
};
struct ReadlinkAsk {};
struct SymlinkAsk {
  std::string_view name, target;
};
struct MknodAsk {
  std::string_view name;
  std::uint32_t mode = 0, rdev = 0;
};
struct MkdirAsk {
  std::string_view name;
  std::uint32_t mode = 0;
};
struct UnlinkAsk {
  std::string_view name;
};
struct RmdirAsk {
  std::string_view name;
};
struct RenameAsk {
  std::string_view name;
  NodeId new_parent = 0;
  std::string_view new_name;
  std::uint32_t flags = 0;
};
struct LinkAsk {
  NodeId node = 0;
  std::string_view new_name;
};
struct OpenAsk {
  std::uint32_t flags = 0;
  bool kills_privileges = false;
};
struct ReadAsk {
  std::uint64_t handle = 0, offset = 0;
  std::uint32_t size = 0;
};
struct WriteAsk {
  std::uint64_t handle = 0, offset = 0;
  ByteSpan data;
  bool from_page_cache = false, kills_privileges = false;
};
struct StatfsAsk {};
struct ReleaseAsk {
  std::uint64_t handle = 0;
  std::optional<std::uint64_t> flock_owner;
};
struct FsyncAsk {
  std::uint64_t handle = 0;
  bool data_only = false;
};
struct SetxattrAsk {
  std::string_view name, value;
  std::uint32_t flags = 0;
};
struct GetxattrAsk {
  std::string_view name;
  std::uint32_t size = 0;
};  // size 0: how long is it?
struct ListxattrAsk {
  std::uint32_t size = 0;
};
struct RemovexattrAsk {
  std::string_view name;
};
struct FlushAsk {
  std::uint64_t handle = 0, lock_owner = 0;
};
struct InitAsk {
  ByteSpan body;
};
struct OpendirAsk {
  std::uint32_t flags = 0;
};
struct ReaddirAsk {
  std::uint64_t handle = 0, cookie = 0;
  std::uint32_t size = 0;
  bool plus = false;
};
struct ReleasedirAsk {
  std::uint64_t handle = 0;
};
struct FsyncdirAsk {
  std::uint64_t handle = 0;
  bool data_only = false;
};
struct LockAsk {
  enum class Kind { kGet, kSet, kSetAndWait } kind = Kind::kGet;
  std::uint64_t handle = 0, owner = 0;
  fuse_file_lock lock{};
  bool is_flock = false;
};
struct CreateAsk {
  std::string_view name;
  std::uint32_t flags = 0, mode = 0;
  bool kills_privileges = false;
};
struct TmpfileAsk {
  std::uint32_t flags = 0, mode = 0;
};
struct InterruptAsk {
  std::uint64_t unique = 0;
};
struct DestroyAsk {};
struct FallocateAsk {
  std::uint64_t handle = 0, offset = 0, length = 0;
  std::uint32_t mode = 0;
};
struct SeekAsk {
  std::uint64_t handle = 0, offset = 0;
  std::uint32_t whence = 0;
};
struct CopyAsk {
  std::uint64_t in_handle = 0, in_offset = 0;
  NodeId out_node = 0;
  std::uint64_t out_handle = 0, out_offset = 0, length = 0, flags = 0;
  bool is_wide = false;  // COPY_FILE_RANGE_64: the reply has 64 bits
};
struct SyncfsAsk {};
struct IoctlAsk {};
/// An operation that we do not serve (ACCESS, BMAP, POLL, STATX …) or do not know: the kernel is told ENOSYS and stops
/// asking.
struct UnservedAsk {};

using Ask =
    std::variant<UnservedAsk, LookupAsk, ForgetAsk, BatchForgetAsk, GetattrAsk, SetattrAsk, ReadlinkAsk, SymlinkAsk,
                 MknodAsk, MkdirAsk, UnlinkAsk, RmdirAsk, RenameAsk, LinkAsk, OpenAsk, ReadAsk, WriteAsk, StatfsAsk,
                 ReleaseAsk, FsyncAsk, SetxattrAsk, GetxattrAsk, ListxattrAsk, RemovexattrAsk, FlushAsk, InitAsk,
                 OpendirAsk, ReaddirAsk, ReleasedirAsk, FsyncdirAsk, LockAsk, CreateAsk, TmpfileAsk, InterruptAsk,
                 DestroyAsk, FallocateAsk, SeekAsk, CopyAsk, SyncfsAsk, IoctlAsk>;

/// What every request says in front of its arguments.
struct RequestHeader {
  std::uint32_t opcode = 0;
  std::uint64_t unique = 0;
  NodeId node = 0;
  std::uint32_t uid = 0, gid = 0, pid = 0;
};

struct Request {
  RequestHeader header;
  Ask ask;
  std::uint32_t umask = 0;  // of operations that make something
  std::optional<std::uint32_t>
      extra_group;  // the supplementary group that matches the parent's, with CREATE_SUPP_GROUP

  Caller caller() const;
};

/// The header alone. kInvalid: fewer bytes than a header, or not the length that it says.
Result<RequestHeader> parse_header(ByteSpan message);
/// The whole request. kInvalid, naming the operation: it is not what the protocol says; the caller still has
/// parse_header() to reply by.
Result<Request> parse_request(ByteSpan message, const Negotiated& negotiated);

/// The operation's name as JuiceFS's metrics and access log have it ("lookup", "read" …); "unknown" for numbers that
/// have none.
std::string_view name_of_opcode(std::uint32_t opcode);
/// One past the largest opcode that has a name: the size of tables by opcode.
inline constexpr std::uint32_t kOpcodeCount = 54;
/// FORGET and BATCH_FORGET get no reply, INTERRUPT needs none.
bool wants_reply(std::uint32_t opcode);

/// The arguments as a person reads them in the access log: "(1,train)", "(3,4096,0,1)": node, then what the operation
/// has.
std::string describe(const Request& request);

}  // namespace headrace::fuse
