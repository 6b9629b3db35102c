// SPDX-License-Identifier: Apache-2.0
// An open directory: a listing that survives changes while it is read. Cookies count the entries seen by this handle; the names at
// page borders are remembered, so a page is always continued behind a *name*, not at a position: an entry that stays is listed exactly once
// whatever is created or removed beside it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "vfs/context.h"
#include "vfs/turn.h"

namespace headrace::vfs {

/// An entry that is not in the metadata: the mount's virtual files and the trash.
struct ExtraEntry {
  std::string name;
  Ino ino;
  FileType type = FileType::kRegular;
};

class Directory {
 public:
  /// `extra` is listed behind "." and "..".
  Directory(const Context& context, Ino ino, std::vector<ExtraEntry> extra);

  /// Gives the entries from `cookie` on (0: a fresh listing from the start) until the sink takes no more or the end. `take` gets
  /// name, inode, type, the next cookie, and the attributes where they were asked for and exist.
  using Take = FunctionRef<bool(const meta::DirEntry& entry, std::uint64_t next_cookie)>;
  Result<void> list(const Scope& scope, std::uint64_t cookie, bool with_attrs, Take take);
  Ino ino() const { return ino_; }

 private:
  struct PageStart {
    std::uint64_t index = 0;  // of its first entry
    std::string after;
  };
  Result<void> load_page(const Scope& scope, std::uint64_t index, std::string after, bool with_attrs);
  Result<void> seek(const Scope& scope, std::uint64_t index, bool with_attrs);

  const Context& context_;
  const Ino ino_;
  const std::vector<ExtraEntry> extra_;
  Turn turn_;  // guards what follows, across reads of the metadata
  std::vector<PageStart> pages_;
  std::vector<meta::DirEntry> page_;
  std::uint64_t page_index_ = 0;  // of page_'s first entry, counted from the first real one
  bool page_is_last_ = false;
  bool has_page_ = false;
  bool page_has_attrs_ = false;
};

}  // namespace headrace::vfs
