# SPDX-License-Identifier: Apache-2.0
"""The scripts beside the program: what is installed once is not installed again, and the picture in README is what the demo prints."""

import os
import re
import subprocess

from place import ROOT, CliTest

# Stand-ins that keep what is installed in a file and write down how they were called.
DPKG_QUERY = '#!/bin/sh\nwhile read -r name; do echo "$name installed"; done < "$STATE/installed"\n'
APT_GET = '#!/bin/sh\necho "$@" >> "$STATE/calls"\nfor word; do case $word in install) on=yes ;; -*) ;; *) [ -z "$on" ] || echo "$word" >> "$STATE/installed" ;; esac; done\n'


class InstallDeps(CliTest):
    def setUp(self):
        super().setUp()
        programs = self.folder / "bin"
        programs.mkdir()
        for name, text in {"dpkg-query": DPKG_QUERY, "apt-get": APT_GET, "sudo": '#!/bin/sh\nexec "$@"\n'}.items():
            (programs / name).write_text(text)
            os.chmod(programs / name, 0o755)
        (self.folder / "installed").write_text("")
        self.env = self.environment(STATE=str(self.folder), PATH=f"{programs}:{os.environ['PATH']}")

    def install(self, *words, status=0, **more):
        done = subprocess.run([ROOT / "scripts/install-deps.sh", *words], capture_output=True, text=True, timeout=60, check=False,
                              env={**self.env, **more})
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def calls(self):
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def test_the_second_time_there_is_nothing_to_do(self):
        for mode in ("demo", "bench", "test"):
            with self.subTest(mode):
                self.assertIn("installing ", self.install(mode))
                calls = self.calls()
                self.assertEqual(self.install(mode), f"install-deps: nothing to install for {mode}\n")
                self.assertEqual(self.calls(), calls, "apt-get was not asked again")

    def test_a_dry_run_installs_nothing(self):
        self.assertIn("would install ", self.install("test", HEADRACE_DEPS_DRY_RUN="1"))
        self.assertEqual(self.calls(), [])

    def test_another_mode_is_refused(self):
        self.assertIn("build, test, bench or demo, got all", self.install("all", status=2))


class Picture(CliTest):
    def rows(self):
        """The names of the rows that demo.sh prints at its end."""
        demo = (ROOT / "demo.sh").read_text()
        return re.findall(r'^    \("([^"]+)", f?"', demo, re.MULTILINE)

    def test_the_picture_in_readme_has_every_row_that_the_demo_prints(self):
        self.assertGreaterEqual(len(self.rows()), 10)
        picture = (ROOT / "docs/images/demo.svg").read_text()
        for row in self.rows():
            self.assertIn(f">{row}</text>", picture)

    def test_a_picture_is_made_of_the_lines_of_a_log_and_of_nothing_else(self):
        log, picture = self.folder / "log", self.folder / "picture.svg"
        log.write_text("== building\n  not this            1\n\n== end\n\n" + "".join(f"  {row:<40} <{i}> s\n" for i, row in enumerate(self.rows())))
        self.sh('"$1" "$2" "$3"', ROOT / "scripts/render-summary.py", log, picture)
        drawn = picture.read_text()
        self.assertEqual(re.findall(r">&lt;(\d+)&gt; s</text>", drawn), [str(i) for i in range(len(self.rows()))])
        self.assertNotIn("not this", drawn)
        log.write_text("nothing here\n")
        self.assertIn("there is no summary", self.sh('"$1" "$2" "$3"', ROOT / "scripts/render-summary.py", log, picture, status=1))
