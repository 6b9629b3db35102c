// SPDX-License-Identifier: Apache-2.0
#include "apps/mount_server.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/rng.h"
#include "base/uuid.h"
#include "cli/probe.h"
#include "fuse/mountinfo.h"
#include "object/testing/temporary_directory.h"

namespace headrace::apps {
namespace {

using cli::Exit;

class MountServerTest : public testing::Test {
 protected:
  MountServerTest() {
    std::filesystem::create_directories(folder_ / "mnt");
    Rng rng(random_seed());
    meta::VolumeFormat format;
    format.name = "vol";
    format.uuid = new_uuid(rng);
    format.storage = "file";
    format.bucket = folder_ / "bucket/";
    const auto engine = records::open_engine(url(), {.create = true}, scheduler_).value();
    EXPECT_TRUE(meta::format_volume({}, *engine, scheduler_.clock(), format, false));
    EXPECT_TRUE(cli::VolumeStore::open(format, scheduler_, {.make_directory = true}));
    EXPECT_TRUE(engine->close());
  }

  std::string url() const { return "sqlite3://" + (folder_ / "meta.db"); }
  MountSettings settings() const {
    MountSettings settings;
    settings.meta_url = url();
    settings.mount_point = folder_ / "mnt";
    settings.cache_bytes = 64u << 20;
    settings.buffer_bytes = 64u << 20;
    settings.uploads_max = settings.downloads_max = 4;
    settings.heartbeat = std::chrono::seconds(12);
    settings.get_timeout = settings.put_timeout = std::chrono::seconds(10);
    settings.metrics_address = "127.0.0.1:0";
    return settings;
  }
  cli::Failure refusal(const MountSettings& asked) {
    MountServer server(asked, scheduler_, log_, "test");
    const cli::Outcome started = server.start({});
    return started ? cli::Failure(Exit::kOk, "accepted") : started.error();
  }
  std::size_t sessions() {
    const auto engine = records::open_engine(url(), {}, scheduler_).value();
    const auto volume = meta::Volume::open({}, *engine, scheduler_, log_,
                                           {.is_read_only = true, .mount_point = "test", .has_session = false})
                            .value();
    return volume->sessions({}).value().size();
  }
  bool is_mounted() {
    const auto mounts = fuse::read_mountinfo();
    return fuse::top_mount_at(*mounts, folder_ / "mnt").has_value();
  }

  SystemScheduler scheduler_;
  const Log log_{2, LogLevel::kOff};
  object::TemporaryDirectory folder_;
};

TEST_F(MountServerTest, WhatCannotBeIsRefusedBeforeAnythingChanges) {
  MountSettings asked = settings();
  asked.mount_point = folder_ / "none";
  EXPECT_EQ(refusal(asked).exit, Exit::kNotFound);
  std::ofstream(folder_ / "file") << "x";
  asked.mount_point = folder_ / "file";
  EXPECT_EQ(refusal(asked).exit, Exit::kUsage);

  asked = settings();
  asked.meta_url = "sqlite3://" + (folder_ / "none.db");
  EXPECT_EQ(refusal(asked).exit, Exit::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "none.db"));

  asked = settings();
  std::ofstream(folder_ / "foreign.db")
      << "this is no database, although it is long enough to be taken for one by its length alone ........";
  asked.meta_url = "sqlite3://" + (folder_ / "foreign.db");
  EXPECT_NE(refusal(asked).exit, Exit::kOk);

  asked = settings();
  asked.bucket = folder_ / "elsewhere";
  EXPECT_EQ(refusal(asked).exit, Exit::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "elsewhere"));

  asked = settings();
  asked.metrics_address = "nonsense";
  EXPECT_EQ(refusal(asked).exit, Exit::kUsage);

  EXPECT_EQ(sessions(), 0u);
  EXPECT_FALSE(is_mounted());
}

TEST_F(MountServerTest, AMountAnswersFromItsStartUntilItIsAskedToEnd) {
  if (!fuse::look_at_host().has_device || geteuid() != 0) GTEST_SKIP() << "mounting needs /dev/fuse and root";
  MountServer server(settings(), scheduler_, log_, "test");
  const cli::Outcome started = server.start({});
  ASSERT_TRUE(started) << started.error().what;
  EXPECT_EQ(sessions(), 1u);
  // Looked at by a child process: this one serves.
  const Scope soon{scheduler_.clock().now() + std::chrono::seconds(20), {}};
  const auto root = cli::look_at(soon, scheduler_, folder_ / "mnt");
  ASSERT_TRUE(root) << root.error().text();
  EXPECT_EQ(root->ino, 1u);
  const auto config = cli::read_file(soon, scheduler_, folder_ / "mnt/.config", 1u << 20);
  ASSERT_TRUE(config);
  EXPECT_NE(config->find("\"Name\": \"vol\""), std::string::npos) << *config;
  EXPECT_EQ(refusal(settings()).exit, Exit::kConflict) << "the place is taken";

  std::stop_source stop;
  stop.request_stop();
  const cli::Outcome served = server.serve({Moment::max(), stop.get_token()});
  EXPECT_TRUE(served) << served.error().what;
  EXPECT_FALSE(is_mounted());
  EXPECT_EQ(sessions(), 0u);
}

}  // namespace
}  // namespace headrace::apps
