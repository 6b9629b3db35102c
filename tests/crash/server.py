# SPDX-License-Identifier: Apache-2.0
"""What serves the tree that the recorders work on, and how it is killed: a mount of Headrace, or (to test the test) nothing but
a folder, where the recorders themselves are killed."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from headrace_testing import children, mounts
from headrace_testing.mounts import Failed

CHECKER = Path(__file__).resolve().parent.parent / "format" / "check_volume.py"
ROOT_INODE = 1  # as a mount shows it; the folder below has another
LIMIT_S = 60


class Folder:
    """A native file system in place of a mount."""

    def __init__(self, folder):
        self.path = str(folder)

    def start(self):
        pass

    def kill(self, workers):
        for pid in workers:
            os.kill(pid, signal.SIGKILL)

    def free(self, way):
        return ""

    def abort(self):
        pass

    def log_tail(self):
        return ""

    def check(self, deep):
        return ""

    def end(self):
        return ""

    def give_up(self):
        pass


class Server(mounts.Mount):
    """A mount that is killed and mounted again, often over what the last one left."""

    def __init__(self, program, volume, mount_point):
        super().__init__(program, volume.url, mount_point, ["--heartbeat=2s"], LIMIT_S)
        self.volume = volume
        os.mkdir(mount_point)

    def start(self):
        """Returns when a living server answers, whatever was mounted there before."""
        with open(self.log_file, "ab") as log:
            self._server = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + self._limit_s
        while time.monotonic() < deadline:
            if self._server.poll() is not None:
                raise Failed(f"headrace mount ended with status {self._server.returncode}\n{self.log_tail()}")
            if place := mounts.mounted().get(self.path):
                self.connection = place[0]
                # A dead mount may still show its cached attributes; only a living one answers statfs.
                answer = children.run(lambda: os.statvfs(self.path) and os.stat(self.path).st_ino, self._limit_s, self.abort)
                if answer.value == ROOT_INODE:
                    return
            time.sleep(0.005)
        self.give_up()
        raise Failed(f"the mount did not answer within {self._limit_s} s\n{self.log_tail()}")

    def kill(self, workers=()):
        super().kill()

    def free(self, way):
        """Takes the dead mount away, in one of the ways that users have. A complaint, or ""."""
        if way == "mount over it":
            return ""
        done = self.program.run("umount", *(["--force"] if way == "umount --force" else []), self.path, limit_s=LIMIT_S)
        if done.returncode:
            return f"headrace {way} of a dead mount: status {done.returncode}\n{done.stdout}{done.stderr}"
        return f"headrace {way} left the dead mount there" if self.path in mounts.mounted() else ""

    def check(self, deep):
        """The volume while nobody serves it: `headrace fsck`, and with `deep` what the format promises. A complaint, or ""."""
        done = self.program.run("fsck", self.volume.url, limit_s=LIMIT_S)
        if done.returncode:
            return f"headrace fsck: status {done.returncode}\n{done.stdout}{done.stderr}"
        return self.check_format("--in-use") if deep else ""

    def check_format(self, *options):
        """tests/format/check_volume.py. A crash may leave objects that nobody asks for (gc finds them), nothing else."""
        done = subprocess.run([sys.executable, "-B", CHECKER, self.volume.meta_file, self.volume.bucket, *options],
                              capture_output=True, text=True, timeout=LIMIT_S * 2, check=False)
        wrong = [line for line in (done.stdout + done.stderr).splitlines() if not (options and "no record asks for" in line)]
        return "\n".join([f"check_volume.py finds {len(wrong)} problems:", *wrong[:10]]) if wrong and done.returncode else ""

    def wait_for_clean_up(self):
        """Until the sessions of the dead and the files that only they held are gone. A complaint, or ""."""
        deadline = time.monotonic() + LIMIT_S
        while True:
            with sqlite3.connect(f"file:{self.volume.meta_file}?mode=ro", uri=True, timeout=10) as meta:
                counts = {table: meta.execute(f"SELECT COUNT(*) FROM jfs_{table}").fetchone()[0]
                          for table in ("session2", "sustained", "delfile")}
            meta.close()
            if counts == {"session2": 1, "sustained": 0, "delfile": 0}:
                return ""
            if time.monotonic() > deadline:
                return f"{LIMIT_S} s after the last crash there are still {counts}; 1, 0, 0 would be right"
            time.sleep(0.2)

    def end(self):
        """Unmounts, collects what crashes left in the bucket, and checks that nothing but the volume remains. A complaint, or ""."""
        complaint = self.wait_for_clean_up()
        if complaint:
            return complaint
        self.stop()
        _make_old(self.volume.bucket)
        done = self.program.run("gc", "--delete", self.volume.url, limit_s=LIMIT_S * 2)
        if done.returncode:
            return f"headrace gc --delete: status {done.returncode}\n{done.stdout}{done.stderr}"
        return self.check_format() or self.check(deep=False)


def _make_old(bucket):
    """gc leaves objects alone that are younger than an hour."""
    then = time.time() - 7200
    for folder, _, files in os.walk(bucket):
        for file in files:
            os.utime(os.path.join(folder, file), (then, then))
