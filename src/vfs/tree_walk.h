// SPDX-License-Identifier: Apache-2.0
// Sums over a directory tree, without recursion and page by page, so that a tree of any size or depth fits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vfs/context.h"

namespace headrace::vfs {

/// As `juicefs info` counts: Length is the bytes of regular files, Size what all inodes cost (each at least 4096).
struct TreeSums {
  std::uint64_t length = 0, size = 0, files = 0, directories = 0;
};

/// Everything under `root`, itself included; of a directory only its direct children unless `recursive`.
Result<TreeSums> sum_tree(const Scope& scope, meta::Volume& volume, Ino root, bool recursive);

/// A directory of a summary, with its largest children down to a depth.
struct TreeNode {
  Ino ino;
  std::string path;
  FileType type = FileType::kDirectory;
  TreeSums sums;
  std::vector<TreeNode> children;
};
/// The `entries_max` largest children of each directory down to `depth` levels; what is not shown is summed up in one
/// entry named "...".
Result<TreeNode> summarize_tree(const Scope& scope, meta::Volume& volume, Ino root, std::string path, int depth,
                                std::size_t entries_max);

}  // namespace headrace::vfs
