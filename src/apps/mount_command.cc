// SPDX-License-Identifier: Apache-2.0
// headrace mount: settings, perhaps the way into the background, a server.
#include <fmt/format.h>
#include <unistd.h>

#include "apps/commands.h"
#include "apps/daemon.h"
#include "apps/mount_options.h"
#include "apps/mount_server.h"
#include "apps/process_setup.h"
#include "cli/interrupt.h"
#include "cli/probe.h"
#include "cli/volume_access.h"

namespace headrace::apps {
namespace {

using cli::Context;
using cli::Exit;
using cli::Outcome;

constexpr Duration kComeUpMax = std::chrono::minutes(2);
constexpr Duration kAnswerMax = std::chrono::seconds(10);

/// The process that serves, in the foreground or behind `report`.
Outcome serve(const Context& context, const MountSettings& settings, ReadyReport& report) {
  const ProcessSetup setup = set_up_server_process();
  for (const std::string& refused : setup.refused) context.log.warn(refused);
  MountServer server(settings, context.scheduler, context.log, context.program.version);
  cli::InterruptWatch interrupts(context.scheduler, [&server] {
    server.abandon();
    _exit(static_cast<int>(Exit::kInterrupted));
  });
  const Scope scope{Moment::max(), interrupts.token()};
  if (Outcome started = server.start(scope); !started) {
    if (interrupts.has_come()) started = cli::fail(Exit::kInterrupted, "ended by a signal");
    report.failed(started.error());
    return started;
  }
  report.ready();
  return server.serve(scope);
}

/// The process that the person started: the server's word, and a look at the mount, which this process does not serve.
Outcome wait_for_server(const Context& context, const MountSettings& settings, StartedServer& server) {
  if (Outcome started = server.wait(kComeUpMax, settings.log_file); !started) return started;
  const auto seen = cli::look_at(context.within(kAnswerMax), context.scheduler, settings.mount_point + "/.config");
  if (!seen) return cli::fail(fmt::format("the mount on {} does not answer", settings.mount_point), seen.error(), settings.log_file + " may say more");
  return {};
}

Outcome run_mount(Context& context) {
  const MemoryLimit memory;
  TRY(const MemoryUse use, memory.use());
  const auto settings = mount_settings(context.options, context.environment, use);
  if (!settings) return std::unexpected<cli::Failure>(settings.error());
  if (!settings->is_background) {
    ReadyReport nobody;
    return serve(context, *settings, nobody);
  }
  auto split = split_into_background(settings->log_file);
  if (!split) return cli::fail("cannot go into the background", split.error(), "--log FILE names another log file");
  if (split->command) return wait_for_server(context, *settings, *split->command);
  return serve(context, *settings, *split->server);
}

}  // namespace

cli::Command mount_command() {
  cli::Command command;
  command.name = "mount";
  command.summary = "Mount a volume";
  command.description =
      "Serves until it is unmounted, or asked to end by SIGINT or SIGTERM: then it unmounts, writes what is left to the bucket and ends "
      "with 0; a second signal ends it at once. close() and fsync() return when the bytes are in the bucket and the metadata is durable.";
  command.arguments = {cli::meta_url_argument(), {"MOUNTPOINT", "a directory"}};
  command.options = mount_option_specs();
  command.refused = refused_mount_options();
  command.examples = {
      {"headrace mount sqlite3:///var/lib/data.db /data -d", "serve in the background"},
      {"headrace mount sqlite3:///var/lib/data.db /data -o ro,allow_other --cache-size 8GiB", "for readers of every user"},
  };
  command.forks = true;
  command.run = run_mount;
  return command;
}

}  // namespace headrace::apps
