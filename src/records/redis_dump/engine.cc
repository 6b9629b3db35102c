// SPDX-License-Identifier: Apache-2.0
// A store in memory, filled once.
#include "records/redis_dump/engine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/fd.h"
#include "records/gate.h"
#include "records/memory/memory_store.h"
#include "records/overlay.h"
#include "records/redis_dump/load.h"

namespace headrace::records {
namespace {

constexpr std::uint64_t kDumpBytesMax = 256ull << 20;

Error read_only() { return {Code::kReadOnly, "a dump of Redis can only be read"}; }

/// Redis keeps no record for a slice that one reference names.
class DumpReader final : public RecordReader {
 public:
  explicit DumpReader(MemoryStore& store) : store_(store) {}
  Result<std::optional<Record>> get(const Key& key) override {
    TRY(std::optional<Record> found, store_.get(key));
    if (!found && std::holds_alternative<SliceRefKey>(key)) found = Record(std::int64_t{1});
    return found;
  }
  Result<bool> is_empty(const Range& range) override { return store_.is_empty(range); }
  Result<Page> scan(const Range& range, std::size_t limit) override { return store_.scan(range, limit); }

 private:
  MemoryStore& store_;
};

class RedisDumpEngine final : public RecordEngine {
 public:
  RedisDumpEngine(Scheduler& scheduler, MemoryStore store)
      : traits_{"redis-dump", true, false}, scheduler_(scheduler), gate_(scheduler), store_(std::move(store)) {}
  ~RedisDumpEngine() override { (void)close(); }

  Result<void> run_operation(const Scope&, Commit, std::span<const Key>, Operation) override { return read_only(); }
  Result<void> read_operation(const Scope& scope, std::span<const Key> first_keys, Operation operation) override {
    if (scope.stop.stop_requested()) return Code::kInterrupted;
    if (scope.deadline <= scheduler_.clock().now()) return Code::kTimedOut;
    TRY(const Gate::Visit visit, gate_.enter());
    DumpReader reader(store_);
    ReadTxn txn(reader);
    TRY_OK(txn.need(first_keys));
    return operation(txn);
  }
  Result<IdRange> reserve(const Scope&, IdKind, std::uint64_t) override { return read_only(); }
  Result<void> sync(const Scope&) override { return {}; }
  std::shared_ptr<void> watch(std::function<void(std::span<const Key>)>) override { return std::make_shared<int>(0); }
  const EngineTraits& traits() const override { return traits_; }
  Result<void> close() override {
    (void)gate_.close();
    return {};
  }

 private:
  const EngineTraits traits_;
  Scheduler& scheduler_;
  Gate gate_;
  MemoryStore store_;  // never changes: readings may overlap
};

Result<std::string> read_dump(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return errno_error(errno, "open " + path);
  struct stat seen = {};
  if (::fstat(file.get(), &seen) != 0) return errno_error(errno, "stat " + path);
  if (!S_ISREG(seen.st_mode)) return Error(Code::kInvalid, path + " is not a file");
  const auto size = static_cast<std::uint64_t>(seen.st_size);
  if (size > kDumpBytesMax)
    return Error(Code::kTooBig,
                 fmt::format("{} has {} bytes; a dump of at most {} is read", path, size, kDumpBytesMax));
  std::string bytes(size, '\0');
  TRY(const std::size_t got, pread_full(file.get(), std::as_writable_bytes(std::span(bytes)), 0));
  bytes.resize(got);
  return bytes;
}

}  // namespace

Result<std::unique_ptr<RecordEngine>> open_redis_dump_engine(std::string_view rest, const OpenOptions& options,
                                                             Scheduler& scheduler) {
  if (rest.empty() || rest.find('\0') != std::string_view::npos)
    return Error(Code::kInvalid, "redis-dump://PATH needs the path of a file");
  if (rest.find('?') != std::string_view::npos) return Error(Code::kInvalid, "redis-dump:// has no parameters");
  if (options.create) return read_only();
  const std::string path(rest);
  TRY(const std::string json, read_dump(path));
  MemoryStore store(false);
  const Result<void> loaded = load_redis_dump(json, store);
  if (!loaded) return Error(loaded.code(), path + ": " + loaded.error().text());
  return std::unique_ptr<RecordEngine>(std::make_unique<RedisDumpEngine>(scheduler, std::move(store)));
}

}  // namespace headrace::records
