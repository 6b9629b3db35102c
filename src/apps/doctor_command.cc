// SPDX-License-Identifier: Apache-2.0
// headrace doctor: what this machine can do, and, asked about a volume, whether its metadata and bucket work.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/doctor_checks.h"
#include "cli/output.h"
#include "cli/volume_access.h"

namespace headrace::apps {
namespace {

using cli::Colour;
using cli::Context;
using cli::Exit;
using cli::Outcome;

constexpr Duration kVolumeMax = std::chrono::seconds(30);

Check failed(std::string name, const cli::Failure& failure) {
  return {std::move(name), Health::kFail, failure.what, failure.hint};
}

/// The volume's metadata, description and bucket, as far as each lets the next be looked at.
std::vector<Check> volume_checks(const Context& context, const std::string& url) {
  const Scope scope = context.within(kVolumeMax);
  auto access = cli::open_volume(scope, context.scheduler, url, true);
  if (!access) return {failed("metadata", access.error())};
  std::vector<Check> checks{
      {"metadata", Health::kOk, fmt::format("volume {} at {}", access->format.name, access->url), ""}};
  const meta::Admission admitted = meta::admission(access->format);
  if (admitted.access == meta::Access::kReadWrite) {
    checks.push_back({"volume", Health::kOk, "can be read and written", ""});
  } else {
    const bool is_refused = admitted.access == meta::Access::kRefused;
    checks.push_back({"volume", is_refused ? Health::kFail : Health::kWarn, admitted.reason, ""});
  }
  const auto store = cli::open_objects(context.scheduler, access->format, {.bucket = context.options.text("bucket")});
  if (!store) {
    checks.push_back(failed("bucket", store.error()));
    return checks;
  }
  const Moment before = context.scheduler.clock().now();
  const Result<void> tested = cli::test_objects(scope, (*store)->objects());
  const double took = std::chrono::duration<double, std::milli>(context.scheduler.clock().now() - before).count();
  if (tested) {
    checks.push_back(
        {"bucket", Health::kOk, fmt::format("an object was written, read and removed in {:.1f} ms", took), ""});
  } else {
    checks.push_back({"bucket", Health::kFail, tested.error().text(), "only --read-only mounts can work"});
  }
  return checks;
}

Colour colour_of(Health health) {
  switch (health) {
    case Health::kOk: return Colour::kGreen;
    case Health::kWarn: return Colour::kYellow;
    case Health::kFail: return Colour::kRed;
    case Health::kNote: break;
  }
  return Colour::kPlain;
}

void print(Context& context, const std::vector<Check>& checks) {
  if (context.wants_json()) {
    auto document = cli::new_document("Doctor");
    document["checks"] = nlohmann::ordered_json::array();
    for (const Check& check : checks) {
      document["checks"].push_back(
          {{"name", check.name}, {"health", name_of(check.health)}, {"what", check.what}, {"remedy", check.remedy}});
    }
    return cli::print_json(context.terminal, document);
  }
  for (const Check& check : checks) {
    const std::string mark =
        context.terminal.on_out(colour_of(check.health), fmt::format("{:<4}", name_of(check.health)));
    context.terminal.out(fmt::format("{}  {:<16} {}\n", mark, check.name, cli::printable(check.what)));
    if (check.health != Health::kOk && !check.remedy.empty())
      context.terminal.out(fmt::format("{:23}{}\n", "", cli::printable(check.remedy)));
  }
}

Outcome run_doctor(Context& context) {
  const auto path = context.environment.find("PATH");
  std::vector<Check> checks =
      machine_checks(look_at_machine(context.log, path == context.environment.end() ? "/usr/bin:/bin" : path->second));
  if (!context.options.arguments.empty()) {
    for (Check& check : volume_checks(context, context.options.arguments[0])) checks.push_back(std::move(check));
  }
  print(context, checks);
  std::size_t failures = 0;
  for (const Check& check : checks) failures += check.health == Health::kFail ? 1 : 0;
  if (failures > 0) return cli::fail(Exit::kFailed, fmt::format("{} of {} checks failed", failures, checks.size()));
  return {};
}

}  // namespace

cli::Command doctor_command() {
  cli::Command command;
  command.name = "doctor";
  command.summary = "Check what this machine can do, and whether a volume works";
  command.description =
      "ok: as it should be. note: good to know. warn: works, but worse than it could. fail: mounting will not work; "
      "then it ends with 1.";
  command.arguments = {{"META-URL", "a volume to look at, too", false}};
  command.options = {cli::bucket_option()};
  command.examples = {{"headrace doctor", "this machine"},
                      {"headrace doctor sqlite3:///var/lib/data.db", "and a volume's metadata and bucket"}};
  command.prints = true;
  command.run = run_doctor;
  return command;
}

}  // namespace headrace::apps
