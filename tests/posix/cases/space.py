# SPDX-License-Identifier: Apache-2.0
"""A file system that is full. The native one is a tmpfs of the same size; how many bytes fit is not compared."""

import errno
import os
import time

from registry import case
from steps import pattern

_NEW = os.O_RDWR | os.O_CREAT
_MIB = 1 << 20
_SIZE = 64 * _MIB


def _fill(path="filler", step=_MIB):
    """Writes until it is refused; returns (bytes that were taken and are durable, the errno)."""
    fd, total = os.open(path, _NEW), 0
    try:
        while total < 4 * _SIZE:
            try:
                total += os.pwrite(fd, pattern(step, total // step), total)
                if total % (8 * _MIB) == 0:
                    os.fsync(fd)
            except OSError as error:
                return total, errno.errorcode[error.errno]
        return total, "never"
    finally:
        try:
            os.close(fd)
        except OSError:
            pass


def _within(seconds, attempt):
    """Whether attempt() succeeds in time: how full a volume is, is known to within some seconds."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            attempt()
            return True
        except OSError as error:
            if error.errno != errno.ENOSPC or time.monotonic() > deadline:
                return errno.errorcode[error.errno]
            time.sleep(0.1)


@case(group="full", limit_s=60)
def a_full_volume_refuses_bytes_and_takes_them_again_when_there_is_room(s):
    total, why = _fill()
    s.note("refused with", why)
    s.note("not more than there is", 0 < total <= _SIZE)
    s.note("nearly all there is", total > _SIZE * 3 // 4)
    fd = s.open("filler")
    got = os.fstat(fd).st_size
    s.note("what was taken is there", got >= total - 8 * _MIB and os.pread(fd, _MIB, 0) == pattern(_MIB, 0))
    s.close(fd)
    s.unlink("filler")
    s.note("room again", _within(10, lambda: _write_whole("after", 10 * _MIB)))
    s.content("after")
    s.unlink("after")


def _write_whole(path, size):
    fd = os.open(path, _NEW)
    try:
        os.pwrite(fd, pattern(size), 0)
        os.fsync(fd)
    finally:
        os.close(fd)


@case(group="full", limit_s=60)
def a_full_volume_can_still_be_read_listed_and_emptied(s):
    s.mkdir("d")
    s.put("d/f", b"content")
    _fill()
    s.content("d/f")
    s.names("d")
    s.stat("d/f")
    s.rename("d/f", "d/g")
    s.chmod("d/g", 0o600)
    s.truncate("d/g", 3)
    s.content("d/g")
    s.unlink("d/g")
    s.rmdir("d")
    s.truncate("filler", 1000)
    s.note("room again", _within(10, lambda: _write_whole("after", 10 * _MIB)))
    s.unlink("filler")
    s.unlink("after")


@case(group="full", limit_s=60)
def the_room_that_is_left_is_told(s):
    before = os.statvfs(".")
    s.note("size", before.f_blocks * before.f_frsize == _SIZE)
    _write_whole("f", 20 * _MIB)

    def less():
        now = os.statvfs(".")
        used = (before.f_bavail - now.f_bavail) * now.f_frsize
        if not 20 * _MIB <= used <= 21 * _MIB:
            raise OSError(errno.ENOSPC, "not yet")

    s.note("20 MiB less", _within(10, less))
    s.unlink("f")

    def back():
        if abs(os.statvfs(".").f_bavail - before.f_bavail) * before.f_frsize > _MIB:
            raise OSError(errno.ENOSPC, "not yet")

    s.note("and back", _within(10, back))
