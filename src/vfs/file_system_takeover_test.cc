// SPDX-License-Identifier: Apache-2.0
// Servers that die and servers that follow: each lives in a process of its own, since what dies may not clean up. Bytes
// of files are not looked at here, because the block storage dies too; tests/crash does that.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "base/rng.h"
#include "base/uuid.h"
#include "object/testing/temporary_directory.h"
#include "records/txn.h"
#include "vfs/file_system.h"
#include "vfs/node_table.h"
#include "vfs/takeover_index.h"
#include "vfs/testing/fake_blocks.h"
#include "vfs/testing/fake_kernel.h"

namespace headrace::vfs {
namespace {

constexpr LockOwner kAnna{1}, kBert{2};

/// What processes leave for each other.
struct Shared {
  std::uint64_t handle, node, cookie, names, failures;
};

/// One server of the mount.
class Server {
 public:
  Server(const std::string& url, TakeoverIndex& index) : engine_(records::open_engine(url, {}, scheduler_).value()) {
    meta::VolumeOptions volume_options;
    volume_options.takes_over = SessionId{index.has_mount() ? index.mount().session : 0};
    volume_ = meta::Volume::open({}, *engine_, scheduler_, log_, volume_options).value();
    FileSystemOptions options;
    options.background_jobs = false;
    options.index = &index;
    options.slice_age_max = std::chrono::hours(1);
    index.begin_serving();
    files = std::make_unique<FileSystem>(*volume_, blocks_, *tier_, budget_, scheduler_, log_, registry_, options,
                                         Providers{});
    files->attach(&kernel_);
    if (index.has_mount()) {
      const Result<void> adopted = files->adopt({}, {});
      EXPECT_TRUE(adopted) << adopted.error().text();
    } else {
      index.set_mount({.session = volume_->session().value()});
    }
  }
  FileSystem::Created create(std::string_view name, int flags = O_RDWR) {
    return files->create({}, caller_, kRootNode, name, 0644, flags).value();
  }
  Result<void> write(const FileSystem::Created& file, std::string_view text) {
    const Result<std::size_t> wrote = files->write({}, file.opened.handle, file.entry.node, 0, bytes_of(text), {});
    return wrote ? Result<void>() : Result<void>(wrote.error());
  }
  Result<void> sync(std::uint64_t handle, NodeId node) { return files->fsync({}, handle, node, false); }
  Result<void> flock(std::uint64_t handle, NodeId node, LockOwner owner, std::uint32_t type) {
    Result<void> got = Code::kTransient;
    FileSystem::LockAsk ask;
    ask.node = node;
    ask.handle = handle;
    ask.owner = owner;
    ask.request.type = type;
    ask.is_flock = true;
    files->lock({}, ask, [&got](Result<void> result) { got = std::move(result); });
    return got;
  }

  const Caller caller_{};
  SystemScheduler scheduler_;
  const Log log_{2, LogLevel::kOff};
  std::unique_ptr<records::RecordEngine> engine_;
  std::unique_ptr<meta::Volume> volume_;
  testing::FakeBlocks blocks_{scheduler_};
  const std::unique_ptr<block::NodeTier> tier_ = block::new_node_tier(log_, {.bytes_max = 0});
  Budget budget_{scheduler_, 64u << 20};
  metrics::Registry registry_;
  testing::FakeKernel kernel_;
  std::unique_ptr<FileSystem> files;
};

class TakeoverTest : public ::testing::Test {
 protected:
  TakeoverTest()
      : shared_(*static_cast<Shared*>(
            mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))),
        url_("sqlite3://" + (folder_ / "meta.db")),
        index_(TakeoverIndex::create().value()) {
    SystemScheduler scheduler;
    Rng rng(random_seed());
    meta::VolumeFormat format;
    format.name = "vol";
    format.uuid = new_uuid(rng);
    format.storage = "file";
    format.bucket = folder_ / "bucket/";
    format.trash_days = 0;
    const auto engine = records::open_engine(url_, {.create = true}, scheduler).value();
    EXPECT_TRUE(meta::format_volume({}, *engine, scheduler.clock(), format, false));
    EXPECT_TRUE(engine->close());
  }
  ~TakeoverTest() override { munmap(&shared_, sizeof(Shared)); }

  /// A server lives, and is killed. Its expectations count here.
  void live_and_die(const std::function<void(Server&)>& life) {
    const pid_t pid = fork();
    if (pid == 0) {
      Server server(url_, *index_);
      life(server);
      if (HasFailure()) ++shared_.failures;
      raise(SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "status " << status;
    ASSERT_EQ(shared_.failures, 0u);
    index_->count_restart();
  }

  const object::TemporaryDirectory folder_;
  Shared& shared_;
  const std::string url_;
  const std::unique_ptr<TakeoverIndex> index_;
};

TEST_F(TakeoverTest, AHandleGoesOnUnderItsNumberAndNoOtherGetsIt) {
  live_and_die([this](Server& server) {
    const auto file = server.create("a");
    shared_.handle = file.opened.handle;
    shared_.node = file.entry.node;
  });
  live_and_die([this](Server& server) {
    EXPECT_TRUE(server.sync(shared_.handle, shared_.node));
    EXPECT_GT(server.create("b").opened.handle, shared_.handle);
    EXPECT_TRUE(server.files->flush({}, shared_.handle, shared_.node, kAnna));
    server.files->release({}, shared_.handle, shared_.node, {});
    EXPECT_EQ(server.sync(shared_.handle, shared_.node).code(), Code::kBadHandle);
  });
  live_and_die([this](Server& server) {
    EXPECT_EQ(server.sync(shared_.handle, shared_.node).code(), Code::kBadHandle) << "it was released";
  });
}

TEST_F(TakeoverTest, UnsyncedBytesAreToldOnceHoweverManyServersDie) {
  live_and_die([this](Server& server) {
    const auto synced = server.create("synced"), unsynced = server.create("unsynced");
    EXPECT_TRUE(server.write(synced, "kept"));
    EXPECT_TRUE(server.sync(synced.opened.handle, synced.entry.node));
    EXPECT_TRUE(server.write(unsynced, "lost"));
    shared_.handle = unsynced.opened.handle;
    shared_.node = unsynced.entry.node;
    shared_.names = synced.opened.handle;
    shared_.cookie = synced.entry.node;
  });
  live_and_die([](Server&) {});  // dies before anybody was told
  live_and_die([this](Server& server) {
    EXPECT_TRUE(server.sync(shared_.names, shared_.cookie)) << "it had nothing to lose";
    EXPECT_EQ(server.sync(shared_.handle, shared_.node).code(), Code::kIo);
    EXPECT_TRUE(server.sync(shared_.handle, shared_.node)) << "told twice";
    EXPECT_EQ(server.files->getattr({}, server.caller_, shared_.cookie, {})->attr.length, 4u);
    EXPECT_EQ(server.files->getattr({}, server.caller_, shared_.node, {})->attr.length, 0u);
  });
  live_and_die([this](Server& server) {
    EXPECT_TRUE(server.sync(shared_.handle, shared_.node)) << "told again by the next server";
  });
}

TEST_F(TakeoverTest, TheNextWriteIsToldOfLostBytesAndTheOneAfterItIsMade) {
  live_and_die([this](Server& server) {
    const auto file = server.create("a");
    EXPECT_TRUE(server.write(file, "lost"));
    shared_.handle = file.opened.handle;
    shared_.node = file.entry.node;
  });
  live_and_die([this](Server& server) {
    FileSystem::Created file;
    file.opened.handle = shared_.handle;
    file.entry.node = shared_.node;
    EXPECT_EQ(server.write(file, "new").code(), Code::kIo);
    EXPECT_TRUE(server.write(file, "new"));
    EXPECT_TRUE(server.sync(shared_.handle, shared_.node));
  });
}

TEST_F(TakeoverTest, NumbersOfFilesAreNewAndThoseOfDirectoriesStay) {
  live_and_die([this](Server& server) {
    shared_.node = server.create("a").entry.node;
    meta::NewNode directory;
    directory.type = FileType::kDirectory;
    shared_.cookie = server.files->mknod({}, server.caller_, kRootNode, "d", directory)->node;
  });
  live_and_die([this](Server& server) {
    const NodeEntry file = server.files->lookup({}, server.caller_, kRootNode, "a").value();
    EXPECT_NE(file.node, shared_.node);
    EXPECT_EQ(file.ino, ino_of(shared_.node));
    EXPECT_NE(file.generation, 1u);
    const NodeEntry directory = server.files->lookup({}, server.caller_, kRootNode, "d").value();
    EXPECT_EQ(directory.node, shared_.cookie);
    EXPECT_EQ(directory.generation, 1u);
    EXPECT_TRUE(server.files->getattr({}, server.caller_, shared_.node, {})) << "the old number means the same file";
  });
}

TEST_F(TakeoverTest, AFileWithoutANameLivesUntilItsHandleIsClosed) {
  live_and_die([this](Server& server) {
    const auto file = server.create("a");
    EXPECT_TRUE(server.files->unlink({}, server.caller_, kRootNode, "a"));
    shared_.handle = file.opened.handle;
    shared_.node = file.entry.node;
  });
  live_and_die([this](Server& server) {
    EXPECT_EQ(server.files->getattr({}, server.caller_, shared_.node, {})->attr.nlink, 0u);
    server.files->release({}, shared_.handle, shared_.node, {});
    EXPECT_EQ(server.volume_->getattr({}, ino_of(shared_.node)).code(), Code::kNotFound);
  });
}

TEST_F(TakeoverTest, ALockIsHeldAndGivenBackByTheHandleThatTookIt) {
  live_and_die([this](Server& server) {
    const auto file = server.create("a");
    EXPECT_TRUE(server.flock(file.opened.handle, file.entry.node, kAnna, F_WRLCK));
    shared_.handle = file.opened.handle;
    shared_.node = file.entry.node;
  });
  live_and_die([this](Server& server) {
    EXPECT_EQ(server.flock(shared_.handle, shared_.node, kBert, F_WRLCK).code(), Code::kWouldBlock);
    server.files->release({}, shared_.handle, shared_.node, kAnna);
    EXPECT_TRUE(server.flock(shared_.handle, shared_.node, kBert, F_WRLCK));
  });
}

TEST_F(TakeoverTest, AListingGoesOnBehindTheLastName) {
  const auto list = [](Server& server, std::uint64_t handle, std::uint64_t& cookie, int count) {
    std::vector<std::string> names;
    EXPECT_TRUE(server.files->readdir({}, server.caller_, handle, kRootNode, cookie, false, [&](const Listed& entry) {
      if (count-- == 0) return false;
      names.emplace_back(entry.name);
      cookie = entry.next_cookie;
      return true;
    }));
    return names;
  };
  live_and_die([&](Server& server) {
    for (int i = 0; i < 9; ++i) server.create("file-" + std::to_string(i));
    shared_.handle = server.files->opendir({}, server.caller_, kRootNode).value();
    std::uint64_t from_start = 0;
    list(server, shared_.handle, from_start, 1000);
    from_start = 0;  // rewinddir: its cookies go on where the last ones ended
    const std::vector<std::string> names = list(server, shared_.handle, from_start, 1000);
    shared_.names = names.size();
    from_start = 0;
    list(server, shared_.handle, from_start, static_cast<int>(names.size()) - 4);
    shared_.cookie = from_start;
  });
  live_and_die([&](Server& server) {
    EXPECT_EQ(list(server, shared_.handle, shared_.cookie, 2), (std::vector<std::string>{"file-5", "file-6"}));
  });
  live_and_die([&](Server& server) {
    EXPECT_EQ(list(server, shared_.handle, shared_.cookie, 1000), (std::vector<std::string>{"file-7", "file-8"}));
  });
}

TEST_F(TakeoverTest, AnAppendThatWasCommittedIsKnownToBeDone) {
  live_and_die([this](Server& server) {
    for (const std::uint64_t unique : {10u, 12u}) {
      const auto file = server.create("file-" + std::to_string(unique), O_RDWR | O_APPEND);
      KeptRequest* const request = index_->begin_request(unique, false, file.entry.node).entry;
      EXPECT_TRUE(
          server.files->write({}, file.opened.handle, file.entry.node, 0, bytes_of("record"), {.request = request}));
      if (unique == 10) EXPECT_TRUE(server.sync(file.opened.handle, file.entry.node));
    }
  });
  live_and_die([this](Server&) {
    EXPECT_EQ(index_->begin_request(10, true, 0).earlier.value().state, KeptRequest::State::kDone);
    EXPECT_EQ(index_->begin_request(12, true, 0).earlier.value().state, KeptRequest::State::kBegun);
  });
}

}  // namespace
}  // namespace headrace::vfs
