// SPDX-License-Identifier: Apache-2.0
// The choices of the general profile.
#include "fuse/init.h"

#include <algorithm>
#include <cstring>

namespace headrace::fuse {
namespace {

// Requests the kernel may have in flight on its own account (readahead, write-back, asynchronous direct I/O), and from
// where on it calls the device congested: three quarters, as libfuse and the kernel's own default have it.
constexpr std::uint16_t kBackgroundMax = 256, kCongestionThreshold = 192;

}  // namespace

Result<Offer> parse_init(ByteSpan body) {
  if (body.size() < kInitInBytesBeforeExt) return Error(Code::kInvalid, "the kernel's INIT is too short");
  fuse_init_in in{};
  std::memcpy(&in, body.data(), std::min(body.size(), sizeof in));
  const bool is_wide =
      (in.flags & FUSE_INIT_EXT) != 0 && body.size() >= offsetof(fuse_init_in, flags2) + sizeof in.flags2;
  Offer offer{in.major, in.minor, in.max_readahead, in.flags};
  if (is_wide) {
    offer.flags |= std::uint64_t{in.flags2} << 32;
  } else {
    offer.flags &= ~std::uint64_t{FUSE_INIT_EXT};
  }
  return offer;
}

std::uint64_t wanted_flags(const Wish& wish) {
  std::uint64_t wanted = FUSE_ASYNC_READ | FUSE_ASYNC_DIO | FUSE_PARALLEL_DIROPS | FUSE_BIG_WRITES | FUSE_MAX_PAGES |
                         FUSE_INIT_EXT | FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO | FUSE_ABORT_ERROR |
                         FUSE_AUTO_INVAL_DATA | FUSE_HANDLE_KILLPRIV_V2 | kInitHasExpireOnly | kInitDirectIoAllowMmap |
                         kInitCreateSuppGroup;
  if (wish.is_writable) wanted |= FUSE_ATOMIC_O_TRUNC;
  if (wish.shared_locks) wanted |= FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS;
  if (wish.passthrough) wanted |= kInitPassthrough;
  return wanted;
}

Result<Negotiated> negotiate(const Offer& offer, const Wish& wish) {
  if (offer.major > kProtocolMajor)
    return Error(Code::kVersion, "the kernel speaks a FUSE protocol of a later major version");
  if (offer.major < kProtocolMajor || offer.minor < kProtocolMinorOldest) {
    return Error(Code::kVersion, "this kernel is too old: it speaks FUSE protocol " + std::to_string(offer.major) +
                                     "." + std::to_string(offer.minor) + ", needed is 7." +
                                     std::to_string(kProtocolMinorOldest) + " (Linux 3.5)");
  }
  Negotiated negotiated;
  negotiated.kernel_minor = offer.minor;
  negotiated.minor = std::min(offer.minor, kProtocolMinor);
  negotiated.max_readahead = offer.max_readahead;
  negotiated.offered = offer.flags;
  negotiated.flags = wanted_flags(wish) & offer.flags;
  // Without MAX_PAGES (before 4.20) a request has at most 32 pages.
  negotiated.max_pages = negotiated.has(FUSE_MAX_PAGES) ? kPagesMax : 32;
  negotiated.max_write = negotiated.has(FUSE_BIG_WRITES) ? negotiated.max_pages * 4096 : 4096;
  return negotiated;
}

Result<Negotiated> adopt_negotiated(ByteSpan stored) {
  Negotiated negotiated;
  if (stored.size() != sizeof negotiated)
    return Error(Code::kVersion, "the stored connection is of another version of this program");
  std::memcpy(static_cast<void*>(&negotiated), stored.data(), sizeof negotiated);
  const bool is_ours = negotiated.magic == Negotiated::kMagic && negotiated.minor >= kProtocolMinorOldest &&
                       negotiated.minor <= kProtocolMinor && negotiated.max_write <= kDataBytesMax &&
                       (negotiated.flags & ~negotiated.offered) == 0;
  if (!is_ours) return Error(Code::kVersion, "the stored connection is of another version of this program");
  return negotiated;
}

InitOut init_reply(const Negotiated& negotiated) {
  InitOut out{};
  out.major = kProtocolMajor;
  out.minor = negotiated.minor;
  out.max_readahead = negotiated.max_readahead;
  out.flags = static_cast<std::uint32_t>(negotiated.flags);
  out.flags2 = static_cast<std::uint32_t>(negotiated.flags >> 32);
  out.max_background = kBackgroundMax;
  out.congestion_threshold = kCongestionThreshold;
  out.max_write = negotiated.max_write;
  out.time_gran = 1;
  if (negotiated.has(FUSE_MAX_PAGES)) out.max_pages = static_cast<std::uint16_t>(negotiated.max_pages);
  // A backing file lies on a plain file system, never on a stacked one.
  if (negotiated.has_passthrough()) out.max_stack_depth = 1;
  return out;
}

std::size_t init_reply_bytes(const Negotiated& negotiated) {
  return negotiated.minor < 23 ? kInitOutBytesBefore23 : sizeof(InitOut);
}

}  // namespace headrace::fuse
