# SPDX-License-Identifier: Apache-2.0
"""Reading and writing in other ways: vectors, copy_file_range, sendfile, splice, clones."""

import os

from headrace_testing import calls
from registry import case
from steps import Differs, pattern

_NEW = os.O_RDWR | os.O_CREAT
_MIB = 1 << 20


def _copy(s, source, target, count, source_offset=None, target_offset=None, **k):
    what = f"copy_file_range {count} from {source_offset} to {target_offset}"
    return s.attempt(what, lambda: os.copy_file_range(source, target, count, source_offset, target_offset), int, **k)


@case(users=("root", "alice"))
def a_range_is_copied_between_files(s):
    s.put("a", pattern(100_000, 1))
    s.put("b", pattern(50_000, 2))
    a, b = s.open("a"), s.open("b", os.O_RDWR)
    _copy(s, a, b, 10_000, 500, 1_000)
    s.content("b")
    _copy(s, a, b, 10_000, 95_000, 60_000)
    s.content("b")
    _copy(s, a, b, 10_000, 100_000, 0)
    _copy(s, a, b, 10_000, 200_000, 0)
    _copy(s, a, b, 0, 0, 0)
    s.fstat(b, "size")
    s.lseek(a, 1000)
    s.lseek(b, 2000)
    _copy(s, a, b, 3000)
    s.lseek(a, 0, os.SEEK_CUR)
    s.lseek(b, 0, os.SEEK_CUR)
    s.content("b")
    s.content("a")


@case(table={"4 MiB": (9 * _MIB, 0, 0, 4 * _MIB), "over blocks": (9 * _MIB, 3 * _MIB + 5, 77, 5 * _MIB), "all": (9 * _MIB, 0, 0, 9 * _MIB)})
def a_large_range_is_copied(s, size, source_offset, target_offset, count):
    s.put("a", pattern(size))
    a, b = s.open("a"), s.open("b", _NEW)
    left, at = count, 0
    while left:
        done = os.copy_file_range(a, b, left, source_offset + at, target_offset + at)
        if done == 0:
            break
        at, left = at + done, left - done
    s.note("copied", at)
    s.close(b)
    s.content("b")
    s.put("a", pattern(1000, 9))
    s.content("b")


@case()
def a_copy_within_a_file_must_not_overlap(s):
    s.put("f", pattern(100_000))
    fd = s.open("f", os.O_RDWR)
    _copy(s, fd, fd, 10_000, 0, 50_000)
    s.content("f")
    _copy(s, fd, fd, 10_000, 0, 5_000)
    _copy(s, fd, fd, 10_000, 5_000, 0)
    _copy(s, fd, fd, 10_000, 0, 0)
    _copy(s, fd, fd, 10_000, 0, 10_000)
    s.content("f")


@case()
def a_copy_of_what_was_just_written_has_it(s):
    a, b = s.open("a", _NEW), s.open("b", _NEW)
    s.pwrite(a, pattern(10_000), 0)
    _copy(s, a, b, 10_000, 0, 0)
    s.pwrite(a, b"changed", 100)
    s.pwrite(b, b"also", 200)
    s.pread(b, 20_000, 0)
    _copy(s, a, b, 500, 0, 5_000)
    s.pread(b, 20_000, 0)
    s.content("a")


@case()
def a_copy_keeps_zeros_where_there_was_a_hole(s):
    a, b = s.open("a", _NEW), s.open("b", _NEW)
    s.ftruncate(a, _MIB)
    s.pwrite(a, b"data", 500_000)
    s.pwrite(b, pattern(_MIB), 0)
    done = 0
    while done < _MIB:
        count = os.copy_file_range(a, b, _MIB - done, done, done)
        if count == 0:
            break
        done += count
    s.note("copied", done)
    s.content("b")


@case()
def a_copy_is_refused_where_it_makes_no_sense(s):
    s.put("f", pattern(1000))
    s.put("g", pattern(1000))
    reader, writer, both = s.open("f"), s.open("g", os.O_WRONLY), s.open("g", os.O_RDWR)
    _copy(s, writer, both, 10, 0, 0)
    _copy(s, reader, reader, 10, 0, 500)
    _copy(s, reader, s.open("g", os.O_WRONLY | os.O_APPEND), 10, 0, 0)
    _copy(s, s.open(".", os.O_RDONLY), writer, 10, 0, 0)
    pipe, _ = os.pipe()
    _copy(s, pipe, writer, 10, None, 0)
    s.content("g")


@case()
def sendfile_gives_a_file_to_a_socket_and_to_a_file(s):
    import socket

    s.put("f", pattern(200_000))
    fd = s.open("f")
    ours, theirs = socket.socketpair()

    def send(p, line):
        sent = 0
        while sent < 200_000:
            sent += os.sendfile(ours.fileno(), fd, sent, 200_000 - sent)
        ours.close()

    peer = s.peer("sender", send)
    ours.close()
    got = b""
    while piece := theirs.recv(65536):
        got += piece
    peer.finish()
    s.note("sent", got == pattern(200_000))
    out = s.open("g", os.O_WRONLY | os.O_CREAT)
    s.attempt("to a file", lambda: os.sendfile(out, fd, 1000, 150_000), int)
    s.content("g")
    s.attempt("behind the end", lambda: os.sendfile(out, fd, 200_000, 10), int)


@case()
def splice_moves_between_files_and_pipes(s):
    s.put("f", pattern(50_000))
    fd, out = s.open("f"), s.open("g", _NEW)
    reader, writer = os.pipe()
    moved = 0
    while moved < 50_000:
        count = os.splice(fd, writer, 10_000, offset_src=moved)
        os.splice(reader, out, count, offset_dst=moved)
        moved += count
    s.note("moved", moved)
    s.content("g")
    s.attempt("at the end", lambda: os.splice(fd, writer, 100, offset_src=50_000), int)


@case(users=("root", "alice"))
def vectors_are_read_and_written_in_order(s):
    fd = s.open("f", _NEW)
    s.attempt("writev", lambda: os.writev(fd, [b"one", b"", b"two", b"three" * 1000]), int)
    s.attempt("pwritev", lambda: os.pwritev(fd, [b"AB", b"CD"], 2), int)
    s.content("f")
    parts = [bytearray(3), bytearray(5), bytearray(10_000)]
    s.attempt("preadv", lambda: os.preadv(fd, parts, 1), int)
    s.note("parts", [bytes(p[:8]).decode("latin-1") for p in parts])
    s.lseek(fd, 5000)
    s.attempt("readv", lambda: os.readv(fd, parts), int)
    s.attempt("preadv RWF_NOWAIT", lambda: os.preadv(fd, [bytearray(4)], 0, os.RWF_HIPRI), int)
    s.attempt("pwritev RWF_DSYNC", lambda: os.pwritev(fd, [b"xy"], 0, os.RWF_DSYNC), int)
    s.attempt("pwritev RWF_APPEND", lambda: os.pwritev(fd, [b"end"], 0, 0x10), int)
    s.fstat(fd, "size")
    s.attempt("1024 parts", lambda: os.pwritev(fd, [b"ab"] * 1024, 0), int)
    s.attempt("1025 parts", lambda: os.pwritev(fd, [b"ab"] * 1025, 0), int)


@case(since="tmpfs has no clones either")
def a_clone_is_refused(s):
    s.put("f", pattern(8192))
    a, b = s.open("f"), s.open("g", _NEW)
    s.attempt("FICLONE", lambda: calls.ioctl_number(b, calls.FICLONE, a))
    s.stat("g", "size")


@case(since="whether ioctls about attributes exist differs between natives")
def unknown_ioctls_are_refused(s):
    s.put("f")
    fd = s.open("f", os.O_RDWR)
    s.attempt("an ioctl nobody knows", lambda: calls.ioctl_long(fd, 0x5BAD))
    differs = Differs("ENOTTY", "Attribute flags")
    flags = s.attempt("FS_IOC_GETFLAGS", lambda: calls.ioctl_long(fd, calls.FS_IOC_GETFLAGS), lambda r: "flags", differs=differs)
    s.attempt("FS_IOC_SETFLAGS", lambda: calls.ioctl_long(fd, calls.FS_IOC_SETFLAGS, (flags or 0) | 0x40), lambda r: "flags", differs=differs)
    s.attempt("FIGETBSZ", lambda: calls.ioctl_long(fd, 2), lambda r: "size")


@case()
def the_kernel_may_be_advised(s):
    s.put("f", pattern(_MIB))
    fd = s.open("f")
    for advice in (os.POSIX_FADV_NORMAL, os.POSIX_FADV_SEQUENTIAL, os.POSIX_FADV_RANDOM, os.POSIX_FADV_WILLNEED,
                   os.POSIX_FADV_DONTNEED, os.POSIX_FADV_NOREUSE):
        s.attempt(f"fadvise {advice}", lambda advice=advice: os.posix_fadvise(fd, 0, 0, advice))
        s.pread(fd, 100_000, 300_000)
    s.attempt("fadvise nonsense", lambda: os.posix_fadvise(fd, 0, 0, 99))
    s.content("f")


@case()
def syncing_in_every_way_ends_well(s):
    fd = s.open("f", _NEW)
    s.write(fd, pattern(100_000))
    s.fsync(fd)
    s.attempt("fdatasync", lambda: os.fdatasync(fd))
    s.fsync(s.open("f"))
    s.fsync(s.open(".", os.O_RDONLY))
    s.attempt("fdatasync of a directory", lambda: os.fdatasync(os.open(".", os.O_RDONLY)))
    libc = __import__("ctypes").CDLL(None, use_errno=True)
    s.note("syncfs", libc.syncfs(fd))
    s.note("sync_file_range", libc.sync_file_range(fd, __import__("ctypes").c_longlong(0), __import__("ctypes").c_longlong(0), 7))
    s.content("f")


@case()
def programs_of_every_day_work(s):
    import subprocess

    s.mkdir("src")
    for number in range(20):
        s.put(f"src/f{number}", pattern(number * 1000, number))
    os.symlink("f1", "src/link")
    os.link("src/f2", "src/hard")
    for command in ("cp -a src copy", "diff -r src copy", "tar -cf all.tar src", "mkdir x && tar -xf all.tar -C x", "diff -r src x/src",
                    "find x -type f | wc -l", "du -s --apparent-size x > /dev/null", "sed -i s/a/b/ src/f3", "mv src/f4 src/f5", "rm -r x",
                    "gzip -k src/f6 && gunzip -c src/f6.gz | cmp - src/f6", "install -m 640 src/f7 inst", "touch -d 2001-01-01 inst",
                    "dd if=src/f8 of=dd bs=512 conv=fsync status=none && cmp dd src/f8", "sort src/f9 -o src/f9", "ln -sf f9 src/link"):
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        s.note(command, [done.returncode, done.stdout.strip(), done.stderr.strip()[:200]])
    s.names("src")
    s.stat("inst", "mode size")
