# SPDX-License-Identifier: Apache-2.0
"""Volumes and mounts of the program under test, each step with a time limit. Nothing here opens a path on a mount, except
in a child process that can be given up (children.run)."""

import json
import os
import select
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from . import children

_CONTROL = "/sys/fs/fuse/connections"
_UNESCAPED = {"\\040": " ", "\\011": "\t", "\\012": "\n", "\\134": "\\"}


class Failed(Exception):
    """The program refused, or did not do in time, what a test needs to go on."""


def mounted():
    """{path: (device number's minor part, type)} of every mount, the topmost one of each path."""
    found = {}
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        words = line.split(" ")
        path = words[4]
        for code, character in _UNESCAPED.items():
            path = path.replace(code, character)
        found[path] = (int(words[2].split(":")[1]), words[words.index("-") + 1])
    return found


def abort(connection):
    """Ends a FUSE connection from outside: everybody who waits for its server gets ENOTCONN."""
    control = Path(_CONTROL)
    if not (control / str(connection)).exists():
        subprocess.run(["mount", "-t", "fusectl", "none", str(control)], timeout=10, capture_output=True, check=False)
    try:
        (control / str(connection) / "abort").write_text("1")
    except OSError:
        pass  # it is gone already


def scratch_folder(name):
    """A new folder of this name below HEADRACE_TEST_DIR (or the system's place for temporary files)."""
    base = os.environ.get("HEADRACE_TEST_DIR") or tempfile.gettempdir()
    return Path(os.path.realpath(tempfile.mkdtemp(prefix=f"{name}.", dir=base)))


class Program:
    """The headrace program, run for one command at a time."""

    def __init__(self, path):
        self.path = str(Path(path).resolve())

    def run(self, *words, limit_s=60, **how):
        """Runs one command to its end; returns the CompletedProcess, whatever its status."""
        try:
            return subprocess.run([self.path, *map(str, words)], capture_output=True, text=True, timeout=limit_s,
                                  check=False, stdin=subprocess.DEVNULL, **how)
        except subprocess.TimeoutExpired as late:
            raise Failed(f"headrace {words[0]}: not done after {limit_s} s: {late.stderr!r}") from None

    def check(self, *words, **how):
        """As run(); raises Failed with what the program said unless its status is 0."""
        done = self.run(*words, **how)
        if done.returncode:
            raise Failed(f"headrace {' '.join(map(str, words))}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def json(self, *words, **how):
        return json.loads(self.check(*words, **how).stdout)


class Volume:
    """A new volume in SQLite with a folder as its bucket, both below `folder`."""

    def __init__(self, program, folder, name="vol", options=()):
        self.program = program
        self.meta_file = folder / "meta.db"
        self.bucket = folder / "bucket"
        self.url = f"sqlite3://{self.meta_file}"
        program.check("format", "--storage", "file", "--bucket", self.bucket, *options, self.url, name)


# What every mount of a test has: other users may look in, little memory, no port.
SMALL = ("--cache-size=256MiB", "--buffer-size=128MiB", "--metrics=off")
MOUNT_OPTIONS = ("-o", "allow_other", *SMALL)


class Mount:
    """A mount served by a process in the foreground, its messages in a file beside the mount point.

        with Mount(program, url, folder / "mnt", ["--lanes=classic"]) as mount: ...

    At the end it is unmounted; Failed if that does not work, or if the server does not end well."""

    def __init__(self, program, url, mount_point, options=(), limit_s=60, usual=MOUNT_OPTIONS):
        self.program = program
        self.path = str(mount_point)
        self.log_file = f"{self.path}.log"
        self._command = [program.path, "mount", *usual, *map(str, options), url, self.path]
        self._limit_s = limit_s
        self._server = None
        self.connection = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        try:
            self.stop()
        except Failed:
            if kind is None:
                raise

    def start(self):
        """Returns once the mount answers. Raises Failed with the end of the log otherwise."""
        os.makedirs(self.path, exist_ok=True)
        with open(self.log_file, "ab") as log:
            self._server = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + self._limit_s
        while self.path not in mounted():
            if self._server.poll() is not None:
                raise Failed(f"headrace mount ended with status {self._server.returncode}\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.give_up()
                raise Failed(f"not mounted after {self._limit_s} s\n{self.log_tail()}")
            time.sleep(0.01)
        self.connection = mounted()[self.path][0]
        answer = children.run(lambda: os.stat(self.path).st_ino, self._limit_s, self.abort)
        if not answer.is_good:
            self.give_up()
            raise Failed(f"the mount does not answer: {answer.text}\n{self.log_tail()}")

    @property
    def pid(self):
        return self._server.pid

    @property
    def is_serving(self):
        return self._server is not None and self._server.poll() is None

    def log_tail(self, lines=40):
        try:
            text = Path(self.log_file).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def abort(self):
        # Numbers of connections are used again: once this mount is gone, its number may be another test's.
        others = {number for path, (number, _) in mounted().items() if path != self.path}
        if self.connection is not None and self.connection not in others:
            abort(self.connection)

    def wait(self, limit_s):
        """The server's exit status; Failed when it does not end in time."""
        try:
            return self._server.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise Failed(f"the server has not ended after {limit_s} s\n{self.log_tail()}") from None

    def server_pid(self):
        """The process that serves below the supervisor; None while there is none."""
        try:
            children_of = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split()
        except OSError:
            return None
        return int(children_of[0]) if children_of else None

    def kill(self):
        """SIGKILL to the server and to the supervisor that would start another one; the dead mount is left in place."""
        server = self.server_pid()
        watch = os.pidfd_open(server) if server else None
        self._server.send_signal(signal.SIGKILL)
        self._server.wait()
        if watch is None:
            return
        signal.pidfd_send_signal(watch, signal.SIGKILL)
        is_gone = select.select([watch], [], [], self._limit_s)[0]
        os.close(watch)
        if not is_gone:
            raise Failed(f"the killed server is still there after {self._limit_s} s")

    def stop(self):
        """Unmounts as a user does and waits for the server's end."""
        try:
            self.program.check("umount", self.path, limit_s=self._limit_s)
            status = self._server.wait(self._limit_s)
        except (Failed, subprocess.TimeoutExpired) as problem:
            self.give_up()
            raise Failed(f"cannot unmount: {problem}\n{self.log_tail()}") from None
        if status:
            raise Failed(f"the server ended with status {status}\n{self.log_tail()}")

    def give_up(self):
        """Takes everything away, whatever state it is in."""
        self.abort()
        if self.path in mounted():
            subprocess.run(["umount", "-l", self.path], timeout=10, capture_output=True, check=False)
        if self._server is not None and self._server.poll() is None:
            self._server.terminate()
            try:
                self._server.wait(5)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait(5)
