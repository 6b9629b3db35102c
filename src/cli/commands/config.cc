// SPDX-License-Identifier: Apache-2.0
// headrace config: the description that a volume has, member by member.
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/volume_access.h"

namespace headrace::cli {
namespace {

using nlohmann::ordered_json;

Outcome run_config(Context& context) {
  auto access = open_volume(context.scope, context.scheduler, context.options.arguments[0], true);
  if (!access) return std::unexpected<Failure>(access.error());
  ordered_json setting = masked_setting(access->format);
  if (context.wants_json()) {
    ordered_json document = new_document("Config");
    document["setting"] = std::move(setting);
    print_json(context.terminal, document);
    return {};
  }
  Fields fields;
  for (const auto& [name, value] : setting.items()) {
    fields.add(name, value.is_string() ? value.get<std::string>()
                                       : value.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
  }
  context.terminal.out(fields.text());
  return {};
}

}  // namespace

Command config_command() {
  Command command;
  command.name = "config";
  command.summary = "Show the description of a volume";
  command.description = "Settings that may change are changed by headrace format --force.";
  command.arguments = {meta_url_argument()};
  const std::string by_format = "headrace format --force changes settings";
  command.refused = {{"capacity", 0, by_format},   {"inodes", 0, by_format},     {"trash-days", 0, by_format},
                     {"bucket", 0, by_format},     {"access-key", 0, by_format}, {"secret-key", 0, by_format},
                     {"min-client-version", 0, "this version does not change it"}, {"max-client-version", 0, "this version does not change it"}};
  command.examples = {{"headrace config sqlite3:///var/lib/data.db", "every member"}};
  command.prints = true;
  command.run = run_config;
  return command;
}

}  // namespace headrace::cli
