// SPDX-License-Identifier: Apache-2.0
// Result codes of SQLite.
#include "records/sqlite/error.h"

#include <sqlite3.h>

#include <cerrno>
#include <string>

namespace headrace::records {
namespace {

/// SQLite keeps the errno of the system call that failed.
Code code_of_io(sqlite3* db, Code otherwise) {
  const int error = db == nullptr ? 0 : sqlite3_system_errno(db);
  switch (error) {
    case ENOSPC:
    case EDQUOT: return Code::kNoSpace;
    case EROFS: return Code::kReadOnly;
    case EACCES:
    case EPERM: return Code::kAccess;
    case ENOENT: return Code::kNotFound;
    default: return otherwise;
  }
}

Code code_of(sqlite3* db, int code) {
  if (code == SQLITE_IOERR_NOMEM) return Code::kNoMemory;
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL: return Code::kBusy;
    case SQLITE_FULL: return Code::kNoSpace;
    case SQLITE_NOMEM: return Code::kNoMemory;
    case SQLITE_READONLY: return Code::kReadOnly;
    case SQLITE_PERM:
    case SQLITE_AUTH: return Code::kAccess;
    case SQLITE_TOOBIG: return Code::kTooBig;
    case SQLITE_NOTADB: return Code::kVersion;
    case SQLITE_IOERR: return code_of_io(db, Code::kIo);
    case SQLITE_CANTOPEN: return code_of_io(db, Code::kIo);
    case SQLITE_CORRUPT:
    case SQLITE_ERROR:       // a table or column is gone
    case SQLITE_CONSTRAINT:  // a column we do not know must be set
    case SQLITE_MISMATCH:
    case SQLITE_SCHEMA: return Code::kDamaged;
    default: return Code::kIo;
  }
}

}  // namespace

Error sqlite_error(sqlite3* db, int code, std::string_view doing) {
  std::string text(doing);
  text += ": ";
  text += db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db);
  return Error(code_of(db, code), std::move(text));
}

}  // namespace headrace::records
