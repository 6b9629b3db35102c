// SPDX-License-Identifier: Apache-2.0
#include "fuse/work_buffer.h"

#include <sys/mman.h>

namespace headrace::fuse {

Result<std::unique_ptr<WorkBuffer>> WorkBuffer::make() {
  void* const base = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return Error(Code::kNoMemory, "no memory for a request buffer");
  return std::unique_ptr<WorkBuffer>(new WorkBuffer(static_cast<std::byte*>(base)));
}

WorkBuffer::~WorkBuffer() { munmap(base_, kBytes); }

void WorkBuffer::give_back() {
  madvise(base_ + kKeptBytes, kBytes - kKeptBytes, MADV_DONTNEED);
  touched_ = 0;
}

}  // namespace headrace::fuse
