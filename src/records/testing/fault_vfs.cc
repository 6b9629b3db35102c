// SPDX-License-Identifier: Apache-2.0
// A layer over SQLite's own for Unix.
#include "records/testing/fault_vfs.h"

#include <sqlite3.h>

#include <new>

#include "base/check.h"

namespace headrace::records {

struct FaultVfs::Impl {
  sqlite3_vfs vfs = {};
  sqlite3_vfs* real = nullptr;
  std::atomic<std::int64_t> left = 0;  // calls until the fault; ≤ 0: none is set
  std::atomic<bool> is_set = false, for_ever = false;
  std::atomic<Fault> fault = Fault::kIo;
  std::atomic<std::uint64_t> fired = 0;

  /// SQLITE_OK, or the fault when it is due; `io` is its code for this kind of call.
  int due(int io) {
    if (!is_set) return SQLITE_OK;
    const std::int64_t now = --left;
    if (now > 0 || (now < 0 && !for_ever)) return SQLITE_OK;
    ++fired;
    return fault == Fault::kIo ? io : SQLITE_FULL;
  }
};

namespace {

struct FaultFile {
  sqlite3_file base;
  FaultVfs::Impl* owner;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

FaultFile* of(sqlite3_file* file) { return reinterpret_cast<FaultFile*>(file); }
const sqlite3_io_methods* methods_of(sqlite3_file* file) { return of(file)->real()->pMethods; }

int close_file(sqlite3_file* f) { return methods_of(f)->xClose(of(f)->real()); }
int read_file(sqlite3_file* f, void* to, int count, sqlite3_int64 offset) {
  const int fault = of(f)->owner->due(SQLITE_IOERR_READ);
  // Reading does not say that a disk is full.
  if (fault != SQLITE_OK) return SQLITE_IOERR_READ;
  return methods_of(f)->xRead(of(f)->real(), to, count, offset);
}
int write_file(sqlite3_file* f, const void* from, int count, sqlite3_int64 offset) {
  const int fault = of(f)->owner->due(SQLITE_IOERR_WRITE);
  return fault != SQLITE_OK ? fault : methods_of(f)->xWrite(of(f)->real(), from, count, offset);
}
int truncate_file(sqlite3_file* f, sqlite3_int64 size) {
  const int fault = of(f)->owner->due(SQLITE_IOERR_TRUNCATE);
  return fault != SQLITE_OK ? fault : methods_of(f)->xTruncate(of(f)->real(), size);
}
int sync_file(sqlite3_file* f, int flags) {
  const int fault = of(f)->owner->due(SQLITE_IOERR_FSYNC);
  return fault != SQLITE_OK ? SQLITE_IOERR_FSYNC : methods_of(f)->xSync(of(f)->real(), flags);
}
int file_size(sqlite3_file* f, sqlite3_int64* size) { return methods_of(f)->xFileSize(of(f)->real(), size); }
int lock_file(sqlite3_file* f, int kind) { return methods_of(f)->xLock(of(f)->real(), kind); }
int unlock_file(sqlite3_file* f, int kind) { return methods_of(f)->xUnlock(of(f)->real(), kind); }
int check_lock(sqlite3_file* f, int* out) { return methods_of(f)->xCheckReservedLock(of(f)->real(), out); }
int control_file(sqlite3_file* f, int what, void* with) {
  return methods_of(f)->xFileControl(of(f)->real(), what, with);
}
int sector_size(sqlite3_file* f) { return methods_of(f)->xSectorSize(of(f)->real()); }
int characteristics(sqlite3_file* f) { return methods_of(f)->xDeviceCharacteristics(of(f)->real()); }
int shm_map(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
  return methods_of(f)->xShmMap(of(f)->real(), page, size, extend, out);
}
int shm_lock(sqlite3_file* f, int offset, int count, int flags) {
  return methods_of(f)->xShmLock(of(f)->real(), offset, count, flags);
}
void shm_barrier(sqlite3_file* f) { methods_of(f)->xShmBarrier(of(f)->real()); }
int shm_unmap(sqlite3_file* f, int remove) { return methods_of(f)->xShmUnmap(of(f)->real(), remove); }

const sqlite3_io_methods kMethods = {
    2,         close_file,  read_file,  write_file,   truncate_file, sync_file,       file_size,
    lock_file, unlock_file, check_lock, control_file, sector_size,   characteristics, shm_map,
    shm_lock,  shm_barrier, shm_unmap,  nullptr,      nullptr,
};

int open_file(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
  auto* impl = static_cast<FaultVfs::Impl*>(vfs->pAppData);
  auto* mine = new (file) FaultFile{{nullptr}, impl};
  const int code = impl->real->xOpen(impl->real, name, mine->real(), flags, out_flags);
  if (code == SQLITE_OK) mine->base.pMethods = &kMethods;
  return code;
}

sqlite3_vfs* real_of(sqlite3_vfs* vfs) { return static_cast<FaultVfs::Impl*>(vfs->pAppData)->real; }

}  // namespace

FaultVfs::FaultVfs() : impl_(std::make_unique<Impl>()) {
  impl_->real = sqlite3_vfs_find(nullptr);
  CHECK(impl_->real != nullptr);
  impl_->vfs = *impl_->real;
  impl_->vfs.szOsFile += static_cast<int>(sizeof(FaultFile));
  impl_->vfs.zName = "fault";
  impl_->vfs.pAppData = impl_.get();
  impl_->vfs.pNext = nullptr;
  impl_->vfs.xOpen = open_file;
  // The real functions look into their own structure.
  impl_->vfs.xDelete = [](sqlite3_vfs* vfs, const char* name, int sync) {
    return real_of(vfs)->xDelete(real_of(vfs), name, sync);
  };
  impl_->vfs.xAccess = [](sqlite3_vfs* vfs, const char* name, int flags, int* out) {
    return real_of(vfs)->xAccess(real_of(vfs), name, flags, out);
  };
  impl_->vfs.xFullPathname = [](sqlite3_vfs* vfs, const char* name, int size, char* out) {
    return real_of(vfs)->xFullPathname(real_of(vfs), name, size, out);
  };
  impl_->vfs.xGetLastError = [](sqlite3_vfs*, int, char*) { return 0; };
  CHECK(sqlite3_vfs_register(&impl_->vfs, 1) == SQLITE_OK);
}

FaultVfs::~FaultVfs() {
  sqlite3_vfs_unregister(&impl_->vfs);
  sqlite3_vfs_register(impl_->real, 1);
}

void FaultVfs::fail_at(std::uint64_t n, Fault fault, bool for_ever) {
  impl_->fault = fault;
  impl_->for_ever = for_ever;
  impl_->left = static_cast<std::int64_t>(n);
  impl_->fired = 0;
  impl_->is_set = true;
}

void FaultVfs::fail_nothing() { impl_->is_set = false; }

std::uint64_t FaultVfs::fired() const { return impl_->fired; }

}  // namespace headrace::records
