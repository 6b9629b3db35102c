// SPDX-License-Identifier: Apache-2.0
// Each case runs in a process of its own: a supervisor forks, and wants no thread beside it.
#include "apps/supervisor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace headrace::apps {
namespace {

/// What the processes of a case leave for it to look at.
struct Notes {
  std::atomic<int> servers, gave_up, devices, backings, content;
};

class SupervisorTest : public testing::Test {
 protected:
  SupervisorTest()
      : notes_(static_cast<Notes*>(
            mmap(nullptr, sizeof(Notes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))),
        index_(vfs::TakeoverIndex::create().value()) {}
  ~SupervisorTest() override { munmap(notes_, sizeof(Notes)); }

  using Server = std::function<int(Inheritance& inherited, ServerLink& link)>;

  /// Runs a supervisor whose servers run `server`; starts `meanwhile` with the supervisor's process. Its exit status.
  int run(const Server& server, const std::function<void(pid_t)>& meanwhile = {}) {
    const pid_t supervisor = fork();
    if (supervisor == 0) _exit(supervise(server));
    if (meanwhile) meanwhile(supervisor);
    int status = 0;
    EXPECT_EQ(waitpid(supervisor, &status, 0), supervisor);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  /// Hands over what a first server makes; true in that server.
  bool make_mount(Inheritance& inherited, ServerLink& link) {
    if (inherited.is_successor()) return false;
    const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC)), file(memfd_create("backing", MFD_CLOEXEC));
    link.device_made(null.get());
    link.device_made(null.get());
    link.backing_made(7, file.get());
    link.backing_made(8, file.get());
    link.backing_gone(8);
    EXPECT_TRUE(pwrite_all(file.get(), bytes_of("x"), 0));
    index_->set_mount({.session = 3});
    link.serving();
    return true;
  }

  SupervisorLimits limits_{.deaths_max = 3,
                           .come_up_max = std::chrono::seconds(30),
                           .first_pause = std::chrono::milliseconds(10),
                           .longest_pause = std::chrono::milliseconds(40)};
  Notes* const notes_;
  const std::unique_ptr<vfs::TakeoverIndex> index_;

 private:
  int supervise(const Server& server) {
    const SystemScheduler scheduler;
    const Log log(2, LogLevel::kOff);
    Supervisor supervisor(log, scheduler.clock(), *index_, [] {}, [this] { ++notes_->gave_up; }, limits_);
    Result<Supervisor::Role> role = supervisor.run();
    if (!role) return 99;
    if (!role->server) return role->status;
    ++notes_->servers;
    ServerLink link(std::move(role->server->link), log);
    return server(*role->server, link);
  }
};

void wait_for(const std::atomic<int>& count, int least) {
  for (int i = 0; i < 2000 && count.load() < least; ++i) poll(nullptr, 0, 5);
  ASSERT_GE(count.load(), least);
}

TEST_F(SupervisorTest, AServerThatCannotStartIsTheEndOfIt) {
  EXPECT_EQ(run([](Inheritance&, ServerLink&) { return 3; }), 3);
  EXPECT_EQ(notes_->servers, 1);
  EXPECT_EQ(notes_->gave_up, 0);
}

TEST_F(SupervisorTest, ASuccessorHasWhatTheDeadServerMade) {
  EXPECT_EQ(run([this](Inheritance& inherited, ServerLink& link) {
              if (make_mount(inherited, link)) raise(SIGKILL);
              notes_->devices = static_cast<int>(inherited.devices.size());
              notes_->backings = static_cast<int>(inherited.backings.size());
              std::byte byte{};
              if (inherited.backings.contains(7) &&
                  pread_full(inherited.backings.at(7).get(), MutableByteSpan(&byte, 1), 0).value_or(0) == 1)
                notes_->content = static_cast<int>(byte);
              link.serving();
              link.ending();
              return 5;
            }),
            5);
  EXPECT_EQ(notes_->servers, 2);
  EXPECT_EQ(notes_->devices, 2);
  EXPECT_EQ(notes_->backings, 1);
  EXPECT_EQ(notes_->content, 'x');
  EXPECT_EQ(index_->restarts(), 1u);
  EXPECT_EQ(notes_->gave_up, 0);
}

TEST_F(SupervisorTest, AnEndOnPurposeIsNotFollowedByAnotherServer) {
  EXPECT_EQ(run([this](Inheritance& inherited, ServerLink& link) {
              make_mount(inherited, link);
              link.ending();
              return 1;
            }),
            1);
  EXPECT_EQ(notes_->servers, 1);
}

TEST_F(SupervisorTest, AServerThatDiesTooOftenIsGivenUp) {
  EXPECT_EQ(run([this](Inheritance& inherited, ServerLink& link) {
              if (!make_mount(inherited, link)) link.serving();
              return 9;  // not announced
            }),
            1);
  EXPECT_EQ(notes_->servers, 4);
  EXPECT_EQ(notes_->gave_up, 1);
}

TEST_F(SupervisorTest, ASuccessorThatFailsToStartIsTriedAgainUntilItIsTooLate) {
  limits_.deaths_max = 1;
  limits_.come_up_max = std::chrono::seconds(2);
  EXPECT_EQ(run([this](Inheritance& inherited, ServerLink& link) {
              if (make_mount(inherited, link)) raise(SIGKILL);
              return 6;
            }),
            1);
  EXPECT_GT(notes_->servers, 3) << "more than the deaths that are allowed";
  EXPECT_EQ(notes_->gave_up, 1);
}

TEST_F(SupervisorTest, ASuccessorThatHangsInItsStartIsKilledAndTheMountGivenUp) {
  limits_.come_up_max = std::chrono::seconds(2);
  EXPECT_EQ(run([this](Inheritance& inherited, ServerLink& link) {
              if (make_mount(inherited, link)) raise(SIGKILL);
              poll(nullptr, 0, 60'000);
              return 0;
            }),
            1);
  EXPECT_EQ(notes_->servers, 2);
  EXPECT_EQ(notes_->gave_up, 1);
}

TEST_F(SupervisorTest, ASignalToTheSupervisorIsPassedOnAndASecondOneMoreUrgently) {
  EXPECT_EQ(run(
                [this](Inheritance& inherited, ServerLink& link) {
                  SystemScheduler scheduler;
                  const std::unique_ptr<Event> asked = scheduler.new_event();
                  Mutex mutex;
                  int stops = 0, ends = 0;
                  link.watch(
                      scheduler,
                      [&] {
                        MutexLock lock(mutex);
                        ++stops;
                        ++notes_->content;
                        asked->notify_all();
                      },
                      [&] {
                        MutexLock lock(mutex);
                        ++ends;
                        asked->notify_all();
                      });
                  make_mount(inherited, link);
                  ++notes_->devices;
                  {
                    MutexLock lock(mutex);
                    (void)asked->wait({scheduler.clock().now() + std::chrono::seconds(20), {}}, mutex,
                                      [&] { return ends > 0; });
                  }
                  link.close();
                  link.ending();
                  return stops == 1 && ends == 1 ? 0 : 4;
                },
                [this](pid_t supervisor) {
                  wait_for(notes_->devices, 1);
                  kill(supervisor, SIGTERM);
                  wait_for(notes_->content, 1);
                  kill(supervisor, SIGTERM);
                }),
            0);
}

TEST_F(SupervisorTest, AServerIsToldWhenItsSupervisorIsGoneAndGoesOn) {
  run(
      [this](Inheritance& inherited, ServerLink& link) {
        make_mount(inherited, link);
        ++notes_->devices;
        for (int i = 0; i < 2000 && getppid() == inherited.supervisor; ++i) poll(nullptr, 0, 5);
        link.backing_made(9, 0);  // nobody hears it
        ++notes_->content;
        return 0;
      },
      [this](pid_t supervisor) {
        wait_for(notes_->devices, 1);
        kill(supervisor, SIGKILL);
      });
  wait_for(notes_->content, 1);
  EXPECT_EQ(notes_->servers, 1);
}

}  // namespace
}  // namespace headrace::apps
