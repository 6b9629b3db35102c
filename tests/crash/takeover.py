#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the server of a mount again and again while processes work on it, and lets another one take over:

    takeover.py --headrace PATH [--rounds N] [--seed N]

All work goes on: readers of files that the kernel serves by itself, mappings, listings, names that are made and taken, locks, a file
without a name. The only error that may be seen is EIO for bytes that were written and not yet fsynced, once, and what was acknowledged
is there. Prints its seed. Exit status: 0 all held, 1 something was wrong."""

import argparse
import errno
import fcntl
import hashlib
import json
import mmap
import os
import random
import select
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
sys.dont_write_bytecode = True

from headrace_testing import calls, mounts  # noqa: E402
from headrace_testing.content import content, tag_of  # noqa: E402
from headrace_testing.mounts import Failed  # noqa: E402
from stage import BIG, LIMIT_S, PARTS, Stage  # noqa: E402

KIB, MIB = 1 << 10, 1 << 20
RECORD = 512
SMALL, UNDER = 200 * KIB, 2 * MIB
GONE = (errno.ENOTCONN, errno.ECONNABORTED, errno.EIO)


class Wrong(Exception):
    """What a worker saw and may not see."""


class Work:
    """What a worker process has: the mount, a source of chance, whether it is to end, and a count of what it did."""

    def __init__(self, root, rng, stop):
        self.root, self.rng, self._stop = root, rng, stop
        self.counts = Counter()
        self.told = 0  # EIO, for bytes that were not fsynced

    def goes_on(self):
        return not select.select([self._stop], [], [], 0)[0]

    def path(self, name):
        return f"{self.root}/{name}"

    def did(self, what):
        self.counts[what] += 1


def _expect(is_right, text):
    if not is_right:
        raise Wrong(text)


# The work. Each function returns when it is told to end; whatever it raises is a failure.


def read_big(w):
    """An open file that the kernel serves from a backing, and fresh opens of it."""
    wanted = content(tag_of("big"), 0, BIG)
    with open(w.path("big"), "rb", buffering=0) as file:
        while w.goes_on():
            at, size = w.rng.randrange(BIG), w.rng.randrange(1, MIB)
            _expect(os.pread(file.fileno(), size, at) == wanted[at : at + size], f"big: wrong bytes at {at}")
            w.did("read")
            if w.rng.random() < 0.02:
                with open(w.path("big"), "rb") as fresh:
                    _expect(fresh.read() == wanted, "big: a fresh open reads something else")


def cat_slowly(w):
    """A copy that takes several lives of the server."""
    wanted = hashlib.sha256(content(tag_of("big"), 0, BIG)).digest()
    while w.goes_on():
        seen = hashlib.sha256()
        with open(w.path("big"), "rb", buffering=0) as file:
            while piece := file.read(64 * KIB):
                seen.update(piece)
                time.sleep(0.01)
        _expect(seen.digest() == wanted, "a slow copy is not the file")
        w.did("cat")


def read_mapped(w):
    for name, size in (("big", BIG), ("small", SMALL)):
        if w.rng.random() < 0.5:
            break
    wanted = content(tag_of(name), 0, size)
    with open(w.path(name), "rb") as file, mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ) as memory:
        while w.goes_on():
            at = w.rng.randrange(size)
            _expect(memory[at : at + 4096] == wanted[at : at + 4096], f"{name}: a mapping shows wrong bytes at {at}")
            w.did("mapped read")
            if w.rng.random() < 0.001:
                memory.madvise(mmap.MADV_DONTNEED)


def append_and_sync(w):
    """A log with fsync: acknowledged records are there. After EIO it looks how much is, and goes on behind it."""
    acknowledged, written = 0, 0
    fd = os.open(w.path(f"log-{os.getpid()}"), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    while w.goes_on():
        try:
            for _ in range(w.rng.randrange(1, 20)):
                os.pwrite(fd, content(tag_of("log"), written * RECORD, (written + 1) * RECORD), written * RECORD)
                written += 1
            os.fsync(fd)
            acknowledged = written
            w.did("fsync")
        except OSError as problem:
            if problem.errno != errno.EIO:
                raise
            w.told += 1
            length = os.fstat(fd).st_size
            _expect(length >= acknowledged * RECORD, f"log: {length} bytes, {acknowledged * RECORD} were acknowledged")
            written = acknowledged
        got = os.pread(fd, acknowledged * RECORD, 0)
        _expect(got == content(tag_of("log"), 0, acknowledged * RECORD), "log: acknowledged records are not there")
    os.close(fd)


def append_at_the_end(w):
    """O_APPEND by hand-over of nothing but the kernel's word: no record twice, none missing without an error."""
    name = w.path(f"appended-{os.getpid()}")
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
    number, wanted, since_sync = 0, [], []
    while w.goes_on():
        try:
            number += 1
            os.write(fd, number.to_bytes(8, "big") * 8)
            since_sync.append(number)
            w.did("append")
            if w.rng.random() < 0.2:
                os.fsync(fd)
                wanted += since_sync
                since_sync = []
        except OSError as problem:
            if problem.errno != errno.EIO:
                raise
            # What was appended since the last fsync may be there, the record that failed too; and it starts anew.
            w.told += 1
            wanted, since_sync = [*wanted, *(-n for n in since_sync), -number], []
    try:
        os.close(fd)
        wanted += since_sync
    except OSError as problem:
        _expect(problem.errno == errno.EIO, f"close: {problem}")
        w.told += 1
        wanted += [-n for n in since_sync]
    data = Path(name).read_bytes()
    there = [int.from_bytes(data[at : at + 8], "big") for at in range(0, len(data), 64)]
    _expect(all(a < b for a, b in zip(there, there[1:])), "an appended record is there twice, or out of its order")
    missing = {n for n in wanted if n > 0} - set(there)
    _expect(not missing, f"{len(missing)} appended records are missing without an error, the first is {min(missing, default=0)}")


def write_and_close(w):
    """Files that are closed: the close that returned nothing keeps them."""
    number = 0
    while w.goes_on():
        number += 1
        name = w.path(f"files/{os.getpid()}-{number % 20}")
        size = w.rng.randrange(1, 600 * KIB)
        data = content(tag_of(name, number), 0, size)
        try:
            fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            try:
                for at in range(0, size, 128 * KIB):
                    os.write(fd, data[at : at + 128 * KIB])
            finally:
                os.close(fd)
        except OSError as problem:
            if problem.errno != errno.EIO:
                raise
            w.told += 1
            continue
        w.did("close")
        _expect(Path(name).read_bytes() == data, f"{name}: what was closed is not there")


def change_names(w):
    """Each call must be done exactly once, whoever executes it."""
    home = w.path(f"names-{os.getpid()}")
    os.mkdir(home)
    while w.goes_on():
        os.mkdir(f"{home}/a")
        os.rename(f"{home}/a", f"{home}/b")
        fd = os.open(f"{home}/b/file", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.link(f"{home}/b/file", f"{home}/b/second")
        os.symlink("target", f"{home}/b/link")
        os.mknod(f"{home}/other")
        calls_exchange(home)
        _expect(os.readlink(f"{home}/other/link") == "target", "names: the exchange was undone")
        os.setxattr(f"{home}/other/file", "user.a", b"1", os.XATTR_CREATE)
        os.removexattr(f"{home}/other/file", "user.a")
        os.close(fd)
        _expect(sorted(os.listdir(f"{home}/other")) == ["file", "link", "second"], "names: a listing is wrong")
        for name in ("other/file", "other/second", "other/link", "b"):
            os.unlink(f"{home}/{name}")
        os.rmdir(f"{home}/other")
        w.did("round of names")


def calls_exchange(home):
    calls.renameat2(f"{home}/b", f"{home}/other", calls.RENAME_EXCHANGE)


def write_under_readers(w):
    """A reader whom the kernel serves from a backing sees what is written, also when the server that made the backing is dead."""
    number = 0
    with open(w.path("under"), "rb", buffering=0) as reader:
        while w.goes_on():
            number += 1
            at, data = w.rng.randrange(UNDER // 4096) * 4096, content(tag_of("under", number), 0, 4096)
            try:
                fd = os.open(w.path("under"), os.O_WRONLY)
                try:
                    os.pwrite(fd, data, at)
                finally:
                    os.close(fd)
            except OSError as problem:
                if problem.errno != errno.EIO:
                    raise
                w.told += 1
                continue
            _expect(os.pread(reader.fileno(), 4096, at) == data, f"an open reader does not see what was written at {at}")
            w.did("seen write")


def hold_locks(w):
    """A flock and a record lock that nobody else gets, however many servers there are."""
    with open(w.path("locked"), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        fcntl.lockf(file, fcntl.LOCK_EX, 10, 0)
        while w.goes_on():
            child = os.fork()
            if child == 0:
                os._exit(_try_locks(w.path("locked")))
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            _expect(status == 0, f"locks: another process {('', 'has the flock', 'has the record lock', 'met an error')[status]}")
            w.did("lock tried")
            time.sleep(0.02)


def _try_locks(path):
    try:
        with open(path, "r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return 1
            except BlockingIOError:
                pass
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 5)
                return 2
            except BlockingIOError:
                return 0
    except OSError:
        traceback.print_exc()
        return 3


def read_without_a_name(w):
    name = w.path(f"nameless-{os.getpid()}")
    data = content(tag_of("nameless"), 0, 300 * KIB)
    fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(fd, data)
    os.fsync(fd)
    os.unlink(name)
    while w.goes_on():
        _expect(os.pread(fd, len(data), 0) == data, "a file without a name reads something else")
        _expect(os.fstat(fd).st_nlink == 0, "a file without a name has one")
        w.did("nameless read")
        time.sleep(0.005)
    os.close(fd)


def stand_and_list(w):
    """A process whose place is a directory of the mount."""
    os.chdir(w.path("many"))
    wanted = sorted(f"file-{n}" for n in range(300))
    while w.goes_on():
        _expect(os.getcwd() == w.path("many"), f"the place of a process is {os.getcwd()}")
        _expect(sorted(os.listdir()) == wanted, "a listing is not what is there")
        w.did("listing")
        time.sleep(0.01)
    os.chdir("/")


WORK = (read_big, read_big, cat_slowly, read_mapped, read_mapped, append_and_sync, append_and_sync, append_at_the_end, append_at_the_end,
        write_and_close, write_under_readers, change_names, change_names, hold_locks, read_without_a_name, stand_and_list)


class Worker:
    """A process that does one kind of work until it is told to end."""

    def __init__(self, root, work, rng, stop):
        self.name = work.__name__
        self.source, sink = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.source)
            said = {"counts": {}, "told": 0, "wrong": ""}
            w = Work(root, rng, stop)
            try:
                work(w)
            except Wrong as wrong:
                said["wrong"] = str(wrong)
            except BaseException:  # everything goes to the parent
                said["wrong"] = traceback.format_exc()
            said.update(counts=w.counts, told=w.told)
            os.write(sink, json.dumps(said).encode())
            os._exit(0)
        os.close(sink)
        self.said = None

    def has_ended(self):
        return bool(select.select([self.source], [], [], 0)[0])

    def end(self, limit_s, abort):
        """What it said; a complaint instead when it hangs."""
        if not select.select([self.source], [], [], limit_s)[0]:
            os.kill(self.pid, signal.SIGKILL)
            abort()
            os.waitpid(self.pid, 0)
            os.close(self.source)
            return {"counts": {}, "told": 0, "wrong": f"hangs: it has not ended {limit_s} s after it was told to"}
        text = b""
        while piece := os.read(self.source, 1 << 16):
            text += piece
        os.close(self.source)
        os.waitpid(self.pid, 0)
        return json.loads(text) if text else {"counts": {}, "told": 0, "wrong": "it died"}


def furnish(root):
    for name, size in (("big", BIG), ("small", SMALL), ("under", UNDER), ("locked", 100)):
        Path(f"{root}/{name}").write_bytes(content(tag_of(name), 0, size))
    os.mkdir(f"{root}/files")
    os.mkdir(f"{root}/many")
    for number in range(300):
        Path(f"{root}/many/file-{number}").touch()


def warm(root):
    """Until the kernel reads the large files by itself: their copies are whole and they were quiet for a second."""
    for _ in range(60):
        Path(f"{root}/big").read_bytes()
        Path(f"{root}/under").read_bytes()
        time.sleep(0.05)


def kill_under_load(program, folder, options, seed):
    rng = random.Random(seed)
    stage = Stage(program, folder, ["--max-restarts=1000", *options.mount_option])
    counts, told, gaps = Counter(), 0, []
    with stage.mount as mount:
        stage.in_child(lambda: furnish(mount.path))
        stage.in_child(lambda: warm(mount.path))
        stop, told_to_stop = os.pipe()
        workers = [Worker(mount.path, work, random.Random(f"{seed}.{number}"), stop) for number, work in enumerate(WORK)]
        complaints = []
        try:
            for number in range(options.rounds):
                time.sleep(rng.uniform(0.1, options.longest))
                gaps.append(stage.kill_server())
                if ended := [worker.name for worker in workers if worker.has_ended()]:
                    complaints.append(f"after kill {number + 1} these had stopped: {', '.join(ended)}")
                    break
            time.sleep(1)
        finally:
            os.write(told_to_stop, b"x")
            for worker in workers:
                said = worker.end(LIMIT_S, mount.abort)
                counts.update(said["counts"])
                told += said["told"]
                if said["wrong"]:
                    complaints.append(f"{worker.name}: {said['wrong']}")
        if complaints:
            raise Failed("\n".join([*complaints, mount.log_tail()]))
        status = stage.status()
        if status["restarts"] != options.rounds or status.get("supervisorPid") != mount.pid or status["pid"] != mount.server_pid():
            raise Failed(f"status says {status['restarts']} restarts, {status.get('supervisorPid')} above {status['pid']}\n{mount.log_tail(200)}")
        rss = int(next(l for l in Path(f"/proc/{mount.pid}/status").read_text().splitlines() if l.startswith("RssAnon")).split()[1])
        threads = len(os.listdir(f"/proc/{mount.pid}/task"))
        if rss > 8192 or threads != 1:
            raise Failed(f"the supervisor has {rss} KiB and {threads} threads")
    program.check("fsck", stage.volume.url)
    idle = [work.__name__ for work in WORK if not counts]
    if idle or not told:
        raise Failed(f"the test saw too little: {dict(counts)}, {told} EIO")
    print(f"{options.rounds} kills under load, longest pause {max(gaps):.2f} s, {told} times EIO for unsynced bytes, "
          f"{rss} KiB of its own in the supervisor; {dict(counts)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--headrace", metavar="PATH", required=True, help="the program under test")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seed", type=int, help="what chooses; printed, a new one otherwise")
    parser.add_argument("--longest", type=float, default=1.5, metavar="SECONDS", help="how long a server may live")
    parser.add_argument("--mount-option", action="append", default=[], metavar="FLAG", help="for the mount under load")
    parser.add_argument("--part", action="append", choices=["load", *PARTS], help="only these")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else time.time_ns() % (1 << 32)
    print(f"seed {seed}", flush=True)
    folder = mounts.scratch_folder("takeover")
    program = mounts.Program(options.headrace)
    try:
        for name in options.part or ["load", *PARTS]:
            inner = folder / name
            inner.mkdir()
            if name == "load":
                kill_under_load(program, inner, options, seed)
            else:
                PARTS[name](program, inner)
            sys.stdout.flush()
    except Failed as problem:
        print(f"FAILED (seed {seed}): {problem}")
        return 1
    finally:
        if not any(path.startswith(f"{folder}/") for path in mounts.mounted()):
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
