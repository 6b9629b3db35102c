// SPDX-License-Identifier: Apache-2.0
#include "fuse/request.h"

#include <gtest/gtest.h>

#include "fuse/testing/request_builder.h"

namespace headrace::fuse {
namespace {

using testing::RequestBuilder;

const Negotiated kNow = *negotiate(Offer{7, 45, 131072, ~std::uint64_t{0}}, Wish{});

/// Parses, and keeps what the views of the result point to.
template <class Wanted>
struct Parsed {
  explicit Parsed(const RequestBuilder& builder, const Negotiated& negotiated = kNow)
      : message(builder.build()), request(parse_request(message, negotiated)) {}
  const Wanted& operator*() const { return std::get<Wanted>(request->ask); }
  const Wanted* operator->() const { return &std::get<Wanted>(request->ask); }
  std::vector<std::byte> message;
  Result<Request> request;
};

TEST(Request, ALookupHasItsNameAndItsCaller) {
  const Parsed<LookupAsk> lookup(RequestBuilder(FUSE_LOOKUP, 77, 5).name("train.csv"));
  ASSERT_TRUE(lookup.request);
  EXPECT_EQ(lookup->name, "train.csv");
  EXPECT_EQ(lookup.request->header.unique, 77u);
  EXPECT_EQ(lookup.request->header.node, 5u);
  const Caller caller = lookup.request->caller();
  EXPECT_EQ(caller.uid, 1000u);
  EXPECT_EQ(caller.gid, 1001u);
  EXPECT_EQ(caller.pid, 4242u);
  EXPECT_TRUE(caller.groups.empty());
}

TEST(Request, ACreateBringsItsUmaskAndTheParentsGroup) {
  const Parsed<CreateAsk> create(RequestBuilder(FUSE_CREATE)
                                     .add(fuse_create_in{0x8042, 0100644, 022, FUSE_OPEN_KILL_SUIDGID})
                                     .name("a")
                                     .group(77));
  ASSERT_TRUE(create.request);
  EXPECT_EQ(create->name, "a");
  EXPECT_EQ(create->flags, 0x8042u);
  EXPECT_EQ(create->mode, 0100644u);
  EXPECT_TRUE(create->kills_privileges);
  EXPECT_EQ(create.request->caller().umask, 022u);
  EXPECT_EQ(create.request->caller().groups, std::vector<std::uint32_t>{77});
}

TEST(Request, TwoNamesStandBehindEachOther) {
  const Parsed<RenameAsk> rename(RequestBuilder(FUSE_RENAME2).add(fuse_rename2_in{9, 2, 0}).name("old").name("new"));
  ASSERT_TRUE(rename.request);
  EXPECT_EQ(rename->name, "old");
  EXPECT_EQ(rename->new_name, "new");
  EXPECT_EQ(rename->new_parent, 9u);
  EXPECT_EQ(rename->flags, 2u);
  const Parsed<SymlinkAsk> symlink(RequestBuilder(FUSE_SYMLINK).name("link").name("../target"));
  ASSERT_TRUE(symlink.request);
  EXPECT_EQ(symlink->target, "../target");
}

TEST(Request, AWriteHasExactlyTheDataThatItsStructSays) {
  fuse_write_in in{};
  in.fh = 3;
  in.offset = 4096;
  in.size = 5;
  in.write_flags = FUSE_WRITE_KILL_SUIDGID;
  const Parsed<WriteAsk> write(RequestBuilder(FUSE_WRITE).add(in).data("hello"));
  ASSERT_TRUE(write.request);
  EXPECT_EQ(text_view(write->data), "hello");
  EXPECT_TRUE(write->kills_privileges);
  EXPECT_FALSE(write->from_page_cache);
  EXPECT_FALSE(Parsed<WriteAsk>(RequestBuilder(FUSE_WRITE).add(in).data("hell")).request);
}

TEST(Request, ASetxattrIsAsLongAsWasNegotiated) {
  fuse_setxattr_in in{};
  in.size = 3;
  in.flags = 1;
  const Parsed<SetxattrAsk> plain(
      RequestBuilder(FUSE_SETXATTR).add(in, kSetxattrInBytesBeforeExt).name("user.a").data("abc"));
  ASSERT_TRUE(plain.request);
  EXPECT_EQ(plain->name, "user.a");
  EXPECT_EQ(plain->value, "abc");
  Negotiated extended = kNow;
  extended.flags |= FUSE_SETXATTR_EXT;
  const Parsed<SetxattrAsk> longer(RequestBuilder(FUSE_SETXATTR).add(in).name("user.a").data("abc"), extended);
  ASSERT_TRUE(longer.request);
  EXPECT_EQ(longer->value, "abc");
}

TEST(Request, ForgetsComeOneByOneAndInBatches) {
  const Parsed<ForgetAsk> one(RequestBuilder(FUSE_FORGET).add(fuse_forget_in{3}));
  ASSERT_TRUE(one.request);
  EXPECT_EQ(one->lookups, 3u);
  const Parsed<BatchForgetAsk> batch(RequestBuilder(FUSE_BATCH_FORGET)
                                         .add(fuse_batch_forget_in{2, 0})
                                         .add(fuse_forget_one{11, 1})
                                         .add(fuse_forget_one{12, 7}));
  ASSERT_TRUE(batch.request);
  ASSERT_EQ(batch->count, 2u);
  EXPECT_EQ(batch->at(1).nodeid, 12u);
  EXPECT_EQ(batch->at(1).nlookup, 7u);
  // A count that promises more than is there, up to one whose product would wrap a 32-bit size.
  for (const std::uint32_t count : {3u, 0x10000000u, 0xffffffffu}) {
    EXPECT_FALSE(Parsed<BatchForgetAsk>(
                     RequestBuilder(FUSE_BATCH_FORGET).add(fuse_batch_forget_in{count, 0}).add(fuse_forget_one{1, 1}))
                     .request);
  }
}

TEST(Request, LocksSayWhatTheyAre) {
  fuse_lk_in in{};
  in.fh = 1;
  in.owner = 0xabcd;
  in.lk = {0, 99, 1, 7};
  in.lk_flags = FUSE_LK_FLOCK;
  const Parsed<LockAsk> lock(RequestBuilder(FUSE_SETLKW).add(in));
  ASSERT_TRUE(lock.request);
  EXPECT_EQ(lock->kind, LockAsk::Kind::kSetAndWait);
  EXPECT_TRUE(lock->is_flock);
  EXPECT_EQ(lock->lock.end, 99u);
}

TEST(Request, WhatIsNotServedIsNotParsed) {
  for (const std::uint32_t opcode :
       {std::uint32_t{FUSE_ACCESS}, std::uint32_t{FUSE_POLL}, std::uint32_t{FUSE_BMAP}, kOpStatx, 99u, 436207616u}) {
    const Parsed<UnservedAsk> odd(RequestBuilder(opcode).data("whatever"));
    ASSERT_TRUE(odd.request);
    EXPECT_TRUE(std::holds_alternative<UnservedAsk>(odd.request->ask));
  }
}

TEST(Request, ANameWithoutAnEndIsRefused) {
  EXPECT_FALSE(parse_request(RequestBuilder(FUSE_LOOKUP).data("no end").build(), kNow));
  EXPECT_FALSE(parse_request(RequestBuilder(FUSE_LOOKUP).build(), kNow));
  EXPECT_FALSE(parse_request(RequestBuilder(FUSE_LOOKUP).name("").build(), kNow));
  EXPECT_FALSE(parse_request(RequestBuilder(FUSE_RENAME).add(fuse_rename_in{2}).name("only one").build(), kNow));
  EXPECT_FALSE(parse_request(RequestBuilder(FUSE_LOOKUP).name(std::string(5000, 'x')).build(), kNow));
}

TEST(Request, ANameIsNotLookedForInTheExtensions) {
  // The NUL bytes of the extension would end it.
  EXPECT_FALSE(parse_request(RequestBuilder(FUSE_LOOKUP).data("12345678").group(7).build(), kNow));
}

TEST(Request, ExtensionsThatDoNotFitAreRefused) {
  const auto with_extension = [](std::uint32_t size, std::uint32_t type, std::uint32_t count) {
    std::vector<std::byte> message =
        RequestBuilder(FUSE_MKDIR).add(fuse_mkdir_in{0755, 022}).name("1234567").group(7).build();
    const std::uint32_t words[3] = {size, type, count};
    std::memcpy(message.data() + message.size() - 16, words, sizeof words);
    return message;
  };
  EXPECT_TRUE(parse_request(with_extension(16, kExtensionGroups, 1), kNow));
  EXPECT_TRUE(parse_request(with_extension(16, 1, 0), kNow)) << "a security context is passed over";
  EXPECT_FALSE(parse_request(with_extension(24, kExtensionGroups, 1), kNow));
  EXPECT_FALSE(parse_request(with_extension(0, kExtensionGroups, 1), kNow));
  EXPECT_FALSE(parse_request(with_extension(12, kExtensionGroups, 1), kNow));
  EXPECT_FALSE(parse_request(with_extension(16, kExtensionGroups, 0xffffffff), kNow));
  std::vector<std::byte> longer_than_the_message = RequestBuilder(FUSE_STATFS).build();
  longer_than_the_message[36] = std::byte{1};
  EXPECT_FALSE(parse_request(longer_than_the_message, kNow));
}

TEST(Request, AHeaderMustSayItsOwnLength) {
  std::vector<std::byte> message = RequestBuilder(FUSE_STATFS).build();
  EXPECT_TRUE(parse_header(message));
  message.push_back(std::byte{0});
  EXPECT_FALSE(parse_header(message));
  EXPECT_FALSE(parse_header(ByteSpan(message).first(39)));
  EXPECT_FALSE(parse_header({}));
}

TEST(Request, EveryStructIsRefusedWhenItIsOneByteShort) {
  // A body of 128 zero bytes and a name is enough for every operation; find where each begins to parse.
  for (std::uint32_t opcode = 1; opcode < kOpcodeCount; ++opcode) {
    bool was_accepted = false;
    for (std::size_t length = 0; length <= 160; ++length) {
      std::string body(length, '\0');
      const auto message = RequestBuilder(opcode).data(body).build();
      const bool is_accepted = parse_request(message, kNow).has_value();
      EXPECT_FALSE(was_accepted && !is_accepted) << "opcode " << opcode << " with " << length << " bytes";
      was_accepted |= is_accepted;
    }
  }
}

TEST(Request, EveryServedOperationHasANameOfItsOwn) {
  EXPECT_EQ(name_of_opcode(FUSE_LOOKUP), "lookup");
  EXPECT_EQ(name_of_opcode(kOpCopyFileRange64), "copy_file_range_64");
  EXPECT_EQ(name_of_opcode(7), "unknown");
  EXPECT_EQ(name_of_opcode(4096), "unknown");
  EXPECT_FALSE(wants_reply(FUSE_FORGET));
  EXPECT_FALSE(wants_reply(FUSE_BATCH_FORGET));
  EXPECT_FALSE(wants_reply(FUSE_INTERRUPT));
  EXPECT_TRUE(wants_reply(FUSE_DESTROY));
}

TEST(Request, TheAccessLogSeesOneLineWhateverTheName) {
  const Parsed<LookupAsk> lookup(RequestBuilder(FUSE_LOOKUP, 2, 1).name("a\nb\\\x7f"));
  ASSERT_TRUE(lookup.request);
  EXPECT_EQ(describe(*lookup.request), "(1,a\\x0ab\\x5c\\x7f)");
  fuse_read_in in{};
  in.fh = 3;
  in.offset = 8192;
  in.size = 4096;
  EXPECT_EQ(describe(*Parsed<ReadAsk>(RequestBuilder(FUSE_READ, 2, 5).add(in)).request), "(5,4096,8192,3)");
}

}  // namespace
}  // namespace headrace::fuse
