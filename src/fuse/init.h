// SPDX-License-Identifier: Apache-2.0
// INIT: what the kernel offers, what we want, what shall be used (kernel-lanes sheet, section 3; protocol as
// linux/fuse.h). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>

#include "base/bytes.h"
#include "base/result.h"
#include "fuse/abi.h"

namespace headrace::fuse {

/// What the kernel said in its INIT request.
struct Offer {
  std::uint32_t major = 0, minor = 0;
  std::uint32_t max_readahead = 0;
  std::uint64_t flags = 0;  // both halves; the upper one is 0 unless FUSE_INIT_EXT was set
};

/// What a mount would like.
struct Wish {
  bool is_writable = true;
  bool shared_locks = true;  // POSIX and flock locks come to us instead of ending at this machine
  bool passthrough = true;   // only where the server may register backing files
};

/// What holds for a connection from INIT on. Plain bytes: a supervisor keeps it beside the descriptor, so that a
/// successor can serve the connection without an INIT (DESIGN 8.5).
struct Negotiated {
  static constexpr std::uint32_t kMagic = 0x48524e31;  // "HRN1"
  std::uint32_t magic = kMagic;
  std::uint32_t kernel_minor = 0;  // the kernel's own protocol 7.x
  std::uint32_t minor = 0;         // the one in use
  std::uint32_t max_readahead = 0, max_write = 0, max_pages = 0;
  std::uint64_t offered = 0, flags = 0;

  bool has(std::uint64_t flag) const { return (flags & flag) != 0; }
  bool has_passthrough() const { return has(kInitPassthrough); }
  /// The kernel can be asked to send unanswered requests again; needs no bit in the reply.
  bool can_resend() const { return (offered & kInitHasResend) != 0; }
  bool has_entry_epoch() const { return minor >= kNotifyIncEpochMinor; }
  friend bool operator==(const Negotiated&, const Negotiated&) = default;
};
static_assert(std::is_trivially_copyable_v<Negotiated> && sizeof(Negotiated) == 40);

/// The body of an INIT request (behind its header). kInvalid: shorter than it says.
Result<Offer> parse_init(ByteSpan body);

/// The bits that a mount of this wish asks for, whatever the kernel offers.
std::uint64_t wanted_flags(const Wish& wish);

/// kVersion with a sentence: a kernel that is too old, or of a larger major version (answer_major() then; a new INIT
/// follows).
Result<Negotiated> negotiate(const Offer& offer, const Wish& wish);

/// What a successor reads back. kVersion: not written by this program, or by one that knew another layout.
Result<Negotiated> adopt_negotiated(ByteSpan stored);

/// The body of the INIT reply.
InitOut init_reply(const Negotiated& negotiated);
/// How much of it this kernel takes.
std::size_t init_reply_bytes(const Negotiated& negotiated);

}  // namespace headrace::fuse
