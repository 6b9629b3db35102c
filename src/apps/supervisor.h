// SPDX-License-Identifier: Apache-2.0
// The small process above a server: it keeps what the kernel would take for the end of a mount, the descriptors of the
// connection, and when the server dies it starts another one that goes on with them
// (docs/design/0003-a-server-that-is-restarted.md).
//
//   supervisor (this)      one thread, no lock shared with the server, never touches the mount
//     └─ server            forked, with copies of all that is kept; the next one after its death
//
// The link between them is a socket pair. The server says what it has made (a descriptor of the connection, a backing
// and its file), that it serves, and that it ends on purpose; the supervisor passes on that it was asked to end. Either
// one sees the other's death in it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/event.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/result.h"
#include "vfs/file_system.h"
#include "vfs/takeover_index.h"

namespace headrace::apps {

struct SupervisorLimits {
  unsigned deaths_max = 5;  // so many in `deaths_window` are survived; one more is the end
  Duration deaths_window = std::chrono::minutes(1);
  Duration come_up_max = std::chrono::seconds(60);  // from a death until another server serves
  Duration first_pause = std::chrono::milliseconds(200),
           longest_pause = std::chrono::seconds(5);  // after a start that failed
};

/// What a server process begins with.
struct Inheritance {
  std::vector<UniqueFd> devices;              // of the connection, in their order; none: this server makes the mount
  std::map<std::int32_t, UniqueFd> backings;  // by the kernel's number for them
  UniqueFd link;
  pid_t supervisor = 0;
  bool is_successor() const { return !devices.empty(); }
};

/// The server's end of the link. Thread-safe. When the supervisor is gone, nothing is kept any more and the server goes
/// on without.
class ServerLink final : public vfs::BackingKeeper {
 public:
  ServerLink(UniqueFd link, const Log& log);
  ~ServerLink() override { close(); }

  /// From now on: `stop` when the supervisor was asked to end, `end_now` when it was asked again. Once.
  void watch(Scheduler& scheduler, std::function<void()> stop, std::function<void()> end_now);

  void device_made(int descriptor);
  void backing_made(std::int32_t backing_id, int descriptor) override;
  void backing_gone(std::int32_t backing_id) override;
  void serving();
  /// Whatever comes now is the end that was meant: no other server is started.
  void ending();
  /// Watches no more: when it returns, neither function is called again. Idempotent.
  void close();

 private:
  void send(std::uint32_t kind, std::int32_t value, int descriptor);
  void listen(const std::function<void()>& stop, const std::function<void()>& end_now);

  const UniqueFd link_;
  const Log& log_;
  UniqueFd end_;
  std::atomic<bool> is_broken_ = false;
  std::jthread thread_;
};

class Supervisor {
 public:
  /// `index` is what servers write down, and `give_up` takes the mount away when no server can be had; all outlive the
  /// supervisor. `has_forked` is called in this process after each fork.
  Supervisor(const Log& log, const Clock& clock, vfs::TakeoverIndex& index, std::function<void()> has_forked,
             std::function<void()> give_up, const SupervisorLimits& limits = {});

  /// Like fork(), it returns in several processes: in each server with what it inherits, and in this one, at the end,
  /// with the exit status of the whole. Only while there is one thread. An error: not even the first server could be
  /// started, or no other one (then the mount was given up).
  struct Role {
    std::optional<Inheritance> server;
    int status = 0;
  };
  Result<Role> run();

 private:
  enum class Ended { kOnPurpose, kDied, kFailedToStart, kTooLate };
  Result<std::optional<Inheritance>> start_server();
  Ended watch_server();
  void on_signal();
  void hear_link();
  void hear(std::uint32_t kind, std::int32_t value, UniqueFd descriptor);
  void tell(std::uint32_t kind);
  bool reap();
  bool may_go_on(Ended ended);
  bool pause_before_next();
  int end(const std::string& why);

  const Log& log_;
  const Clock& clock_;
  vfs::TakeoverIndex& index_;
  const std::function<void()> has_forked_, give_up_;
  const SupervisorLimits limits_;
  UniqueFd signals_, link_;
  std::vector<UniqueFd> devices_;
  std::map<std::int32_t, UniqueFd> backings_;
  pid_t server_ = 0;
  int wait_status_ = 0;
  bool is_serving_ = false, is_ending_ = false;
  int asked_to_end_ = 0;
  std::deque<Moment> deaths_;
  Moment died_at_ = Moment::max();  // since when nobody serves
  Duration pause_{};
};

}  // namespace headrace::apps
