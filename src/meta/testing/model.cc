// SPDX-License-Identifier: Apache-2.0
// POSIX, the short version.
#include "meta/testing/model.h"

#include <algorithm>

namespace headrace::meta::testing {

Model::Model(bool has_trash) : has_trash_(has_trash) {
  ModelNode root;
  root.type = FileType::kDirectory;
  root.nlink = 2;
  root.mode = 0777;
  root.parent = kRootIno;
  nodes_.emplace(kRootIno, root);
}

ModelNode* Model::find(Ino ino) {
  const auto it = nodes_.find(ino);
  return it == nodes_.end() ? nullptr : &it->second;
}

Model::Answer Model::may_make(Ino parent, const std::string& name) {
  ModelNode* directory = find(parent);
  if (directory == nullptr) return Code::kNotFound;
  if (directory->type != FileType::kDirectory) return Code::kNotDirectory;
  if (directory->children.contains(name)) return Code::kExists;
  return std::nullopt;
}

void Model::made(Ino parent, const std::string& name, Ino ino, const NewNode& node) {
  ModelNode fresh;
  fresh.type = node.type;
  fresh.mode = node.type == FileType::kSymlink ? 0777 : node.mode;
  fresh.target = node.symlink_target;
  if (node.type == FileType::kDirectory) {
    fresh.nlink = 2;
    fresh.parent = parent;
    ++at(parent).nlink;
  }
  at(parent).children[name] = ino;
  nodes_.emplace(ino, std::move(fresh));
}

void Model::forget_if_gone(Ino ino) {
  const ModelNode& node = at(ino);
  if (node.nlink == 0 && node.holds == 0) nodes_.erase(ino);
}

// A file loses a name that stands nowhere any more; in the trash it keeps its link, once for each name there.
void Model::drop_name(Ino parent, const std::string& name, Ino ino) {
  ModelNode& node = at(ino);
  if (has_trash_) {
    std::string in_trash = std::to_string(parent.value()) + "-" + std::to_string(ino.value()) + "-" + name;
    if (in_trash.size() > kNameBytesMax) in_trash.resize(kNameBytesMax);
    if (node.nlink <= 1 || !trash_.contains(in_trash)) {
      trash_.insert(in_trash);
      node.is_in_trash = !node.was_linked;
      return;
    }
  }
  --node.nlink;
  if (node.nlink == 0) node.xattrs.clear();
  forget_if_gone(ino);
}

Model::Answer Model::unlink(Ino parent, const std::string& name) {
  ModelNode* directory = find(parent);
  if (directory == nullptr) return Code::kNotFound;
  if (directory->type != FileType::kDirectory) return Code::kNotDirectory;
  const auto it = directory->children.find(name);
  if (it == directory->children.end()) return Code::kNotFound;
  const Ino ino = it->second;
  if (at(ino).type == FileType::kDirectory) return Code::kIsDirectory;
  directory->children.erase(it);
  drop_name(parent, name, ino);
  return std::nullopt;
}

Model::Answer Model::rmdir(Ino parent, const std::string& name) {
  ModelNode* directory = find(parent);
  if (directory == nullptr) return Code::kNotFound;
  if (directory->type != FileType::kDirectory) return Code::kNotDirectory;
  const auto it = directory->children.find(name);
  if (it == directory->children.end()) return Code::kNotFound;
  ModelNode& child = at(it->second);
  if (child.type != FileType::kDirectory) return Code::kNotDirectory;
  if (!child.children.empty()) return Code::kNotEmpty;
  nodes_.erase(it->second);
  directory->children.erase(it);
  --directory->nlink;
  return std::nullopt;
}

Model::Answer Model::link(Ino ino, Ino parent, const std::string& name) {
  ModelNode* directory = find(parent);
  if (directory == nullptr) return Code::kNotFound;
  if (directory->type != FileType::kDirectory) return Code::kNotDirectory;
  ModelNode* node = find(ino);
  if (node == nullptr) return Code::kNotFound;
  if (node->type == FileType::kDirectory) return Code::kNotPermitted;
  if (directory->children.contains(name)) return Code::kExists;
  directory->children[name] = ino;
  node->was_linked = node->nlink > 0;
  node->is_in_trash = false;
  ++node->nlink;
  return std::nullopt;
}

bool Model::is_inside(Ino inner, Ino outer) {
  for (Ino at_ino = inner;; at_ino = at(at_ino).parent) {
    if (at_ino == outer) return true;
    if (at_ino == kRootIno) return false;
  }
}

Model::Answer Model::rename(Ino from, const std::string& from_name, Ino to, const std::string& to_name,
                            std::uint32_t flags) {
  ModelNode *source = find(from), *destination = find(to);
  if (source == nullptr) return Code::kNotFound;
  if (source->type != FileType::kDirectory) return Code::kNotDirectory;
  if (destination == nullptr) return Code::kNotFound;
  if (destination->type != FileType::kDirectory) return Code::kNotDirectory;
  const auto entry = source->children.find(from_name);
  if (entry == source->children.end()) return Code::kNotFound;
  const Ino moved = entry->second;
  const bool moves_directory = at(moved).type == FileType::kDirectory;
  const auto other = destination->children.find(to_name);
  const bool has_other = other != destination->children.end();
  if (has_other && (flags & kRenameNoReplace) != 0) return Code::kExists;
  if (!has_other && (flags & kRenameExchange) != 0) return Code::kNotFound;
  const Ino replaced = has_other ? other->second : Ino{0};
  if (replaced == moved) return std::nullopt;
  if (moves_directory && from != to && is_inside(to, moved)) return Code::kInvalid;
  const bool onto_directory = has_other && at(replaced).type == FileType::kDirectory;
  if ((flags & kRenameExchange) != 0) {
    if (onto_directory && is_inside(from, replaced)) return Code::kInvalid;
    source->children[from_name] = replaced;
    destination->children[to_name] = moved;
    if (from != to) {
      if (onto_directory) at(replaced).parent = from;
      if (moves_directory) at(moved).parent = to;
      const int gained = (onto_directory ? 1 : 0) - (moves_directory ? 1 : 0);
      source->nlink = static_cast<std::uint32_t>(static_cast<int>(source->nlink) + gained);
      destination->nlink = static_cast<std::uint32_t>(static_cast<int>(destination->nlink) - gained);
    }
    return std::nullopt;
  }
  if (has_other && moves_directory && !onto_directory) return Code::kNotDirectory;
  if (has_other && !moves_directory && onto_directory) return Code::kIsDirectory;
  if (onto_directory && !at(replaced).children.empty()) return Code::kNotEmpty;
  source->children.erase(from_name);
  destination->children[to_name] = moved;
  if (moves_directory) {
    --source->nlink;
    ++destination->nlink;
    at(moved).parent = to;
  }
  if (onto_directory) {
    --destination->nlink;
    nodes_.erase(replaced);
  } else if (has_other) {
    drop_name(to, to_name, replaced);
  }
  return std::nullopt;
}

void Model::hold(Ino ino) {
  ModelNode& node = at(ino);
  ++node.holds;
  if (!node.is_in_trash) node.was_held_alive = true;
}

void Model::release(Ino ino) {
  ModelNode& node = at(ino);
  if (--node.holds == 0) node.was_held_alive = false;
  forget_if_gone(ino);
}

void Model::write(Ino ino, std::uint64_t unit, std::uint64_t count, std::uint64_t slice) {
  std::vector<Unit>& units = at(ino).units;
  if (units.size() < unit + count) units.resize(unit + count);
  for (std::uint64_t i = 0; i < count; ++i) units[unit + i] = {slice, i};
}

void Model::punch(Ino ino, std::uint64_t unit, std::uint64_t count) {
  std::vector<Unit>& units = at(ino).units;
  for (std::uint64_t i = unit; i < std::min<std::uint64_t>(unit + count, units.size()); ++i) units[i] = {};
}

std::uint64_t Model::copy(Ino in, std::uint64_t in_unit, Ino out, std::uint64_t out_unit, std::uint64_t count) {
  const std::vector<Unit> from = at(in).units;
  if (in_unit >= from.size()) return 0;
  count = std::min<std::uint64_t>(count, from.size() - in_unit);
  std::vector<Unit>& to = at(out).units;
  if (to.size() < out_unit + count) to.resize(out_unit + count);
  for (std::uint64_t i = 0; i < count; ++i) to[out_unit + i] = from[in_unit + i];
  return count;
}

}  // namespace headrace::meta::testing
