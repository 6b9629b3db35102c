# SPDX-License-Identifier: Apache-2.0
"""System calls that Python's os module lacks, with the same face: they raise OSError. Linux, glibc."""

import ctypes
import ctypes.util
import errno
import mmap
import os
import struct
import time

_libc = ctypes.CDLL(None, use_errno=True)
_off = ctypes.c_longlong

RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4
FALLOC_KEEP_SIZE, FALLOC_PUNCH_HOLE, FALLOC_COLLAPSE_RANGE = 1, 2, 8
FALLOC_ZERO_RANGE, FALLOC_INSERT_RANGE, FALLOC_UNSHARE_RANGE = 0x10, 0x20, 0x40
AT_FDCWD, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH = -100, 0x400, 0x1000
UTIME_NOW, UTIME_OMIT = (1 << 30) - 1, (1 << 30) - 2
F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW = 36, 37, 38
FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FICLONE = 0x80086601, 0x40086602, 0x40049409
CLOCK_REALTIME_COARSE = 5


def errno_name(number):
    """The name that the manual pages use where a number has two."""
    usual = {errno.EOPNOTSUPP: "EOPNOTSUPP", errno.EAGAIN: "EAGAIN", errno.EDEADLK: "EDEADLK"}
    return usual.get(number) or errno.errorcode.get(number, str(number))


def _checked(result, what=""):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


def renameat2(source, target, flags):
    _checked(_libc.renameat2(AT_FDCWD, os.fsencode(source), AT_FDCWD, os.fsencode(target), ctypes.c_uint(flags)), source)


def linkat(source_fd, source, target, flags):
    _checked(_libc.linkat(source_fd, os.fsencode(source), AT_FDCWD, os.fsencode(target), flags), target)


def fallocate(fd, mode, offset, length):
    _checked(_libc.fallocate(fd, mode, _off(offset), _off(length)))


def utimensat(path, atime, mtime, follow_symlinks=True):
    """Each time is (seconds, nanoseconds); the nanoseconds may be UTIME_NOW or UTIME_OMIT."""
    times = struct.pack("qqqq", *atime, *mtime)
    _checked(_libc.utimensat(AT_FDCWD, os.fsencode(path), times, 0 if follow_symlinks else 0x100), path)


def ioctl_long(fd, request, value=0):
    """An ioctl whose argument points to one long; returns the long afterwards."""
    cell = ctypes.c_long(value)
    _checked(_libc.ioctl(fd, ctypes.c_ulong(request), ctypes.byref(cell)))
    return cell.value


def ioctl_number(fd, request, value):
    """An ioctl whose argument is a number itself."""
    _checked(_libc.ioctl(fd, ctypes.c_ulong(request), ctypes.c_ulong(value)))


def umask_of(function, mask):
    before = os.umask(mask)
    try:
        return function()
    finally:
        os.umask(before)


def wait_for_clock_tick():
    """Until the clock that file systems stamp with has moved on: two stamps around this differ."""
    start = time.clock_gettime_ns(CLOCK_REALTIME_COARSE)
    while time.clock_gettime_ns(CLOCK_REALTIME_COARSE) == start:
        time.sleep(0.001)
    start = time.clock_gettime_ns(CLOCK_REALTIME_COARSE)
    while time.clock_gettime_ns(CLOCK_REALTIME_COARSE) == start:
        time.sleep(0.001)


class _Dirent(ctypes.Structure):
    _fields_ = [("ino", ctypes.c_ulonglong), ("off", _off), ("reclen", ctypes.c_ushort), ("type", ctypes.c_ubyte),
                ("name", ctypes.c_char * 256)]


class Directory:
    """An open directory stream (opendir and its kin), for telldir, seekdir and rewinddir."""

    def __init__(self, path):
        self._stream = _stream_call("opendir", ctypes.c_void_p)(os.fsencode(path))
        if not self._stream:
            _checked(-1, path)

    def read(self):
        """(name, inode, type) of the next entry; None at the end."""
        ctypes.set_errno(0)
        entry = _stream_call("readdir64", ctypes.POINTER(_Dirent))(ctypes.c_void_p(self._stream))
        if not entry:
            if ctypes.get_errno():
                _checked(-1)
            return None
        return entry.contents.name, entry.contents.ino, entry.contents.type

    def rest(self):
        """The names from here to the end."""
        names = []
        while (entry := self.read()) is not None:
            names.append(entry[0])
        return names

    def tell(self):
        return _stream_call("telldir", ctypes.c_long)(ctypes.c_void_p(self._stream))

    def seek(self, place):
        _stream_call("seekdir", None)(ctypes.c_void_p(self._stream), ctypes.c_long(place))

    def rewind(self):
        _stream_call("rewinddir", None)(ctypes.c_void_p(self._stream))

    def close(self):
        _checked(_stream_call("closedir", ctypes.c_int)(ctypes.c_void_p(self._stream)))
        self._stream = None


def _stream_call(name, result):
    function = getattr(_libc, name)
    function.restype = result
    return function


def getdents(fd, buffer_bytes):
    """One getdents64 with a buffer of this size: [(name, inode, offset, type)], empty at the end."""
    buffer = ctypes.create_string_buffer(buffer_bytes)
    count = _checked(_libc.syscall(ctypes.c_long(_NR_GETDENTS64), fd, buffer, buffer_bytes))
    data, entries, at = buffer.raw[:count], [], 0
    while at < count:
        inode, offset, length, kind = struct.unpack_from("=QqHB", data, at)
        name = data[at + 19 : at + length].split(b"\0", 1)[0]
        entries.append((name, inode, offset, kind))
        at += length
    return entries


_NR_GETDENTS64 = 61 if os.uname().machine == "aarch64" else 217


class SharedView:
    """A shared mapping of a file's start, for reading. It may reach beyond the file's end, which Python's own refuses."""

    def __init__(self, fd, length):
        self._length = length
        _libc.mmap.restype = ctypes.c_void_p
        self._start = _libc.mmap(None, ctypes.c_size_t(length), mmap.PROT_READ, mmap.MAP_SHARED, fd, _off(0))
        if self._start == ctypes.c_void_p(-1).value:
            _checked(-1, "mmap")

    def read(self, place, length=1):
        return ctypes.string_at(self._start + place, length)

    def close(self):
        _checked(_libc.munmap(ctypes.c_void_p(self._start), ctypes.c_size_t(self._length)), "munmap")
