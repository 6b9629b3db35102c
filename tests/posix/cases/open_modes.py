# SPDX-License-Identifier: Apache-2.0
"""Readers and writers of one file at a time, in every order: what the kernel may serve by itself changes with who has the
file open, and nobody may see it by anything but speed. The rows are those of the design's open table."""

import mmap
import os

from headrace_testing import calls
from headrace_testing.users import ALICE
from lanes import note_handles, until_quiet, until_whole
from registry import case
from steps import pattern

_MIB = 1 << 20
_SIZE = 3 * _MIB + 1234
_RD, _WR, _RW = os.O_RDONLY, os.O_WRONLY, os.O_RDWR


def _whole(s, name="f", size=_SIZE):
    """A file that is quiet, and complete on this node."""
    s.put(name, pattern(size))
    until_whole(name)


def _same(s, what, *fds, at=0, count=200):
    for number, fd in enumerate(fds):
        s.attempt(f"{what}: handle {number} reads", lambda fd=fd: os.pread(fd, count, at), lambda r: r.hex()[:80])


@case(limit_s=40)
def readers_of_a_quiet_file_share_one_copy(s):
    _whole(s)
    one = s.open("f")
    note_handles(s, "f", passed=1)
    two = s.open("f")
    note_handles(s, "f", passed=2)
    s.read(one, 4 * _MIB)
    s.pread(two, 5000, 2 * _MIB)
    s.pread(two, 5000, _SIZE - 100)
    s.lseek(one, 0, os.SEEK_END)
    s.fstat(one)
    s.close(one)
    note_handles(s, "f", passed=1)
    s.close(two)


@case(limit_s=40)
def a_small_quiet_file_comes_from_the_page_cache(s):
    s.put("f", pattern(5000))
    until_quiet("f")
    one = s.open("f")
    note_handles(s, "f", cached=1)
    s.read(one, 10_000)
    writer = s.open("f", _WR)
    s.pwrite(writer, b"NEW", 100)
    s.pread(one, 10, 100)
    s.close(writer)
    s.pread(one, 10, 100)
    again = s.open("f")
    s.pread(again, 10, 100)


@case(limit_s=40, table={"O_WRONLY": _WR, "O_RDWR": _RW, "O_WRONLY|O_APPEND": _WR | os.O_APPEND})
def a_writer_beside_readers_is_seen_by_them_at_once(s, flags):
    _whole(s)
    reader = s.open("f")
    note_handles(s, "f", passed=1)
    writer = s.open("f", flags)
    # One that cannot be mapped may share the readers' copy: its writes come to us all the same.
    note_handles(s, "f", passed=1 if flags == _RW else 2, direct=1 if flags == _RW else 0, writers=1)
    for number, (at, size) in enumerate(((0, 10), (5000, 100_000), (2 * _MIB - 5, 10), (_SIZE - 5, 10), (_SIZE + 100, 50))):
        s.attempt("write", lambda at=at, size=size, n=number: os.pwrite(writer, pattern(size, n + 1), at), int)
        _same(s, f"after write {number}", reader, at=at)
        s.fstat(reader, "size")
        s.lseek(reader, 0, os.SEEK_END)
    late = s.open("f")
    _same(s, "a late reader", late, reader, at=5000)
    s.close(writer)
    _same(s, "after close", late, reader, at=2 * _MIB - 50)
    s.close(reader)
    s.close(late)
    s.content("f")


@case(limit_s=40, table={"O_WRONLY": _WR, "O_RDWR": _RW})
def a_reader_beside_a_writer_sees_every_write(s, flags):
    s.put("f", pattern(_SIZE))
    writer = s.open("f", flags)
    note_handles(s, "f", direct=1, writers=1)
    reader = s.open("f")
    note_handles(s, "f", direct=2, writers=1)
    for number in range(5):
        s.pwrite(writer, pattern(10_000, number + 1), number * 700_000)
        _same(s, f"write {number}", reader, at=number * 700_000)
        s.fsync(writer) if number == 2 else None
    if flags == _RW:
        _same(s, "the writer itself", writer, at=700_000)
    s.close(writer)
    _same(s, "after close", reader, at=1_400_000)
    s.content("f")


@case(limit_s=60)
def a_file_that_becomes_whole_while_it_is_read_stays_itself(s):
    s.put("f", pattern(_SIZE))
    held = s.open("f")
    s.pread(held, 1000, 0)
    until_whole("f")
    fresh = s.open("f")
    note_handles(s, "f", passed=1, direct=1)
    _same(s, "both", held, fresh, at=_MIB)
    view = mmap.mmap(held, _SIZE, mmap.MAP_SHARED, mmap.PROT_READ)
    s.note("mapped", view[_MIB : _MIB + 50].hex())
    writer = s.open("f", _WR)
    s.pwrite(writer, b"changed", _MIB)
    _same(s, "after a write", held, fresh, at=_MIB)
    s.note("mapped", view[_MIB : _MIB + 50].hex())
    s.note("numbers", os.fstat(held).st_ino == os.fstat(fresh).st_ino == os.stat("f").st_ino)


@case(limit_s=40)
def a_mapping_of_a_reader_sees_a_later_writer(s):
    _whole(s)
    reader = s.open("f")
    view = mmap.mmap(reader, _SIZE, mmap.MAP_SHARED, mmap.PROT_READ)
    s.note("mapped", view[5000:5050].hex())
    writer = s.open("f", _RW)
    s.pwrite(writer, b"by a write", 5000)
    s.note("mapped", view[5000:5050].hex())
    _same(s, "after the write", reader, writer, at=5000)
    s.pwrite(writer, b"again", 2 * _MIB)
    s.note("mapped", view[2 * _MIB : 2 * _MIB + 50].hex())


@case(limit_s=40)
def a_mapping_whose_handle_is_closed_sees_later_writes(s):
    _whole(s)
    reader = s.open("f")
    view = mmap.mmap(reader, _SIZE, mmap.MAP_SHARED, mmap.PROT_READ)
    s.note("mapped", view[0:20].hex())
    s.close(reader)
    writer = s.open("f", _RW)
    s.pwrite(writer, b"after the close", 0)
    s.note("mapped", view[0:20].hex())
    fresh = s.open("f")
    _same(s, "fresh reader", fresh)
    s.close(writer)
    s.close(fresh)
    s.note("mapped", view[0:20].hex())
    view.close()
    until_whole("f")
    last = s.open("f")
    _same(s, "a last reader", last)


@case(limit_s=40)
def a_private_mapping_changes_nothing_for_others(s):
    _whole(s)
    reader = s.open("f")
    view = mmap.mmap(reader, _SIZE, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    view[0:5] = b"local"
    _same(s, "the file", reader)
    writer = s.open("f", _RW)
    s.pwrite(writer, b"shared", 100)
    _same(s, "the file", reader, writer, at=90)
    s.note("own bytes", view[0:5])
    s.content("f")


@case(limit_s=40)
def stores_through_a_shared_mapping_reach_readers_once_synced(s):
    _whole(s)
    reader = s.open("f")
    writer = s.open("f", _RW)
    view = mmap.mmap(writer, _SIZE)
    view[7000:7010] = b"stored now"
    _same(s, "the writer's own handle", writer, at=7000)
    late = s.open("f")
    _same(s, "a handle opened beside it", late, at=7000)
    s.attempt("msync", view.flush)
    _same(s, "all", reader, writer, late, at=7000)
    view[2 * _MIB : 2 * _MIB + 4] = b"more"
    view.close()
    _same(s, "after munmap", reader, writer, late, at=2 * _MIB)
    s.close(writer)
    s.content("f")


@case(limit_s=40)
def stores_of_a_mapping_and_changes_beside_it_do_not_wait_for_each_other(s):
    _whole(s)
    reader, mapped = s.open("f"), s.open("f", _RW)
    view = mmap.mmap(mapped, _SIZE)
    view[100:105] = view[2 * _MIB : 2 * _MIB + 5] = b"store"
    beside = f"/proc/self/fd/{reader}"  # the number that the reader has, whatever a lookup gives now
    writer = s.open(beside, _WR)
    s.pwrite(writer, b"write", 200)  # in a page that has a store
    view[300:305] = view[2 * _MIB + 9000 : 2 * _MIB + 9005] = b"again"
    view[_SIZE - 4 : _SIZE] = b"tail"
    follower = s.open(beside, _WR | os.O_APPEND)
    s.write(follower, b"appended")  # in the page of the last store
    s.pread(reader, 100, _SIZE - 50)
    s.close(follower)
    s.attempt("truncate", lambda: os.truncate(beside, 2 * _MIB + 5000))
    view[400:405] = b"later"
    s.attempt("msync", lambda: view.flush(0, 4096))
    s.fstat(reader)
    view.close()
    s.close(mapped)
    s.close(writer)
    for at in (0, 2 * _MIB, 2 * _MIB + 4800):
        s.pread(reader, 500, at)
    s.fstat(reader)


@case(limit_s=40)
def stores_after_the_last_close_are_kept(s):
    s.put("f", pattern(_SIZE))
    writer = s.open("f", _RW)
    view = mmap.mmap(writer, _SIZE)
    s.close(writer)
    view[100:104] = b"late"
    view[_SIZE - 4 : _SIZE] = b"last"
    view.close()
    s.content("f")
    reader = s.open("f")
    _same(s, "a reader", reader, at=90)
    s.close(reader)
    until_whole("f")
    s.content("f")


@case(limit_s=40, table={"shorter": 1_000_000, "to nothing": 0, "longer": _SIZE + 100_000})
def readers_see_a_truncation_at_once(s, length):
    _whole(s)
    reader = s.open("f")
    s.pread(reader, 100, 2 * _MIB)
    s.truncate("f", length)
    s.fstat(reader, "size")
    s.lseek(reader, 0, os.SEEK_END)
    s.pread(reader, 5 * _MIB, 0)
    s.pread(reader, 100, 2 * _MIB)
    writer = s.open("f", _RW)
    s.ftruncate(writer, length + 50)
    s.pread(reader, 100, length)
    s.pwrite(writer, b"x" * 10, length + 20)
    s.pread(reader, 100, length)
    s.close(writer)
    s.content("f")


@case(limit_s=40)
def truncating_on_open_beside_readers_empties_the_file_for_them(s):
    _whole(s)
    reader = s.open("f")
    view = mmap.mmap(reader, _SIZE, mmap.MAP_SHARED, mmap.PROT_READ)
    s.note("mapped", view[0:10].hex())
    writer = s.open("f", _WR | os.O_TRUNC)
    s.pread(reader, 100, 0)
    s.fstat(reader, "size")
    s.write(writer, b"a new beginning")
    s.pread(reader, 100, 0)
    s.note("mapped", view[0:20].hex())


@case(limit_s=40, table={"punch": (3, _MIB, 100_000), "grow": (0, _SIZE, 50_000), "zero over the end": (0x10, _SIZE - 1000, 5000)},
      since="tmpfs cannot zero a range")
def readers_see_what_fallocate_does(s, mode, offset, length):
    _whole(s)
    reader = s.open("f")
    writer = s.open("f", _WR)
    s.fallocate(writer, mode, offset, length)
    s.fstat(reader, "size")
    s.pread(reader, 5 * _MIB, 0)
    s.close(writer)
    s.content("f")


@case(limit_s=40)
def readers_see_what_is_copied_in(s):
    _whole(s)
    s.put("source", pattern(_MIB, 9))
    reader = s.open("f")
    source, writer = s.open("source"), s.open("f", _RW)
    s.attempt("copy_file_range", lambda: os.copy_file_range(source, writer, 500_000, 1000, _MIB), int)
    _same(s, "after the copy", reader, writer, at=_MIB)
    s.pread(reader, 5 * _MIB, 0)


@case(limit_s=40)
def what_is_added_can_be_copied_from_a_readers_handle(s):
    _whole(s)
    reader, writer = s.open("f"), s.open("f", _RW)
    s.pwrite(writer, pattern(100_000), _SIZE)
    target = s.open("g", _RW | os.O_CREAT)
    s.attempt("copy", lambda: os.copy_file_range(reader, target, 5000, _SIZE + 90_000, 0))
    s.pread(target, 5000, 0)
    s.attempt("grow", lambda: os.ftruncate(writer, _SIZE + 200_000))
    s.attempt("copy a hole", lambda: os.copy_file_range(reader, target, 5000, _SIZE + 190_000, 0))
    s.pread(target, 5000, 0)


@case(limit_s=40)
def a_file_that_is_replaced_stays_for_its_readers(s):
    _whole(s)
    reader = s.open("f")
    view = mmap.mmap(reader, _SIZE, mmap.MAP_SHARED, mmap.PROT_READ)
    s.put("new", pattern(_SIZE, 5))
    s.rename("new", "f")
    _same(s, "the old one", reader, at=_MIB)
    s.note("mapped", view[_MIB : _MIB + 20].hex())
    fresh = s.open("f")
    _same(s, "the new one", fresh, at=_MIB)
    s.fstat(reader, "nlink size")


@case(limit_s=40)
def a_file_that_is_unlinked_stays_for_its_readers_and_writers(s):
    _whole(s)
    reader, writer = s.open("f"), s.open("f", _RW)
    s.unlink("f")
    s.pwrite(writer, b"nameless", _MIB)
    _same(s, "after the unlink", reader, writer, at=_MIB)
    again = s.attempt("open /proc/self/fd for reading", lambda: os.open(f"/proc/self/fd/{reader}", _RD))
    more = s.attempt("open /proc/self/fd for writing", lambda: os.open(f"/proc/self/fd/{reader}", _RW))
    _same(s, "opened again", again, more, at=_MIB)
    s.pwrite(more, b"once more", 2 * _MIB)
    _same(s, "all", reader, writer, again, more, at=2 * _MIB)


@case(limit_s=40, table={"read": _RD, "write": _WR, "read and write": _RW})
def a_descriptors_path_opens_the_same_file_again(s, flags):
    _whole(s)
    reader = s.open("f")
    note_handles(s, "f", passed=1)
    again = s.attempt("open /proc/self/fd", lambda: os.open(f"/proc/self/fd/{reader}", flags))
    if flags != _RD:
        s.pwrite(again, b"changed", _MIB)
    _same(s, "both", reader, *([again] if flags != _WR else []), at=_MIB)
    s.close(reader)
    s.close(again)
    s.content("f")


@case(limit_s=60)
def readers_and_writers_that_alternate_see_each_other(s):
    _whole(s)
    held = [s.open("f")]
    for turn in range(6):
        flags = (_WR, _RW, _RD)[turn % 3]
        fd = s.open("f", flags)
        held.append(fd)
        if flags != _RD:
            s.pwrite(fd, pattern(5000, turn), turn * 400_000)
        for number, other in enumerate(held):
            if number % 3 != 1:  # not the ones that only write
                _same(s, f"turn {turn}, handle {number}", other, at=turn // 3 * 3 * 400_000)
        if turn == 3:
            until_whole_or_written("f")
    for fd in held:
        s.close(fd)
    s.content("f")


def until_whole_or_written(path):
    """Gives what changes modes in the background a chance to run, while writers are there."""
    fd = os.open(path, _RD)
    while os.read(fd, 1 << 20):
        pass
    os.close(fd)


@case(limit_s=40)
def a_file_written_again_and_again_is_read_as_it_is(s):
    s.put("f", pattern(_SIZE))
    for turn in range(4):
        until_whole("f")
        reader = s.open("f")
        note_handles(s, "f", passed=1)
        _same(s, f"turn {turn}", reader, at=turn * 1000)
        writer = s.open("f", _WR)
        s.pwrite(writer, pattern(3000, turn), turn * 1000)
        s.close(writer)
        _same(s, f"turn {turn} after the write", reader, at=turn * 1000)
        s.close(reader)
    s.content("f")


@case(limit_s=40)
def rights_are_asked_for_whatever_serves_the_file(s):
    _whole(s)
    s.chmod("f", 0o600)
    reader = s.open("f")
    note_handles(s, "f", passed=1)

    def alice(a):
        a.open("f", _RD)
        a.open("f", _WR)

    s.as_user(ALICE, alice)
    s.chmod("f", 0o644)
    s.as_user(ALICE, lambda a: a.content("f"))
    s.pread(reader, 10, 0)


@case(limit_s=40)
def times_and_sizes_are_exact_beside_readers(s):
    _whole(s)
    reader = s.open("f")
    writer = s.open("f", _WR | os.O_APPEND)
    s.moved("append", ["f"], lambda: s.write(writer, b"more"))
    s.fstat(reader, "size")
    s.note("one mtime", os.fstat(reader).st_mtime_ns == os.fstat(writer).st_mtime_ns == os.stat("f").st_mtime_ns)
    s.moved("read", ["f"], lambda: s.pread(reader, 1000, 0))
    s.moved("close", ["f"], lambda: s.close(writer))


@case(limit_s=40)
def a_lock_holds_across_modes(s):
    import fcntl

    _whole(s)
    reader, writer = s.open("f"), s.open("f", _RW)
    s.attempt("flock by the reader", lambda: fcntl.flock(reader, fcntl.LOCK_EX | fcntl.LOCK_NB))
    s.attempt("flock by the writer", lambda: fcntl.flock(writer, fcntl.LOCK_EX | fcntl.LOCK_NB))
    s.attempt("record lock by the writer", lambda: fcntl.lockf(writer, fcntl.LOCK_EX | fcntl.LOCK_NB))

    def other(p, line):
        fd = p.open("f", _RW)
        p.attempt("record lock", lambda: fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB))
        p.attempt("flock", lambda: fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB))

    s.peer("other", other).finish()
    s.close(reader)
    s.peer("other then", other).finish()


@case(limit_s=60)
def a_log_that_grows_is_followed_by_its_reader(s):
    _whole(s)
    follower = s.open("f")
    s.lseek(follower, 0, os.SEEK_END)
    writer = s.open("f", _WR | os.O_APPEND)
    for number in range(20):
        s.write(writer, b"line %d\n" % number)
        s.read(follower, 1000)
    s.truncate("f", 10)
    s.read(follower, 1000)
    s.write(writer, b"after the cut")
    s.lseek(follower, 0)
    s.read(follower, 1000)


@case(limit_s=40)
def many_readers_open_and_close_beside_a_writer(s):
    _whole(s)
    writer = s.open("f", _RW)
    wrong = 0
    for number in range(30):
        data = pattern(100, number)
        os.pwrite(writer, data, number * 50_000)
        fds = [os.open("f", _RD) for _ in range(3)]
        wrong += sum(os.pread(fd, 100, number * 50_000) != data for fd in fds)
        wrong += sum(os.fstat(fd).st_size != _SIZE for fd in fds)
        for fd in fds:
            os.close(fd)
    s.note("wrong", wrong)
    calls.wait_for_clock_tick()
    s.content("f")
