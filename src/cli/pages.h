// SPDX-License-Identifier: Apache-2.0
// Pages and scripts made from the table of commands: man pages, docs/cli.md, completion for shells.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace headrace::cli {

struct ManPage {
  std::string file;  // "headrace-mount.1"
  std::string text;  // roff, man(7)
};
/// headrace.1 and one page a command that is listed.
std::vector<ManPage> man_pages(const Program& program);

/// The reference page docs/cli.md.
std::string markdown_page(const Program& program);

/// The completion script of a shell: "bash", "zsh" or "fish".
std::string completion_script(const Program& program, std::string_view shell);

}  // namespace headrace::cli
