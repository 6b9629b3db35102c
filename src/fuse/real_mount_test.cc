// SPDX-License-Identifier: Apache-2.0
// Mount, session and notifier with the real kernel and a file system of five files. The clients are other processes
// with a time limit; what is left mounted by a failed test is aborted.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <map>
#include <optional>

#include "fuse/convert.h"
#include "fuse/mount.h"
#include "fuse/mount_probe.h"
#include "fuse/mount_roads.h"
#include "fuse/mountinfo.h"
#include "fuse/notifier.h"
#include "fuse/session.h"

extern char** environ;

namespace headrace::fuse {
namespace {

constexpr const char* kDirectText = "bytes through the server\n";
constexpr const char* kPassedText = "bytes through the kernel alone\n";

/// The root has: direct (2), passed (3, on a backing), hangs (4: its read waits until it is given up), kept (5: its
/// read is never answered by this handler), big (6: 8 MiB).
class FiveFiles final : public RequestHandler {
 public:
  explicit FiveFiles(Scheduler& scheduler) : changed_(scheduler.new_event()) {}

  void serve(const Scope& scope, const Request& request, MutableByteSpan scratch, Reply reply) override {
    std::visit([&](const auto& ask) { on(scope, request.header.node, ask, scratch, reply); }, request.ask);
  }
  void forget(NodeId, std::uint64_t) override {}
  void cancel(std::uint64_t) override {}

  std::atomic<std::int32_t> backing_id = 0;
  std::atomic<int> lookups = 0;
  std::atomic<bool> answers_kept = false;
  std::atomic<std::uint64_t> direct_length = std::strlen(kDirectText);

  /// Until a read of "hangs" or "kept" has come.
  bool wait_for_read(const Scope& scope) {
    MutexLock lock(mutex_);
    return changed_->wait(scope, mutex_, [this] { return is_read_; }).has_value();
  }
  void drop_kept() {
    MutexLock lock(mutex_);
    kept_.reset();
  }

 private:
  static constexpr std::uint64_t kBigBytes = 8u << 20;

  Attr attr_of_node(NodeId node) const {
    Attr attr;
    attr.type = node == 1 ? FileType::kDirectory : FileType::kRegular;
    attr.mode = node == 1 ? 0755 : 0644;
    const std::map<NodeId, std::uint64_t> lengths{{1, 4096}, {2, direct_length}, {3, std::strlen(kPassedText)}, {4, 5},
                                                  {5, 5},    {6, kBigBytes}};
    attr.length = lengths.at(node);
    return attr;
  }

  void on(const Scope&, NodeId, const LookupAsk& ask, MutableByteSpan, Reply& reply) {
    ++lookups;
    static const std::map<std::string_view, NodeId> nodes{
        {"direct", 2}, {"passed", 3}, {"hangs", 4}, {"kept", 5}, {"big", 6}};
    const auto found = nodes.find(ask.name);
    if (found == nodes.end()) {
      reply.fail(Code::kNotFound);
      return;
    }
    vfs::NodeEntry entry;
    entry.node = found->second;
    entry.ino = Ino{found->second};
    entry.attr = attr_of_node(found->second);
    entry.entry_ttl = entry.attr_ttl = std::chrono::seconds(3600);
    reply.with(entry_out_of(entry));
  }
  void on(const Scope&, NodeId node, const GetattrAsk&, MutableByteSpan, Reply& reply) {
    reply.with(attr_out_of({Ino{node}, attr_of_node(node), std::chrono::seconds(3600)}));
  }
  void on(const Scope&, NodeId node, const OpenAsk&, MutableByteSpan, Reply& reply) {
    vfs::Opened opened;
    opened.handle = node;
    if (node == 3) opened = {node, vfs::OpenMode::kPass, false, backing_id};
    reply.with(open_out_of(opened));
  }
  void on(const Scope& scope, NodeId node, const ReadAsk& ask, MutableByteSpan scratch, Reply& reply) {
    if (node == 4 || (node == 5 && !answers_kept)) {
      MutexLock lock(mutex_);
      is_read_ = true;
      changed_->notify_all();
      if (node == 5) {
        reply.keep_port();
        kept_.emplace(std::move(reply));
        return;
      }
      const Result<void> waited = changed_->wait(scope, mutex_, [] { return false; });
      lock.unlock();
      reply.fail(waited.code());
      return;
    }
    std::string text = node == 6 ? std::string() : node == 5 ? "kept\n" : kDirectText;
    if (node == 6 && ask.offset < kBigBytes) {
      text.assign(std::min<std::uint64_t>(ask.size, kBigBytes - ask.offset),
                  static_cast<char>('a' + ask.offset / kDataBytesMax));
    } else {
      text = ask.offset < text.size() ? text.substr(ask.offset, ask.size) : std::string();
    }
    std::memcpy(scratch.data(), text.data(), text.size());
    reply.bytes(scratch.first(text.size()));
  }
  void on(const Scope&, NodeId, const StatfsAsk&, MutableByteSpan, Reply& reply) { reply.with(statfs_out_of({})); }
  void on(const Scope&, NodeId, const OpendirAsk&, MutableByteSpan, Reply& reply) { reply.with(OpenOut{}); }
  void on(const Scope&, NodeId, const ReaddirAsk& ask, MutableByteSpan scratch, Reply& reply) {
    ListingPacker packer(scratch.first(ask.size), ask.plus);
    const std::array<std::string_view, 5> names{"direct", "passed", "hangs", "kept", "big"};
    for (std::uint64_t i = ask.cookie; i < names.size(); ++i) {
      vfs::Listed one;
      one.name = names[i];
      one.ino = Ino{i + 2};
      one.next_cookie = i + 1;
      if (!packer.add(one)) break;
    }
    reply.bytes(packer.packed());
  }
  template <class Other>
  void on(const Scope&, NodeId, const Other& ask, MutableByteSpan, Reply& reply) {
    using Fine = std::variant<FlushAsk, ReleaseAsk, ReleasedirAsk>;
    if constexpr (std::is_constructible_v<Fine, const Other&>) {
      (void)ask;
      reply.ok();
    } else {
      reply.fail(Code::kNotImplemented);
    }
  }

  Mutex mutex_;
  const std::unique_ptr<Event> changed_;
  bool is_read_ = false;
  std::optional<Reply> kept_;
};

/// A shell in another process, with a limit.
class Client {
 public:
  explicit Client(const std::string& script) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    out_ = UniqueFd(ends[0]);
    const UniqueFd theirs(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, theirs.get(), 1);
    posix_spawn_file_actions_adddup2(&actions, theirs.get(), 2);
    const std::array<const char*, 8> words{"timeout", "-k", "1", "20", "sh", "-c", script.c_str(), nullptr};
    EXPECT_EQ(posix_spawnp(&pid_, "timeout", &actions, nullptr, const_cast<char**>(words.data()), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
  }
  /// Everything it said, to its end.
  std::string output() {
    std::string text;
    std::array<char, 65536> part;
    for (ssize_t got; (got = read(out_.get(), part.data(), part.size())) > 0;)
      text.append(part.data(), static_cast<std::size_t>(got));
    int status = 0;
    if (pid_ > 0) waitpid(pid_, &status, 0);
    pid_ = -1;
    return text;
  }
  ~Client() {
    if (pid_ > 0) kill(pid_, SIGTERM);  // timeout passes it on
    output();
  }

 private:
  UniqueFd out_;
  pid_t pid_ = -1;
};

class RealMountTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/headrace_real_mount_XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    where_ = name;
    if (geteuid() != 0) GTEST_SKIP() << "only root may mount by the kernel's own calls";
    if (const auto device = open_fuse_device(); !device) GTEST_SKIP() << device.error().text();
    auto mounted = mount_fuse(soon(), log_, options());
    if (!mounted && mounted.code() == Code::kNotPermitted) GTEST_SKIP() << mounted.error().text();
    ASSERT_TRUE(mounted) << mounted.error().text();
    minor_ = mounted->minor;
    device_ = std::move(mounted->device);
  }
  void TearDown() override {
    handler_.drop_kept();
    if (minor_ != 0) {
      // The connection may be over, and the mount gone: then there is nothing to do.
      if (session_ == nullptr || session_->stats().threads > 0) (void)abort_connection(minor_);
      (void)unmount_fuse(where_, UnmountMode::kLazy);
    }
    if (session_ != nullptr) session_->close();
    device_.reset();
    rmdir(where_.c_str());
  }

  MountOptions options() const { return {.mount_point = where_, .source = "five files"}; }
  Scope soon() { return Scope{scheduler_.clock().now() + std::chrono::seconds(20), {}}; }
  SessionTools tools() {
    SessionTools all{scheduler_, log_, registry_, nullptr, default_lane_limits(2)};
    all.devices = 2;
    return all;
  }
  void start() {
    auto session = Session::open(soon(), std::move(device_), Wish{}, tools());
    ASSERT_TRUE(session) << session.error().text();
    session_ = std::move(*session);
    ASSERT_TRUE(session_->start(handler_));
  }
  std::uint64_t reads() { return registry_.counter("juicefs_fuse_ops_total", "read").value(); }
  std::string run(const std::string& script) { return Client("cd " + where_ + " && " + script).output(); }

  SystemScheduler scheduler_;
  Log log_{STDERR_FILENO, LogLevel::kOff};
  metrics::Registry registry_;
  FiveFiles handler_{scheduler_};
  std::string where_;
  unsigned minor_ = 0;
  UniqueFd device_;
  std::unique_ptr<Session> session_;
};

TEST_F(RealMountTest, AFileIsListedAndRead) {
  start();
  EXPECT_EQ(run("ls"), "big\ndirect\nhangs\nkept\npassed\n");
  EXPECT_EQ(run("cat direct"), kDirectText);
  EXPECT_EQ(run("cat missing 2>&1 | grep -c 'No such file'"), "1\n");
  EXPECT_EQ(run("stat -f -c %T ."), "fuseblk\n") << "coreutils' name for both kinds of FUSE";
}

TEST_F(RealMountTest, TheMountIsWhatWasAskedFor) {
  start();
  const auto mounts = read_mountinfo();
  ASSERT_TRUE(mounts);
  const auto top = top_mount_at(*mounts, where_);
  ASSERT_TRUE(top);
  EXPECT_EQ(top->type, "fuse.headrace");
  EXPECT_EQ(top->source, "five files");
  EXPECT_NE(top->options.find("nosuid"), std::string::npos);
  EXPECT_NE(top->options.find("nodev"), std::string::npos);
  EXPECT_NE(top->super_options.find("default_permissions"), std::string::npos);
  EXPECT_NE(top->super_options.find("max_read=1048576"), std::string::npos);
  EXPECT_EQ(top->super_options.find("allow_other"), std::string::npos);
  ASSERT_TRUE(set_read_ahead(0, minor_, 1024));
  EXPECT_EQ(run("cat /sys/class/bdi/0:" + std::to_string(minor_) + "/read_ahead_kb"), "1024\n");
  for (const int device : session_->devices()) EXPECT_NE(fcntl(device, F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(RealMountTest, LargeReadsComeWholeAndBySeveralThreads) {
  start();
  EXPECT_EQ(run("dd if=big bs=1M status=none | wc -c"), "8388608\n");
  EXPECT_LE(reads(), 9u) << "1 MiB a request, and one that finds the end";
  EXPECT_EQ(run("for i in 1 2 3 4; do (dd if=big bs=1M status=none | md5sum) & done; wait"), [&] {
    const std::string one = run("dd if=big bs=64k status=none | md5sum");
    return one + one + one + one;
  }());
}

TEST_F(RealMountTest, AFileOnABackingIsReadWithoutUs) {
  start();
  Notifier notifier(session_->device(), session_->negotiated(), scheduler_, log_, registry_);
  if (!session_->negotiated().has_passthrough()) GTEST_SKIP() << "this kernel has no passthrough";
  const UniqueFd memory(memfd_create("backing", MFD_CLOEXEC));
  ASSERT_TRUE(write_all(memory.get(), bytes_of(kPassedText)));
  const auto id = notifier.register_backing(memory.get());
  if (!id && id.code() == Code::kNotSupported) GTEST_SKIP() << id.error().text();
  ASSERT_TRUE(id);
  EXPECT_EQ(registry_.gauge("headrace_fuse_backings").value(), 1);
  handler_.backing_id = *id;
  EXPECT_EQ(run("cat passed"), kPassedText);
  EXPECT_EQ(reads(), 0u);
  notifier.release_backing(*id);
  EXPECT_EQ(registry_.gauge("headrace_fuse_backings").value(), 0);
}

TEST_F(RealMountTest, TheKernelForgetsWhatItIsToldTo) {
  start();
  Notifier notifier(session_->device(), session_->negotiated(), scheduler_, log_, registry_);
  // Somebody else may empty the machine's caches at any moment; then it is tried again.
  bool was_cached = false;
  for (int attempt = 0; attempt < 10 && !was_cached; ++attempt) {
    handler_.direct_length = 5;
    notifier.invalidate_inode(2, {});
    ASSERT_TRUE(notifier.drain(soon(), {}));
    run("stat direct");
    const int before = handler_.lookups;
    handler_.direct_length = 7;
    was_cached = run("stat -c %s direct") == "5\n" && handler_.lookups == before;
  }
  ASSERT_TRUE(was_cached);
  notifier.invalidate_inode(2, {});
  ASSERT_TRUE(notifier.drain(soon(), {}));
  EXPECT_EQ(run("stat -c %s direct"), "7\n");
  const int before = handler_.lookups;
  notifier.invalidate_entry(1, "direct");
  ASSERT_TRUE(notifier.drain(soon(), {}));
  run("stat direct");
  EXPECT_GT(handler_.lookups, before);
}

TEST_F(RealMountTest, AReaderThatGivesUpIsLetGo) {
  start();
  const Moment began = scheduler_.clock().now();
  Client client("timeout -s INT 0.3 cat " + where_ + "/hangs; echo ended");
  EXPECT_EQ(client.output(), "ended\n");
  EXPECT_LT(scheduler_.clock().now() - began, std::chrono::seconds(5));
  EXPECT_EQ(run("cat direct"), kDirectText);
}

TEST_F(RealMountTest, AnAbortFreesWhoWaitsForAHungServer) {
  start();
  Client client("cat " + where_ + "/kept 2>&1; echo ended");
  ASSERT_TRUE(handler_.wait_for_read(soon()));
  EXPECT_EQ(*waiting_requests(minor_), 1u);
  ASSERT_TRUE(abort_connection(minor_));
  EXPECT_NE(client.output().find("ended\n"), std::string::npos);
  const auto ending = session_->wait_ended(soon());
  ASSERT_TRUE(ending);
  EXPECT_EQ(*ending, Ending::kAborted);
}

TEST_F(RealMountTest, UnmountingEndsTheSession) {
  start();
  Client holder("exec 3< " + where_ + "/direct; echo open; sleep 20");
  // The holder opens at its own pace.
  while (registry_.counter("juicefs_fuse_ops_total", "open").value() == 0) {
    ASSERT_TRUE(pause(scheduler_, soon(), std::chrono::milliseconds(5)));
  }
  EXPECT_EQ(unmount_fuse(where_, UnmountMode::kNormal).error().code, Code::kBusy);
  ASSERT_TRUE(unmount_fuse(where_, UnmountMode::kForce));
  ASSERT_TRUE(session_->wait_ended(soon()));
  EXPECT_EQ(unmount_fuse(where_, UnmountMode::kNormal).error().code, Code::kInvalid) << "nothing is mounted any more";
}

TEST_F(RealMountTest, AQuietUnmountIsAQuietEnd) {
  start();
  run("cat direct");
  ASSERT_TRUE(unmount_fuse(where_, UnmountMode::kNormal));
  const auto ending = session_->wait_ended(soon());
  ASSERT_TRUE(ending);
  EXPECT_EQ(*ending, Ending::kUnmounted);
}

TEST_F(RealMountTest, ASecondMountAtTheSamePlaceIsRefused) {
  start();
  const auto second = mount_fuse(soon(), log_, options());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.code(), Code::kBusy);
  EXPECT_NE(second.error().message.find("five files"), std::string::npos) << second.error().message;
}

TEST_F(RealMountTest, ADeadMountIsFreed) {
  device_.reset();  // the server dies
  EXPECT_EQ(*probe_path(where_, std::chrono::seconds(10)), PathState::kDead);
  const auto freed = free_dead_mount(soon(), where_);
  ASSERT_TRUE(freed);
  EXPECT_TRUE(*freed);
  EXPECT_EQ(*probe_path(where_, std::chrono::seconds(10)), PathState::kDirectory);
}

TEST_F(RealMountTest, AMountOverADeadOneWorks) {
  device_.reset();
  auto again = mount_fuse(soon(), log_, options());
  ASSERT_TRUE(again) << again.error().text();
  device_ = std::move(again->device);
  minor_ = again->minor;
  start();
  EXPECT_EQ(run("cat direct"), kDirectText);
}

TEST_F(RealMountTest, AMountThatDoesNotAnswerIsSaidToHang) {
  // Nobody serves INIT: every look at it waits.
  const auto second = mount_fuse(soon(), log_, options());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.code(), Code::kBusy);
  EXPECT_NE(second.error().message.find("--force"), std::string::npos) << second.error().message;
  ASSERT_TRUE(abort_connection(minor_));
}

TEST_F(RealMountTest, ASuccessorGetsTheRequestsThatWereNotAnswered) {
  start();
  if (!session_->negotiated().can_resend()) GTEST_SKIP() << "this kernel cannot send requests again";
  Client client("cat " + where_ + "/kept");
  ASSERT_TRUE(handler_.wait_for_read(soon()));
  // The first server is at its end, and has not answered; its descriptors are kept.
  ASSERT_TRUE(session_->stop_reading(soon()));
  std::vector<UniqueFd> devices;
  for (const int device : session_->devices()) devices.push_back(UniqueFd(fcntl(device, F_DUPFD_CLOEXEC, 0)));
  const Negotiated negotiated = session_->negotiated();
  session_.reset();
  handler_.answers_kept = true;
  auto successor = Session::adopt(std::move(devices), negotiated, tools());
  ASSERT_TRUE(successor);
  session_ = std::move(*successor);
  ASSERT_TRUE(session_->start(handler_));
  EXPECT_EQ(client.output(), "kept\n");
  EXPECT_EQ(run("cat direct"), kDirectText);
}

TEST_F(RealMountTest, TheHelperMountsToo) {
  ASSERT_TRUE(unmount_fuse(where_, UnmountMode::kLazy));
  device_.reset();
  auto device = mount_by_helper(soon(), where_, options());
  if (!device && device.code() == Code::kNotSupported) GTEST_SKIP() << device.error().text();
  ASSERT_TRUE(device) << device.error().text();
  device_ = std::move(*device);
  const auto top = top_mount_at(*read_mountinfo(), where_);
  ASSERT_TRUE(top);
  EXPECT_TRUE(top->is_ours());
  minor_ = top->minor;
  start();
  EXPECT_EQ(run("cat direct"), kDirectText);
  ASSERT_TRUE(unmount_by_helper(where_, false));
  ASSERT_TRUE(session_->wait_ended(soon()));
  const auto nothing = unmount_by_helper(where_, false);
  ASSERT_FALSE(nothing);
  EXPECT_FALSE(nothing.error().message.empty()) << "what the helper said";
}

}  // namespace
}  // namespace headrace::fuse
