// SPDX-License-Identifier: Apache-2.0
// Whether a request may still begin, and a pause within one.
#pragma once

#include "base/event.h"
#include "base/result.h"
#include "base/scope.h"

namespace headrace::object {

/// kInterrupted when the scope was stopped, kTimedOut when its deadline has passed, else ok.
inline Result<void> check_scope(const Scope& scope, const Clock& clock) {
  if (scope.stop.stop_requested()) return Code::kInterrupted;
  if (scope.deadline != Moment::max() && clock.now() >= scope.deadline) return Code::kTimedOut;
  return {};
}

}  // namespace headrace::object
