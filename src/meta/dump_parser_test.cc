// SPDX-License-Identifier: Apache-2.0
// What a dump holds is told in its order, and whoever is told can end it.
#include "meta/dump_parser.h"

#include <gtest/gtest.h>

#include <sstream>

namespace headrace::meta {
namespace {

/// Writes down what it is told.
class Recorder final : public DumpVisitor {
 public:
  Result<void> on_setting(const std::string& document) override { return note("setting " + document); }
  Result<void> on_counter(std::string_view name, std::int64_t value) override {
    return note("counter " + std::string(name) + " " + std::to_string(value));
  }
  Result<void> on_deleted_file(Ino ino, const records::DeletedFileRecord& file) override {
    return note("deleted " + std::to_string(ino.value()) + " " + std::to_string(file.length));
  }
  Result<void> on_quota(Ino ino, std::int64_t space, std::int64_t inodes) override {
    return note("quota " + std::to_string(ino.value()) + " " + std::to_string(space) + " " + std::to_string(inodes));
  }
  Result<void> on_root(DumpedEntry entry, bool is_trash) override {
    return note((is_trash ? "trash " : "root ") + std::to_string(entry.ino.value()));
  }
  Result<void> on_entry(DumpedEntry entry) override {
    last = entry;
    return note("entry " + entry.name);
  }
  Result<void> on_directory_end() override { return note("end"); }

  std::vector<std::string> told;
  std::string stop_at;
  DumpedEntry last;

 private:
  Result<void> note(std::string what) {
    told.push_back(what);
    if (what == stop_at) return Error(Code::kNoSpace, "enough");
    return {};
  }
};

const char kDump[] =
    R"({"Setting":{"Name":"v"},"Counters":{"nextChunk":7},"DelFiles":[{"inode":9,"length":5,"expire":1}],"Quotas":{"2":{"maxSpace":-1,"maxInodes":3}},
"Future":{"a":[{"b":1}]},
"FSTree":{"attr":{"inode":1,"type":"directory"},"entries":{"d":{"attr":{"inode":2,"type":"directory"},"entries":{"f%20":{"attr":{"inode":3,"type":"regular","mtime":-5,
"mtimensec":9},"xattrs":[{"name":"user.a","value":"%00"}],"chunks":[{"index":2,"slices":[{"id":4,"pos":1,"size":8,"off":2,"len":3}]}]}}},"e":{"attr":{"inode":5,"type":"fifo"}}}},
"Trash":{"attr":{"inode":9223372032828243968,"type":"directory"},"entries":{}}})";

TEST(DumpParser, TellsInTheOrderOfTheDocument) {
  Recorder recorder;
  std::istringstream in(kDump);
  const Result<void> parsed = parse_dump(in, recorder);
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(recorder.told, (std::vector<std::string>{"setting {\"Name\":\"v\"}", "counter nextChunk 7", "deleted 9 5",
                                                     "quota 2 -1 3", "root 1", "entry d", "entry f ", "end", "entry e",
                                                     "end", "trash 9223372032828243968", "end"}));
}

TEST(DumpParser, AnEntryComesWithAllThatHangsOnIt) {
  Recorder recorder;
  recorder.stop_at = "entry f ";
  std::istringstream in(kDump);
  EXPECT_EQ(parse_dump(in, recorder).code(), Code::kNoSpace) << "the visitor's error ends it";
  EXPECT_EQ(recorder.told.back(), "entry f ");
  EXPECT_EQ(recorder.last.ino, Ino{3});
  EXPECT_EQ(recorder.last.attr.mtime, (Timestamp{-5, 9}));
  EXPECT_EQ(recorder.last.xattrs, (std::vector<std::pair<std::string, std::string>>{{"user.a", std::string(1, '\0')}}));
  ASSERT_EQ(recorder.last.chunks.size(), 1u);
  EXPECT_EQ(recorder.last.chunks[0].first, ChunkIndex{2});
  EXPECT_EQ(recorder.last.chunks[0].second, (records::SliceList{{1, SliceId{4}, 8, 2, 3}}));
}

}  // namespace
}  // namespace headrace::meta
