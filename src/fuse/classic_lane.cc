// SPDX-License-Identifier: Apache-2.0
// The threads of the lane; what they do with a request is in classic_requests.cc.
#include "fuse/classic_lane.h"

#include <signal.h>

#include <system_error>

#include "base/check.h"
#include "fuse/classic_worker.h"

namespace headrace::fuse {
namespace {

// A thread that rests gives its memory back after the first, and ends after the second, unless it is the only one that
// rests.
constexpr Duration kRestBeforeGivingBack = std::chrono::seconds(1), kRestBeforeLeaving = std::chrono::seconds(10);
constexpr std::size_t kRestingKept = 1;
constexpr Duration kSignalAgain = std::chrono::milliseconds(5);

/// The signal that makes a thread return from a read of the device. Nothing happens but that.
int wake_signal() { return SIGRTMIN + 6; }

void install_wake_signal() {
  struct sigaction action{};
  action.sa_handler = [](int) {};
  sigaction(wake_signal(), &action, nullptr);
}

}  // namespace

ClassicLane::ClassicLane(const Devices& devices, const Negotiated& negotiated, RequestHandler& handler,
                         std::shared_ptr<LanePort> port, Scheduler& scheduler, const Log& log,
                         metrics::Registry& registry, const LaneLimits& limits)
    : devices_(devices),
      negotiated_(negotiated),
      handler_(handler),
      port_(std::move(port)),
      scheduler_(scheduler),
      log_(log),
      limits_(limits),
      put_aside_(registry.counter("headrace_lane_requests_aside_total")),
      running_(scheduler.clock()),
      aside_(scheduler, limits),
      changed_(scheduler.new_event()),
      threads_gauge_(registry.gauge_from(
          "headrace_lane_threads", [this] { return static_cast<double>(stats().threads); }, "classic")),
      readers_gauge_(registry.gauge_from(
          "headrace_lane_readers", [this] { return static_cast<double>(readers_.load()); }, "classic")) {
  CHECK(limits.threads_max >= 2 && limits.readers_max >= 1);
  install_wake_signal();
}

ClassicLane::~ClassicLane() { close(); }

Result<void> ClassicLane::start() {
  if (!send_reader()) return Error(Code::kNoMemory, "no thread to serve the kernel's requests could be made");
  return {};
}

Result<Ending> ClassicLane::wait_ended(const Scope& scope) {
  MutexLock lock(mutex_);
  TRY_OK(changed_->wait(scope, mutex_, [this]() NO_THREAD_SAFETY_ANALYSIS { return ending_.has_value(); }));
  return *ending_;
}

Result<void> ClassicLane::stop_reading(const Scope& scope) {
  is_stopping_ = true;
  // A signal that comes just before the read is lost, so it is sent until nobody reads. Requests that were read are
  // served to their end.
  for (;;) {
    interrupt_readers();
    MutexLock lock(mutex_);
    for (Worker* worker : resting_) worker->wake->notify_all();
    const Result<void> ended = changed_->wait(scope.until(scheduler_.clock().now() + kSignalAgain), mutex_,
                                              [this]() NO_THREAD_SAFETY_ANALYSIS { return alive_ == 0; });
    if (ended) return {};
    if (ended.code() != Code::kTimedOut || scheduler_.clock().now() >= scope.deadline) return ended;
  }
}

void ClassicLane::interrupt_readers() {
  MutexLock lock(mutex_);
  for (const auto& worker : workers_) {
    if (worker->is_started && !worker->has_ended) pthread_kill(worker->self, wake_signal());
  }
}

void ClassicLane::close() {
  std::vector<std::unique_ptr<Worker>> ended;
  {
    MutexLock lock(mutex_);
    const Result<void> all =
        changed_->wait(Scope{}, mutex_, [this]() NO_THREAD_SAFETY_ANALYSIS { return alive_ == 0; });
    CHECK(all.has_value());
    ended.swap(workers_);
  }
}

LaneStats ClassicLane::stats() const {
  MutexLock lock(mutex_);
  return {alive_, readers_, busy_, static_cast<unsigned>(resting_.size())};
}

std::vector<std::unique_ptr<ClassicLane::Worker>> ClassicLane::take_ended() {
  std::vector<std::unique_ptr<Worker>> ended;
  std::erase_if(workers_, [&ended](std::unique_ptr<Worker>& worker) {
    if (!worker->has_ended) return false;
    ended.push_back(std::move(worker));
    return true;
  });
  return ended;
}

/// Makes sure that a thread reads, or is on its way to. False: none could be had.
bool ClassicLane::send_reader() {
  {
    MutexLock lock(mutex_);
    if (readers_ > 0 || has_ended_ || is_stopping_) return true;
    if (!resting_.empty()) {
      Worker* const worker = resting_.back();
      resting_.pop_back();
      worker->is_sent = true;
      ++readers_;
      worker->wake->notify_all();
      return true;
    }
    if (alive_ >= limits_.threads_max) return false;
    ++alive_;
    ++readers_;
  }
  if (spawn()) return true;
  MutexLock lock(mutex_);
  --alive_;
  --readers_;
  changed_->notify_all();
  return false;
}

bool ClassicLane::spawn() {
  std::vector<std::unique_ptr<Worker>> ended;  // joined when this function returns, behind the lock
  Result<std::unique_ptr<WorkBuffer>> buffer = WorkBuffer::make();
  if (!buffer) return false;
  auto made = std::make_unique<Worker>(std::move(*buffer), running_.take_place(), scheduler_.new_event());
  Worker& worker = *made;
  // Made under the lock, so that nobody finds the worker without its thread; the thread takes the lock first of all.
  MutexLock lock(mutex_);
  ended = take_ended();
  worker.device = devices_.at(next_device_++);
  try {
    worker.thread = scheduler_.new_thread("fuse", [this, &worker](std::stop_token) { run(worker); });
  } catch (const std::system_error& error) {  // the system gives no more threads
    if (!spawn_failed_)
      log_.warn("no more threads for the kernel's requests",
                {{"error", error.what()}, {"threads", std::to_string(alive_ - 1)}});
    spawn_failed_ = true;
    running_.give_back(worker.place);
    return false;
  }
  workers_.push_back(std::move(made));
  return true;
}

void ClassicLane::run(Worker& self) {
  {
    MutexLock lock(mutex_);
    self.self = pthread_self();
    self.is_started = true;
  }
  set_wait_hook([this, &self] { before_sleep(self); });
  while (read_one(self) == Next::kGoOn) {
  }
  set_wait_hook({});
  leave(self);
}

/// The last thing that a thread does. It is neither a reader nor at rest any more.
void ClassicLane::leave(Worker& self) {
  running_.give_back(self.place);
  MutexLock lock(mutex_);
  self.has_ended = true;
  --alive_;
  changed_->notify_all();
}

/// Called on a lane's thread before it sleeps, or does I/O that may take long.
void ClassicLane::before_sleep(Worker& self) {
  if (!self.is_running) return;
  if (!self.is_asleep) {
    self.is_asleep = true;
    ++asleep_;
  }
  if (readers_ == 0) send_reader();
}

/// A reader rests until it is sent to read again. Goes on at once when the device would be left alone.
ClassicLane::Next ClassicLane::rest(Worker& self) {
  MutexLock lock(mutex_);
  if (readers_ <= 1 || has_ended_ || is_stopping_ || !aside_.is_empty()) return Next::kGoOn;
  --readers_;
  self.is_sent = false;
  resting_.push_back(&self);
  const auto is_over = [this, &self] { return self.is_sent || has_ended_.load() || is_stopping_.load(); };
  const Moment began = scheduler_.clock().now();
  if (!self.wake->wait(Scope{began + kRestBeforeGivingBack, {}}, mutex_, is_over)) {
    self.buffer->give_back();
    while (!self.wake->wait(Scope{scheduler_.clock().now() + kRestBeforeLeaving, {}}, mutex_, is_over)) {
      if (resting_.size() > kRestingKept) break;
    }
  }
  if (self.is_sent) return Next::kGoOn;  // counted as a reader by who sent it
  std::erase(resting_, &self);
  return Next::kLeave;
}

void ClassicLane::note_ended(Ending ending) {
  bool is_first = false;
  {
    MutexLock lock(mutex_);
    is_first = !ending_.has_value();
    if (is_first) ending_ = ending;
    has_ended_ = true;
    for (Worker* worker : resting_) worker->wake->notify_all();
    changed_->notify_all();
  }
  if (!is_first) return;
  aside_.close();
  // After an abort nobody waits for an answer any more; after an unmount, files may still be being released.
  if (ending == Ending::kAborted) running_.interrupt_all();
}

}  // namespace headrace::fuse
