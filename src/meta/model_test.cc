// SPDX-License-Identifier: Apache-2.0
// Thousands of random operations on a volume and on the model beside it: every answer, every name, every attribute and
// every byte's origin agree, and the metadata agrees with itself.
#include <algorithm>
#include <cstdlib>
#include <thread>

#include "base/rng.h"
#include "meta/check.h"
#include "meta/testing/engines.h"
#include "meta/testing/model.h"

namespace headrace::meta {
namespace {

using testing::kUnitBytes;
using testing::Model;
using testing::ModelNode;
using testing::root;
using testing::TestVolume;
using testing::Unit;

constexpr std::uint64_t kUnitsInChunk = kChunkBytes / kUnitBytes;

class Walk {
 public:
  Walk(const std::string& engine, bool has_trash, std::uint64_t seed)
      : volume_(engine, format(has_trash)), model_(has_trash), rng_(seed) {}

  void step() {
    switch (rng_.below(20)) {
      case 0:
      case 1:
      case 2: return make();
      case 3:
      case 4: return remove();
      case 5: return link();
      case 6:
      case 7:
      case 8: return rename();
      case 9:
      case 10:
      case 11: return write();
      case 12: return truncate();
      case 13: return punch();
      case 14: return copy();
      case 15: return hold();
      case 16:
      case 17: return release();
      case 18: return compact();
      default: return attribute();
    }
  }

  void compare() {
    for (auto& [ino, node] : model_.nodes()) compare_node(ino, node);
    ASSERT_TRUE(volume_->release_deleted_files(scope_, std::chrono::seconds(0), 1000));
    const auto report = check_volume(scope_, volume_.engine(), {});
    ASSERT_TRUE(report);
    for (const Finding& finding : report->findings) ADD_FAILURE() << finding.sentence;
  }

  /// All that is held is let go, and nothing is left over.
  void let_go() {
    std::vector<Ino> held;
    for (auto& [ino, node] : model_.nodes()) held.insert(held.end(), static_cast<std::size_t>(node.holds), ino);
    for (const Ino ino : held) {
      ASSERT_TRUE(volume_->release(scope_, ino));
      model_.release(ino);
    }
    EXPECT_TRUE(volume_.all(records::Whole::kSustained).empty());
  }

  /// A walk that never got anywhere proves nothing.
  void expect_that_much_happened() {
    for (const char* operation :
         {"mknod", "rmdir", "unlink", "link", "rename", "truncate", "punch", "copy", "compact", "hold"}) {
      EXPECT_GT(done_[operation], 2) << operation;
    }
    for (const char* operation : {"mknod", "rmdir", "unlink", "link", "rename"})
      EXPECT_GT(refused_[operation], 2) << operation;
  }

 private:
  static VolumeFormat format(bool has_trash) {
    VolumeFormat format = testing::plain_format();
    format.trash_days = has_trash ? 1 : 0;
    return format;
  }

  // One of this type; now and then one of another, or none at all.
  Ino any(FileType type) {
    std::vector<Ino> inos;
    for (auto& [ino, node] : model_.nodes()) {
      if (node.type == type) inos.push_back(ino);
    }
    if (inos.empty() || rng_.below(80) == 0) return Ino{1'000'000};
    if (rng_.below(40) == 0)
      return std::next(model_.nodes().begin(), static_cast<std::ptrdiff_t>(rng_.below(model_.nodes().size())))->first;
    return inos[rng_.below(inos.size())];
  }
  std::string any_name() {
    const std::uint64_t number = rng_.below(6);
    return number == 5 ? std::string(254, 'x') : std::string(1, static_cast<char>('a' + number));
  }
  std::uint64_t any_unit() { return rng_.below(3 * kUnitsInChunk); }
  /// A regular file, or nothing.
  ModelNode* any_file(Ino& ino) {
    ino = any(FileType::kRegular);
    ModelNode* node = model_.find(ino);
    return node == nullptr || node->type != FileType::kRegular ? nullptr : node;
  }

  template <class T>
  bool agrees(const Result<T>& answer, const Model::Answer& expected, const char* operation) {
    const std::string got = answer ? "ok" : std::string(name_of(answer.code()));
    const std::string wanted = expected ? std::string(name_of(*expected)) : "ok";
    EXPECT_EQ(got, wanted) << operation;
    ++(answer ? done_ : refused_)[operation];
    return got == wanted && !expected;
  }

  void make() {
    const Ino parent = any(FileType::kDirectory);
    const std::string name = any_name();
    NewNode node;
    const FileType types[] = {FileType::kRegular,   FileType::kRegular, FileType::kDirectory,
                              FileType::kDirectory, FileType::kSymlink, FileType::kFifo};
    node.type = types[rng_.below(6)];
    node.mode = static_cast<std::uint16_t>(rng_.below(01000));
    if (node.type == FileType::kSymlink) node.symlink_target = "to/" + name;
    const Model::Answer expected = model_.may_make(parent, name);
    const auto made = volume_->mknod(scope_, root(), parent, name, node);
    if (agrees(made, expected, "mknod")) model_.made(parent, name, made->ino, node);
  }

  // A child of this directory that is a directory, or any name.
  std::string any_directory_name(Ino parent) {
    if (const ModelNode* node = model_.find(parent)) {
      for (const auto& [name, ino] : node->children) {
        if (model_.at(ino).type == FileType::kDirectory && rng_.below(2) == 0) return name;
      }
    }
    return any_name();
  }

  void remove() {
    const Ino parent = any(FileType::kDirectory);
    const bool is_rmdir = rng_.below(2) == 0;
    const std::string name = is_rmdir ? any_directory_name(parent) : any_name();
    if (is_rmdir) {
      agrees(volume_->rmdir(scope_, root(), parent, name), model_.rmdir(parent, name), "rmdir");
    } else {
      agrees(volume_->unlink(scope_, root(), parent, name), model_.unlink(parent, name), "unlink");
    }
  }

  void link() {
    const Ino ino = any(rng_.below(8) == 0 ? FileType::kDirectory : FileType::kRegular),
              parent = any(FileType::kDirectory);
    const std::string name = any_name();
    agrees(volume_->link(scope_, root(), ino, parent, name), model_.link(ino, parent, name), "link");
  }

  void rename() {
    const Ino from = any(FileType::kDirectory), to = rng_.below(4) == 0 ? from : any(FileType::kDirectory);
    const std::string from_name = any_name(), to_name = any_name();
    const std::uint32_t flags = rng_.below(2) == 0 ? 0 : static_cast<std::uint32_t>(rng_.below(3));
    agrees(volume_->rename(scope_, root(), from, from_name, to, to_name, flags),
           model_.rename(from, from_name, to, to_name, flags), "rename");
  }

  void write() {
    Ino ino;
    if (any_file(ino) == nullptr) return;
    const std::uint64_t unit = any_unit();
    const std::uint64_t count =
        1 + rng_.below(std::min<std::uint64_t>(rng_.below(4) == 0 ? 400 : 20, kUnitsInChunk - unit % kUnitsInChunk));
    const SliceId slice = volume_.write(ino, unit * kUnitBytes, count * kUnitBytes);
    model_.write(ino, unit, count, slice.value());
  }

  Model::Answer locked(const ModelNode& node) {
    return node.is_locked() ? Model::Answer(Code::kNotPermitted) : std::nullopt;
  }

  void truncate() {
    Ino ino;
    const ModelNode* node = any_file(ino);
    if (node == nullptr) return;
    const std::uint64_t units = rng_.below(4) == 0 ? 0 : any_unit();
    if (agrees(volume_->truncate(scope_, root(), ino, units * kUnitBytes), locked(*node), "truncate"))
      model_.resize(ino, units);
  }

  void punch() {
    Ino ino;
    const ModelNode* node = any_file(ino);
    if (node == nullptr) return;
    const std::uint64_t unit = any_unit(), count = 1 + rng_.below(1600);
    const auto done = volume_->fallocate(scope_, root(), ino, kFallocateKeepSize | kFallocatePunchHole,
                                         unit * kUnitBytes, count * kUnitBytes);
    if (agrees(done, locked(*node), "punch")) model_.punch(ino, unit, count);
  }

  void copy() {
    Ino in, out;
    if (any_file(in) == nullptr || any_file(out) == nullptr) return;
    const std::uint64_t from = any_unit(), to = any_unit(), count = 1 + rng_.below(1600);
    const auto copied = volume_->copy_range(scope_, in, from * kUnitBytes, out, to * kUnitBytes, count * kUnitBytes);
    if (model_.at(out).is_locked()) {
      ASSERT_FALSE(copied);
      EXPECT_EQ(copied.code(), Code::kNotPermitted);
      return;
    }
    if (!copied) {
      EXPECT_EQ(copied.code(), Code::kInvalid) << "only a range that overlaps itself is refused";
      EXPECT_EQ(in, out);
      return;
    }
    ++done_["copy"];
    EXPECT_EQ(copied->copied_bytes, model_.copy(in, from, out, to, count) * kUnitBytes);
  }

  void hold() {
    const Ino ino = any(FileType::kRegular);
    const ModelNode* node = model_.find(ino);
    if (node != nullptr && node->type != FileType::kRegular) return;
    if (agrees(volume_->hold(scope_, ino), node != nullptr ? std::nullopt : Model::Answer(Code::kNotFound), "hold"))
      model_.hold(ino);
  }

  void release() {
    std::vector<Ino> held;
    for (auto& [ino, node] : model_.nodes()) {
      if (node.holds > 0) held.push_back(ino);
    }
    if (held.empty()) return;
    const Ino ino = held[rng_.below(held.size())];
    ASSERT_TRUE(volume_->release(scope_, ino));
    model_.release(ino);
  }

  void compact() {
    Ino ino;
    ModelNode* node = any_file(ino);
    if (node == nullptr) return;
    const ChunkIndex chunk{static_cast<std::uint32_t>(rng_.below(3))};
    const auto plan = volume_->plan_compaction(scope_, ino, chunk);
    ASSERT_TRUE(plan);
    // Of nothing but holes compaction makes one byte of zeros, which the model has no unit for.
    if (!*plan || (*plan)->size % kUnitBytes != 0) return;
    const auto slice = volume_->new_slice_id(scope_);
    ASSERT_TRUE(slice);
    ASSERT_TRUE(volume_->commit_compaction(scope_, **plan, *slice));
    ++done_["compact"];
    // The plan says which bytes the new slice has; they show in its place from now on.
    const std::uint64_t start = start_of(chunk) + (*plan)->pos;
    for (const Extent& extent : (*plan)->extents) {
      for (std::uint64_t at = extent.offset; at < extent.end(); at += kUnitBytes) {
        if (at / kUnitBytes >= node->units.size()) continue;
        Unit& unit = node->units[at / kUnitBytes];
        const Unit planned =
            extent.is_hole() ? Unit{}
                             : Unit{extent.slice.value(), (extent.slice_offset + (at - extent.offset)) / kUnitBytes};
        if (unit == planned) {
          unit = {slice->value(), (at - start) / kUnitBytes};
        } else {
          EXPECT_GT((*plan)->replaced.size(), 999u) << "only what a longer list hides may differ from what shows";
        }
      }
    }
  }

  void attribute() {
    Ino ino;
    ModelNode* node = any_file(ino);
    if (node == nullptr || node->nlink == 0) return;
    const std::string name = "user." + any_name().substr(0, 1);
    const std::string value = std::to_string(rng_.next());
    ASSERT_TRUE(volume_->setxattr(scope_, ino, name, value, 0));
    node->xattrs[name] = value;
  }

  void compare_node(Ino ino, ModelNode& node) {
    SCOPED_TRACE("inode " + std::to_string(ino.value()));
    const auto attr = volume_->getattr(scope_, ino);
    ASSERT_TRUE(attr);
    EXPECT_EQ(attr->type, node.type);
    EXPECT_EQ(attr->nlink, node.nlink);
    EXPECT_EQ(attr->mode, node.mode);
    if (node.type == FileType::kRegular) {
      compare_bytes(ino, *attr, node);
      for (const auto& [name, value] : node.xattrs)
        EXPECT_EQ(volume_->getxattr(scope_, ino, name).value_or("?"), value);
    }
    if (node.type == FileType::kSymlink) EXPECT_EQ(volume_->readlink(scope_, ino).value_or("?"), node.target);
    if (node.type == FileType::kDirectory) compare_directory(ino, node);
  }

  void compare_directory(Ino ino, ModelNode& node) {
    const auto entries = volume_->readdir(scope_, ino, "", 1000, true);
    ASSERT_TRUE(entries);
    std::map<std::string, Ino> found;
    for (const DirEntry& entry : *entries) {
      found[entry.name] = entry.ino;
      ASSERT_TRUE(entry.attr);
      EXPECT_EQ(entry.attr->type, entry.type);
    }
    EXPECT_EQ(found, node.children);
    EXPECT_EQ(volume_->parent_of(scope_, ino).value_or(Ino{0}), node.parent);
  }

  void compare_bytes(Ino ino, const Attr& attr, const ModelNode& node) {
    ASSERT_EQ(attr.length, node.units.size() * kUnitBytes);
    const auto whole = volume_->whole_file(scope_, ino, 100'000);
    ASSERT_TRUE(whole);
    std::vector<Unit> units;
    for (const Extent& extent : whole->extents) {
      ASSERT_EQ(extent.offset, units.size() * kUnitBytes);
      ASSERT_EQ(extent.length % kUnitBytes, 0u);
      for (std::uint64_t i = 0; i < extent.length / kUnitBytes; ++i) {
        units.push_back(extent.is_hole() ? Unit{} : Unit{extent.slice.value(), extent.slice_offset / kUnitBytes + i});
      }
    }
    EXPECT_TRUE(units == node.units) << "other bytes show than were written";
    EXPECT_EQ(compare_chunks(ino, attr), whole->extents);
  }

  /// The same, chunk by chunk; pieces that a chunk's border cuts are put together again.
  ExtentList compare_chunks(Ino ino, const Attr& attr) {
    ExtentList all;
    for (std::uint64_t at = 0; at < attr.length; at += kChunkBytes) {
      const auto view = volume_->chunk(scope_, ino, chunk_of(at));
      if (!view) return {};
      for (const Extent& extent : view->extents) {
        if (!all.empty() && all.back().is_hole() && extent.is_hole())
          all.back().length += extent.length;
        else
          all.push_back(extent);
      }
    }
    return all;
  }

  const Scope scope_;
  TestVolume volume_;
  Model model_;
  Rng rng_;
  std::map<std::string, int> done_, refused_;
};

class ModelWalk : public testing::EachEngine {};
ON_EACH_ENGINE(ModelWalk);

std::uint64_t seed() {
  const char* given = std::getenv("HEADRACE_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : random_seed();
}

void walk(const std::string& engine, bool has_trash) {
  const std::uint64_t chosen = seed();
  SCOPED_TRACE("HEADRACE_SEED=" + std::to_string(chosen));
  Walk walk(engine, has_trash, chosen);
  for (int i = 0; i < 10000 && !::testing::Test::HasFailure(); ++i) {
    walk.step();
    if (i % 1000 == 999) walk.compare();
  }
  walk.let_go();
  walk.compare();
  walk.expect_that_much_happened();
}

// Random operations of one of several threads: what is asked for may or may not be possible, and only the end is
// judged.
void stir(TestVolume& volume, std::uint64_t seed, int steps) {
  const Scope scope;
  Rng rng(seed);
  std::vector<Ino> held;
  const auto name = [&rng] { return std::string(1, static_cast<char>('a' + rng.below(5))); };
  const auto any_directory = [&]() -> Ino {
    const auto found = volume->lookup(scope, kRootIno, name());
    return found && found->attr.type == FileType::kDirectory ? found->ino : kRootIno;
  };
  const auto hold_some = [&](Ino parent) {
    const auto found = volume->lookup(scope, parent, name());
    if (found && found->attr.type == FileType::kRegular && volume->hold(scope, found->ino)) held.push_back(found->ino);
  };
  for (int i = 0; i < steps; ++i) {
    const Ino parent = any_directory();
    NewNode node;
    if (rng.below(3) == 0) node.type = FileType::kDirectory;
    switch (rng.below(8)) {
      case 0:
      case 1: (void)volume->mknod(scope, root(), parent, name(), node); break;
      case 2: (void)volume->unlink(scope, root(), parent, name()); break;
      case 3: (void)volume->rmdir(scope, root(), parent, name()); break;
      case 4:
        (void)volume->rename(scope, root(), parent, name(), any_directory(), name(),
                             static_cast<std::uint32_t>(rng.below(3)));
        break;
      case 5: {
        const auto found = volume->lookup(scope, parent, name());
        if (found) (void)volume->link(scope, root(), found->ino, any_directory(), name());
        break;
      }
      case 6: hold_some(parent); break;
      default:
        if (held.empty()) break;
        volume.write(held.back(), rng.below(1 << 20), 1 + rng.below(1 << 16));
        if (rng.below(2) == 0) break;
        EXPECT_TRUE(volume->release(scope, held.back()));
        held.pop_back();
    }
  }
  for (const Ino ino : held) EXPECT_TRUE(volume->release(scope, ino));
}

TEST_P(ModelWalk, ThreadsLeaveASoundVolume) {
  const std::uint64_t chosen = seed();
  SCOPED_TRACE("HEADRACE_SEED=" + std::to_string(chosen));
  TestVolume volume(GetParam());
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t i = 0; i < 4; ++i) threads.emplace_back([&, i] { stir(volume, chosen + i, 1500); });
  }
  EXPECT_TRUE(volume.all(records::Whole::kSustained).empty());
  EXPECT_GT(volume.all(records::Whole::kDeletedFiles).size(), 10u) << "hardly anything happened";
  ASSERT_TRUE(volume->release_deleted_files(Scope{}, std::chrono::seconds(0), 100'000));
  const auto report = check_volume(Scope{}, volume.engine(), {});
  ASSERT_TRUE(report);
  for (const Finding& finding : report->findings) ADD_FAILURE() << finding.sentence;
}

TEST_P(ModelWalk, AVolumeAndItsModelAgree) { walk(GetParam(), false); }
TEST_P(ModelWalk, AVolumeWithATrashAndItsModelAgree) { walk(GetParam(), true); }

}  // namespace
}  // namespace headrace::meta
