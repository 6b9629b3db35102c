# SPDX-License-Identifier: Apache-2.0
"""How long a file is: truncate, fallocate, holes, and the largest file there can be."""

import os
import resource
import signal

from headrace_testing.calls import (FALLOC_COLLAPSE_RANGE, FALLOC_INSERT_RANGE, FALLOC_KEEP_SIZE, FALLOC_PUNCH_HOLE,
                                    FALLOC_UNSHARE_RANGE, FALLOC_ZERO_RANGE)
from headrace_testing.users import ALICE
from registry import case
from steps import Differs, pattern

_NEW = os.O_RDWR | os.O_CREAT
_PUNCH = FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE
_MIB = 1 << 20
_LENGTHS = (0, 1, 4095, 4096, 4097, 65536, 4 * _MIB - 1, 4 * _MIB, 4 * _MIB + 1)


@case(table={f"{n}": n for n in _LENGTHS}, users=("root", "alice"))
def a_file_cut_and_grown_shows_zeros_where_it_was_cut(s, length):
    s.put("f", pattern(5 * _MIB))
    s.truncate("f", length)
    s.stat("f")
    s.content("f")
    s.truncate("f", 5 * _MIB)
    s.content("f")
    fd = s.open("f", os.O_RDWR)
    s.ftruncate(fd, length)
    s.ftruncate(fd, length + 10_000)
    s.pread(fd, 20_000, max(0, length - 10_000))
    s.pwrite(fd, b"data", length + 5_000)
    s.pread(fd, 20_000, max(0, length - 10_000))
    s.close(fd)
    s.content("f")


@case(table={f"{n}": n for n in _LENGTHS})
def an_unwritten_file_of_some_length_is_all_zeros(s, length):
    s.put("f")
    s.truncate("f", length)
    s.stat("f")
    s.content("f")
    fd = s.open("f", os.O_RDWR)
    s.pread(fd, 100, max(0, length - 50))
    s.pwrite(fd, b"x", length)
    s.fstat(fd, "size")
    s.pread(fd, 100, max(0, length - 50))


@case(users=("root", "alice"))
def truncate_is_refused_where_there_is_nothing_to_cut(s):
    s.mkdir("d")
    s.put("f", b"content", 0o644)
    s.put("read-only", b"content", 0o444)
    s.mknod("fifo", 0o010644)
    s.symlink("f", "l")
    s.symlink("nowhere", "dangling")
    for name in ("d", "missing", "fifo", "dangling", "read-only", "l", "f"):
        s.truncate(name, 3)
    for length in (-1, -(1 << 40)):
        s.truncate("f", length)
        s.attempt("ftruncate", lambda length=length: os.ftruncate(os.open("f", os.O_RDWR), length))
    s.stat("f")
    s.content("read-only")


@case()
def a_file_that_is_cut_gives_every_reader_its_new_end(s):
    s.put("f", pattern(300_000))
    reader = s.open("f")
    s.pread(reader, 400_000, 0)
    s.truncate("f", 100_000)
    s.pread(reader, 400_000, 0)
    s.pread(reader, 10, 200_000)
    s.lseek(reader, 0, os.SEEK_END)
    s.truncate("f", 200_000)
    s.pread(reader, 400_000, 0)
    s.lseek(reader, 0, os.SEEK_END)


@case()
def a_write_beyond_the_end_leaves_a_hole(s):
    fd = s.open("f", _NEW)
    for offset in (0, 100, 10_000, _MIB, 9 * _MIB, 64 * _MIB - 2, 64 * _MIB + 5, 200 * _MIB):
        s.pwrite(fd, b"here", offset)
        s.fstat(fd, "size")
        s.pread(fd, 20, max(0, offset - 8))
    s.close(fd)
    fd = s.open("f")
    for offset in (0, 50, 96, 9_998, _MIB - 5, 9 * _MIB - 5, 64 * _MIB - 10, 100 * _MIB, 200 * _MIB - 10):
        s.pread(fd, 30, offset)


@case()
def data_and_holes_can_be_told_apart(s):
    fd = s.open("f", _NEW)
    s.ftruncate(fd, 8 * _MIB)
    s.pwrite(fd, pattern(_MIB), 2 * _MIB)
    s.pwrite(fd, pattern(65536), 5 * _MIB)
    for round_number in range(2):
        for offset in (0, _MIB, 2 * _MIB, 2 * _MIB + 100, 3 * _MIB, 4 * _MIB, 5 * _MIB, 6 * _MIB, 8 * _MIB - 1, 8 * _MIB, 9 * _MIB):
            s.lseek(fd, offset, os.SEEK_DATA)
            s.lseek(fd, offset, os.SEEK_HOLE)
        s.lseek(fd, -1, os.SEEK_DATA)
        s.lseek(fd, -1, os.SEEK_HOLE)
        if round_number == 0:
            s.fsync(fd)


@case()
def a_punched_hole_is_a_hole(s):
    fd = s.open("f", _NEW)
    s.pwrite(fd, pattern(4 * _MIB), 0)
    s.fsync(fd)
    s.fallocate(fd, _PUNCH, _MIB, _MIB)
    for offset in (0, _MIB, 2 * _MIB, 3 * _MIB):
        s.lseek(fd, offset, os.SEEK_DATA)
        s.lseek(fd, offset, os.SEEK_HOLE)
    s.pwrite(fd, b"x" * 65536, _MIB + 65536)
    s.lseek(fd, _MIB, os.SEEK_DATA)
    s.lseek(fd, _MIB + 65536, os.SEEK_HOLE)
    s.pread(fd, 5 * _MIB, 0)


@case()
def a_file_without_holes_is_data_to_its_end(s):
    s.put("f", pattern(100_000))
    s.put("empty")
    fd = s.open("f")
    s.lseek(fd, 0, os.SEEK_DATA)
    s.lseek(fd, 0, os.SEEK_HOLE)
    s.lseek(fd, 99_999, os.SEEK_HOLE)
    s.lseek(fd, 99_999, os.SEEK_DATA)
    s.lseek(fd, 100_000, os.SEEK_DATA)
    s.lseek(fd, 100_000, os.SEEK_HOLE)
    s.lseek(fd, 0, os.SEEK_CUR)
    fd = s.open("empty")
    s.lseek(fd, 0, os.SEEK_DATA)
    s.lseek(fd, 0, os.SEEK_HOLE)


@case()
def lseek_goes_where_it_is_told(s):
    s.put("f", pattern(1000))
    fd = s.open("f")
    for offset, whence in ((10, os.SEEK_SET), (5, os.SEEK_CUR), (-3, os.SEEK_CUR), (0, os.SEEK_END), (-1000, os.SEEK_END),
                           (-1001, os.SEEK_END), (5000, os.SEEK_END), (-1, os.SEEK_SET), (1 << 40, os.SEEK_SET), (0, os.SEEK_CUR)):
        s.lseek(fd, offset, whence)
    s.read(fd, 10)
    s.attempt("lseek with an unknown whence", lambda: os.lseek(fd, 0, 9))
    s.lseek(s.open(".", os.O_RDONLY), 0, os.SEEK_SET)
    reader, _ = os.pipe()
    s.lseek(reader, 0)


_FALLOCATES = {
    "inside": (0, 10_000, 20_000), "over the end": (0, 90_000, 50_000), "beyond the end": (0, 200_000, 50_000), "all": (0, 0, 100_000),
    "keep, over the end": (FALLOC_KEEP_SIZE, 90_000, 50_000), "keep, beyond": (FALLOC_KEEP_SIZE, 200_000, 10),
    "punch inside": (_PUNCH, 10_000, 50_000), "punch aligned": (_PUNCH, 8192, 65536), "punch a few bytes": (_PUNCH, 5_000, 3),
    "punch over the end": (_PUNCH, 90_000, 100_000), "punch beyond": (_PUNCH, 200_000, 100_000), "punch all": (_PUNCH, 0, 100_000),
    "punch a border": (_PUNCH, 65_530, 12),
}


@case(table=_FALLOCATES)
def fallocate_changes_length_and_bytes_as_its_mode_says(s, mode, offset, length):
    s.put("f", pattern(100_000))
    fd = s.open("f", os.O_RDWR)
    s.fallocate(fd, mode, offset, length)
    s.fstat(fd)
    s.pread(fd, 400_000, 0)
    s.close(fd)
    s.stat("f")
    s.content("f")
    fd = s.open("f", os.O_RDWR)
    s.pwrite(fd, b"after", offset + 1)
    s.pread(fd, 400_000, 0)


@case(since="tmpfs cannot zero a range", table={
    "inside": (FALLOC_ZERO_RANGE, 10_000, 20_000), "over the end": (FALLOC_ZERO_RANGE, 90_000, 50_000),
    "beyond": (FALLOC_ZERO_RANGE, 200_000, 1000), "keep": (FALLOC_ZERO_RANGE | FALLOC_KEEP_SIZE, 90_000, 50_000),
    "a few": (FALLOC_ZERO_RANGE, 4_000, 200), "all": (FALLOC_ZERO_RANGE, 0, 100_000)})
def a_range_can_be_zeroed(s, mode, offset, length):
    s.put("f", pattern(100_000))
    fd = s.open("f", os.O_RDWR)
    s.fallocate(fd, mode, offset, length)
    s.fstat(fd)
    s.pread(fd, 400_000, 0)
    s.close(fd)
    s.content("f")


@case(users=("root", "alice"))
def fallocate_refuses_nonsense(s):
    s.put("f", pattern(10_000))
    fd = s.open("f", os.O_RDWR)
    for mode, offset, length in ((0, 0, 0), (0, -1, 10), (0, 0, -1), (0, 1 << 62, 1 << 62), (FALLOC_PUNCH_HOLE, 0, 100),
                                 (_PUNCH, 0, 0), (0x8000, 0, 100), (_PUNCH | FALLOC_ZERO_RANGE, 0, 100),
                                 (FALLOC_PUNCH_HOLE | FALLOC_COLLAPSE_RANGE, 0, 100)):
        s.fallocate(fd, mode, offset, length)
    s.fallocate(s.open("f"), 0, 0, 100)
    s.fallocate(s.open(".", os.O_RDONLY), 0, 0, 100)
    reader, writer = os.pipe()
    s.fallocate(writer, 0, 0, 100)
    s.content("f")


@case(since="tmpfs has neither mode")
def ranges_are_neither_cut_out_nor_put_in(s):
    s.put("f", pattern(16_384))
    fd = s.open("f", os.O_RDWR)
    differs = Differs("EOPNOTSUPP", "fallocate")
    s.fallocate(fd, FALLOC_COLLAPSE_RANGE, 4096, 4096, differs=differs)
    s.fallocate(fd, FALLOC_INSERT_RANGE, 0, 4096, differs=differs)
    s.fallocate(fd, FALLOC_UNSHARE_RANGE, 0, 4096)
    s.note("length", os.fstat(fd).st_size)


@case()
def allocated_room_is_zero_until_it_is_written(s):
    fd = s.open("f", _NEW)
    s.fallocate(fd, 0, 0, 9 * _MIB)
    s.fstat(fd)
    s.lseek(fd, 0, os.SEEK_DATA)
    s.pread(fd, 100, 5 * _MIB)
    s.pwrite(fd, pattern(_MIB), 4 * _MIB - 500)
    s.pread(fd, 10 * _MIB, 0)
    s.close(fd)
    s.content("f")


@case()
def posix_fallocate_gives_a_length(s):
    fd = s.open("f", _NEW)
    s.attempt("posix_fallocate", lambda: os.posix_fallocate(fd, 0, 100_000))
    s.fstat(fd)
    s.attempt("posix_fallocate again", lambda: os.posix_fallocate(fd, 50_000, 10))
    s.fstat(fd)
    s.attempt("no length", lambda: os.posix_fallocate(fd, 0, 0))


@case(like="tmpfs", since="ext4 ends at 16 TiB")
def a_file_has_a_greatest_length(s):
    fd = s.open("f", _NEW)
    s.pwrite(fd, b"far", (1 << 44) + 5)
    s.pread(fd, 10, (1 << 44) + 3)
    s.fstat(fd, "size")
    s.ftruncate(fd, (1 << 57) - 1)
    s.fstat(fd, "size")
    differs = Differs("EFBIG", "Largest file")
    s.ftruncate(fd, (1 << 57) + 1, differs=differs)
    s.ftruncate(fd, (1 << 62), differs=differs)
    s.pwrite(fd, b"x", (1 << 57) + 10, differs=differs)
    s.fallocate(fd, FALLOC_KEEP_SIZE | FALLOC_PUNCH_HOLE, 0, 1 << 50)
    s.ftruncate(fd, 3)
    s.fstat(fd, "size")
    s.pread(fd, 10, 0)


@case(users=("root", "alice"))
def a_limit_on_the_file_size_is_kept(s):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    fd = s.open("f", _NEW)
    s.write(fd, pattern(9_000))
    s.write(fd, pattern(2_000))
    s.write(fd, b"x")
    s.ftruncate(fd, 10_000)
    s.ftruncate(fd, 10_001)
    s.fallocate(fd, 0, 0, 20_000)
    s.pwrite(fd, b"x", 20_000)
    s.fstat(fd)


@case()
def the_size_is_exact_after_every_write(s):
    fd = s.open("f", _NEW)
    total = 0
    for size in (1, 0, 4095, 4096, 100_000, 1, 131_072, 131_073, 5):
        os.write(fd, b"z" * size)
        total += size
        s.note("exact", os.fstat(fd).st_size == os.stat("f").st_size == total)
    s.fsync(fd)
    s.stat("f")


@case()
def blocks_are_counted_from_the_length(s):
    # 512-byte units, holes included: the volume's format knows no allocation.
    fd = s.open("f", _NEW)
    s.ftruncate(fd, 100_000)
    s.note("blocks of a hole", os.fstat(fd).st_blocks, Differs(196, "Space of a file"))
    s.pwrite(fd, b"x", 50_000)
    s.fsync(fd)
    s.note("there are blocks", os.fstat(fd).st_blocks > 0)


@case()
def reading_at_and_behind_the_end_gives_nothing(s):
    s.put("f", b"0123456789")
    fd = s.open("f")
    for offset in (9, 10, 11, 4096, 1 << 30, 1 << 40):
        s.pread(fd, 10, offset)
    s.pread(fd, 0, 5)
    s.pread(fd, 10, -1)
    s.pread(fd, 1 << 20, 0)


@case()
def cutting_needs_the_right_to_write(s):
    s.put("closed", b"content", 0o600)
    s.put("readable", b"content", 0o644)
    s.put("writable", b"content")
    s.chmod("writable", 0o666)

    def alice(a):
        for name in ("closed", "readable", "writable"):
            a.truncate(name, 3)
            a.attempt("ftruncate a reader", lambda name=name: os.ftruncate(os.open(name, os.O_RDONLY), 1))

    s.as_user(ALICE, alice)
    for name in ("closed", "readable", "writable"):
        s.content(name)


@case()
def many_small_cuts_and_writes_leave_the_right_bytes(s):
    fd = s.open("f", _NEW)
    seed = 20_261_122
    for number in range(300):
        seed = (seed * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        offset = seed % 300_000
        if seed >> 20 & 3 == 0:
            os.ftruncate(fd, offset)
        elif seed >> 20 & 3 == 1:
            os.fsync(fd) if number % 10 == 0 else None
        else:
            os.pwrite(fd, pattern(seed % 9000 + 1, number), offset)
        if number % 25 == 0:
            s.pread(fd, 400_000, 0)
    s.close(fd)
    s.content("f")
