// SPDX-License-Identifier: Apache-2.0
#include "cli/slice_objects.h"

#include <fmt/format.h>

#include <algorithm>

namespace headrace::cli {
namespace {

constexpr std::size_t kPage = 1000;

}  // namespace

std::string SliceObjects::folder_of(SliceId slice) const {
  const std::string name = block::object_name(layout_, {slice, 0, 1});
  return name.substr(0, name.rfind('/') + 1);
}

Result<void> SliceObjects::load(const Scope& scope, const std::string& folder) {
  BySlice& slices = folders_[folder];
  std::string after;
  for (;;) {
    TRY(const object::ListPage page, objects_.list(scope, folder, after, kPage));
    for (const object::ObjectInfo& object : page.objects) {
      after = object.key;
      const Result<block::BlockKey> key = block::parse_object_name(layout_, object.key);
      if (!key) continue;  // a leftover of a put, or somebody else's
      slices[key->slice.value()].push_back({key->index, key->size, object.size});
    }
    if (page.is_last || page.objects.empty()) break;
  }
  for (auto& [slice, found] : slices) {
    std::ranges::sort(found, {}, [](const SliceObject& object) { return std::pair(object.index, object.named_size); });
  }
  return {};
}

Result<const std::vector<SliceObject>*> SliceObjects::of(const Scope& scope, SliceId slice) {
  static const std::vector<SliceObject> kNone;
  const std::uint64_t group = slice.value() / (layout_.hash_prefix ? 1'000'000 : 1'000);
  if (group != group_) folders_.clear();
  group_ = group;
  const std::string folder = folder_of(slice);
  if (!folders_.contains(folder)) TRY_OK(load(scope, folder));
  const BySlice& slices = folders_[folder];
  const auto found = slices.find(slice.value());
  return found == slices.end() ? &kNone : &found->second;
}

std::vector<ObjectFault> compare_objects(const block::Layout& layout, SliceId slice, std::uint32_t slice_size,
                                         const std::vector<SliceObject>& found) {
  std::vector<ObjectFault> faults;
  const std::uint32_t count = block::block_count(layout, slice_size);
  for (std::uint32_t index = 0; index < count; ++index) {
    const block::BlockKey wanted = block::block_key(layout, slice, slice_size, index);
    const auto object = std::ranges::find_if(
        found, [&](const SliceObject& one) { return one.index == index && one.named_size == wanted.size; });
    if (object == found.end()) {
      faults.push_back({block::object_name(layout, wanted), "is missing"});
    } else if (object->size != wanted.size) {
      faults.push_back(
          {block::object_name(layout, wanted), fmt::format("has {} bytes in place of {}", object->size, wanted.size)});
    }
  }
  return faults;
}

}  // namespace headrace::cli
