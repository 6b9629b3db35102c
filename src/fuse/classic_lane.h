// SPDX-License-Identifier: Apache-2.0
// Leader and followers at /dev/fuse: threads that read requests and run them to their end (lane_policy.h says who reads
// when, and why the device is always served). Threads are made when they are needed and go when they are not.
#pragma once

#include <pthread.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event.h"
#include "base/log.h"
#include "fuse/aside.h"
#include "fuse/device.h"
#include "fuse/handler.h"
#include "fuse/init.h"
#include "fuse/lane_policy.h"
#include "fuse/lane_port.h"
#include "fuse/running.h"
#include "fuse/work_buffer.h"
#include "metrics/registry.h"

namespace headrace::fuse {

struct LaneStats {
  unsigned threads = 0, readers = 0, busy = 0, resting = 0;
};

class ClassicLane {
 public:
  /// Everything given outlives the lane.
  ClassicLane(const Devices& devices, const Negotiated& negotiated, RequestHandler& handler,
              std::shared_ptr<LanePort> port, Scheduler& scheduler, const Log& log, metrics::Registry& registry,
              const LaneLimits& limits);
  /// close().
  ~ClassicLane();

  /// kNoMemory: not even one thread.
  Result<void> start();

  /// Until the connection has ended. kTimedOut, kInterrupted.
  Result<Ending> wait_ended(const Scope& scope);

  /// Reads no more, and waits until all that was read is answered; the connection stays, for a successor. Then close()
  /// ends at once. kTimedOut: some requests still run; they go on.
  Result<void> stop_reading(const Scope& scope);

  /// Waits until all threads have ended: only when the connection has ended or stop_reading() was ok. Idempotent.
  void close();

  LaneStats stats() const;

 private:
  struct Worker;
  enum class Next { kGoOn, kLeave };

  // Threads.
  bool send_reader();
  bool spawn();
  void run(Worker& self);
  void leave(Worker& self);
  void before_sleep(Worker& self);
  Next rest(Worker& self);
  void interrupt_readers();
  std::vector<std::unique_ptr<Worker>> take_ended() REQUIRES(mutex_);

  // Requests.
  Next read_one(Worker& self);
  void spin(Worker& self);
  bool wait_readable(Worker& self);
  void receive(Worker& self, ByteSpan message, Moment read_at);
  void answer_light(Worker& self, const RequestHeader& header, ByteSpan message, Moment read_at);
  void put_aside(Worker& self, const RequestHeader& header, ByteSpan message, Moment read_at);
  bool claim_busy();
  void run_aside(Worker& self);
  void serve_aside(Worker& self);
  void serve(Worker& self, int device, ByteSpan message, Moment read_at);
  void interrupt(std::uint64_t unique);
  void note_ended(Ending ending);

  const Devices& devices_;
  const Negotiated negotiated_;
  RequestHandler& handler_;
  const std::shared_ptr<LanePort> port_;
  Scheduler& scheduler_;
  const Log& log_;
  const LaneLimits limits_;
  metrics::Counter& put_aside_;
  RunningRequests running_;
  AsideRequests aside_;

  // How many threads are at the device or on their way to it; run a request; of these, sleep in it.
  std::atomic<unsigned> readers_ = 0, busy_ = 0, asleep_ = 0;
  std::atomic<bool> is_stopping_ = false, has_ended_ = false;
  std::atomic<bool> is_spinning_ = false;  // one of the readers: two would find the same request

  mutable Mutex mutex_;
  std::vector<std::unique_ptr<Worker>> workers_ GUARDED_BY(mutex_);
  std::vector<Worker*> resting_ GUARDED_BY(mutex_);  // the one that rested last is sent first: its core is warm
  unsigned alive_ GUARDED_BY(mutex_) = 0;
  std::size_t next_device_ GUARDED_BY(mutex_) = 0;
  std::optional<Ending> ending_ GUARDED_BY(mutex_);
  bool spawn_failed_ GUARDED_BY(mutex_) = false;
  const std::unique_ptr<Event> changed_;

  metrics::Reading threads_gauge_, readers_gauge_;  // last: they read what is above
};

}  // namespace headrace::fuse
