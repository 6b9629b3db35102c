# SPDX-License-Identifier: Apache-2.0
"""open(2): what each flag means for each thing that may be there, and with which mode something new begins."""

import os
import stat

from headrace_testing import calls
from headrace_testing.users import ALICE
from registry import case
from steps import pattern

_RD, _WR, _RW = os.O_RDONLY, os.O_WRONLY, os.O_RDWR
_MASKS = {f"{mask:03o}": mask for mask in (0, 0o022, 0o027, 0o077, 0o777)}


@case(table=_MASKS, users=("root", "alice"))
def the_umask_is_taken_from_the_mode(s, mask):
    def make():
        for mode in (0, 0o400, 0o644, 0o666, 0o777, 0o1777, 0o2777, 0o4777, 0o7777):
            fd = s.open(f"f{mode:o}", _WR | os.O_CREAT, mode)
            s.close(fd)
            s.mkdir(f"d{mode:o}", mode)
            s.mknod(f"p{mode:o}", stat.S_IFIFO | mode)
            s.mknod(f"n{mode:o}", stat.S_IFREG | mode)
            s.mknod(f"s{mode:o}", stat.S_IFSOCK | mode)
        s.symlink("x", "l")

    calls.umask_of(make, mask)
    for name in sorted(os.listdir(".")):
        s.stat(name, "type mode uid gid")


@case(users=("root", "alice"))
def an_exclusive_create_is_refused_whatever_is_there(s):
    s.put("f", b"kept")
    s.mkdir("d")
    s.symlink("f", "to-file")
    s.symlink("nowhere", "dangling")
    s.symlink("d", "to-directory")
    s.mknod("fifo", stat.S_IFIFO | 0o644)
    for name in ("f", "d", "to-file", "dangling", "to-directory", "fifo"):
        s.open(name, _WR | os.O_CREAT | os.O_EXCL)
        s.open(name, _WR | os.O_CREAT | os.O_EXCL | os.O_TRUNC)
    s.content("f")
    s.names()
    fd = s.open("new", _WR | os.O_CREAT | os.O_EXCL)
    s.write(fd, b"x")
    s.close(fd)
    s.content("new")


@case(users=("root", "alice"))
def creating_what_is_there_opens_it_as_it_is(s):
    s.put("f", b"as it was", 0o640)
    fd = s.open("f", _RW | os.O_CREAT, 0o777)
    s.read(fd, 100)
    s.write(fd, b"!")
    s.close(fd)
    s.stat("f")
    s.content("f")


@case()
def creating_through_a_dangling_symlink_makes_its_target(s):
    s.symlink("target", "link")
    s.close(s.open("link", _WR | os.O_CREAT, 0o600))
    s.stat("target")
    s.stat("link", "type")
    s.symlink("missing/target", "far")
    s.open("far", _WR | os.O_CREAT)
    s.symlink("d/x", "into")
    s.mkdir("d")
    s.close(s.open("into", _WR | os.O_CREAT))
    s.names("d")


@case(table={"wronly": _WR, "rdwr": _RW, "rdonly": _RD})
def truncating_on_open_empties_the_file(s, access):
    s.put("f", pattern(70_000))
    fd = s.open("f", access | os.O_TRUNC)
    s.fstat(fd)
    s.close(fd)
    s.content("f")
    s.close(s.open("new", access | os.O_TRUNC | os.O_CREAT))
    s.stat("new")
    s.open("missing", access | os.O_TRUNC)
    s.mkdir("d")
    s.open("d", access | os.O_TRUNC)


@case()
def truncating_on_open_reaches_handles_that_are_open(s):
    s.put("f", pattern(50_000))
    reader = s.open("f")
    s.read(reader, 100)
    s.close(s.open("f", _WR | os.O_TRUNC))
    s.read(reader, 100)
    s.fstat(reader)
    writer = s.open("f", _WR)
    s.pwrite(writer, b"new", 0)
    s.pread(reader, 100, 0)


_THINGS = ("f", "d", "to-file", "to-directory", "dangling", "missing", "fifo", "socket")


def _things(s):
    s.put("f", b"f")
    s.mkdir("d")
    s.symlink("f", "to-file")
    s.symlink("d", "to-directory")
    s.symlink("nowhere", "dangling")
    s.mknod("fifo", stat.S_IFIFO | 0o644)
    s.mknod("socket", stat.S_IFSOCK | 0o644)


@case(table={name: name for name in _THINGS}, users=("root", "alice"))
def each_flag_of_open_answers_for_each_kind_of_thing(s, name):
    _things(s)
    wait_not = os.O_NONBLOCK  # a FIFO would wait for its other end
    for flags in (_RD, _WR, _RW, _RD | os.O_CREAT, _WR | os.O_CREAT, os.O_DIRECTORY, _WR | os.O_DIRECTORY,
                  os.O_NOFOLLOW, _WR | os.O_NOFOLLOW, os.O_NOFOLLOW | os.O_DIRECTORY, _WR | os.O_CREAT | os.O_NOFOLLOW,
                  os.O_PATH, os.O_PATH | os.O_NOFOLLOW, os.O_PATH | os.O_DIRECTORY, _WR | os.O_APPEND, _WR | os.O_SYNC,
                  _WR | os.O_APPEND | os.O_TRUNC):
        fd = s.open(name, flags | wait_not)
        if fd is not None:
            s.fstat(fd, "type mode")
            os.close(fd)
        if name in ("dangling", "missing") and os.path.exists(name):
            os.unlink("nowhere" if name == "dangling" else name)
    s.names()


@case()
def a_descriptor_of_a_path_reads_and_writes_nothing(s):
    s.put("f", b"content")
    fd = s.open("f", os.O_PATH)
    s.fstat(fd)
    s.read(fd, 1)
    s.write(fd, b"x")
    s.ftruncate(fd, 0)
    s.fchmod(fd, 0o600)
    s.fsync(fd)
    again = s.open(f"/proc/self/fd/{fd}")
    s.read(again, 100)


@case(users=("root", "alice"))
def a_handle_can_do_what_it_was_opened_for_and_nothing_else(s):
    s.put("f", b"content")
    reader, writer = s.open("f", _RD), s.open("f", _WR)
    s.write(reader, b"x")
    s.pwrite(reader, b"x", 0)
    s.ftruncate(reader, 0)
    s.fallocate(reader, 0, 0, 100)
    s.read(writer, 1)
    s.pread(writer, 1, 0)
    s.content("f")
    folder = s.open(".", _RD)
    s.read(folder, 1)
    s.write(folder, b"x")
    s.ftruncate(folder, 0)
    s.lseek(folder, 0)
    s.fsync(folder)


@case(users=("root", "alice"))
def a_file_made_without_rights_can_be_written_by_its_maker(s):
    for mode in (0, 0o400, 0o444, 0o200):
        fd = s.open(f"f{mode:o}", _RW | os.O_CREAT | os.O_EXCL, mode)
        s.write(fd, b"written")
        s.pread(fd, 100, 0)
        s.close(fd)
        s.stat(f"f{mode:o}")
        s.open(f"f{mode:o}", _RD)
        s.open(f"f{mode:o}", _WR)


@case()
def two_handles_have_two_offsets_and_a_duplicate_shares_one(s):
    s.put("f", b"0123456789")
    one, two = s.open("f"), s.open("f")
    s.read(one, 3)
    s.read(two, 2)
    three = os.dup(one)
    s.read(three, 2)
    s.read(one, 2)
    s.lseek(three, 0)
    s.read(one, 1)
    s.close(one)
    s.read(three, 1)


@case()
def a_child_shares_the_offset_of_its_parents_handle(s):
    s.put("f", b"0123456789")
    fd = s.open("f", _RW)
    s.read(fd, 2)
    s.as_user(ALICE, lambda child: child.read(fd, 3))
    s.read(fd, 2)
    s.as_user(ALICE, lambda child: child.write(fd, b"AB"))
    s.lseek(fd, 0, os.SEEK_CUR)
    s.content("f")


@case(users=("root", "alice"))
def a_write_is_seen_at_once_through_every_handle(s):
    s.put("f", b"")
    reader, writer = s.open("f"), s.open("f", _WR)
    for number in range(5):
        s.write(writer, b"%d" % number * 1000)
        s.fstat(reader, "size")
        s.stat("f", "size")
        s.pread(reader, 4, number * 1000)
        s.content("f")
    s.close(writer)
    s.content("f")


@case()
def a_closed_handle_is_no_handle(s):
    s.put("f")
    fd = s.open("f", _RW)
    s.close(fd)
    s.close(fd)
    s.read(fd, 1)
    s.write(fd, b"x")
    s.fsync(fd)


@case(table={"O_SYNC": os.O_SYNC, "O_DSYNC": os.O_DSYNC, "O_NONBLOCK": os.O_NONBLOCK, "O_NOCTTY": os.O_NOCTTY,
             "O_LARGEFILE": 0o100000, "O_CLOEXEC": os.O_CLOEXEC})
def a_flag_that_asks_for_more_care_changes_no_bytes(s, flag):
    fd = s.open("f", _RW | os.O_CREAT | flag)
    s.write(fd, pattern(10_000))
    s.pwrite(fd, b"middle", 5000)
    s.fstat(fd)
    s.pread(fd, 20_000, 0)
    s.close(fd)
    s.content("f")


@case()
def aligned_direct_io_reads_and_writes(s):
    import mmap

    buffer = mmap.mmap(-1, 65536)
    buffer[:] = pattern(65536)
    fd = s.open("f", _RW | os.O_CREAT | os.O_DIRECT)
    s.attempt("write 65536", lambda: os.write(fd, buffer), int)
    s.attempt("write 4096 at 8192", lambda: os.pwrite(fd, buffer[:0] or memoryview(buffer)[:4096], 8192), int)
    s.fstat(fd, "size")
    s.attempt("read 65536 at 0", lambda: os.preadv(fd, [buffer], 0), int)
    s.note("bytes", __import__("hashlib").sha256(bytes(buffer)).hexdigest())
    s.attempt("read at the end", lambda: os.preadv(fd, [buffer], 65536), int)
    s.close(fd)
    s.content("f")


@case()
def no_access_time_may_be_asked_for_by_the_owner_alone(s):
    s.put("f", b"x", 0o644)
    s.close(s.open("f", os.O_NOATIME))
    s.chown("f", ALICE.uid, ALICE.gid)
    s.as_user(ALICE, lambda a: a.open("f", os.O_NOATIME))
    s.chown("f", 0, 0)
    s.as_user(ALICE, lambda a: a.open("f", os.O_NOATIME))


@case()
def a_directory_opens_for_reading_only(s):
    s.mkdir("d")
    for flags in (_WR, _RW, _WR | os.O_CREAT, _RD | os.O_CREAT, _RD | os.O_TRUNC, _WR | os.O_APPEND):
        s.open("d", flags)
    fd = s.open("d", _RD | os.O_DIRECTORY)
    s.fstat(fd, "type mode nlink")
    s.attempt("make in it", lambda: os.close(os.open("f", _WR | os.O_CREAT, 0o644, dir_fd=fd)))
    s.attempt("look in it", lambda: os.stat("f", dir_fd=fd).st_size, int)
    s.rmdir("d")
    s.attempt("remove in it", lambda: os.unlink("f", dir_fd=fd))
    s.rmdir("d")
    s.attempt("make in what is gone", lambda: os.open("f", _WR | os.O_CREAT, 0o644, dir_fd=fd))
    s.attempt("list what is gone", lambda: os.listdir(fd), lambda r: r)
    s.fstat(fd, "type nlink")


@case(table={f"{size}": size for size in (0, 1, 4095, 4096, 4097, 65536, 131072, 131073, 1 << 20, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, 9 << 20)})
def a_file_holds_what_was_written_whatever_its_size(s, size):
    data = pattern(size)
    s.put("f", data)
    s.stat("f")
    s.content("f")
    fd = s.open("f")
    for offset in sorted({0, size // 3, max(0, size - 1), size, size + 1, size + 100_000}):
        s.pread(fd, 5000, offset)
    s.close(fd)


@case(table={f"{piece}": piece for piece in (1, 7, 511, 4096, 4097, 65537, 1 << 20)})
def a_file_written_in_pieces_is_the_same_file(s, piece):
    total = min(piece * 300, 3 << 20)
    data = pattern(total)
    fd = s.open("f", _WR | os.O_CREAT)
    for at in range(0, total, piece):
        os.write(fd, data[at : at + piece])
    s.fstat(fd, "size")
    s.close(fd)
    s.content("f")
    fd = s.open("f")
    got = b""
    while part := os.read(fd, piece + 3):
        got += part
    s.note("read in other pieces", got == data)


@case(table={"forwards": 1, "backwards": -1})
def pieces_written_in_any_order_make_one_file(s, step):
    data = pattern(1 << 20)
    fd = s.open("f", _RW | os.O_CREAT)
    for at in list(range(0, 1 << 20, 30_000))[::step]:
        os.pwrite(fd, data[at : at + 30_000], at)
    s.pread(fd, 2 << 20, 0)
    s.close(fd)
    s.content("f")


@case()
def overwriting_keeps_what_was_not_overwritten(s):
    s.put("f", pattern(200_000))
    fd = s.open("f", _RW)
    for number, (at, size) in enumerate([(0, 10), (199_990, 10), (199_990, 20), (50_000, 100_000), (60_000, 1), (0, 4096), (4096, 4096), (100, 5)]):
        s.pwrite(fd, pattern(size, number + 1), at)
        s.pread(fd, 300_000, 0)
    s.close(fd)
    s.content("f")
