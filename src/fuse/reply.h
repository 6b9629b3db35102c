// SPDX-License-Identifier: Apache-2.0
// The answer to one request: a movable object, given exactly once, from any thread, to the descriptor that the request
// was read from (the kernel looks for it there alone). One message to the kernel, straight from the bytes that are
// given.
#pragma once

#include <sys/uio.h>

#include <memory>
#include <span>
#include <string>
#include <type_traits>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "fuse/request.h"

namespace headrace::fuse {

/// One request, done: what metrics and the access log are told.
struct Answered {
  const RequestHeader& header;
  int error = 0;          // errno, or 0
  std::size_t bytes = 0;  // of the body: what a read returned
  Moment started{};
  bool was_forgotten = false;  // nobody answered: the request's Reply died
  const std::string& args;     // for the access log; empty when nobody reads it
};

/// Where replies go. Thread-safe; made by make_shared, so that a reply that waits for long can keep it.
class ReplyPort : public std::enable_shared_from_this<ReplyPort> {
 public:
  virtual ~ReplyPort() = default;
  /// One message to the kernel. False: nobody waits for it any more (the caller was killed, or the connection is gone),
  /// so that what the reply would have handed over (a lookup, an open file) has no owner.
  virtual bool send(int device, const RequestHeader& header, std::span<const iovec> parts) = 0;
  /// Called once a request, behind send().
  virtual void answered(const Answered& answered) = 0;
};

class Reply {
 public:
  /// `port` outlives the reply, or keep_port() is called before it might not.
  Reply(ReplyPort& port, int device, const RequestHeader& header, Moment started)
      : port_(&port), device_(device), header_(header), started_(started) {}
  Reply(Reply&& other) noexcept;
  Reply& operator=(Reply&& other) = delete;
  /// An unanswered request is answered EIO and reported as forgotten: our mistake, but no caller hangs because of it.
  ~Reply();

  const RequestHeader& header() const { return header_; }
  /// What the access log shall say of the arguments.
  void set_args(std::string args) { args_ = std::move(args); }
  /// For a reply that leaves the thread that serves the request.
  void keep_port() { kept_ = port_->shared_from_this(); }

  // All of these may be called once (CHECK), and return whether the kernel took the answer: see ReplyPort::send().
  bool ok() { return send(0, {}, {}); }
  bool bytes(ByteSpan body) { return send(0, body, {}); }
  template <class Struct>
    requires std::is_trivially_copyable_v<Struct> && std::is_standard_layout_v<Struct>
  bool with(const Struct& body) {
    return send(0, std::as_bytes(std::span(&body, 1)), {});
  }
  template <class First, class Second>
    requires std::is_trivially_copyable_v<First> && std::is_trivially_copyable_v<Second>
  bool with(const First& first, const Second& second) {
    return send(0, std::as_bytes(std::span(&first, 1)), std::as_bytes(std::span(&second, 1)));
  }
  bool fail(Code code) { return send(errno_of(code), {}, {}); }
  /// The outcome of an operation that returns nothing.
  bool done(const Result<void>& result) { return result ? ok() : fail(result.code()); }

 private:
  bool send(int error, ByteSpan first, ByteSpan second, bool was_forgotten = false);

  ReplyPort* port_;  // null: answered, or moved away
  std::shared_ptr<ReplyPort> kept_;
  int device_;
  RequestHeader header_;
  Moment started_;
  std::string args_;
};

}  // namespace headrace::fuse
