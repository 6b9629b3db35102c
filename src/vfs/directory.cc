// SPDX-License-Identifier: Apache-2.0
// Pages of a directory by name.
#include "vfs/directory.h"

#include <algorithm>

namespace headrace::vfs {
namespace {

constexpr std::size_t kPage = 1000;

}  // namespace

Directory::Directory(const Context& context, Ino ino, std::vector<ExtraEntry> extra)
    : context_(context), ino_(ino), extra_(std::move(extra)), turn_(context.scheduler) {}

Result<void> Directory::load_page(const Scope& scope, std::uint64_t index, std::string after, bool with_attrs) {
  TRY(page_, context_.volume.readdir(scope, ino_, after, kPage, with_attrs));
  page_index_ = index;
  page_is_last_ = page_.size() < kPage;
  has_page_ = true;
  page_has_attrs_ = with_attrs;
  const auto known =
      std::find_if(pages_.begin(), pages_.end(), [index](const PageStart& start) { return start.index == index; });
  if (known == pages_.end()) pages_.push_back({index, std::move(after)});
  return {};
}

Result<void> Directory::seek(const Scope& scope, std::uint64_t index, bool with_attrs) {
  if (has_page_ && page_has_attrs_ >= with_attrs && index >= page_index_ && index < page_index_ + page_.size())
    return {};
  if (has_page_ && index == page_index_ + page_.size()) {
    if (page_is_last_) return {};
    return load_page(scope, index, page_.back().name, with_attrs);
  }
  // A jump back (seekdir): to the page that began at or before it, and on from there.
  PageStart start;
  for (const PageStart& page : pages_) {
    if (page.index <= index && page.index >= start.index) start = page;
  }
  TRY_OK(load_page(scope, start.index, start.after, with_attrs));
  while (index >= page_index_ + page_.size() && !page_is_last_)
    TRY_OK(load_page(scope, page_index_ + page_.size(), page_.back().name, with_attrs));
  return {};
}

Result<void> Directory::list(const Scope& scope, std::uint64_t cookie, bool with_attrs, Take take) {
  TRY(const Turn::Held held, turn_.take(scope));
  if (cookie == 0) {
    pages_.clear();
    page_.clear();
    has_page_ = false;
  }
  std::uint64_t at = cookie;
  if (at == 0) {
    if (!take({".", ino_, FileType::kDirectory, {}}, 1)) return {};
    at = 1;
  }
  if (at == 1) {
    TRY(const Ino parent, context_.volume.parent_of(scope, ino_));
    if (!take({"..", parent, FileType::kDirectory, {}}, 2)) return {};
    at = 2;
  }
  for (; at < 2 + extra_.size(); ++at) {
    const ExtraEntry& entry = extra_[at - 2];
    if (!take({entry.name, entry.ino, entry.type, {}}, at + 1)) return {};
  }
  const std::uint64_t base = 2 + extra_.size();
  for (;;) {
    TRY_OK(seek(scope, at - base, with_attrs));
    const std::uint64_t in_page = at - base - page_index_;
    if (at - base < page_index_ || in_page >= page_.size()) return {};
    for (std::uint64_t i = in_page; i < page_.size(); ++i, ++at) {
      if (!take(page_[i], at + 1)) return {};
    }
    if (page_is_last_) return {};
  }
}

}  // namespace headrace::vfs
