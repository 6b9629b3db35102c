# SPDX-License-Identifier: Apache-2.0
"""Where the programs run, and how: always as processes of their own with a time limit, for a mount may hang. The process that
runs the tests never looks at the mount itself."""

import os
import select
import shutil
import signal
import subprocess
import sys
import time
import unittest


class Place:
    """Filled in once by run.py."""

    def __init__(self):
        self.root = self.scratch = self.mount = None

    def use(self, root, scratch, mount=None):
        self.root, self.scratch, self.mount = root, str(scratch), mount

    @property
    def is_mount(self):
        return self.mount is not None

    def unstick(self):
        if self.mount is not None:
            self.mount.abort()


PLACE = Place()


class ProgramTest(unittest.TestCase):
    """A test with a folder on the mount (`self.here`) and one beside it on a native file system (`self.native`)."""

    needs = ()
    limit_s = 60

    def setUp(self):
        missing = [name for name in self.needs if shutil.which(name) is None]
        if missing:
            self.skipTest(f"not installed: {', '.join(missing)}")
        name = self.id().rpartition(".")[2][:60]
        self.here = f"{PLACE.root}/{name}"
        self.native = f"{PLACE.scratch}/native-{name}"
        os.mkdir(self.native)
        self.sh('mkdir "$here"', cwd="/")
        self.addCleanup(shutil.rmtree, self.native, ignore_errors=True)

    def start(self, *words, cwd=None, **how):
        """A process in a session of its own, which is ended with the test."""
        environment = {**os.environ, "here": self.here, "native": self.native, "GIT_CONFIG_NOSYSTEM": "1", "HOME": self.native,
                       "LC_ALL": "C.UTF-8", "GIT_CEILING_DIRECTORIES": PLACE.root}
        # The shell changes the directory: Popen would do it before exec, with this process waiting for the answer.
        command = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', cwd or self.here, *map(str, words)]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 errors="replace", env=environment, start_new_session=True, **how)
        self.addCleanup(self.end, child)
        return child

    def end(self, child):
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                PLACE.unstick()
                child.wait(5)
        if child.stdout:
            child.stdout.close()

    def finish(self, child, limit_s=None):
        """(status, output) of a process; the test fails when it takes too long."""
        try:
            output, _ = child.communicate(timeout=limit_s or self.limit_s)
        except subprocess.TimeoutExpired:
            self.fail(f"{child.args}: not done after {limit_s or self.limit_s} s")
        return child.returncode, output

    def next_line(self, child, limit_s=20):
        """The next line that a process prints; the test fails when there is none in time."""
        line, deadline = b"", time.monotonic() + limit_s
        while not line.endswith(b"\n"):
            if not select.select([child.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                self.fail(f"{child.args}: no line after {limit_s} s, only {line!r}")
            byte = os.read(child.stdout.fileno(), 1)
            if not byte:
                self.fail(f"{child.args}: ended after {line!r}")
            line += byte
        return line.decode("utf-8", "replace")

    def run_program(self, *words, cwd=None, limit_s=None):
        """Output of a program that must end with status 0."""
        status, output = self.finish(self.start(*words, cwd=cwd), limit_s)
        self.assertEqual(status, 0, f"{' '.join(map(str, words))}\n{output}")
        return output

    def sh(self, script, cwd=None, limit_s=None):
        """As run_program, for a shell script that stops at the first error; $here and $native are the two folders."""
        return self.run_program("/bin/bash", "-euo", "pipefail", "-c", script, cwd=cwd, limit_s=limit_s)

    def python(self, script, *arguments, limit_s=None):
        return self.run_program(sys.executable, "-B", "-c", script, *arguments, limit_s=limit_s)
