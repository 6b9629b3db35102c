// SPDX-License-Identifier: Apache-2.0
// One connection to the kernel, from INIT to unmount: what `mount` builds around a mounted descriptor.
//
//   TRY(auto session, Session::open(scope, std::move(mounted.device), wish, tools));  // INIT
//   Notifier notifier(session->device(), session->negotiated(), ...);
//   files.attach(&notifier);
//   TRY_OK(session->start(*handler));                      // from here on the mount answers
//   (void)set_read_ahead(mounted.major, mounted.minor, 1024);
//   TRY(const Ending ending, session->wait_ended(scope));  // unmounted or aborted
//   session->close();
//   files.close(scope);
//
// A successor (DESIGN 8.5) calls adopt() with all descriptors and what was negotiated, in place of open().
#pragma once

#include <memory>
#include <vector>

#include "base/event.h"
#include "base/log.h"
#include "base/scope.h"
#include "fuse/access_log.h"
#include "fuse/classic_lane.h"
#include "fuse/device.h"
#include "fuse/handler.h"
#include "fuse/init.h"
#include "fuse/lane_port.h"
#include "metrics/registry.h"

namespace headrace::fuse {

/// What a session needs from around it; all outlive it.
struct SessionTools {
  Scheduler& scheduler;
  const Log& log;
  metrics::Registry& registry;
  AccessLog* access_log = nullptr;
  LaneLimits limits;
  std::size_t devices = 1;  // how many descriptors, clones included
  CloneDevice clone = clone_device;
};

class Session {
 public:
  /// Serves INIT on the descriptor of a new mount. kTimedOut, kInterrupted; kVersion with a sentence: the kernel is too
  /// old; kIo: it is not a FUSE descriptor, or was unmounted already.
  static Result<std::unique_ptr<Session>> open(const Scope& scope, UniqueFd device, const Wish& wish,
                                               const SessionTools& tools);

  /// Goes on with a connection that another process served: its descriptors, and what was negotiated. Requests that the
  /// other one left unanswered are sent again when start() is called, where the kernel can (6.9).
  static Result<std::unique_ptr<Session>> adopt(std::vector<UniqueFd> devices, const Negotiated& negotiated,
                                                const SessionTools& tools);

  /// close(), which then must not wait: see there.
  ~Session();

  const Negotiated& negotiated() const { return negotiated_; }
  /// The descriptor that notifications and backing files go through.
  int device() const { return devices_->first(); }
  /// All descriptors, for a supervisor to keep. In this order they are given to adopt().
  std::vector<int> devices() const { return devices_->all(); }

  /// Begins to serve. Once.
  Result<void> start(RequestHandler& handler);

  /// Until the connection has ended. kTimedOut, kInterrupted.
  Result<Ending> wait_ended(const Scope& scope);
  /// For a hand-over: as ClassicLane::stop_reading(). Locks that wait are not waited for; the kernel sends them to the
  /// successor.
  Result<void> stop_reading(const Scope& scope);
  /// Waits until no thread serves any more: after the connection has ended or stop_reading(). Idempotent.
  void close();

  LaneStats stats() const;

 private:
  Session(std::shared_ptr<Devices> devices, const Negotiated& negotiated, const SessionTools& tools, bool is_adopted);

  const std::shared_ptr<const Devices> devices_;
  const Negotiated negotiated_;
  const SessionTools tools_;
  const bool is_adopted_;
  const std::shared_ptr<LanePort> port_;
  std::unique_ptr<ClassicLane> lane_;
};

}  // namespace headrace::fuse
