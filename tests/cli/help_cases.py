# SPDX-License-Identifier: Apache-2.0
"""What the program says of itself: help, man pages, completion, the reference page."""

import os
import re
import shutil
import subprocess

import place
from place import PLACE, ROOT, CliTest


class Help(CliTest):
    def test_every_command_has_help_that_names_each_of_its_flags(self):
        completion = self.works("completion", "bash")
        for name, flags in place.commands().items():
            with self.subTest(name):
                self.assertIn("--help", flags)
                self.assertTrue(flags >= {"--config", "--log-level"}, flags)
                text = self.works("help", name)
                self.assertEqual(text, self.works(name, "--help"))
                self.assertIn(f"usage: headrace {name}", text)
                self.assertLessEqual(max(map(len, text.splitlines())), 120)
                offered = re.search(rf"^    {name}\) COMPREPLY=\(\$\(compgen -W '([^']*)'", completion, re.MULTILINE)
                if offered:  # hidden commands are not offered
                    self.assertEqual(set(offered.group(1).split()), {flag for flag in flags if flag.startswith("--")})
                else:
                    self.assertEqual(name, "docs")

    def test_every_example_of_help_is_a_line_that_the_program_takes(self):
        for name, flags in place.commands().items():
            for line in re.findall(r"^  (headrace .*)$", self.works("help", name).split("usage:")[0], re.MULTILINE):
                with self.subTest(line):
                    self.assertEqual(line.split()[1], name)
                    used = {word.split("=")[0] for word in line.split() if word.startswith("-")}
                    self.assertLessEqual(used, flags)

    def test_alone_it_shows_the_first_day_on_twelve_lines(self):
        text = self.works()
        self.assertLessEqual(len(text.splitlines()), 12)
        for line in re.findall(r"^  headrace (\w+)", text, re.MULTILINE):
            self.assertIn(line, place.commands())

    def test_version_is_a_line_and_a_document(self):
        version = self.document("Version", "version")["version"]
        self.assertRegex(version, r"^\d+\.\d+\.\d+")
        self.assertEqual(self.works("version"), f"headrace {version}\n")
        self.assertEqual(self.works("--version"), f"headrace {version}\n")

    def test_where_json_is_offered_only_table_and_json_are_taken(self):
        for name, flags in place.commands().items():
            if name != "mount" and "--output" in flags:
                with self.subTest(name):
                    self.refused(2, "--output: one of table, json; got yaml", name, "--output", "yaml", "--config", "/dev/null")


class Completion(CliTest):
    def test_bash_takes_the_script_and_completes_commands_flags_and_choices(self):
        script = self.folder / "headrace.bash"
        script.write_text(self.works("completion", "bash"))
        self.sh('bash -n "$1"', script)
        ask = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _headrace; printf "%s\\n" "${COMPREPLY[@]}"'
        self.assertEqual(self.sh(ask, script, "headrace", "warm").split(), ["warmup"])
        self.assertIn("--cache-size", self.sh(ask, script, "headrace", "mount", "--ca").split())
        self.assertEqual(self.sh(ask, script, "headrace", "status", "--output", "j").split(), ["json"])

    def test_zsh_takes_the_script(self):
        self.check_syntax("zsh", "-n")

    def test_fish_takes_the_script(self):
        self.check_syntax("fish", "--no-execute")

    def check_syntax(self, shell, only_look):
        text = self.works("completion", shell)
        for name in place.commands():
            self.assertTrue(name == "docs" or re.search(rf"\b{name}\b", text), name)
        if shutil.which(shell) is None:
            self.skipTest(f"{shell} is not installed")
        script = self.folder / "script"
        script.write_text(text)
        self.sh('"$1" "$2" "$3"', shell, only_look, script)

    def test_another_shell_is_refused_by_name(self):
        self.refused(2, "bash, zsh and fish, not for 'tcsh'", "completion", "tcsh")


class Pages(CliTest):
    def test_the_reference_page_is_what_the_program_says(self):
        made = self.works("docs", "markdown")
        if os.environ.get("HEADRACE_UPDATE_PAGES"):
            (ROOT / "docs/cli.md").write_text(made)
        self.assertEqual((ROOT / "docs/cli.md").read_text(), made,
                         "docs/cli.md is not up to date: headrace docs markdown > docs/cli.md")

    def test_man_pages_are_rendered_without_a_warning(self):
        self.works("docs", "man", self.folder / "man1")
        pages = sorted((self.folder / "man1").iterdir())
        wanted = {"headrace.1", *(f"headrace-{name}.1" for name in place.commands() if name != "docs")}
        self.assertEqual({page.name for page in pages}, wanted)
        if shutil.which("man") is None or shutil.which("groff") is None:
            self.skipTest("man and groff are not installed")
        for page in pages:
            with self.subTest(page.name):
                shown = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", str(page)], capture_output=True, text=True, timeout=30,
                                       check=True, env={**self.environment(), "MANWIDTH": "100", "MANPAGER": "cat", "LC_ALL": "C.UTF-8"})
                self.assertEqual(shown.stderr, "")
                self.assertIn("EXIT STATUS", shown.stdout)

    def test_a_man_page_explains_every_flag(self):
        self.works("docs", "man", self.folder / "man1")
        for name, flags in place.commands().items():
            if name == "docs":
                continue
            text = (self.folder / f"man1/headrace-{name}.1").read_text().replace("\\-", "-")
            for flag in flags:
                self.assertRegex(text, rf"(?m)^\.B .*{flag}\b", f"{name}: {flag}")

    def test_docs_refuses_what_it_does_not_make(self):
        self.refused(2, "docs makes 'man' or 'markdown', not 'html'", "docs", "html")
        self.refused(2, "docs man needs a folder", "docs", "man")
        self.refused(3, "cannot make the folder", "docs", "man", self.folder / "none/none")


class Installed(CliTest):
    def test_installing_brings_the_program_its_man_pages_and_completions(self):
        build = next((folder for folder in (ROOT / "build").glob("*") if str(PLACE.program.path).startswith(f"{folder}/")), None)
        if build is None or shutil.which("cmake") is None:
            self.skipTest("the program under test is not in a build folder of this tree")
        prefix = self.folder / "usr"
        done = subprocess.run(["cmake", "--install", build, "--prefix", prefix], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        files = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()}
        self.assertLessEqual({"bin/headrace", "share/man/man1/headrace.1", "share/man/man1/headrace-mount.1",
                              "share/bash-completion/completions/headrace", "share/zsh/site-functions/_headrace",
                              "share/fish/vendor_completions.d/headrace.fish"}, files)
        self.sh('bash -n "$1"', prefix / "share/bash-completion/completions/headrace")
        shown = subprocess.run([prefix / "bin/headrace", "--version"], capture_output=True, text=True, timeout=10, check=True)
        self.assertEqual(shown.stdout, self.works("version"))
