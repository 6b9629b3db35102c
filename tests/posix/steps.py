# SPDX-License-Identifier: Apache-2.0
"""What a case does and what it saw: each call is made in the current directory and noted as one observation, a pair of
what was asked and what came. Errors are observations too, by the name of their errno."""

import hashlib
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from headrace_testing import calls  # noqa: E402
from peers import Peer  # noqa: E402

_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo",
          stat.S_IFSOCK: "socket", stat.S_IFCHR: "character device", stat.S_IFBLK: "block device"}
_FLAGS = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_EXCL", "O_TRUNC", "O_APPEND", "O_DIRECTORY", "O_NOFOLLOW", "O_TMPFILE",
          "O_PATH", "O_SYNC", "O_DIRECT", "O_NONBLOCK"]


@dataclass(frozen=True)
class Differs:
    """Headrace shows `value` here, on purpose. `heading` is a heading of docs/semantics.md that says so."""

    value: object
    heading: str


def kind_of(mode):
    return _KINDS[stat.S_IFMT(mode)]


def shown(value):
    """A short form of an argument for people."""
    if isinstance(value, (bytes, str)):
        text = os.fsdecode(value)
        if len(text) > 40 and len(set(text)) > 1:
            return f"{text[:30]}…({len(text)})".encode("unicode_escape").decode()
        text = f"{text[0]}×{len(text)}" if len(text) > 40 else text
        return text.encode("unicode_escape").decode()
    return str(value)


def flags_shown(flags):
    names, left = [], flags
    for name in sorted(_FLAGS, key=lambda n: -bin(getattr(os, n)).count("1")):
        bits = getattr(os, name)
        if bits and left & bits == bits:
            names.append(name)
            left &= ~bits
    return "|".join(sorted(names)) or "O_RDONLY"


class Steps:
    """The calls of one process of a case. Paths are relative to the directory that the case was given."""

    def __init__(self):
        self.observations = []  # [what, value] or [what, value, value on Headrace, heading or ""]

    # What was seen.
    def note(self, what, value, differs=None):
        if isinstance(value, bytes):
            value = value.decode("utf-8", "backslashreplace")
        observation = [what, value]
        if differs is not None:
            observation += [differs.value, differs.heading]
        self.observations.append(observation)

    def must(self, what, value, wanted):
        """As note(), but Headrace must show `wanted`, whatever the native file system does: for what POSIX asks and
        natives do not always keep."""
        self.observations.append([what, value, wanted, ""])

    def attempt(self, what, function, show=None, differs=None):
        """Calls function() and notes "ok" (or what `show` makes of its result), or the errno; returns the result or None."""
        try:
            result = function()
        except OSError as error:
            self.note(what, calls.errno_name(error.errno), differs)
            return None
        self.note(what, show(result) if show else "ok", differs)
        return result

    # Names.
    def mkdir(self, path, mode=0o755, **k):
        return self.attempt(f"mkdir {shown(path)} {mode:o}", lambda: os.mkdir(path, mode), **k)

    def rmdir(self, path, **k):
        return self.attempt(f"rmdir {shown(path)}", lambda: os.rmdir(path), **k)

    def unlink(self, path, **k):
        return self.attempt(f"unlink {shown(path)}", lambda: os.unlink(path), **k)

    def rename(self, source, target, flags=0, **k):
        names = {0: "", 1: " NOREPLACE", 2: " EXCHANGE", 4: " WHITEOUT"}
        what = f"rename {shown(source)} {shown(target)}{names.get(flags, f' flags {flags}')}"
        if flags == 0:
            return self.attempt(what, lambda: os.rename(source, target), **k)
        return self.attempt(what, lambda: calls.renameat2(source, target, flags), **k)

    def link(self, source, target, **k):
        return self.attempt(f"link {shown(source)} {shown(target)}",
                            lambda: os.link(source, target, follow_symlinks=False), **k)

    def symlink(self, target, path, **k):
        return self.attempt(f"symlink {shown(target)} {shown(path)}", lambda: os.symlink(target, path), **k)

    def readlink(self, path, **k):
        return self.attempt(f"readlink {shown(path)}", lambda: os.readlink(os.fsencode(path)), shown, **k)

    def mknod(self, path, mode, device=0, **k):
        return self.attempt(f"mknod {shown(path)} {kind_of(mode)} {mode & 0o7777:o}", lambda: os.mknod(path, mode, device), **k)

    def names(self, path=".", **k):
        """Notes what a directory lists, in the order of names."""
        return self.attempt(f"list {shown(path)}", lambda: sorted(os.listdir(os.fsencode(path))), lambda r: [shown(n) for n in r], **k)

    # Files.
    def open(self, path, flags=os.O_RDONLY, mode=0o644, **k):
        what = f"open {shown(path)} {flags_shown(flags)}" + (f" {mode:o}" if flags & os.O_CREAT else "")
        return self.attempt(what, lambda: os.open(path, flags, mode), **k)

    def close(self, fd, **k):
        return self.attempt("close", lambda: os.close(_real(fd)), **k)

    def write(self, fd, data, **k):
        return self.attempt(f"write {len(data)} bytes", lambda: os.write(_real(fd), data), int, **k)

    def pwrite(self, fd, data, offset, **k):
        return self.attempt(f"pwrite {len(data)} bytes at {offset}", lambda: os.pwrite(_real(fd), data, offset), int, **k)

    def read(self, fd, count, **k):
        return self.attempt(f"read {count}", lambda: os.read(_real(fd), count), content_shown, **k)

    def pread(self, fd, count, offset, **k):
        return self.attempt(f"pread {count} at {offset}", lambda: os.pread(_real(fd), count, offset), content_shown, **k)

    def lseek(self, fd, offset, whence=os.SEEK_SET, **k):
        names = {os.SEEK_SET: "SET", os.SEEK_CUR: "CUR", os.SEEK_END: "END", os.SEEK_DATA: "DATA", os.SEEK_HOLE: "HOLE"}
        return self.attempt(f"lseek {offset} {names[whence]}", lambda: os.lseek(_real(fd), offset, whence), int, **k)

    def fsync(self, fd, **k):
        return self.attempt("fsync", lambda: os.fsync(_real(fd)), **k)

    def ftruncate(self, fd, length, **k):
        return self.attempt(f"ftruncate {length}", lambda: os.ftruncate(_real(fd), length), **k)

    def truncate(self, path, length, **k):
        return self.attempt(f"truncate {shown(path)} {length}", lambda: os.truncate(path, length), **k)

    def fallocate(self, fd, mode, offset, length, **k):
        return self.attempt(f"fallocate mode {mode:#x} {offset}+{length}",
                            lambda: calls.fallocate(_real(fd), mode, offset, length), **k)

    def put(self, path, data=b"", mode=0o644, **k):
        """A new file with this content, closed."""
        def make():
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            try:
                write_all(fd, data)
            finally:
                os.close(fd)

        return self.attempt(f"put {shown(path)} {len(data)} bytes", make, **k)

    def content(self, path, **k):
        return self.attempt(f"content of {shown(path)}", lambda: read_all(path), content_shown, **k)

    # Attributes.
    def stat(self, path, what="type mode nlink uid gid size", follow=False, **k):
        return self.attempt(f"stat {shown(path)}", lambda: os.stat(path, follow_symlinks=follow), lambda r: attributes(r, what), **k)

    def fstat(self, fd, what="type mode nlink uid gid size", **k):
        return self.attempt("fstat", lambda: os.fstat(_real(fd)), lambda r: attributes(r, what), **k)

    def chmod(self, path, mode, **k):
        return self.attempt(f"chmod {shown(path)} {mode:o}", lambda: os.chmod(path, mode), **k)

    def fchmod(self, fd, mode, **k):
        return self.attempt(f"fchmod {mode:o}", lambda: os.fchmod(_real(fd), mode), **k)

    def chown(self, path, uid, gid, follow=False, **k):
        return self.attempt(f"chown {shown(path)} {uid}:{gid}", lambda: os.chown(path, uid, gid, follow_symlinks=follow), **k)

    def access(self, path, mode, **k):
        what = "".join(n for n, b in (("r", os.R_OK), ("w", os.W_OK), ("x", os.X_OK)) if mode & b) or "exists"
        return self.attempt(f"access {shown(path)} {what}", lambda: os.access(path, mode), str, **k)

    def utime(self, path, atime, mtime, **k):
        """Times are (seconds, nanoseconds); the latter may be calls.UTIME_NOW or UTIME_OMIT."""
        return self.attempt(f"utimensat {shown(path)} {_time_shown(atime)} {_time_shown(mtime)}",
                            lambda: calls.utimensat(path, atime, mtime, follow_symlinks=False), **k)

    def times(self, path, what="atime mtime", **k):
        """Notes the exact times: only ones that the case has set."""
        def show(st):
            return " ".join(f"{w}={getattr(st, f'st_{w}_ns')}" for w in what.split())

        return self.attempt(f"times of {shown(path)}", lambda: os.stat(path, follow_symlinks=False), show, **k)

    def moved(self, what, paths, action, look="mtime ctime", differs=None):
        """Does action() and notes for each path which of its times moved by it. `differs` is {path: Differs}."""
        before = {path: _lstat(path) for path in paths}
        calls.wait_for_clock_tick()
        action()
        for path in paths:
            after = _lstat(path)
            if before[path] is None or after is None:
                value = "gone" if after is None else "new"
            else:
                words = [w for w in look.split() if getattr(after, f"st_{w}_ns") != getattr(before[path], f"st_{w}_ns")]
                value = " ".join(words) or "none"
            self.note(f"{what}: times moved of {shown(path)}", value, (differs or {}).get(path))

    def same_inode(self, *paths):
        self.note(f"one inode: {' '.join(map(shown, paths))}", len({_identity(p) for p in paths}) == 1)

    # Other processes.
    def peer(self, name, function, user=None):
        """Starts a process that runs function(steps, line): see peers.Peer."""
        return Peer(self, name, function, user)

    def as_user(self, user, function):
        """Runs function(steps) to its end in a process of this user and notes what it saw."""
        Peer(self, user.name, lambda steps, line: function(steps), user).finish()

    def note_of(self, name, observations):
        self.observations += [[f"{name}: {what}", *rest] for what, *rest in observations]


def _real(fd):
    if fd is None:
        raise OSError(9, "there is no descriptor")
    return fd


def _lstat(path):
    try:
        return os.lstat(path)
    except OSError:
        return None


def _identity(path):
    st = os.lstat(path)
    return st.st_dev, st.st_ino


def _time_shown(pair):
    return {calls.UTIME_NOW: "NOW", calls.UTIME_OMIT: "OMIT"}.get(pair[1], f"{pair[0]}.{pair[1]:09}")


def attributes(st, what):
    kind = kind_of(st.st_mode)
    values = {"type": kind, "mode": f"{st.st_mode & 0o7777:04o}", "nlink": st.st_nlink, "uid": st.st_uid, "gid": st.st_gid,
              # How large a directory is, is each file system's own affair.
              "size": st.st_size if kind in ("file", "symlink") else "-",
              "rdev": f"{os.major(st.st_rdev)}:{os.minor(st.st_rdev)}"}
    return " ".join(f"{w}={values[w]}" for w in what.split())


def content_shown(data):
    """Short contents as they are, long ones as length and digest."""
    if len(data) <= 64:
        return data.decode("latin-1").encode("unicode_escape").decode()
    return f"{len(data)} bytes {hashlib.sha256(data).hexdigest()[:16]}"


def read_all(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        pieces = []
        while piece := os.read(fd, 1 << 20):
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        os.close(fd)


def write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def pattern(size, seed=0):
    """Bytes that show where they come from: any two 16-byte groups of any two seeds differ."""
    groups = [hashlib.md5(b"%d:%d" % (seed, i)).digest() * 64 for i in range(size // 1024 + 1)]
    return b"".join(groups)[:size]
