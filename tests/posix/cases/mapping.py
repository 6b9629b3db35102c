# SPDX-License-Identifier: Apache-2.0
"""Files in memory: mappings see what is written, what is stored through them is seen, and behind the end is SIGBUS."""

import mmap
import os
import signal

from headrace_testing.calls import SharedView
from lanes import until_quiet
from registry import case
from steps import pattern

_NEW = os.O_RDWR | os.O_CREAT
_PAGE = 4096


def _dies(s, what, touch):
    """Notes the signal that touch() in a process of its own dies of."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(5)
        try:
            touch()
        finally:
            os._exit(0)
    status = os.waitpid(pid, 0)[1]
    s.note(what, signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else "lives")


@case(users=("root", "alice"), table={"shared": mmap.MAP_SHARED, "private": mmap.MAP_PRIVATE})
def a_mapping_shows_the_file(s, how):
    data = pattern(300_000)
    s.put("f", data)
    fd = s.open("f")
    view = mmap.mmap(fd, 0, how, mmap.PROT_READ)
    s.close(fd)
    s.note("length", len(view))
    s.note("bytes", view[:] == data)
    s.note("behind the end of the file, within its last page", len(view[299_990:]))
    view.close()


@case()
def stores_are_seen_by_reads_and_writes_by_the_mapping(s):
    s.put("f", pattern(20_000))
    fd = s.open("f", os.O_RDWR)
    view = mmap.mmap(fd, 20_000)
    view[0:5] = b"HELLO"
    s.pread(fd, 10, 0)
    s.pwrite(fd, b"WORLD", 5)
    s.note("mapped", view[0:10])
    s.pwrite(fd, b"far", 15_000)
    s.note("mapped", view[15_000:15_003])
    view[15_000:15_003] = b"FAR"
    other = s.open("f")
    s.pread(other, 3, 15_000)
    view.flush()
    s.content("f")
    view.close()
    s.close(fd)
    s.content("f")


@case()
def two_processes_share_a_mapping(s):
    s.put("f", b"\0" * _PAGE * 2)

    def other(p, line):
        fd = p.open("f", os.O_RDWR)
        mine = mmap.mmap(fd, _PAGE * 2)
        line.expect("look")
        p.note("sees", mine[0:5])
        mine[_PAGE : _PAGE + 5] = b"other"
        line.say("stored")
        line.expect("end")

    peer = s.peer("other", other)
    fd = s.open("f", os.O_RDWR)
    view = mmap.mmap(fd, _PAGE * 2)
    view[0:5] = b"first"
    peer.say("look")
    peer.expect("stored")
    s.note("sees", view[_PAGE : _PAGE + 5])
    peer.say("end")
    peer.finish()
    s.content("f")


@case()
def a_mapping_outlives_its_handle(s):
    s.put("f", pattern(10_000))
    fd = s.open("f", os.O_RDWR)
    view = mmap.mmap(fd, 10_000)
    s.close(fd)
    view[0:4] = b"late"
    s.content("f")
    view[4:8] = b"r on"
    view.close()
    s.content("f")
    reader = s.open("f")
    s.pread(reader, 10, 0)


@case()
def a_private_mapping_keeps_its_stores_to_itself(s):
    s.put("f", pattern(10_000))
    fd = s.open("f", os.O_RDONLY)
    view = mmap.mmap(fd, 10_000, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    view[0:4] = b"mine"
    s.note("mapped", view[0:4])
    s.content("f")
    other = s.open("f", os.O_RDWR)
    s.pwrite(other, b"theirs", 5_000)
    s.note("still", view[0:4])
    view.close()
    s.content("f")


@case(users=("root", "alice"))
def a_mapping_needs_the_right_of_its_handle(s):
    s.put("f", pattern(10_000))
    for access in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
        fd = s.open("f", access)
        for how, name in ((mmap.MAP_SHARED, "shared"), (mmap.MAP_PRIVATE, "private")):
            for rights, right in ((mmap.PROT_READ, "r"), (mmap.PROT_READ | mmap.PROT_WRITE, "rw")):
                s.attempt(f"mmap {name} {right}", lambda how=how, rights=rights: mmap.mmap(fd, 4096, how, rights).close())
        s.close(fd)
    s.attempt("mmap a directory", lambda: mmap.mmap(os.open(".", os.O_RDONLY), 4096, mmap.MAP_SHARED, mmap.PROT_READ))


@case()
def behind_the_end_of_the_file_is_sigbus(s):
    s.put("f", pattern(5_000))
    fd = s.open("f", os.O_RDWR)
    os.ftruncate(fd, 4 * _PAGE)
    view = mmap.mmap(fd, 4 * _PAGE)
    s.ftruncate(fd, 5_000)
    _dies(s, "first page", lambda: view[0])
    _dies(s, "last byte", lambda: view[4_999])
    _dies(s, "rest of the last page", lambda: view[2 * _PAGE - 1])
    _dies(s, "page behind", lambda: view[2 * _PAGE])
    _dies(s, "last page", lambda: view[4 * _PAGE - 1])
    _dies(s, "store behind", lambda: view.__setitem__(3 * _PAGE, 1))
    s.ftruncate(fd, 4 * _PAGE)
    _dies(s, "grown again", lambda: view[3 * _PAGE])
    s.note("zeros", view[5_000:].count(0) == 4 * _PAGE - 5_000)


def _append(fd, size):
    os.pwrite(fd, b"y" * (size - os.fstat(fd).st_size), os.fstat(fd).st_size)


@case(limit_s=40, table={"ftruncate": os.ftruncate, "fallocate": lambda fd, size: os.posix_fallocate(fd, 0, size),
                         "write": _append})
def a_mapping_made_before_reaches_as_far_as_the_file_has_grown(s, grow):
    """Also when the file was quiet, and is grown through a handle that the mapping's number knows nothing of."""
    for number, (start, end) in enumerate(((100, _PAGE + 1), (0, 3 * _PAGE), (_PAGE, 2 * _PAGE + 1), (5_000, 2 << 20))):
        name = f"f{number}"
        s.put(name, b"x" * start)
        until_quiet(name)
        reader = s.open(name)
        view = SharedView(reader, end)
        if start:
            s.note("before", view.read(start - 1))
        writer = s.open(name, os.O_RDWR)
        grow(writer, end)
        for place in (0, start, end - 1):
            _dies(s, f"byte {place} of {end}", lambda view=view, place=place: view.read(place))
        s.note("all of it", view.read(0, end).hex()[-40:])
        view.close()
        s.close(reader)
        s.close(writer)


@case()
def the_rest_of_the_last_page_is_zero_and_never_reaches_the_file(s):
    s.put("f", b"x" * 100)
    fd = s.open("f", os.O_RDWR)
    os.ftruncate(fd, _PAGE)
    os.ftruncate(fd, 100)
    view = mmap.mmap(fd, 100)
    s.note("length", len(view))
    view[0:3] = b"abc"
    view.flush()
    s.stat("f", "size")
    s.content("f")
    s.ftruncate(fd, 200)
    s.content("f")


@case()
def a_store_moves_the_times_once_it_is_synced(s):
    s.put("f", pattern(10_000))
    fd = s.open("f", os.O_RDWR)
    view = mmap.mmap(fd, 10_000)

    def store():
        view[0:4] = b"time"
        view.flush()
        os.fsync(fd)

    s.moved("store and sync", ["f"], store)
    s.moved("load", ["f"], lambda: view[5_000])


@case(limit_s=40)
def a_large_file_can_be_built_through_a_mapping(s):
    size = 9 << 20
    fd = s.open("f", _NEW)
    s.ftruncate(fd, size)
    view = mmap.mmap(fd, size)
    data = pattern(size)
    view[:] = data
    s.note("read", os.pread(fd, size, 0) == data)
    view.flush()
    view.close()
    s.fsync(fd)
    s.close(fd)
    s.content("f")


@case()
def sparse_stores_leave_holes_of_zeros(s):
    fd = s.open("f", _NEW)
    s.ftruncate(fd, 1 << 20)
    view = mmap.mmap(fd, 1 << 20)
    for at in (0, 5_000, 65_536, 300_000, (1 << 20) - 1):
        view[at] = 65
    view.close()
    s.close(fd)
    s.content("f")


@case()
def msync_ends_well_and_tells_nonsense(s):
    s.put("f", pattern(10_000))
    fd = s.open("f", os.O_RDWR)
    view = mmap.mmap(fd, 10_000)
    view[:10] = b"0123456789"
    s.attempt("msync all", view.flush)
    s.attempt("msync a page", lambda: view.flush(0, _PAGE))
    s.attempt("msync unaligned", lambda: view.flush(10, 10))
    s.content("f")


@case()
def reads_into_a_mapping_of_the_same_file_end(s):
    # The page that a read fills is itself a page of the file.
    s.put("f", pattern(8 * _PAGE))
    fd = s.open("f", os.O_RDWR)
    view = mmap.mmap(fd, 8 * _PAGE)
    s.attempt("read into own mapping", lambda: os.preadv(fd, [memoryview(view)[0:_PAGE]], 4 * _PAGE), int)
    s.attempt("write from own mapping", lambda: os.pwritev(fd, [memoryview(view)[5 * _PAGE : 6 * _PAGE]], 0), int)
    data = pattern(8 * _PAGE)
    s.note("as expected", os.pread(fd, _PAGE, 0) == data[5 * _PAGE : 6 * _PAGE])


@case()
def a_database_like_pattern_of_mapping_and_writing_is_coherent(s):
    # Writes through the descriptor, reads through a read-only mapping, growing now and then.
    fd = s.open("f", _NEW)
    wrong, size = 0, 0
    for number in range(40):
        page = pattern(_PAGE, number)
        at = (number * 7 % 10) * _PAGE
        size = max(size, at + _PAGE)
        os.pwrite(fd, page, at)
        view = mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ)
        wrong += view[at : at + _PAGE] != page
        view.close()
    s.note("wrong", wrong)
    s.content("f")


@case(limit_s=40)
def sqlite_works(s):
    import sqlite3

    for mode in ("delete", "wal"):
        connection = sqlite3.connect(f"{mode}.db", timeout=5)
        s.note("journal", connection.execute(f"pragma journal_mode={mode}").fetchone()[0])
        connection.execute("create table t (k integer primary key, v blob)")
        for number in range(20):
            with connection:
                connection.executemany("insert into t (v) values (?)", [(pattern(500, number),)] * 20)
        other = sqlite3.connect(f"{mode}.db", timeout=5)
        s.note("rows", other.execute("select count(*), sum(length(v)) from t").fetchone())
        with other:
            other.execute("delete from t where k % 2")
        s.note("check", connection.execute("pragma integrity_check").fetchone()[0])
        s.note("rows", connection.execute("select count(*) from t").fetchone()[0])
        other.close()
        connection.close()
