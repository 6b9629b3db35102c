// SPDX-License-Identifier: Apache-2.0
// What a thread of the classic lane does with what it reads.
#include <poll.h>
#include <sched.h>

#include <algorithm>

#include "fuse/classic_lane.h"
#include "fuse/classic_worker.h"

namespace headrace::fuse {
namespace {

// How long a thread keeps touched memory while it waits for the next request.
constexpr int kKeepMemoryMilliseconds = 1000;

/// Requests that take no time and wait for nothing: whoever reads them answers them, the last reader too.
bool is_light(std::uint32_t opcode) { return !wants_reply(opcode) || opcode == FUSE_DESTROY || opcode == FUSE_INIT; }

Moment deadline_of(std::uint32_t opcode, Moment read_at) {
  const Duration limit = time_limit_of(opcode);
  return limit == Duration::max() ? Moment::max() : read_at + limit;
}

}  // namespace

/// Looks for a request a moment before it sleeps, as long as that finds some. Whether or not, a read follows.
void ClassicLane::spin(Worker& self) {
  // Under load the next one is there already, and a look at it would be a call for nothing.
  if (self.history.waiting_in_a_row >= kReadsWaitingForHelp) return;
  if (limits_.spin <= Duration() || !self.spins.is_worth_it() || is_spinning_.exchange(true)) return;
  const Moment until = scheduler_.clock().now() + limits_.spin;
  pollfd poll_one{self.device, POLLIN, 0};
  bool was_found = false;
  for (unsigned looks = 0; looks < kLooksMax && !was_found && scheduler_.clock().now() < until; ++looks) {
    was_found = poll(&poll_one, 1, 0) != 0;
    if (!was_found) sched_yield();  // whoever would ask may need this very core
  }
  is_spinning_ = false;
  self.spins.note(was_found);
}

/// Waits for the device without holding on to memory. False: read it later, a signal came.
bool ClassicLane::wait_readable(Worker& self) {
  pollfd poll_one{self.device, POLLIN, 0};
  const int ready = poll(&poll_one, 1, kKeepMemoryMilliseconds);
  if (ready == 0) self.buffer->give_back();
  return ready >= 0;
}

/// One turn of a reader: it comes as one, and goes on as one, or leaves.
ClassicLane::Next ClassicLane::read_one(Worker& self) {
  const Moment came_at = scheduler_.clock().now();
  ReadOutcome outcome;
  if (self.buffer->was_large_long_ago()) self.buffer->give_back();
  if (!is_stopping_) spin(self);
  if (!is_stopping_ && (!self.buffer->is_worth_giving_back() || wait_readable(self))) {
    outcome = read_message(self.device, self.buffer->request_room());
  }
  switch (outcome.kind) {
    case ReadOutcome::Kind::kEnded:
      note_ended(outcome.ending);
      --readers_;
      return Next::kLeave;
    case ReadOutcome::Kind::kAgain:
      if (!is_stopping_) return Next::kGoOn;
      // What was put aside has been read, so it is ours to answer.
      run_aside(self);
      --readers_;
      return Next::kLeave;
    case ReadOutcome::Kind::kMessage: break;
  }
  const Moment read_at = scheduler_.clock().now();
  self.history.note(was_waiting(read_at - came_at, outcome.bytes));
  self.buffer->touched(outcome.bytes);
  receive(self, self.buffer->request_room().first(outcome.bytes), read_at);
  if (may_rest(self.history, readers_ - 1, limits_)) return rest(self);
  return Next::kGoOn;
}

/// Comes and returns as a reader.
void ClassicLane::receive(Worker& self, ByteSpan message, Moment read_at) {
  const Result<RequestHeader> header = parse_header(message);
  if (!header) {
    port_->count_malformed(header.error());  // and nobody to answer to
    return;
  }
  if (is_light(header->opcode)) {
    answer_light(self, *header, message, read_at);
    return;
  }
  if (!claim_busy()) {
    put_aside(self, *header, message, read_at);
    run_aside(self);
    return;
  }
  const unsigned readers_left = --readers_;
  if (wants_help(self.history, readers_left, busy_ - std::min<unsigned>(asleep_, busy_), limits_)) send_reader();
  serve(self, self.device, message, read_at);
  serve_aside(self);
  --busy_;
  ++readers_;
  run_aside(self);
}

/// One of the threads that may run requests that wait; the last thread never is.
bool ClassicLane::claim_busy() {
  if (busy_.fetch_add(1) < limits_.threads_max - 1) return true;
  --busy_;
  return false;
}

void ClassicLane::put_aside(Worker& self, const RequestHeader& header, ByteSpan message, Moment read_at) {
  put_aside_.add();
  // Interrupted while it waited for room: the connection is over.
  (void)aside_.put({self.device, header.unique, read_at, {message.begin(), message.end()}});
}

/// As a reader. Between a thread's last look at what was put aside and its end as a busy one, something may have been
/// put there; and who put it there may have looked before that end. Both look again afterwards, so that one of them
/// sees it.
void ClassicLane::run_aside(Worker& self) {
  while (!aside_.is_empty() && claim_busy()) {
    --readers_;
    serve_aside(self);
    --busy_;
    ++readers_;
  }
}

/// As a busy thread: first those that have waited.
void ClassicLane::serve_aside(Worker& self) {
  while (!aside_.is_empty()) {
    const std::optional<AsideRequest> request = aside_.take();
    if (!request) return;
    serve(self, request->device, request->message, request->read_at);
  }
}

void ClassicLane::serve(Worker& self, int device, ByteSpan message, Moment read_at) {
  Result<Request> request = parse_request(message, negotiated_);
  if (!request) {
    port_->count_malformed(request.error());
    Reply(*port_, device, *parse_header(message), read_at).fail(Code::kIo);
    return;
  }
  const RequestHeader header = request->header;
  Reply reply(*port_, device, header, read_at);
  if (port_->wants_args()) reply.set_args(describe(*request));
  if (const auto* read = std::get_if<ReadAsk>(&request->ask)) self.buffer->touched(read->size);
  if (const auto* list = std::get_if<ReaddirAsk>(&request->ask)) self.buffer->touched(list->size);
  self.is_running = true;
  const std::stop_token stop = running_.begin(self.place, header.unique);
  const Scope scope{deadline_of(header.opcode, read_at), may_be_interrupted(*request) ? stop : std::stop_token()};
  handler_.serve(scope, *request, self.buffer->reply_room(), std::move(reply));
  // An interrupt that came while the handler handed the reply on has found this thread, not what it was handed to.
  if (running_.end(self.place)) handler_.cancel(header.unique);
  self.is_running = false;
  if (self.is_asleep) {
    self.is_asleep = false;
    --asleep_;
  }
}

void ClassicLane::answer_light(Worker& self, const RequestHeader& header, ByteSpan message, Moment read_at) {
  Reply reply(*port_, self.device, header, read_at);
  const Result<Request> request = parse_request(message, negotiated_);
  if (!request) {
    port_->count_malformed(request.error());
    reply.fail(Code::kIo);
    return;
  }
  if (port_->wants_args()) reply.set_args(describe(*request));
  if (const auto* one = std::get_if<ForgetAsk>(&request->ask)) {
    handler_.forget(header.node, one->lookups);
  } else if (const auto* many = std::get_if<BatchForgetAsk>(&request->ask)) {
    for (std::uint32_t i = 0; i < many->count; ++i) {
      const fuse_forget_one item = many->at(i);
      handler_.forget(item.nodeid, item.nlookup);
    }
  } else if (const auto* interrupted = std::get_if<InterruptAsk>(&request->ask)) {
    interrupt(interrupted->unique);
  } else if (header.opcode == FUSE_INIT) {
    reply.fail(Code::kIo);  // there was one already
    return;
  }
  reply.ok();
}

void ClassicLane::interrupt(std::uint64_t unique) {
  if (const std::optional<AsideRequest> aside = aside_.take(unique)) {
    Reply(*port_, aside->device, *parse_header(aside->message), aside->read_at).fail(Code::kInterrupted);
    return;
  }
  if (!running_.interrupt(unique)) handler_.cancel(unique);
}

}  // namespace headrace::fuse
