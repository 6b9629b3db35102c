// SPDX-License-Identifier: Apache-2.0
// Walking trees with a list of what is still to do.
#include "vfs/tree_walk.h"

#include <algorithm>

namespace headrace::vfs {
namespace {

constexpr std::size_t kPage = 1000;

/// Calls `each` with every entry of a directory.
template <class Each>
Result<void> for_each_entry(const Scope& scope, meta::Volume& volume, Ino directory, Each each) {
  std::string after;
  for (;;) {
    TRY(const std::vector<meta::DirEntry> page, volume.readdir(scope, directory, after, kPage, true));
    for (const meta::DirEntry& entry : page) TRY_OK(each(entry));
    if (page.size() < kPage) return {};
    after = page.back().name;
  }
}

void count(TreeSums& sums, const Attr& attr) {
  if (attr.type == FileType::kDirectory)
    ++sums.directories;
  else
    ++sums.files;
  if (attr.type == FileType::kRegular) sums.length += attr.length;
  sums.size += space_of(attr);
}

void add(TreeSums& to, const TreeSums& what) {
  to.length += what.length;
  to.size += what.size;
  to.files += what.files;
  to.directories += what.directories;
}

}  // namespace

Result<TreeSums> sum_tree(const Scope& scope, meta::Volume& volume, Ino root, bool recursive) {
  TRY(const Attr attr, volume.getattr(scope, root));
  TreeSums sums;
  count(sums, attr);
  if (attr.type != FileType::kDirectory) return sums;
  std::vector<Ino> open{root};
  while (!open.empty()) {
    const Ino directory = open.back();
    open.pop_back();
    TRY_OK(for_each_entry(scope, volume, directory, [&](const meta::DirEntry& entry) -> Result<void> {
      if (!entry.attr) return {};  // an entry without its inode costs nothing
      count(sums, *entry.attr);
      if (recursive && entry.type == FileType::kDirectory) open.push_back(entry.ino);
      return {};
    }));
  }
  return sums;
}

Result<TreeNode> summarize_tree(const Scope& scope, meta::Volume& volume, Ino root, std::string path, int depth,
                                std::size_t entries_max) {
  TRY(const Attr attr, volume.getattr(scope, root));
  TreeNode node{root, std::move(path), attr.type, {}, {}};
  if (attr.type != FileType::kDirectory || depth <= 0) {
    TRY(node.sums, sum_tree(scope, volume, root, true));
    return node;
  }
  count(node.sums, attr);
  TRY_OK(for_each_entry(scope, volume, root, [&](const meta::DirEntry& entry) -> Result<void> {
    if (!entry.attr) return {};
    // The depth is at most what a request may ask for (10), so this recursion ends.
    TRY(TreeNode child, summarize_tree(scope, volume, entry.ino, entry.name, depth - 1, entries_max));
    add(node.sums, child.sums);
    node.children.push_back(std::move(child));
    if (node.children.size() > entries_max * 4) {
      std::nth_element(node.children.begin(), node.children.begin() + static_cast<std::ptrdiff_t>(entries_max),
                       node.children.end(),
                       [](const TreeNode& a, const TreeNode& b) { return a.sums.size > b.sums.size; });
      node.children.resize(entries_max + 1);
    }
    return {};
  }));
  std::sort(node.children.begin(), node.children.end(),
            [](const TreeNode& a, const TreeNode& b) { return a.sums.size > b.sums.size; });
  if (node.children.size() > entries_max) node.children.resize(entries_max);
  TreeSums shown;
  count(shown, attr);
  for (const TreeNode& child : node.children) add(shown, child.sums);
  if (shown.files + shown.directories < node.sums.files + node.sums.directories) {
    TreeNode rest{Ino{0}, "...", FileType::kRegular, {}, {}};
    rest.sums = {node.sums.length - shown.length, node.sums.size - shown.size, node.sums.files - shown.files,
                 node.sums.directories - shown.directories};
    node.children.push_back(std::move(rest));
  }
  return node;
}

}  // namespace headrace::vfs
