// SPDX-License-Identifier: Apache-2.0
// What commands ask of a mount through `.control` (juicefs-volume-format, section 8.2): where a file is, what a tree holds, bringing
// files in ahead of use, removing trees. Commands we do not have are answered EINVAL, as an old client answers them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "vfs/open_file.h"
#include "vfs/whole_files.h"

namespace headrace::vfs {

/// Thread-safe.
class Control {
 public:
  Control(const Context& context, FileTable& files, WholeFiles& whole_files, NodeTable& nodes)
      : context_(context), files_(files), whole_files_(whole_files), nodes_(nodes) {}

  /// The whole answer to one request: frames and the final byte or JSON.
  std::string answer(const Scope& scope, std::uint32_t command, std::string_view body);
  Result<FilePlace> place_of(const Scope& scope, Ino ino);

 private:
  Result<std::string> info(const Scope& scope, std::string_view body);
  Result<std::string> summary(const Scope& scope, std::string_view body);

  const Context& context_;
  FileTable& files_;
  WholeFiles& whole_files_;
  NodeTable& nodes_;
};

}  // namespace headrace::vfs
