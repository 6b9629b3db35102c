// SPDX-License-Identifier: Apache-2.0
// Bringing files to this node ahead of their use: large ones as whole copies that the kernel may then serve by itself,
// small ones as blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "vfs/context.h"
#include "vfs/whole_files.h"

namespace headrace::vfs {

struct WarmRequest {
  enum class Action : std::uint8_t { kWarmUp = 0, kEvict = 1, kCheck = 2 };
  std::vector<std::string> paths;  // in the volume, "/" first or not
  std::uint32_t threads = 8;
  bool in_background = false;
  Action action = Action::kWarmUp;
};
/// The body of a fill-cache request (juicefs-volume-format, section 8.2). kInvalid: it is none.
Result<WarmRequest> parse_warm_request(std::string_view body);

/// What was looked at. `missing_bytes`: what was not on this node (check), or could not be brought here (warm up).
struct WarmReport {
  std::uint64_t files = 0, slices = 0, bytes = 0, missing_bytes = 0;
};

/// Thread-safe.
class Warmer {
 public:
  Warmer(const Context& context, WholeFiles& whole_files) : context_(context), whole_files_(whole_files) {}

  /// Files and bytes done so far; called now and then.
  using Progress = std::function<void(std::uint64_t files, std::uint64_t bytes)>;
  /// Walks the paths, trees included; symbolic links are not followed. kNotFound: a path is not there. Evicting gives
  /// up what this node holds of the files; a copy that the kernel serves just now stays until it lets go of it.
  Result<WarmReport> run(const Scope& scope, const WarmRequest& request, const Progress& progress);

 private:
  struct Round;
  Result<Ino> resolve(const Scope& scope, std::string_view path);
  Result<WarmReport> warm_file(const Scope& scope, Ino ino);
  Result<WarmReport> warm_version(const Scope& scope, Ino ino, const meta::ChunkView& view);
  Result<WarmReport> do_file(const Scope& scope, Ino ino, WarmRequest::Action action);
  Result<WarmReport> check_file(const Scope& scope, Ino ino);
  Result<WarmReport> evict_file(const Scope& scope, Ino ino);
  Result<void> read_through(const Scope& scope, const meta::ChunkView& view);

  const Context& context_;
  WholeFiles& whole_files_;
};

}  // namespace headrace::vfs
