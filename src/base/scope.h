// SPDX-License-Identifier: Apache-2.0
// How long a request may take, how it is stopped, and for whom it runs. Passed by reference down every call that may
// wait.
#pragma once

#include <stop_token>

#include "base/clock.h"

namespace headrace {

struct Scope {
  /// No wait inside this scope lasts beyond it. Every scope has one: Moment::max() only for what ends with the process.
  Moment deadline = Moment::max();
  /// Asked to stop: waits end with kInterrupted.
  std::stop_token stop;

  /// The same request with less time: the earlier of both deadlines.
  Scope until(Moment earlier) const { return {deadline < earlier ? deadline : earlier, stop}; }
  /// The same deadline for work that goes on although the caller gave up.
  Scope without_stop() const { return {deadline, {}}; }
};

}  // namespace headrace
