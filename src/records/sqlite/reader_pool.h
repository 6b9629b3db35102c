// SPDX-License-Identifier: Apache-2.0
// Connections for reading, one for each operation that reads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "base/event.h"
#include "records/sqlite/connection.h"

namespace headrace::records {

/// Thread-safe.
class ReaderPool {
 public:
  using Connect = std::function<Result<std::unique_ptr<Connection>>()>;
  ReaderPool(Scheduler& scheduler, Connect connect, std::size_t connections_max = 16);

  /// A connection of the caller's own, given back when it ends.
  class Lease {
   public:
    Lease(ReaderPool& pool, std::uint64_t number, std::unique_ptr<Connection> connection)
        : pool_(&pool), number_(number), connection_(std::move(connection)) {}
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (connection_) pool_->give_back(number_, std::move(connection_));
    }
    Connection& operator*() { return *connection_; }

   private:
    ReaderPool* pool_;
    std::uint64_t number_;
    std::unique_ptr<Connection> connection_;
  };

  /// The one used last, or a new one, or, when there are `connections_max`, whichever comes back first. kBadHandle:
  /// closed. kTimedOut, kInterrupted as Event::wait.
  Result<Lease> take(const Scope& scope);
  /// Waits until every lease that is out now has come back.
  Result<void> wait_for_those_out(const Scope& scope);
  /// Refuses new leases, waits for those out, closes all connections. Idempotent.
  void close();

 private:
  void give_back(std::uint64_t number, std::unique_ptr<Connection> connection);

  const Connect connect_;
  const std::size_t connections_max_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_ GUARDED_BY(mutex_);
  std::set<std::uint64_t> out_ GUARDED_BY(mutex_);  // numbers of leases
  std::uint64_t next_number_ GUARDED_BY(mutex_) = 0;
  bool is_closed_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<Event> came_back_;
};

}  // namespace headrace::records
