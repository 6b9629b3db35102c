// SPDX-License-Identifier: Apache-2.0
// Elected, locked, and not too often.
#include "records/sqlite/checkpointer.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "records/sqlite/error.h"

namespace headrace::records {
namespace {

/// The first version in which a reset log is noticed.
constexpr int kFixedVersion = 3051003;
constexpr auto kLockWait = std::chrono::seconds(2);
constexpr auto kReadersWait = std::chrono::milliseconds(20);
/// A log that is several times as long as it should be is brought in at the cost of writers: they wait behind the
/// readers. Not again at once when that did not help: then somebody reads for long (a dump does), and writers go first.
constexpr std::uint64_t kLongTimes = 4;
constexpr auto kReadersWaitWhenLong = std::chrono::milliseconds(300);
constexpr auto kLongAgainAfter = std::chrono::seconds(10);

}  // namespace

bool sqlite_needs_guard() { return sqlite3_libversion_number() < kFixedVersion; }
const char* sqlite_version() { return sqlite3_libversion(); }
Checkpointer::Checkpointer(Scheduler& scheduler, SqliteDatabase& database, ReaderPool& readers,
                           EngineObserver* observer, CheckpointPolicy policy)
    : scheduler_(scheduler),
      database_(database),
      readers_(readers),
      observer_(observer),
      policy_(policy),
      grew_(scheduler.new_event()) {}

void Checkpointer::start(WriterStore& store) {
  store_ = &store;
  thread_ = scheduler_.new_thread("checkpoint", [this](std::stop_token stop) { run(Scope{Moment::max(), stop}); });
}

void Checkpointer::close() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  connection_.reset();
  // The file goes with its last user; who opens it later looks whether it is still the one that the path names.
  if (!lock_file_.is_open()) return;
  const Result<bool> is_mine = take_lock_file();
  if (is_mine && *is_mine) (void)::unlink(database_.location().checkpoint_lock_path().c_str());
  lock_file_.reset();
}

/// The log was begun anew when it has become shorter.
void Checkpointer::note_log_pages(std::uint64_t pages) {
  MutexLock lock(mutex_);
  if (pages < pages_) copied_ = 0;
  pages_ = pages;
  if (pages_ - copied_ >= policy_.log_pages) grew_->notify_all();
}

void Checkpointer::run(const Scope& scope) {
  while (true) {
    {
      MutexLock lock(mutex_);
      const auto is_due = [this]() NO_THREAD_SAFETY_ANALYSIS { return pages_ - copied_ >= policy_.log_pages; };
      if (!grew_->wait(scope, mutex_, is_due)) return;
    }
    const Result<Outcome> outcome = run_once(scope);
    const bool is_whole = outcome && outcome->copied_pages == outcome->log_pages;
    const bool is_elsewhere = !outcome && outcome.code() == Code::kWouldBlock;
    if (!pause(scheduler_, scope, is_whole || is_elsewhere ? policy_.apart : policy_.after_partial)) return;
  }
}

Result<Checkpointer::Outcome> Checkpointer::run_once(const Scope& scope) {
  TRY(const bool is_mine, take_lock_file());
  if (!is_mine) return Error(Code::kWouldBlock, "another process brings the log in");
  const Moment begun = scheduler_.clock().now();
  Result<Outcome> outcome = copy(scope);
  if (outcome && observer_ != nullptr)
    observer_->on_checkpoint(outcome->log_pages, outcome->copied_pages, scheduler_.clock().now() - begun);
  // Others wait as long as we do before the next.
  (void)pause(scheduler_, scope, policy_.apart);
  (void)::flock(lock_file_.get(), LOCK_UN);
  return outcome;
}

bool Checkpointer::is_long() {
  MutexLock lock(mutex_);
  return pages_ >= kLongTimes * policy_.log_pages;
}

Result<Checkpointer::Outcome> Checkpointer::copy(const Scope& scope) {
  if (!connection_) {
    TRY(connection_, database_.connect());
  }
  Outcome outcome;
  const auto copy_pages = [&]() -> Result<void> {
    const bool is_patient = is_long() && scheduler_.clock().now() >= patient_again_;
    const Duration patience = is_patient ? Duration(kReadersWaitWhenLong) : Duration(kReadersWait);
    // Only what nobody reads in an older state can be brought in.
    const Result<void> are_done = readers_.wait_for_those_out(scope.until(scheduler_.clock().now() + patience));
    if (is_patient && !are_done) patient_again_ = scheduler_.clock().now() + kLongAgainAfter;
    int log = 0, copied = 0;
    const int code = sqlite3_wal_checkpoint_v2(connection_->handle(), "main", SQLITE_CHECKPOINT_PASSIVE, &log, &copied);
    if (code != SQLITE_OK) return sqlite_error(connection_->handle(), code, "checkpoint");
    outcome = {static_cast<std::uint64_t>(log), static_cast<std::uint64_t>(copied)};
    {
      MutexLock lock(mutex_);
      copied_ = outcome.copied_pages < pages_ ? outcome.copied_pages : pages_;
    }
    // The next commit begins the log anew if nobody reads from it then: those who began before its pages were in must
    // be done.
    (void)readers_.wait_for_those_out(
        scope.until(scheduler_.clock().now() + (are_done ? patience : Duration(kReadersWait))));
    return {};
  };
  TRY_OK(store_->with_write_lock(scope.until(scheduler_.clock().now() + kLockWait), copy_pages));
  return outcome;
}

/// The lock counts only on the file that the path names: the one before may have been removed.
Result<bool> Checkpointer::take_lock_file() {
  const std::string path = database_.location().checkpoint_lock_path();
  for (int attempt = 0; attempt < 10; ++attempt) {
    if (!lock_file_.is_open()) lock_file_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (!lock_file_.is_open()) return errno_error(errno, "open " + path);
    if (::flock(lock_file_.get(), LOCK_EX | LOCK_NB) != 0) return false;
    struct stat mine = {};
    if (::fstat(lock_file_.get(), &mine) == 0 && identity_of(path) == FileIdentity{mine.st_dev, mine.st_ino})
      return true;
    lock_file_.reset();
  }
  return false;
}

}  // namespace headrace::records
