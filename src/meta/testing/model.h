// SPDX-License-Identifier: Apache-2.0
// What a volume should be, in maps and vectors: the reference that random operations are compared with. It knows POSIX
// and which bytes of which slice show where, and nothing of records.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/code.h"
#include "meta/volume.h"

namespace headrace::meta::testing {

/// Lengths and offsets of the model's files are whole units.
inline constexpr std::uint64_t kUnitBytes = 1 << 16;

/// What shows in one unit of a file: a unit of a slice, or zeros (slice 0).
struct Unit {
  std::uint64_t slice = 0;
  std::uint64_t slice_unit = 0;
  friend bool operator==(const Unit&, const Unit&) = default;
};

struct ModelNode {
  FileType type = FileType::kRegular;
  std::uint32_t nlink = 1;
  std::uint16_t mode = 0;
  std::map<std::string, Ino> children;  // of a directory
  Ino parent;                           // of a directory
  std::vector<Unit> units;              // of a file; its length is their number
  std::string target;                   // of a symlink
  std::map<std::string, std::string> xattrs;
  int holds = 0;
  bool was_linked = false;  // had two names once: then it does not say where it is, not even in the trash
  bool is_in_trash = false;
  bool was_held_alive = false;

  /// Files in the trash are changed by older handles alone.
  bool is_locked() const { return is_in_trash && !was_held_alive; }
};

class Model {
 public:
  explicit Model(bool has_trash);

  ModelNode* find(Ino ino);
  ModelNode& at(Ino ino) { return *find(ino); }
  std::map<Ino, ModelNode>& nodes() { return nodes_; }

  // Each answers the code that the volume should answer, or nothing for success, and then the model has changed too.
  using Answer = std::optional<Code>;
  /// What mknod would answer; made() then follows with the number the volume gave.
  Answer may_make(Ino parent, const std::string& name);
  void made(Ino parent, const std::string& name, Ino ino, const NewNode& node);
  Answer unlink(Ino parent, const std::string& name);
  Answer rmdir(Ino parent, const std::string& name);
  Answer link(Ino ino, Ino parent, const std::string& name);
  Answer rename(Ino from, const std::string& from_name, Ino to, const std::string& to_name, std::uint32_t flags);
  void hold(Ino ino);
  void release(Ino ino);

  void write(Ino ino, std::uint64_t unit, std::uint64_t count, std::uint64_t slice);
  void resize(Ino ino, std::uint64_t units) { at(ino).units.resize(units); }
  void punch(Ino ino, std::uint64_t unit, std::uint64_t count);
  /// The units copied.
  std::uint64_t copy(Ino in, std::uint64_t in_unit, Ino out, std::uint64_t out_unit, std::uint64_t count);

 private:
  bool is_inside(Ino inner, Ino outer);
  void drop_name(Ino parent, const std::string& name, Ino ino);
  void forget_if_gone(Ino ino);

  const bool has_trash_;
  std::map<Ino, ModelNode> nodes_;
  std::set<std::string> trash_;  // names there; the clock stands still, so there is one hour
};

}  // namespace headrace::meta::testing
