// SPDX-License-Identifier: Apache-2.0
// Locks belong to sessions, and some are left over: a client that died, and was not seen to hold them when it was
// cleaned up after.
#pragma once

#include <cstddef>

#include "meta/ops/context.h"

namespace headrace::meta::ops {

/// More locks on one file are not looked at.
inline constexpr std::size_t kLocksLookedAtMax = 1 << 20;

/// Whether `session`, another than `own`, has no record any more.
inline Result<bool> is_session_gone(RecordTxn& txn, SessionId own, SessionId session) {
  if (session == own) return false;
  TRY(const std::optional<SessionRecord> found, get(txn, SessionKey{session}));
  return !found;
}

}  // namespace headrace::meta::ops
