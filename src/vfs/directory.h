// SPDX-License-Identifier: Apache-2.0
// An open directory: a listing that survives changes while it is read. Every entry that is given out gets a cookie of
// its own, and a cookie stands for a *name*: the listing goes on behind that name, not at a position. So an entry that
// stays is listed exactly once, whatever is created or removed beside it, and attributes are always those of the moment
// they are given out.
//
// The names of the last 16,384 cookies are remembered, and of older ones every 256th: a jump back beyond (seekdir to
// the start of a very long listing) lands by counting from there.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
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

  /// Gives the entries from `cookie` on (0: from the start) until the sink takes no more or the end. `take` gets name,
  /// inode, type, the next cookie, and the attributes where they were asked for and exist.
  using Take = FunctionRef<bool(const meta::DirEntry& entry, std::uint64_t next_cookie)>;
  Result<void> list(const Scope& scope, std::uint64_t cookie, bool with_attrs, Take take);
  Ino ino() const { return ino_; }
  /// Goes on with the listing of a server that died: of its names nothing is known but that a listing began when
  /// `start` was the next cookie. Cookies of that listing are counted from there, so what comes or goes meanwhile may
  /// shift it. Before the first list().
  void resume(std::uint64_t start);
  /// The cookie of the next entry that is given out, for resume(). May be asked while a listing runs.
  std::uint64_t next_cookie() const { return next_cookie_; }

 private:
  struct Mark {
    std::uint64_t cookie = 0;
    std::string name;
  };
  /// Where the listing goes on behind `cookie`: after this name, with so many entries to be passed over.
  struct Place {
    std::string after;
    std::uint64_t skip = 0;
  };
  Place place_of(std::uint64_t cookie) const;
  std::uint64_t remember(const std::string& name);

  const Context& context_;
  const Ino ino_;
  const std::vector<ExtraEntry> extra_;
  Turn turn_;                               // guards what follows, across reads of the metadata
  std::atomic<std::uint64_t> next_cookie_;  // of the next entry that is given out
  std::uint64_t resumed_at_ = 0;            // 0: not resumed, or something has been listed since
  std::deque<std::string> recent_;          // names of the cookies up to next_cookie_ - 1
  std::vector<Mark> marks_;
};

}  // namespace headrace::vfs
