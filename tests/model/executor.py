# SPDX-License-Identifier: Apache-2.0
"""A process that makes the calls of a model's steps on a real file system, in its own folder, and sends back what came of
them: a value, or the name of an errno. Each program is run by two of these, so that handles are in different processes."""

import ctypes
import errno
import os
import stat
import sys
import time
from multiprocessing.connection import Pipe

from headrace_testing import calls
from headrace_testing.content import content
from headrace_testing.control import place_of

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_longlong]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_libc.msync.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
PROT_READ, PROT_WRITE, MAP_SHARED, MAP_PRIVATE, MS_SYNC = 1, 2, 1, 2, 4
WHOLE_S = 3  # for all files together: some are more than a mount can hold
QUIET_S = 1.2  # longer than a mount waits before it trusts that a file is quiet
_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink"}


class Lost(Exception):
    """The process ended, or did not answer in time."""


class Executor:
    """The parent's end: starts the process, asks it one call at a time."""

    def __init__(self, folder, limit_s):
        self._limit_s = limit_s
        self._pipe, other = Pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self._pipe.close()
            _serve(folder, other)
        other.close()
        self._watch = os.pidfd_open(self.pid)

    def call(self, call):
        try:
            self._pipe.send(call)
            if not self._pipe.poll(self._limit_s):
                raise Lost(f"{call[0]} did not come back within {self._limit_s} s")
            return self._pipe.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise Lost(f"the process that called {call[0]} ended ({self._status()})") from None

    def _status(self):
        _, status = os.waitpid(self.pid, 0)
        self.pid = None
        return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {os.waitstatus_to_exitcode(status)}"

    def end(self):
        """Ends the process. False: it is stuck in the kernel; call again once its mount is gone."""
        self._pipe.close()
        if self.pid is None:
            return True
        os.kill(self.pid, 9)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                self.pid = None
                os.close(self._watch)
                return True
            time.sleep(0.002)
        return False


def _serve(folder, pipe):
    """Answers until the pipe is closed. Never returns."""
    try:
        calls_here = Calls(folder)
        calls_here.enter()
        while True:
            name, *arguments = pipe.recv()
            try:
                answer = getattr(calls_here, name)(*arguments)
            except OSError as problem:
                answer = errno.errorcode.get(problem.errno, str(problem.errno))
            pipe.send(answer)
    except EOFError:
        os._exit(0)
    except BaseException as problem:  # a mistake of the test itself
        print(f"executor: {problem!r}", file=sys.stderr, flush=True)
        os._exit(3)


class Calls:
    """One method a call; a path is below the folder."""

    def __init__(self, folder):
        self._folder = folder
        self.files, self.maps = {}, {}

    def enter(self):
        os.chdir(self._folder)
        return "ok"

    def leave(self):
        os.chdir("/")
        return "ok"

    def mkdir(self, path):
        os.mkdir(path)
        return "ok"

    def symlink(self, target, path):
        os.symlink(target, path)
        return "ok"

    def link(self, old, new):
        os.link(old, new, follow_symlinks=False)
        return "ok"

    def unlink(self, path):
        os.unlink(path)
        return "ok"

    def rmdir(self, path):
        os.rmdir(path)
        return "ok"

    def rename(self, old, new, flags):
        if flags:
            calls.renameat2(old, new, flags)
        else:
            os.rename(old, new)
        return "ok"

    def readlink(self, path):
        return os.readlink(path)

    def stat(self, path, follow):
        return _facts(os.stat(path, follow_symlinks=follow))

    def list(self, path):
        return sorted(os.listdir(path))

    def open(self, slot, path, flags):
        fd = os.open(path, flags, 0o644)
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            os.close(fd)
            return "directory"
        self.files[slot] = fd
        return "ok"

    def close(self, slot):
        os.close(self.files.pop(slot))
        return "ok"

    def fsync(self, slot, data_only):
        (os.fdatasync if data_only else os.fsync)(self.files[slot])
        return "ok"

    def fstat(self, slot):
        return _facts(os.fstat(self.files[slot]))

    def pread(self, slot, offset, length):
        return os.pread(self.files[slot], length, offset)

    def pwrite(self, slot, offset, length, tag, content_offset):
        return os.pwrite(self.files[slot], content(tag, content_offset, content_offset + length), offset)

    def ftruncate(self, slot, length):
        os.ftruncate(self.files[slot], length)
        return "ok"

    def truncate(self, path, length):
        os.truncate(path, length)
        return "ok"

    def fallocate(self, slot, mode, offset, length):
        calls.fallocate(self.files[slot], mode, offset, length)
        return "ok"

    def copy(self, source_slot, slot, source_offset, offset, length, wanted=1):
        """Until `wanted` bytes are copied: one call may copy less than asked, and a file that is copied into itself grows."""
        copied = 0
        while True:
            count = os.copy_file_range(self.files[source_slot], self.files[slot], length - copied, source_offset + copied, offset + copied)
            copied += count
            if count == 0 or copied >= wanted:
                return copied

    def seek(self, slot, offset, for_data):
        return os.lseek(self.files[slot], offset, os.SEEK_DATA if for_data else os.SEEK_HOLE)

    # Not by Python's mmap, which keeps a second descriptor of the file.
    def map(self, slot, handle_slot, offset, length, may_write):
        protection = PROT_READ | (PROT_WRITE if may_write else 0)
        self.maps[slot] = (_map(length, protection, MAP_SHARED, self.files[handle_slot], offset), length)
        return "ok"

    def mread(self, slot, offset, length):
        return ctypes.string_at(self.maps[slot][0] + offset, length)

    def mwrite(self, slot, offset, length, tag, content_offset):
        ctypes.memmove(self.maps[slot][0] + offset, content(tag, content_offset, content_offset + length), length)
        return "ok"

    def msync(self, slot):
        _checked(_libc.msync(*self.maps[slot], MS_SYNC))
        return "ok"

    def unmap(self, slot):
        _checked(_libc.munmap(*self.maps.pop(slot)))
        return "ok"

    def private(self, slot, offset, length):
        page = offset - offset % 4096
        address = _map(offset - page + length, PROT_READ | PROT_WRITE, MAP_PRIVATE, self.files[slot], page)
        try:
            seen = ctypes.string_at(address + offset - page, length)
            ctypes.memset(address + offset - page, 0xEE, length)
            if ctypes.string_at(address + offset - page, length) != b"\xee" * length:
                return "the private mapping did not keep what was stored"
            return seen
        finally:
            _libc.munmap(address, offset - page + length)

    def read_path(self, path, offset, length):
        fd = os.open(path, os.O_RDONLY)
        try:
            parts = []
            while length > 0 and (part := os.pread(fd, min(length, 1 << 20), offset)):
                parts.append(part)
                offset, length = offset + len(part), length - len(part)
            return b"".join(parts)
        finally:
            os.close(fd)

    def settle(self, paths):
        time.sleep(QUIET_S)  # not a wait for something: the mount must see that nothing happens
        deadline = time.monotonic() + WHOLE_S
        for path in paths:
            self.read_path(path, 0, 1 << 40)  # reading all of a file is what brings a copy of it to this node
            while _may_become_whole(path) and time.monotonic() < deadline:
                time.sleep(0.01)
        return "ok"

    def tree(self):
        found = {}
        self._walk("", found)
        return found

    def _walk(self, prefix, found):
        for entry in os.scandir(prefix or "."):
            path = prefix + entry.name
            found[path] = [*_facts(entry.stat(follow_symlinks=False)), os.readlink(path) if entry.is_symlink() else ""]
            if entry.is_dir(follow_symlinks=False):
                self._walk(f"{path}/", found)


def _may_become_whole(path):
    """Whether a copy of the file may be on its way to this node."""
    place = place_of(path)
    return place is not None and "not whole" in place["WhyNotPassthrough"]


def _facts(status):
    kind = _KINDS.get(stat.S_IFMT(status.st_mode), "?")
    return [kind, status.st_nlink, None if kind == "dir" else status.st_size]


def _checked(result):
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _map(length, protection, flags, fd, offset):
    address = _libc.mmap(None, length, protection, flags, fd, offset)
    if address == ctypes.c_void_p(-1).value:
        _checked(-1)
    return address
