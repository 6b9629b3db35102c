# SPDX-License-Identifier: Apache-2.0
"""The processes that work on a mount until it dies. Each keeps a ledger of what it asks and tells every event through a pipe,
before the call and after it has returned, so that whoever reads the pipe knows what was acknowledged and what was in flight."""

import ctypes
import errno
import json
import mmap
import os
import sys
import time
import traceback

from headrace_testing import calls
from headrace_testing.content import content, tag_of

KIB, MIB = 1 << 10, 1 << 20
RECORD_BYTES = 512
SHARED_LOG = "shared/log"
DEAD = ("ECONNABORTED", "ENOTCONN")  # what calls say when the server is gone; the first only if they were with it
MS_SYNC = 4
_libc = ctypes.CDLL(None, use_errno=True)


class Stopped(Exception):
    """A call failed: the end of this worker."""


class Recorder:
    """One worker: its ledger, its part of the tree (below wN, and wN-… in shared/), its pipe."""

    def __init__(self, root, pipe, ledger, rng, seed):
        self.root, self.pipe, self.ledger, self.rng = root, pipe, ledger, rng
        self.home = f"w{ledger.worker}"
        self._seed = seed

    def do(self, event, action):
        """Announces an event, makes the call, and tells how it ended."""
        self.ledger.begin(event)
        self._tell("begin", event)
        try:
            result = action()
        except OSError as problem:
            self._tell("failed", errno.errorcode.get(problem.errno, str(problem.errno)))
            raise Stopped from None
        self._tell("done", None)
        self.ledger.done()
        return result

    def _tell(self, what, value):
        line = memoryview((json.dumps([what, value, time.monotonic()]) + "\n").encode())
        while line:
            line = line[os.write(self.pipe, line) :]

    def path(self, path):
        return f"{self.root}/{path}"

    def exists(self, path):
        return path in self.ledger.names.view

    # Names.

    def mkdir(self, path):
        self.do(["mkdir", path], lambda: os.mkdir(self.path(path)))

    def unlink(self, path):
        self.do(["unlink", path], lambda: os.unlink(self.path(path)))

    def rename(self, old, new):
        self.do(["rename", old, new], lambda: os.rename(self.path(old), self.path(new)))

    def symlink(self, target, path):
        self.do(["symlink", path, target], lambda: os.symlink(target, self.path(path)))

    def rmdir(self, path):
        self.do(["rmdir", path], lambda: os.rmdir(self.path(path)))

    def sync_directory(self, path):
        def action():
            fd = os.open(self.path(path), os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

        self.do(["syncdir", path], action)

    def children(self, path, kind):
        return sorted(p for p, entry in self.ledger.names.view.items() if p.rpartition("/")[0] == path and entry[0] == kind)

    # Files.

    def create(self, path, is_ordered=True):
        number = self.ledger.new_number()
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        fd = self.do(["create", path, number, is_ordered], lambda: os.open(self.path(path), flags, 0o644))
        return File(self, number, fd)

    def open(self, path, flags=0):
        """Opening is no event: nothing changes by it."""
        try:
            return File(self, self.ledger.names.view[path][1], os.open(self.path(path), os.O_RDWR | flags))
        except OSError as problem:
            self._tell("failed", errno.errorcode.get(problem.errno, str(problem.errno)))
            raise Stopped from None

    def append_record(self, fd):
        sequence = self.ledger.appended_max + 1
        tag = tag_of(self._seed, self.home, "record", sequence, self.rng.random())
        data = content(tag, 0, RECORD_BYTES)
        self.do(["append", sequence, tag], lambda: _all(os.write(fd, data), RECORD_BYTES))

    def write_tag(self, number):
        return tag_of(self._seed, self.home, number, self.rng.random())


class File:
    """An open file of a recorder."""

    def __init__(self, recorder, number, fd):
        self._recorder, self.number, self.fd = recorder, number, fd
        self.length = recorder.ledger.files[number].current().length

    def write(self, offset, length):
        tag = self._recorder.write_tag(self.number)
        data = content(tag, offset, offset + length)
        self._recorder.do(["write", self.number, offset, length, tag], lambda: _all(os.pwrite(self.fd, data, offset), length))
        self.length = max(self.length, offset + length)

    def append(self, length):
        self.write(self.length, length)

    def store(self, offset, length):
        """Through a shared mapping, and msync: what that acknowledges is this and all that was written before."""
        page = offset - offset % mmap.PAGESIZE
        tag = self._recorder.write_tag(self.number)
        with mmap.mmap(self.fd, offset - page + length, offset=page) as memory:
            def action():
                memory[offset - page :] = content(tag, offset, offset + length)

            self._recorder.do(["write", self.number, offset, length, tag], action)
            self._recorder.do(["sync", self.number], memory.flush)

    def truncate(self, length):
        self._recorder.do(["truncate", self.number, length], lambda: os.ftruncate(self.fd, length))
        self.length = length

    def punch(self, offset, length):
        mode = calls.FALLOC_PUNCH_HOLE | calls.FALLOC_KEEP_SIZE
        self._recorder.do(["punch", self.number, offset, length], lambda: calls.fallocate(self.fd, mode, offset, length))

    def sync(self):
        call = self._recorder.rng.choice((os.fsync, os.fdatasync))
        self._recorder.do(["sync", self.number], lambda: call(self.fd))

    def close(self):
        self._recorder.do(["sync", self.number], lambda: os.close(self.fd))


def _all(count, wanted):
    if count != wanted:
        raise OSError(errno.EIO, f"{count} of {wanted} bytes were written")


# The work. Each function goes on until a call fails.


def checkpoints(r, biggest=6 * MIB):
    """Write a new file, fsync it, rename it over the old one, fsync the directory: the old one or the new one, nothing else."""
    if not r.exists(r.home):
        r.mkdir(r.home)
    for leftover in [p for p in r.children(r.home, "file") if ".tmp" in p]:
        r.unlink(leftover)
    while True:
        target = f"{r.home}/checkpoint-{r.rng.randrange(3)}"
        part = f"{target}.tmp"
        file = r.create(part)
        size = r.rng.randrange(1, biggest)
        while file.length < size:
            file.append(min(size - file.length, r.rng.randrange(1, 2 * MIB)))
        file.sync()
        file.close()
        r.rename(part, target)
        r.sync_directory(r.home)


def small_checkpoints(r):
    checkpoints(r, 200 * KIB)


def logs(r):
    """Appends; what is there afterwards is a beginning of what was written."""
    if not r.exists(r.home):
        r.mkdir(r.home)
    while True:
        names = r.children(r.home, "file")
        if len(names) > 5:
            r.unlink(names.pop(r.rng.randrange(len(names))))
            r.sync_directory(r.home)
        if len(names) < 4 or r.rng.random() < 0.3:
            file = r.create(f"{r.home}/log-{r.ledger.new_number()}")
        else:
            file = r.open(r.rng.choice(names), os.O_APPEND)
        while file.length < 9 * MIB and r.rng.random() < 0.97:
            file.append(r.rng.choice((8, 100, 4096, 30_000, r.rng.randrange(1, 300 * KIB))))
            if r.rng.random() < 0.2:
                file.sync()
        file.close()
        if file.length >= 9 * MIB:
            r.unlink(next(p for p, e in r.ledger.names.view.items() if e == ("file", file.number)))


def overwrites(r):
    """Writes all over some files, around the borders of blocks and chunks; truncations, holes, stores through mappings."""
    if not r.exists(r.home):
        r.mkdir(r.home)
    middles = {"a": 0, "b": 4 * MIB, "c": 64 * MIB}
    for name in middles:
        if not r.exists(f"{r.home}/{name}"):
            r.create(f"{r.home}/{name}", is_ordered=False).close()
    while True:
        name = r.rng.choice(list(middles))
        file = r.open(f"{r.home}/{name}")
        for _ in range(r.rng.randrange(3, 30)):
            overwrite_once(r, file, middles[name])
        file.close()


def overwrite_once(r, file, middle):
    offset = max(0, middle + r.rng.randrange(-2 * MIB, 2 * MIB))
    length = r.rng.choice((4096, 8192, 512, 65536, r.rng.randrange(1, 100_000), r.rng.randrange(1, 1500 * KIB)))
    kind = r.rng.choices(("write", "page", "sync", "truncate", "punch", "store"), (40, 20, 15, 6, 6, 6))[0]
    if kind == "write":
        file.write(offset, length)
    elif kind == "page":
        file.write(offset - offset % 4096, 4096)
    elif kind == "sync":
        file.sync()
    elif kind == "truncate":
        file.truncate(offset)
    elif kind == "punch":
        file.punch(offset, length)
    elif file.length > offset:
        file.store(offset, min(length, file.length - offset, 256 * KIB))


def trees(r):
    """Small files, closed and renamed and removed; directories made, moved whole and removed; symbolic links."""
    if not r.exists(r.home):
        r.mkdir(r.home)
    while True:
        directories = [r.home] + sorted(p for p, e in r.ledger.names.view.items() if e == ("dir",) and p != r.home)
        files = sorted(p for p, e in r.ledger.names.view.items() if e[0] == "file")
        where = r.rng.choice([*directories, "shared"])
        name = f"{where}/{r.home}-{r.ledger.new_number()}"
        kind = r.rng.choices(("file", "mkdir", "rename", "unlink", "move", "symlink", "rmdir", "sync"),
                             (40, 6, 12, 8 if len(files) < 150 else 60, 4, 3, 4, 10))[0]
        tree_once(r, kind, name, files, directories, where)


def tree_once(r, kind, name, files, directories, where):
    if kind == "file":
        file = r.create(name)
        if r.rng.random() < 0.9:
            file.append(r.rng.choice((1, 100, 4096, r.rng.randrange(1, 40_000))))
        file.close()
    elif kind == "mkdir" and len(directories) < 20 and name.count("/") < 6 and where != "shared":
        fresh = f"{where}/dir-{r.rng.randrange(1 << 30)}"
        r.mkdir(fresh)
    elif kind == "rename" and files:
        old = r.rng.choice(files)
        new = r.rng.choice(files) if r.rng.random() < 0.3 else f"{where}/{r.home}-moved-{r.rng.randrange(1 << 30)}"
        if old != new:
            r.rename(old, new)
    elif kind == "unlink" and files:
        r.unlink(r.rng.choice(files))
    elif kind == "move" and len(directories) > 1:
        old = r.rng.choice(directories[1:])
        if where != "shared" and where != old and not where.startswith(f"{old}/") and where.count("/") + old.count("/") < 8:
            r.rename(old, f"{where}/dir-{r.rng.randrange(1 << 30)}")
    elif kind == "symlink":
        r.symlink(f"target {r.rng.random()}", f"{where}/{r.home}-link-{r.rng.randrange(1 << 30)}")
    elif kind == "rmdir" and len(directories) > 1:
        old = r.rng.choice(directories[1:])
        if not any(p.startswith(f"{old}/") for p in r.ledger.names.view):
            r.rmdir(old)
    elif kind == "sync":
        r.sync_directory(where)


def appends(r):
    """Records at the end of one log that several processes share; beside it files that lose their name while they are open."""
    if not r.exists(r.home):
        r.mkdir(r.home)
    fd = os.open(r.path(SHARED_LOG), os.O_WRONLY | os.O_APPEND)
    while True:
        for _ in range(r.rng.randrange(1, 20)):
            r.append_record(fd)
        r.do(["appendsync"], lambda: os.fsync(fd))
        if r.rng.random() < 0.2:
            name = f"{r.home}/nameless-{r.ledger.new_number()}"
            file = r.create(name)
            file.append(r.rng.randrange(1, 300 * KIB))
            r.unlink(name)
            file.append(r.rng.randrange(1, 300 * KIB))
            file.sync()
            if r.rng.random() < 0.5:
                file.close()


WORK = (checkpoints, small_checkpoints, logs, overwrites, trees, appends, appends)


def work(root, pipe, ledger, rng, seed):
    """The whole life of a worker process. Exit status 0: stopped by a call that failed."""
    try:
        WORK[ledger.worker % len(WORK)](Recorder(root, pipe, ledger, rng, seed))
    except Stopped:
        return 0
    except OSError as problem:
        print(f"worker {ledger.worker}: {problem!r}", file=sys.stderr, flush=True)
        return 0 if errno.errorcode.get(problem.errno) in DEAD else 3
    except BaseException:  # a mistake of the test itself
        traceback.print_exc()
        return 3
    return 0
