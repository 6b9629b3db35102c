// SPDX-License-Identifier: Apache-2.0
// Listings by name.
#include "vfs/directory.h"

#include <algorithm>

namespace headrace::vfs {
namespace {

constexpr std::size_t kPage = 256;
constexpr std::size_t kRecentMax = 16'384;
constexpr std::uint64_t kMarkEvery = 256;

}  // namespace

Directory::Directory(const Context& context, Ino ino, std::vector<ExtraEntry> extra)
    : context_(context),
      ino_(ino),
      extra_(std::move(extra)),
      turn_(context.scheduler),
      next_cookie_(3 + extra_.size()) {}

std::uint64_t Directory::remember(const std::string& name) {
  const std::uint64_t cookie = next_cookie_++;
  if (cookie % kMarkEvery == 0) marks_.push_back({cookie, name});
  recent_.push_back(name);
  if (recent_.size() > kRecentMax) recent_.pop_front();
  return cookie;
}

void Directory::resume(std::uint64_t start) { resumed_at_ = std::max<std::uint64_t>(start, 3 + extra_.size()); }

Directory::Place Directory::place_of(std::uint64_t cookie) const {
  const std::uint64_t first_cookie = 3 + extra_.size();  // of the first entry of the metadata
  if (cookie < first_cookie) return {};
  if (resumed_at_ != 0) return {std::string(), cookie >= resumed_at_ ? cookie - resumed_at_ + 1 : 0};
  if (cookie >= next_cookie_) return {recent_.empty() ? std::string() : recent_.back(), 0};
  const std::uint64_t oldest = next_cookie_ - recent_.size();
  if (cookie >= oldest) return {recent_[cookie - oldest], 0};
  const auto behind = std::upper_bound(marks_.begin(), marks_.end(), cookie,
                                       [](std::uint64_t c, const Mark& mark) { return c < mark.cookie; });
  if (behind == marks_.begin()) return {std::string(), cookie - first_cookie + 1};
  return {std::prev(behind)->name, cookie - std::prev(behind)->cookie};
}

Result<void> Directory::list(const Scope& scope, std::uint64_t cookie, bool with_attrs, Take take) {
  TRY(const Turn::Held held, turn_.take(scope));
  // The fixed entries have the cookies 1, 2, …: each the number of entries up to and with it.
  if (cookie < 1 && !take({".", ino_, FileType::kDirectory, {}}, 1)) return {};
  if (cookie < 2) {
    const Result<Ino> parent = context_.volume.parent_of(scope, ino_);
    if (!parent && parent.code() == Code::kNotFound) return {};  // removed while it is open: nothing is in it
    if (!parent) return parent.error();
    if (!take({"..", *parent, FileType::kDirectory, {}}, 2)) return {};
  }
  for (std::uint64_t i = cookie < 2 ? 0 : cookie - 2; i < extra_.size(); ++i) {
    if (!take({extra_[i].name, extra_[i].ino, extra_[i].type, {}}, 3 + i)) return {};
  }
  Place place = place_of(cookie);
  if (resumed_at_ != 0) {
    next_cookie_ = std::max<std::uint64_t>(next_cookie_, cookie + 1);
    resumed_at_ = 0;
  }
  for (;;) {
    const Result<std::vector<meta::DirEntry>> page =
        context_.volume.readdir(scope, ino_, place.after, kPage, with_attrs);
    if (!page && page.code() == Code::kNotFound) return {};
    if (!page) return page.error();
    for (const meta::DirEntry& entry : *page) {
      place.after = entry.name;
      if (place.skip > 0) {
        --place.skip;
        continue;
      }
      if (!take(entry, next_cookie_)) return {};
      remember(entry.name);
    }
    if (page->size() < kPage) return {};
  }
}

}  // namespace headrace::vfs
