# SPDX-License-Identifier: Apache-2.0
"""Beginnings and ends of a mount under its supervisor: how its server is killed, and what else may end either of them."""

import hashlib
import os
import select
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

from headrace_testing import children, mounts
from headrace_testing.content import content, tag_of
from headrace_testing.mounts import Failed

LIMIT_S = 60
BIG = 12 << 20


class Stage:
    """A volume and a mount of it, and how its server is killed."""

    def __init__(self, program, folder, options=()):
        self.program = program
        self.volume = mounts.Volume(program, folder, options=["--trash-days=0"])
        self.mount = mounts.Mount(program, self.volume.url, folder / "mnt", ["--heartbeat=2s", *options], LIMIT_S)

    def in_child(self, function, limit_s=LIMIT_S):
        ended = children.run(function, limit_s, self.mount.abort)
        if not ended.is_good:
            raise Failed(f"{ended.how}: {ended.text}\n{self.mount.log_tail()}")
        return ended.value

    def kill_server(self):
        """SIGKILL; returns when another one answers."""
        old = self.mount.server_pid()
        if old is None:
            raise Failed(f"the server had died before it was killed\n{self.mount.log_tail(200)}")
        os.kill(old, signal.SIGKILL)
        began = time.monotonic()
        while (new := self.mount.server_pid()) in (None, old):
            if time.monotonic() > began + LIMIT_S or not self.mount.is_serving:
                raise Failed(f"no other server came\n{self.mount.log_tail()}")
            time.sleep(0.005)
        self.in_child(lambda: os.statvfs(self.mount.path).f_bsize)
        return time.monotonic() - began

    def status(self):
        return self.program.json("status", "--output=json", self.mount.path)


def end_a_crash_loop(program, folder):
    stage = Stage(program, folder, ["--max-restarts=2"])
    stage.mount.start()
    try:
        stage.kill_server()
        stage.kill_server()
        reader = subprocess.Popen(["sleep", "60"], cwd=stage.mount.path)
        os.kill(stage.mount.server_pid(), signal.SIGKILL)
        status = stage.mount.wait(LIMIT_S)
        reader.kill()
        reader.wait()
        if status == 0:
            raise Failed("the supervisor ended well after a crash loop")
        if stage.mount.path in mounts.mounted():
            raise Failed("a mount that was given up is still there")
        if "given up" not in stage.mount.log_tail():
            raise Failed(f"the log does not say that the mount was given up\n{stage.mount.log_tail()}")
    finally:
        stage.mount.give_up()
    print("a crash loop ends the mount")


def lose_the_supervisor(program, folder):
    stage = Stage(program, folder)
    stage.mount.start()
    server = stage.mount.server_pid()
    watch = os.pidfd_open(server)
    try:
        os.kill(stage.mount.pid, signal.SIGKILL)
        stage.mount.wait(LIMIT_S)
        stage.in_child(lambda: Path(f"{stage.mount.path}/file").write_bytes(b"x"))
        if "supervisorPid" in stage.status():
            raise Failed("status shows a supervisor that is dead")
        program.check("umount", stage.mount.path)
        if not select.select([watch], [], [], LIMIT_S)[0]:
            raise Failed("the server without a supervisor does not end when it is unmounted")
    finally:
        stage.mount.give_up()
    print("a server without its supervisor goes on and ends well")


def free_what_both_left(program, folder):
    for way in ("umount", "mount"):
        inner = folder / way
        inner.mkdir()
        stage = Stage(program, inner)
        stage.mount.start()
        stage.mount.kill()
        if way == "umount":
            program.check("umount", stage.mount.path)
        else:
            # In the background, over what is there.
            program.check("mount", "-d", "--log", inner / "log", *mounts.MOUNT_OPTIONS, stage.volume.url, stage.mount.path)
            program.check("umount", stage.mount.path)
        if stage.mount.path in mounts.mounted():
            raise Failed(f"{way} left a dead mount")
    print("what two killed processes leave is freed by umount and by mount")


def end_when_asked(program, folder):
    for who in ("supervisor", "server"):
        inner = folder / who
        inner.mkdir()
        stage = Stage(program, inner)
        stage.mount.start()
        stage.in_child(lambda: Path(f"{stage.mount.path}/file").write_bytes(b"x"))
        os.kill(stage.mount.pid if who == "supervisor" else stage.mount.server_pid(), signal.SIGTERM)
        status = stage.mount.wait(LIMIT_S)
        if status or stage.mount.path in mounts.mounted():
            stage.mount.give_up()
            raise Failed(f"SIGTERM to the {who}: status {status}\n{stage.mount.log_tail()}")
        stage.mount.start()
        stage.in_child(lambda: os.stat(f"{stage.mount.path}/file").st_size)
        program.check("umount", "--flush", stage.mount.path)
        stage.mount.wait(1)
    print("SIGTERM to either process ends both, umount --flush waits for both")


def only_read(program, folder):
    stage = Stage(program, folder)
    stage.mount.start()
    stage.in_child(lambda: Path(f"{stage.mount.path}/file").write_bytes(content(tag_of("file"), 0, BIG)))
    program.check("umount", "--flush", stage.mount.path)
    stage.mount = mounts.Mount(program, stage.volume.url, folder / "read", ["--read-only"], LIMIT_S)
    stage.mount.start()

    try:
        reader = subprocess.Popen(["bash", "-c", "exec 3< file; echo open; read; sha256sum <&3; touch other"], cwd=stage.mount.path, env={**os.environ, "LC_ALL": "C"},
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if reader.stdout.readline() != "open\n":
            raise Failed("the reader does not begin")
        stage.kill_server()
        said, _ = reader.communicate("go\n", LIMIT_S)
        wanted = hashlib.sha256(content(tag_of("file"), 0, BIG)).hexdigest()
        if not said.startswith(wanted) or "Read-only file system" not in said:
            raise Failed(f"a read-only mount after its server was killed: {said}")
        program.check("umount", stage.mount.path)
    finally:
        stage.mount.give_up()
    print("a read-only mount goes on and stays read-only")


def lose_the_volume(program, folder):
    for way in ("replaced", "gone", "session"):
        inner = folder / way
        inner.mkdir()
        stage = Stage(program, inner, ["--heartbeat=1s"])
        other = inner / "other"
        other.mkdir()
        stranger = mounts.Volume(program, other)
        stage.mount.start()
        try:
            stage.in_child(lambda: Path(f"{stage.mount.path}/file").write_bytes(b"x"))
            if way == "replaced":
                os.rename(stranger.meta_file, stage.volume.meta_file)
            elif way == "gone":
                os.unlink(stage.volume.meta_file)
            else:
                with sqlite3.connect(stage.volume.meta_file, timeout=10) as meta:
                    meta.execute("DELETE FROM jfs_session2")
                meta.close()
            status = stage.mount.wait(LIMIT_S)
            if status == 0 or stage.mount.path in mounts.mounted():
                raise Failed(f"{way}: the mount ended with status {status}")
            lines = [line for line in stage.mount.log_tail().splitlines() if "the volume is lost" in line]
            if len(lines) != 1:
                raise Failed(f"{way}: the log says {len(lines)} times that the volume is lost\n{stage.mount.log_tail()}")
        finally:
            stage.mount.give_up()
    print("a volume that is replaced, gone or cleaned up after stops its mount")


PARTS = {"loop": end_a_crash_loop, "supervisor": lose_the_supervisor, "free": free_what_both_left, "ask": end_when_asked,
         "read": only_read, "lost": lose_the_volume}
