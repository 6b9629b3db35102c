// SPDX-License-Identifier: Apache-2.0
#include "fuse/handlers.h"

#include "fuse/file_handler.h"
#include "vfs/node_table.h"
#include "vfs/virtual_files.h"

namespace headrace::fuse {
namespace {

class FileAccessLog final : public AccessLog {
 public:
  FileAccessLog(vfs::AccessLog& lines, const Clock& clock) : lines_(lines), clock_(clock) {}
  bool is_read() const override { return lines_.has_readers(); }
  void record(const Access& access) override {
    // Who reads the log shall not be told that it was read.
    if (!vfs::is_virtual(vfs::ino_of(access.node))) lines_.append(access_line(access, clock_.wall()));
  }

 private:
  vfs::AccessLog& lines_;
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<RequestHandler> new_handler(vfs::FileSystem& files, metrics::Registry& registry,
                                            vfs::TakeoverIndex* index) {
  return std::make_unique<FileHandler<vfs::FileSystem>>(files, registry, index);
}

std::unique_ptr<AccessLog> new_access_log(vfs::FileSystem& files, const Clock& clock) {
  return std::make_unique<FileAccessLog>(files.access_log(), clock);
}

}  // namespace headrace::fuse
