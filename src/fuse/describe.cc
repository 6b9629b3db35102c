// SPDX-License-Identifier: Apache-2.0
// Requests as text for the access log. Names come from users: what is not printable is escaped, so that one request is
// one line.
#include "fuse/request.h"

#include <fmt/format.h>

namespace headrace::fuse {
namespace {

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == '\\') {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

/// What follows the node, with its comma.
struct Describer {
  std::string operator()(const LookupAsk& a) const { return fmt::format(",{}", printable(a.name)); }
  std::string operator()(const ForgetAsk& a) const { return fmt::format(",{}", a.lookups); }
  std::string operator()(const BatchForgetAsk& a) const { return fmt::format(",{}", a.count); }
  std::string operator()(const SetattrAsk& a) const {
    return fmt::format(",{:#x},{:o},{}", a.in.valid, a.in.mode, a.in.size);
  }
  std::string operator()(const SymlinkAsk& a) const {
    return fmt::format(",{},{}", printable(a.name), printable(a.target));
  }
  std::string operator()(const MknodAsk& a) const {
    return fmt::format(",{},{:o},{:#x}", printable(a.name), a.mode, a.rdev);
  }
  std::string operator()(const MkdirAsk& a) const { return fmt::format(",{},{:o}", printable(a.name), a.mode); }
  std::string operator()(const UnlinkAsk& a) const { return fmt::format(",{}", printable(a.name)); }
  std::string operator()(const RmdirAsk& a) const { return fmt::format(",{}", printable(a.name)); }
  std::string operator()(const RenameAsk& a) const {
    return fmt::format(",{},{},{},{}", printable(a.name), a.new_parent, printable(a.new_name), a.flags);
  }
  std::string operator()(const LinkAsk& a) const { return fmt::format(",{},{}", a.node, printable(a.new_name)); }
  std::string operator()(const OpenAsk& a) const { return fmt::format(",{:#x}", a.flags); }
  std::string operator()(const ReadAsk& a) const { return fmt::format(",{},{},{}", a.size, a.offset, a.handle); }
  std::string operator()(const WriteAsk& a) const {
    return fmt::format(",{},{},{}", a.data.size(), a.offset, a.handle);
  }
  std::string operator()(const ReleaseAsk& a) const { return fmt::format(",{}", a.handle); }
  std::string operator()(const FsyncAsk& a) const { return fmt::format(",{},{}", a.handle, a.data_only ? 1 : 0); }
  std::string operator()(const SetxattrAsk& a) const {
    return fmt::format(",{},{},{}", printable(a.name), a.value.size(), a.flags);
  }
  std::string operator()(const GetxattrAsk& a) const { return fmt::format(",{},{}", printable(a.name), a.size); }
  std::string operator()(const ListxattrAsk& a) const { return fmt::format(",{}", a.size); }
  std::string operator()(const RemovexattrAsk& a) const { return fmt::format(",{}", printable(a.name)); }
  std::string operator()(const FlushAsk& a) const { return fmt::format(",{},{:016x}", a.handle, a.lock_owner); }
  std::string operator()(const ReaddirAsk& a) const { return fmt::format(",{},{},{}", a.size, a.cookie, a.handle); }
  std::string operator()(const ReleasedirAsk& a) const { return fmt::format(",{}", a.handle); }
  std::string operator()(const LockAsk& a) const {
    return fmt::format(",{},{:016x},{},{},{},{}", a.handle, a.owner, a.is_flock ? "flock" : "posix", a.lock.type,
                       a.lock.start, a.lock.end);
  }
  std::string operator()(const CreateAsk& a) const {
    return fmt::format(",{},{:o},{:#x}", printable(a.name), a.mode, a.flags);
  }
  std::string operator()(const TmpfileAsk& a) const { return fmt::format(",{:o},{:#x}", a.mode, a.flags); }
  std::string operator()(const FallocateAsk& a) const {
    return fmt::format(",{:#x},{},{},{}", a.mode, a.offset, a.length, a.handle);
  }
  std::string operator()(const SeekAsk& a) const { return fmt::format(",{},{},{}", a.offset, a.whence, a.handle); }
  std::string operator()(const CopyAsk& a) const {
    return fmt::format(",{},{},{},{},{},{}", a.in_handle, a.in_offset, a.out_node, a.out_handle, a.out_offset,
                       a.length);
  }
  template <class Other>
  std::string operator()(const Other&) const {
    return {};
  }
};

}  // namespace

std::string describe(const Request& request) {
  return fmt::format("({}{})", request.header.node, std::visit(Describer{}, request.ask));
}

}  // namespace headrace::fuse
