// SPDX-License-Identifier: Apache-2.0
// Opening and closing a volume, and holding files of it.
#include "meta/volume.h"

#include "meta/ops/load.h"
#include "meta/volume_impl.h"

namespace headrace::meta {
namespace {

using records::Commit;
using records::RecordTxn;

Result<bool> has_directory_quotas(const Scope& scope, records::RecordEngine& engine) {
  return engine.read(scope, {}, [](RecordTxn& txn) -> Result<bool> {
    TRY(const std::vector<records::Item> quotas, txn.scan(records::WholeVolume{records::Whole::kDirQuotas, 0}, 1));
    return !quotas.empty();
  });
}

/// Most sessions hold fewer locks and files without a name.
constexpr std::size_t kHoldingsAtFirst = 4096;

// What the description and the quotas allow.
Result<Admission> admission_now(const Scope& scope, records::RecordEngine& engine, const VolumeFormat& format) {
  const Admission admitted = admission(format);
  if (admitted.access != Access::kReadWrite) return admitted;
  TRY(const bool has_quotas, has_directory_quotas(scope, engine));
  if (!has_quotas) return admitted;
  return Admission{
      Access::kReadOnly,
      "the volume has directory quotas, which this version does not enforce: mount it read-only, or delete them with "
      "`juicefs quota delete`"};
}

}  // namespace

void CurrentFormat::replace(VolumeFormat next) {
  MutexLock lock(mutex_);
  if (!versions_.empty() && *versions_.back() == next) return;
  versions_.push_back(std::make_unique<const VolumeFormat>(std::move(next)));
  current_.store(versions_.back().get(), std::memory_order_release);
}

Volume::Volume(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Volume::~Volume() = default;

Result<std::unique_ptr<Volume>> Volume::open(const Scope& scope, records::RecordEngine& engine, Scheduler& scheduler,
                                             const Log& log, VolumeOptions options) {
  TRY(VolumeFormat format, load_format(scope, engine));
  TRY(const Admission admitted, admission_now(scope, engine, format));
  if (admitted.access == Access::kRefused) return Error(Code::kVersion, admitted.reason);
  if (!options.is_read_only) {
    if (admitted.access == Access::kReadOnly) return Error(Code::kReadOnly, admitted.reason);
    if (engine.traits().is_read_only) return Error(Code::kReadOnly, "the metadata is opened read-only");
  }
  auto impl = std::make_unique<Impl>(engine, scheduler, log, std::move(options), std::move(format));
  if (!impl->is_read_only) {
    if (impl->options.has_session) {
      impl->session_info = describe_session(impl->options.mount_point, impl->now());
      const records::SessionRecord record{impl->session_expiry(), impl->session_info};
      if (impl->options.takes_over == SessionId{0}) {
        TRY(impl->session,
            engine.run(scope, Commit::kVisible, {}, [&](RecordTxn& txn) { return ops::new_session(txn, record); }));
      } else {
        impl->session = impl->options.takes_over;
        TRY_OK(impl->take_over(scope, record));
      }
    }
    // The real client sums the root up when it first changes something below it.
    if (impl->format.get().dir_stats) {
      TRY_OK(engine.run(scope, Commit::kVisible, {}, [](RecordTxn& txn) { return ops::sum_dir_stats(txn, kRootIno); }));
    }
  }
  return std::unique_ptr<Volume>(new Volume(std::move(impl)));
}

Result<void> Volume::Impl::take_over(const Scope& scope, const records::SessionRecord& record) {
  TRY(const bool was_there, engine.run(scope, Commit::kDurable, {}, [&](RecordTxn& txn) -> Result<bool> {
    TRY(const auto present, records::get(txn, records::SessionKey{session}));
    if (present) records::put(txn, records::SessionKey{session}, record);
    return present.has_value();
  }));
  if (!was_there) return Error(Code::kStale, "the session to be taken over was cleaned up after");
  for (std::size_t limit = kHoldingsAtFirst;; limit *= 4) {
    TRY(const ops::SessionHoldings holdings,
        engine.read(scope, {}, [&](RecordTxn& txn) { return ops::session_holdings(txn, session, limit); }));
    if (holdings.sustained.size() >= limit || holdings.locks.size() >= limit) continue;
    for (const Ino ino : holdings.sustained) holds.adopt_sustained(ino);
    for (const records::Key& key : holdings.locks) {
      if (const auto* flock = std::get_if<records::FlockKey>(&key))
        adopted_locks.push_back({flock->ino, flock->owner, true});
      if (const auto* posix = std::get_if<records::PosixLockKey>(&key))
        adopted_locks.push_back({posix->ino, posix->owner, false});
    }
    return {};
  }
}

std::vector<HeldLock> Volume::take_adopted_locks() { return std::exchange(impl_->adopted_locks, {}); }

const VolumeFormat& Volume::format() const { return impl_->format.get(); }
bool Volume::is_read_only() const { return impl_->is_read_only; }
SessionId Volume::session() const { return impl_->session; }
records::RecordEngine& Volume::engine() { return impl_->engine; }

Result<void> Volume::Impl::destroy_sustained(const Scope& scope, Ino ino) {
  RemovalMarks nobody(holds, false);
  const OpContext fixed = context(nobody);
  const Result<void> done =
      engine.run(scope.without_stop(), Commit::kVisible, {records::SustainedKey{session, ino}, records::InodeKey{ino}},
                 [&](RecordTxn& txn) { return ops::destroy_sustained(txn, fixed, session, ino); });
  holds.destroyed(ino, done.has_value());
  if (!done) {
    log.warn("a file without a name could not be ended yet",
             {{"inode", std::to_string(ino.value())}, {"error", done.error().text()}});
  }
  return done;
}

Result<void> Volume::Impl::drop_hold(const Scope& scope, Ino ino) {
  if (!holds.drop(ino)) return {};
  return destroy_sustained(scope, ino);
}

Result<Attr> Volume::hold(const Scope& scope, Ino ino) {
  TRY_OK(impl_->holds.add(scope, ino));
  const Result<Attr> attr = impl_->read(scope, {records::InodeKey{ino}}, [&](RecordTxn& txn) -> Result<Attr> {
    TRY(const Attr found, ops::load_inode(txn, ino));
    if (found.nlink > 0) return found;
    // Without a name: only whoever sustains it may have it.
    TRY(const auto sustained, records::get(txn, records::SustainedKey{impl_->session, ino}));
    if (!sustained) return Code::kNotFound;
    return found;
  });
  if (!attr) {
    (void)impl_->drop_hold(scope, ino);
    return attr;
  }
  if (!ops::is_trash_file(*attr)) impl_->holds.note_alive(ino);
  return attr;
}

Result<void> Volume::release(const Scope& scope, Ino ino) { return impl_->drop_hold(scope, ino); }

Result<void> Volume::sync(const Scope& scope) { return impl_->engine.sync(scope); }

Result<void> Volume::heartbeat(const Scope& scope) {
  Result<VolumeFormat> format = load_format(scope, impl_->engine);
  if (!format && format.code() == Code::kNotFound)
    return Error(Code::kStale, "the volume's description is gone: it was destroyed");
  if (!format) return format.error();
  if (format->uuid != impl_->format.get().uuid)
    return Error(Code::kStale, "another volume stands in this volume's place");
  TRY(const Admission admitted, admission_now(scope, impl_->engine, *format));
  if (admitted.access == Access::kRefused) return Error(Code::kStale, admitted.reason);
  if (admitted.access == Access::kReadOnly && !impl_->is_read_only.exchange(true)) {
    impl_->log.error("the volume is read-only from now on", {{"reason", admitted.reason}});
  }
  impl_->format.replace(*std::move(format));
  if (impl_->session == SessionId{0}) return {};

  const records::SessionRecord record{impl_->session_expiry(), impl_->session_info};
  TRY(const bool was_there, impl_->engine.run(scope, Commit::kVisible, {}, [&](RecordTxn& txn) -> Result<bool> {
    TRY(const auto present, records::get(txn, records::SessionKey{impl_->session}));
    if (present) records::put(txn, records::SessionKey{impl_->session}, record);
    return present.has_value();
  }));
  if (!was_there) {
    return Error(Code::kStale,
                 "this session was taken for dead and cleaned up after: its locks and the files it held without a name "
                 "are gone");
  }
  for (const Ino ino : impl_->holds.take_orphans()) (void)impl_->destroy_sustained(scope, ino);
  return {};
}

Result<void> Volume::close(const Scope& scope) {
  if (impl_->session == SessionId{0} || impl_->is_closed.exchange(true)) return {};
  const Result<void> ended = impl_->end_session(scope, impl_->session, std::nullopt);
  if (!ended) impl_->is_closed = false;
  return ended;
}

}  // namespace headrace::meta
