// SPDX-License-Identifier: Apache-2.0
// headrace mount: settings, perhaps the way into the background, a server.
#include <fmt/format.h>
#include <unistd.h>

#include "apps/commands.h"
#include "apps/daemon.h"
#include "apps/mount_options.h"
#include "apps/mount_server.h"
#include "apps/process_setup.h"
#include "apps/supervisor.h"
#include "cli/interrupt.h"
#include "cli/probe.h"
#include "cli/volume_access.h"
#include "fuse/mount.h"

namespace headrace::apps {
namespace {

using cli::Context;
using cli::Exit;
using cli::Outcome;

constexpr Duration kComeUpMax = std::chrono::minutes(2);
constexpr Duration kAnswerMax = std::chrono::seconds(10);

/// The process that serves: the first one, behind `report`, or one that takes over.
Outcome serve(const Context& context, const MountSettings& settings, ReadyReport& report, vfs::TakeoverIndex& index,
              Inheritance& inherited) {
  const bool is_successor = inherited.is_successor();
  index.begin_serving();
  ServerLink link(std::move(inherited.link), context.log);
  MountServer server(settings, context.scheduler, context.log, context.program.version,
                     MountServer::Supervised{inherited, index, link});
  const auto end_now = [&server, &link] {
    link.ending();
    server.abandon();
    _exit(static_cast<int>(Exit::kInterrupted));
  };
  cli::InterruptWatch interrupts(context.scheduler, end_now);
  link.watch(context.scheduler, [&interrupts] { interrupts.stop(); }, end_now);
  const Scope scope{Moment::max(), interrupts.token()};
  if (Outcome started = server.start(scope); !started) {
    if (scope.stop.stop_requested()) started = cli::fail(Exit::kInterrupted, "ended by a signal");
    report.failed(started.error());
    if (!is_successor || server.has_lost_volume()) link.ending();
    if (!is_successor) {
      link.close();
      return started;
    }
    // What the kernel holds is the next server's: nothing of it is closed here.
    context.log.error("the mount cannot be taken over", {{"why", started.error().what}});
    _exit(static_cast<int>(started.error().exit));
  }
  report.ready();
  const Outcome served = server.serve(scope);
  link.ending();
  link.close();
  return served;
}

/// The process that stays: it starts servers until one ends on purpose. Returns in each server too, and serves there.
Outcome supervise(const Context& context, const MountSettings& settings, ReadyReport report) {
  const ProcessSetup setup = set_up_server_process();
  for (const std::string& refused : setup.refused) context.log.warn(refused);
  const auto index = vfs::TakeoverIndex::create();
  if (!index) return cli::fail("cannot mount", index.error());
  const auto give_up = [&] {
    const Result<void> gone = fuse::unmount_fuse(settings.mount_point, fuse::UnmountMode::kForce);
    if (!gone) context.log.error("cannot unmount by force", {{"err", gone.error().text()}});
  };
  Supervisor supervisor(context.log, context.scheduler.clock(), **index, [&report] { report.leave(); }, give_up,
                        {.deaths_max = settings.restarts_max});
  Result<Supervisor::Role> role = supervisor.run();
  if (!role) return cli::fail("cannot start a server", role.error());
  if (role->server) return serve(context, settings, report, **index, *role->server);
  // The server has said why, if there was something to say.
  if (role->status != 0) _exit(role->status);
  return {};
}

/// The process that the person started: the server's word, and a look at the mount, which this process does not serve.
Outcome wait_for_server(const Context& context, const MountSettings& settings, StartedServer& server) {
  if (Outcome started = server.wait(kComeUpMax, settings.log_file); !started) return started;
  const auto seen = cli::look_at(context.within(kAnswerMax), context.scheduler, settings.mount_point + "/.config");
  if (!seen)
    return cli::fail(fmt::format("the mount on {} does not answer", settings.mount_point), seen.error(),
                     settings.log_file + " may say more");
  return {};
}

Outcome run_mount(Context& context) {
  const MemoryLimit memory;
  TRY(const MemoryUse use, memory.use());
  const auto settings = mount_settings(context.options, context.environment, use);
  if (!settings) return std::unexpected<cli::Failure>(settings.error());
  if (!settings->is_background) return supervise(context, *settings, ReadyReport());
  auto split = split_into_background(settings->log_file);
  if (!split) return cli::fail("cannot go into the background", split.error(), "--log FILE names another log file");
  if (split->command) return wait_for_server(context, *settings, *split->command);
  return supervise(context, *settings, *std::move(split->server));
}

}  // namespace

cli::Command mount_command() {
  cli::Command command;
  command.name = "mount";
  command.summary = "Mount a volume";
  command.description =
      "Serves until it is unmounted, or asked to end by SIGINT or SIGTERM: then it unmounts, writes what is left to "
      "the bucket and ends "
      "with 0; a second signal ends it at once. A small process stays above the server and starts another one when it "
      "dies: open files, locks and "
      "mappings go on, and what was written and not yet stored is told as EIO. close() and fsync() return when the "
      "bytes are in the bucket and the metadata is durable.";
  command.arguments = {cli::meta_url_argument(), {"MOUNTPOINT", "a directory"}};
  command.options = mount_option_specs();
  command.refused = refused_mount_options();
  command.examples = {
      {"headrace mount sqlite3:///var/lib/data.db /data -d", "serve in the background"},
      {"headrace mount sqlite3:///var/lib/data.db /data -o ro,allow_other --cache-size 8GiB",
       "for readers of every user"},
  };
  command.forks = true;
  command.run = run_mount;
  return command;
}

}  // namespace headrace::apps
