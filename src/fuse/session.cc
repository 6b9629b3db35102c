// SPDX-License-Identifier: Apache-2.0
#include "fuse/session.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace headrace::fuse {
namespace {

// INIT is the only read that can be given up on: it is waited for in slices.
constexpr int kSliceMilliseconds = 50;

Result<void> wait_readable(const Scope& scope, const Clock& clock, int device) {
  for (;;) {
    pollfd one{device, POLLIN, 0};
    if (poll(&one, 1, kSliceMilliseconds) > 0) return {};
    if (scope.stop.stop_requested()) return Code::kInterrupted;
    if (clock.now() >= scope.deadline)
      return Error(Code::kTimedOut, "the kernel did not begin the FUSE connection in time");
  }
}

struct FirstRequest {
  RequestHeader header;
  Offer offer;
};

Result<FirstRequest> read_init(const Scope& scope, const Clock& clock, int device) {
  TRY(const std::unique_ptr<WorkBuffer> buffer, WorkBuffer::make());
  for (;;) {
    TRY_OK(wait_readable(scope, clock, device));
    const ReadOutcome outcome = read_message(device, buffer->request_room());
    if (outcome.kind == ReadOutcome::Kind::kAgain) continue;
    if (outcome.kind == ReadOutcome::Kind::kEnded) return Error(Code::kIo, "the FUSE connection ended before it began");
    const ByteSpan message = buffer->request_room().first(outcome.bytes);
    TRY(const RequestHeader header, parse_header(message));
    if (header.opcode != FUSE_INIT) return Error(Code::kIo, "the kernel's first request was not INIT");
    TRY(const Offer offer, parse_init(message.subspan(sizeof(fuse_in_header))));
    return FirstRequest{header, offer};
  }
}

Result<void> answer(int device, std::uint64_t unique, int error, ByteSpan body) {
  const fuse_out_header out{static_cast<std::uint32_t>(sizeof out + body.size()), -error, unique};
  const std::array<iovec, 2> parts{iovec{const_cast<fuse_out_header*>(&out), sizeof out},
                                   iovec{const_cast<std::byte*>(body.data()), body.size()}};
  const int failed = write_message(device, std::span(parts).first(body.empty() ? 1 : 2));
  if (failed != 0) return errno_error(failed, "answer the kernel's INIT");
  return {};
}

Result<Negotiated> serve_init(const Scope& scope, const Clock& clock, int device, const Wish& wish) {
  for (;;) {
    TRY(const FirstRequest first, read_init(scope, clock, device));
    if (first.offer.major > kProtocolMajor) {
      // Our version alone; the kernel comes back with an INIT that fits.
      InitOut out{};
      out.major = kProtocolMajor;
      out.minor = kProtocolMinor;
      TRY_OK(answer(device, first.header.unique, 0, std::as_bytes(std::span(&out, 1))));
      continue;
    }
    Result<Negotiated> negotiated = negotiate(first.offer, wish);
    if (!negotiated) {
      (void)answer(device, first.header.unique, EPROTO, {});
      return negotiated;
    }
    const InitOut out = init_reply(*negotiated);
    TRY_OK(
        answer(device, first.header.unique, 0, std::as_bytes(std::span(&out, 1)).first(init_reply_bytes(*negotiated))));
    return negotiated;
  }
}

std::vector<UniqueFd> only(UniqueFd device) {
  std::vector<UniqueFd> devices;
  devices.push_back(std::move(device));
  return devices;
}

}  // namespace

Result<std::unique_ptr<Session>> Session::open(const Scope& scope, UniqueFd device, const Wish& wish,
                                               const SessionTools& tools) {
  TRY(const Negotiated negotiated, serve_init(scope, tools.scheduler.clock(), device.get(), wish));
  return std::unique_ptr<Session>(
      new Session(std::make_shared<Devices>(only(std::move(device))), negotiated, tools, false));
}

Result<std::unique_ptr<Session>> Session::adopt(std::vector<UniqueFd> devices, const Negotiated& negotiated,
                                                const SessionTools& tools) {
  if (devices.empty()) return Error(Code::kInvalid, "no descriptor of the connection was handed over");
  return std::unique_ptr<Session>(new Session(std::make_shared<Devices>(std::move(devices)), negotiated, tools, true));
}

Session::Session(std::shared_ptr<Devices> devices, const Negotiated& negotiated, const SessionTools& tools,
                 bool is_adopted)
    : devices_(devices),
      negotiated_(negotiated),
      tools_(tools),
      is_adopted_(is_adopted),
      port_(std::make_shared<LanePort>(devices, tools.scheduler.clock(), tools.log, tools.registry, tools.access_log)) {
  const Result<void> cloned = devices->clone_up_to(tools.devices, tools.clone);
  if (!cloned) {
    tools.log.warn("fewer descriptors for the kernel's requests than wanted", {{"error", cloned.error().text()}});
  }
}

Session::~Session() { close(); }

Result<void> Session::start(RequestHandler& handler) {
  CHECK(lane_ == nullptr);
  lane_ = std::make_unique<ClassicLane>(*devices_, negotiated_, handler, port_, tools_.scheduler, tools_.log,
                                        tools_.registry, tools_.limits);
  TRY_OK(lane_->start());
  if (!is_adopted_) return {};
  if (!negotiated_.can_resend()) {
    tools_.log.warn(
        "this kernel cannot send requests again: those that the last server had not answered stay unanswered");
    return {};
  }
  const fuse_out_header notice{sizeof notice, kNotifyResend, 0};
  const iovec part{const_cast<fuse_out_header*>(&notice), sizeof notice};
  if (const int failed = write_message(devices_->first(), std::span(&part, 1)); failed != 0) {
    return errno_error(failed, "ask the kernel to send unanswered requests again");
  }
  return {};
}

Result<Ending> Session::wait_ended(const Scope& scope) {
  CHECK(lane_ != nullptr);
  return lane_->wait_ended(scope);
}

Result<void> Session::stop_reading(const Scope& scope) {
  if (lane_ == nullptr) return {};
  return lane_->stop_reading(scope);
}

void Session::close() {
  if (lane_ != nullptr) lane_->close();
}

LaneStats Session::stats() const { return lane_ == nullptr ? LaneStats{} : lane_->stats(); }

}  // namespace headrace::fuse
