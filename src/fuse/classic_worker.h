// SPDX-License-Identifier: Apache-2.0
// One thread of the classic lane: for classic_lane.cc and classic_requests.cc alone.
#pragma once

#include <pthread.h>

#include <memory>
#include <thread>

#include "fuse/classic_lane.h"

namespace headrace::fuse {

struct ClassicLane::Worker {
  Worker(std::unique_ptr<WorkBuffer> memory, RunningRequests::Place& own_place, std::unique_ptr<Event> own_event)
      : buffer(std::move(memory)), place(own_place), wake(std::move(own_event)) {}

  // The thread's own.
  const std::unique_ptr<WorkBuffer> buffer;
  RunningRequests::Place& place;
  ReadHistory history;
  SpinHistory spins;
  bool is_running = false;  // a request
  bool is_asleep = false;   // slept in it, and is not counted as working
  int device = -1;

  // Under the lane's mutex.
  const std::unique_ptr<Event> wake;
  bool is_sent = false;  // from rest to the device
  bool is_started = false, has_ended = false;
  pthread_t self{};
  std::jthread thread;  // last: joined before the rest goes away
};

}  // namespace headrace::fuse
