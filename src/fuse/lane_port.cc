// SPDX-License-Identifier: Apache-2.0
#include "fuse/lane_port.h"

#include <bit>
#include <cerrno>

namespace headrace::fuse {
namespace {

std::array<metrics::Counter*, kOpcodeCount> operation_counters(metrics::Registry& registry) {
  std::array<metrics::Counter*, kOpcodeCount> counters;
  for (std::uint32_t opcode = 0; opcode < kOpcodeCount; ++opcode) {
    counters[opcode] = &registry.counter("juicefs_fuse_ops_total", name_of_opcode(opcode));
  }
  return counters;
}

}  // namespace

LanePort::LanePort(std::shared_ptr<const Devices> devices, const Clock& clock, const Log& log,
                   metrics::Registry& registry, AccessLog* access_log)
    : devices_(std::move(devices)),
      clock_(clock),
      log_(log),
      access_log_(access_log),
      operations_(operation_counters(registry)),
      durations_(registry.histogram("juicefs_fuse_ops_durations_histogram_seconds")),
      read_bytes_(registry.histogram("juicefs_fuse_read_size_bytes")),
      malformed_(registry.counter("headrace_fuse_malformed_requests_total")),
      forgotten_(registry.counter("headrace_fuse_unanswered_requests_total")),
      errors_{{{EIO, &registry.counter("juicefs_fuse_ops_io_errors", "EIO")},
               {ENOSPC, &registry.counter("juicefs_fuse_ops_io_errors", "ENOSPC")},
               {EDQUOT, &registry.counter("juicefs_fuse_ops_io_errors", "EDQUOT")},
               {ENOMEM, &registry.counter("juicefs_fuse_ops_io_errors", "ENOMEM")}}} {}

bool LanePort::send(int device, const RequestHeader& header, std::span<const iovec> parts) {
  const int error = write_message(device, parts);
  // ENOENT: nobody waits for it any more. ENODEV, ECONNABORTED, EPIPE: the connection is over. Anything else is a reply
  // that the kernel does not understand: our mistake, and the caller still waits. An error alone it always takes.
  if (error == 0 || error == ENOENT || error == ENODEV || error == ECONNABORTED || error == EPIPE || error == ENOTCONN)
    return error == 0;
  log_rarely(refused_logged_, "the kernel refused a reply",
             std::string(name_of_opcode(header.opcode)) + ": errno " + std::to_string(error));
  const fuse_out_header out{sizeof(fuse_out_header), -EIO, header.unique};
  const iovec part{const_cast<fuse_out_header*>(&out), sizeof out};
  write_message(device, std::span(&part, 1));
  return false;
}

void LanePort::answered(const Answered& answered) {
  const std::uint32_t opcode = answered.header.opcode;
  const Duration took = clock_.now() - answered.started;
  operations_[opcode < kOpcodeCount ? opcode : 0]->add();
  durations_.observe(took);
  if (opcode == FUSE_READ && answered.error == 0) read_bytes_.observe(std::uint64_t{answered.bytes});
  if (answered.error != 0) {
    for (const CountedErrno& counted : errors_) {
      if (counted.error == answered.error) counted.counter->add();
    }
  }
  if (answered.was_forgotten) {
    forgotten_.add();
    log_rarely(forgotten_logged_, "a request was never answered; it got EIO", std::string(name_of_opcode(opcode)));
  }
  if (!answered.args.empty() && access_log_ != nullptr) {
    const RequestHeader& header = answered.header;
    access_log_->record(
        {name_of_opcode(opcode), answered.args, header.node, header.uid, header.gid, header.pid, answered.error, took});
  }
}

void LanePort::count_malformed(const Error& error) {
  malformed_.add();
  log_rarely(malformed_logged_, "a request of the kernel could not be read; it got EIO", error.text());
}

void LanePort::log_rarely(std::atomic<std::uint64_t>& count, std::string_view message, const std::string& detail) {
  // The first, the second, the fourth …: a fault that repeats is seen to, without a line a request.
  const std::uint64_t seen = count.fetch_add(1, std::memory_order_relaxed) + 1;
  if (std::has_single_bit(seen)) log_.error(message, {{"what", detail}, {"times", std::to_string(seen)}});
}

}  // namespace headrace::fuse
