# SPDX-License-Identifier: Apache-2.0
"""Where the commands are tried, and how: each as a process with a time limit and an environment of its own. The process that runs the
tests never looks at a mount itself."""

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
import unittest
from pathlib import Path

from headrace_testing import mounts

ROOT = Path(__file__).resolve().parent.parent.parent
# What every mount of a test has: little memory, a log of its own, no port unless asked for.
SMALL = ("--cache-size=128MiB", "--buffer-size=64MiB")


class Place:
    """Filled in once by run.py."""

    def __init__(self):
        self.program = self.folder = None
        self._next = 0

    def use(self, program, folder):
        self.program, self.folder = mounts.Program(program), folder
        os.chmod(folder, 0o755)

    def new_folder(self):
        self._next += 1
        folder = self.folder / f"t{self._next}"
        folder.mkdir()
        return folder


PLACE = Place()


class CliTest(unittest.TestCase):
    """A test with an empty folder of its own (`self.folder`), which is also HOME."""

    def setUp(self):
        self.folder = PLACE.new_folder()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.url = f"sqlite3://{self.folder}/meta.db"
        self.bucket = self.folder / "bucket"

    def needs_root(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")

    def environment(self, **more):
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR", "HEADRACE_TEST_RUN") if name in os.environ}
        return {**kept, "HOME": str(self.folder), "NO_COLOR": "1", **more}

    def headrace(self, *words, env=None, **how):
        """Runs one command; its CompletedProcess, whatever its status."""
        how.setdefault("cwd", self.folder)
        return PLACE.program.run(*words, env=self.environment(**(env or {})), **how)

    def works(self, *words, **how):
        """Standard output of a command that must end with 0."""
        done = self.headrace(*words, **how)
        self.assertEqual(done.returncode, 0, f"headrace {' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
        return done.stdout

    def document(self, kind, *words, status=0, **how):
        """The JSON document that a command prints, which must be of this kind."""
        done = self.headrace(*words, "--output", "json", **how)
        self.assertEqual(done.returncode, status, f"headrace {' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
        document = json.loads(done.stdout)
        self.assertEqual((document["apiVersion"], document["kind"]), ("headrace/v1", kind))
        return document

    def refused(self, status, what, *words, hint=None, **how):
        """A command that must end with this status and one line that says what failed (a regular expression), and at most one that
        says what to do. Nothing goes to standard output."""
        done = self.headrace(*words, **how)
        said = f"headrace {' '.join(map(str, words))}\nstatus {done.returncode}\n{done.stdout}{done.stderr}"
        lines = done.stderr.splitlines()
        self.assertEqual(done.returncode, status, said)
        self.assertEqual(done.stdout, "", said)
        self.assertTrue(lines and lines[0].startswith("error: "), said)
        self.assertRegex(lines[0], what, said)
        self.assertEqual([line[:7] for line in lines[1:]], ["hint:  "] * (len(lines) - 1), said)
        self.assertLessEqual(len(lines), 2, said)
        if hint:
            self.assertRegex("".join(lines[1:]), hint, said)
        return done.stderr

    def new_volume(self, *options, name="vol"):
        """A volume at self.url over self.bucket; its description as format prints it."""
        return self.document("Format", "format", self.url, name, "--bucket", self.bucket, *options)

    def mount(self, *options, path=None, **how):
        """Mounts self.url in the background on a new folder, until the test ends; the mount point."""
        path = path or self.folder / "mnt"
        path.mkdir(exist_ok=True)
        options = options if any(str(option).startswith("--metrics") for option in options) else ("--metrics=off", *options)
        self.addCleanup(self.end_mount, path)
        self.works("mount", "-d", "--log", self.folder / "log", *SMALL, *options, self.url, path, **how)
        return path

    def end_mount(self, path):
        """Takes away what a failed test left."""
        if str(path) not in mounts.mounted():
            return
        self.headrace("umount", path)
        if str(path) in mounts.mounted():
            mounts.abort(mounts.mounted()[str(path)][0])
            subprocess.run(["umount", "-l", path], timeout=10, capture_output=True, check=False)

    def unmount(self, path, *options):
        self.works("umount", *options, path)
        self.assertNotIn(str(path), mounts.mounted())

    def sh(self, script, *words, status=0, limit_s=30, **how):
        """Output of a shell script, with $1 and so on, in a process of its own."""
        how.setdefault("cwd", "/")
        done = subprocess.run(["/bin/bash", "-uo", "pipefail", "-c", script, "sh", *map(str, words)], capture_output=True, text=True,
                              timeout=limit_s, check=False, stdin=subprocess.DEVNULL, env=self.environment(), **how)
        if status is not None:
            self.assertEqual(done.returncode, status, f"{script}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def on_terminal(self, *words, typed="", limit_s=30, colour=False):
        """Runs a command on a terminal of its own, where it may ask: (status, what the terminal showed)."""
        environment = self.environment(TERM="xterm")
        if colour:
            del environment["NO_COLOR"]
        leader, follower = pty.openpty()
        child = subprocess.Popen([PLACE.program.path, *map(str, words)], stdin=follower, stdout=follower, stderr=follower,
                                 cwd=self.folder, env=environment, start_new_session=True)
        os.close(follower)
        os.write(leader, typed.encode())
        shown, deadline = b"", time.monotonic() + limit_s
        while time.monotonic() < deadline and select.select([leader], [], [], limit_s)[0]:
            try:
                piece = os.read(leader, 4096)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            shown += piece
        os.close(leader)
        return child.wait(limit_s), shown.decode(errors="replace")

    def objects(self):
        """{key: bytes} of the bucket's blocks."""
        return {str(path.relative_to(self.bucket)): path.stat().st_size
                for path in self.bucket.rglob("chunks/**/*") if path.is_file()}


def commands():
    """{name: set of its flags} of the program's commands, the hidden ones too, out of its own help."""
    listed = re.findall(r"^  ([a-z]+) {2,}\S", PLACE.program.check("help").stdout, re.MULTILINE)
    return {name: flags_in(PLACE.program.check(name, "--help").stdout) for name in [*listed, "docs"]}


def flags_in(help_text):
    """The flags that a help text explains, short ones too."""
    found = set()
    for line in help_text.split("\nflags:\n", 1)[-1].splitlines():
        match = re.match(r"  (?:(-\w), |    )(--[a-z-]+)", line)
        if match:
            found |= {flag for flag in match.groups() if flag}
    return found


def main(modules):
    """run.py's work: runs the cases of these modules."""
    loader = unittest.TestLoader()
    suite = unittest.TestSuite(loader.loadTestsFromName(module) for module in modules)
    if loader.errors:
        sys.exit("\n".join(loader.errors))
    if suite.countTestCases() == 0:
        sys.exit(f"no tests in {modules}")
    return unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful()
