// SPDX-License-Identifier: Apache-2.0
// A mutex that clang's thread-safety analysis understands, and its annotations. A Mutex is held for a few instructions,
// never across I/O or a wait: waiting is base/event.h.
#pragma once

#include <mutex>
#include <shared_mutex>

#define HEADRACE_ATTRIBUTE(x) __attribute__((x))
#define CAPABILITY(x) HEADRACE_ATTRIBUTE(capability(x))
#define SCOPED_CAPABILITY HEADRACE_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(x) HEADRACE_ATTRIBUTE(guarded_by(x))
#define PT_GUARDED_BY(x) HEADRACE_ATTRIBUTE(pt_guarded_by(x))
#define REQUIRES(...) HEADRACE_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define REQUIRES_SHARED(...) HEADRACE_ATTRIBUTE(requires_shared_capability(__VA_ARGS__))
#define ACQUIRE(...) HEADRACE_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define ACQUIRE_SHARED(...) HEADRACE_ATTRIBUTE(acquire_shared_capability(__VA_ARGS__))
#define RELEASE(...) HEADRACE_ATTRIBUTE(release_capability(__VA_ARGS__))
#define RELEASE_SHARED(...) HEADRACE_ATTRIBUTE(release_shared_capability(__VA_ARGS__))
#define RELEASE_GENERIC(...) HEADRACE_ATTRIBUTE(release_generic_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) HEADRACE_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define EXCLUDES(...) HEADRACE_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS HEADRACE_ATTRIBUTE(no_thread_safety_analysis)

namespace headrace {

class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }
  bool try_lock() TRY_ACQUIRE(true) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

class CAPABILITY("shared_mutex") SharedMutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }
  void lock_shared() ACQUIRE_SHARED() { mutex_.lock_shared(); }
  void unlock_shared() RELEASE_SHARED() { mutex_.unlock_shared(); }

 private:
  std::shared_mutex mutex_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() {
    if (held_) mutex_.unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  /// Gives the mutex back early.
  void unlock() RELEASE() {
    held_ = false;
    mutex_.unlock();
  }
  void lock() ACQUIRE() {
    mutex_.lock();
    held_ = true;
  }

 private:
  Mutex& mutex_;
  bool held_ = true;
};

class SCOPED_CAPABILITY SharedLock {
 public:
  explicit SharedLock(SharedMutex& mutex) ACQUIRE_SHARED(mutex) : mutex_(mutex) { mutex_.lock_shared(); }
  ~SharedLock() RELEASE() { mutex_.unlock_shared(); }
  SharedLock(const SharedLock&) = delete;
  SharedLock& operator=(const SharedLock&) = delete;

 private:
  SharedMutex& mutex_;
};

class SCOPED_CAPABILITY UniqueLock {
 public:
  explicit UniqueLock(SharedMutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~UniqueLock() RELEASE() { mutex_.unlock(); }
  UniqueLock(const UniqueLock&) = delete;
  UniqueLock& operator=(const UniqueLock&) = delete;

 private:
  SharedMutex& mutex_;
};

}  // namespace headrace
