# SPDX-License-Identifier: Apache-2.0
"""Which times each call moves, and which times can be set."""

import os
import stat

from headrace_testing import calls
from headrace_testing.calls import UTIME_NOW, UTIME_OMIT
from headrace_testing.users import ALICE, BOB
from registry import case
from steps import Differs, pattern

_NEW = os.O_RDWR | os.O_CREAT
_CREATES = {
    "open": lambda s, p: s.close(s.open(p, os.O_WRONLY | os.O_CREAT)),
    "mkdir": lambda s, p: s.mkdir(p),
    "mknod": lambda s, p: s.mknod(p, stat.S_IFREG | 0o644),
    "fifo": lambda s, p: s.mknod(p, stat.S_IFIFO | 0o644),
    "symlink": lambda s, p: s.symlink("x", p),
    "link": lambda s, p: s.link("file", p),
}


@case(table=_CREATES)
def making_something_moves_the_times_of_its_directory(s, make):
    s.put("file")
    s.mkdir("d")
    s.moved("made", ["d", "."], lambda: make(s, "d/new"))
    s.moved("made again", ["d", "d/new"], lambda: make(s, "d/new"))
    new = os.lstat("d/new")
    s.note("times of the new one", new.st_mtime_ns >= os.lstat("file").st_mtime_ns)


@case()
def something_new_has_three_equal_times_not_in_the_past(s):
    s.mkdir("before")
    calls.wait_for_clock_tick()
    s.put("f")
    s.mkdir("d")
    s.mknod("p", stat.S_IFIFO | 0o644)
    s.symlink("x", "l")
    earlier = os.stat("before").st_mtime_ns
    for name in ("f", "d", "p", "l"):
        st = os.lstat(name)
        s.note(f"{name}: equal", len({st.st_atime_ns, st.st_mtime_ns, st.st_ctime_ns}) == 1)
        s.note(f"{name}: later than what was before", st.st_mtime_ns > earlier)
    parent = os.stat(".")
    s.note("the directory is as new as what was made last", parent.st_mtime_ns >= os.lstat("l").st_mtime_ns)


_CHANGES = {
    "write": lambda s, fd: s.write(fd, b"x"),
    "pwrite": lambda s, fd: s.pwrite(fd, b"x", 10),
    "write nothing": lambda s, fd: s.write(fd, b""),
    "ftruncate shorter": lambda s, fd: s.ftruncate(fd, 10),
    "ftruncate longer": lambda s, fd: s.ftruncate(fd, 100_000),
    "truncate shorter": lambda s, fd: s.truncate("d/f", 10),
    "ftruncate same": lambda s, fd: s.ftruncate(fd, 5000),
    "truncate same": lambda s, fd: s.truncate("d/f", 5000),
    "open truncating": lambda s, fd: s.close(s.open("d/f", os.O_WRONLY | os.O_TRUNC)),
    "allocate more": lambda s, fd: s.fallocate(fd, 0, 0, 100_000),
    "punch": lambda s, fd: s.fallocate(fd, 3, 0, 4096),
    "chmod": lambda s, fd: s.chmod("d/f", 0o600),
    "chmod same": lambda s, fd: s.chmod("d/f", 0o644),
    "chown": lambda s, fd: s.chown("d/f", 1, 2),
    "chown same": lambda s, fd: s.chown("d/f", 0, 0),
    "rename": lambda s, fd: (s.rename("d/f", "d/g"), s.rename("d/g", "d/f")),
    "link": lambda s, fd: s.link("d/f", "d/g"),
    "utimensat": lambda s, fd: s.utime("d/f", (1, 0), (1, 0)),
    "utimensat omit both": lambda s, fd: s.utime("d/f", (0, UTIME_OMIT), (0, UTIME_OMIT)),
    "fsync": lambda s, fd: s.fsync(fd),
    "stat": lambda s, fd: s.stat("d/f"),
    "open and close": lambda s, fd: s.close(s.open("d/f", os.O_RDWR)),
    "pread": lambda s, fd: s.pread(fd, 10, 0),
    "copy_file_range": lambda s, fd: s.attempt("copy", lambda: os.copy_file_range(os.open("source", os.O_RDONLY), fd, 100, 0, 0), int),
    "flock": lambda s, fd: s.attempt("flock", lambda: __import__("fcntl").flock(fd, 2)),
}


@case(table=_CHANGES)
def a_call_moves_the_times_it_should(s, change):
    s.mkdir("d")
    s.put("d/f", pattern(5000))
    s.put("source", pattern(500))
    fd = s.open("d/f", os.O_RDWR)
    s.moved("call", ["d/f", "d"], lambda: change(s, fd))
    s.moved("close", ["d/f", "d"], lambda: s.close(fd))


@case()
def times_move_while_a_file_is_being_written(s):
    fd = s.open("f", _NEW)
    for number in range(4):
        s.moved(f"write {number}", ["f"], lambda: s.write(fd, pattern(10_000, number)))
        s.moved(f"read {number}", ["f"], lambda: s.pread(fd, 100, 0))
    s.moved("fsync", ["f"], lambda: s.fsync(fd))
    s.moved("close", ["f"], lambda: s.close(fd))


@case()
def fstat_and_stat_agree_about_the_times(s):
    fd = s.open("f", _NEW)
    for data in (b"a", b"bc", b""):
        s.write(fd, data)
        one, two = os.fstat(fd), os.stat("f")
        s.note("equal", (one.st_mtime_ns, one.st_ctime_ns, one.st_size) == (two.st_mtime_ns, two.st_ctime_ns, two.st_size))
        reader = os.open("f", os.O_RDONLY)
        three = os.fstat(reader)
        s.note("equal", (one.st_mtime_ns, one.st_size) == (three.st_mtime_ns, three.st_size))
        os.close(reader)
    s.close(fd)


_SETTABLE = {
    "zero": (0, 0),
    "one nanosecond": (0, 1),
    "all nanoseconds": (1_700_000_000, 999_999_999),
    "odd nanoseconds": (1_700_000_000, 123_456_789),
    "below a microsecond": (1_234_567_890, 999),
    "2038": (2_147_483_647, 0),
    "after 2038": (2_147_483_648, 1),
    "2100": (4_102_444_800, 999_999_999),
    "after 32 bits": (4_294_967_296, 5),
    "2445": (15_000_000_000, 999_999_999),
}


@case(table=_SETTABLE, users=("root", "alice"))
def a_time_that_is_set_is_kept_to_the_nanosecond(s, seconds, nanoseconds):
    s.put("f")
    s.mkdir("d")
    s.symlink("x", "l")
    s.mknod("p", stat.S_IFIFO | 0o644)
    for name in ("f", "d", "l", "p"):
        s.utime(name, (seconds, nanoseconds), (seconds + 1, nanoseconds // 2))
    for name in ("f", "d", "p"):
        s.times(name)
    s.times("l", "mtime")


@case(like="tmpfs", since="ext4 ends in 2446", table={"2500": (16_725_225_600, 1), "3000": (32_503_680_000, 7), "9999": (253_402_300_799, 0)})
def a_time_far_ahead_is_kept(s, seconds, nanoseconds):
    s.put("f")
    s.utime("f", (seconds, nanoseconds), (seconds, nanoseconds))
    s.times("f")


@case(table={"1969": (-1, 0), "1969 and a bit": (-5, 500_000_000), "1901": (-2_147_483_648, 0)})
def a_time_before_1970_becomes_1970(s, seconds, nanoseconds):
    s.put("f")
    s.utime("f", (seconds, nanoseconds), (seconds, nanoseconds))
    st = os.stat("f")
    s.note("mtime", st.st_mtime_ns, Differs(0, "Times before 1970"))
    s.note("atime", st.st_atime_ns, Differs(0, "Times before 1970"))


@case(users=("root", "alice"))
def now_and_omit_mean_what_they_say(s):
    s.put("f")
    s.utime("f", (100, 1), (200, 2))
    s.utime("f", (0, UTIME_OMIT), (300, 3))
    s.times("f")
    s.utime("f", (400, 4), (0, UTIME_OMIT))
    s.times("f")
    s.moved("omit both", ["f"], lambda: s.utime("f", (0, UTIME_OMIT), (0, UTIME_OMIT)), look="atime mtime ctime")
    s.moved("now for mtime", ["f"], lambda: s.utime("f", (0, UTIME_OMIT), (0, UTIME_NOW)), look="atime mtime ctime")
    s.times("f", "atime")
    s.utime("f", (100, 1), (200, 2))
    s.moved("now for atime", ["f"], lambda: s.utime("f", (0, UTIME_NOW), (0, UTIME_OMIT)), look="atime mtime ctime")
    s.times("f", "mtime")
    s.utime("f", (0, UTIME_NOW), (0, UTIME_NOW))
    st = os.stat("f")
    s.note("both are one now", st.st_atime_ns == st.st_mtime_ns and st.st_mtime_ns <= st.st_ctime_ns)
    s.utime("f", (0, UTIME_NOW), (500, 5))
    s.times("f", "mtime")
    s.attempt("utime without times", lambda: os.utime("f"))
    for nanoseconds in (1_000_000_000, -1, UTIME_OMIT - 1):
        s.utime("f", (0, nanoseconds), (0, 0))
    s.utime("missing", (0, 0), (0, 0))


@case(table={"own": (ALICE.uid, 0o600), "foreign and closed": (BOB.uid, 0o600), "foreign and writable": (BOB.uid, 0o666),
             "foreign and readable": (BOB.uid, 0o644), "own and closed": (ALICE.uid, 0)})
def who_may_set_times(s, uid, mode):
    s.put("f", b"", 0o600)
    s.chown("f", uid, uid)
    s.chmod("f", mode)

    def alice(a):
        a.utime("f", (0, UTIME_NOW), (0, UTIME_NOW))
        a.attempt("utime without times", lambda: os.utime("f"))
        a.utime("f", (1, 0), (2, 0))
        a.utime("f", (0, UTIME_OMIT), (0, UTIME_NOW))
        a.utime("f", (0, UTIME_NOW), (0, UTIME_OMIT))
        a.utime("f", (0, UTIME_OMIT), (0, UTIME_OMIT))
        a.utime("f", (0, UTIME_OMIT), (2, 0))

    s.as_user(ALICE, alice)


@case()
def times_of_open_files_can_be_set(s):
    fd = s.open("f", _NEW)
    s.write(fd, b"data")
    os.utime(fd, ns=(111, 222))
    s.times("f")
    s.close(fd)
    s.times("f")
    fd = s.open("f", os.O_RDWR)
    s.write(fd, b"more")
    os.utime(fd, ns=(333, 444))
    s.fsync(fd)
    s.times("f")
    s.unlink("f")
    os.utime(fd, ns=(555, 666))
    st = os.fstat(fd)
    s.note("nameless", [st.st_atime_ns, st.st_mtime_ns])


@case()
def a_time_that_was_set_is_not_moved_by_closing_or_syncing(s):
    for name, size in (("small", 100), ("large", 5 << 20)):
        fd = s.open(name, _NEW)
        s.write(fd, pattern(size))
        s.utime(name, (1000, 1), (2000, 2))
        s.fsync(fd)
        s.times(name)
        s.close(fd)
        s.times(name)
        s.content(name)
        s.times(name, "mtime")


@case()
def reading_leaves_the_access_time_alone(s):
    s.put("f", b"content")
    s.mkdir("d")
    s.symlink("f", "l")
    for name in ("f", "d"):
        s.utime(name, (1000, 0), (2000, 0))
    calls.wait_for_clock_tick()
    s.content("f")
    s.names("d")
    s.readlink("l")
    for name in ("f", "d"):
        s.note(f"atime of {name} stayed", os.stat(name).st_atime_ns == 1000 * 10**9, Differs(True, "Access times"))


@case()
def the_change_time_cannot_be_set_back(s):
    s.put("f")
    before = os.stat("f").st_ctime_ns
    calls.wait_for_clock_tick()
    s.utime("f", (1, 0), (1, 0))
    s.note("ctime moved on", os.stat("f").st_ctime_ns > before)
    s.chmod("f", 0o600)
    s.note("ctime is not the time that was set", os.stat("f").st_ctime_ns > 10**18)


@case()
def times_of_many_files_made_in_order_never_go_back(s):
    last, back = 0, 0
    for number in range(100):
        os.close(os.open(f"f{number}", os.O_WRONLY | os.O_CREAT))
        now = os.stat(f"f{number}").st_mtime_ns
        back += now < last
        last = now
    s.note("went back", back)


@case()
def removing_moves_the_times_of_the_directory_and_of_what_is_left(s):
    s.mkdir("d")
    s.mkdir("d/sub")
    s.put("d/f")
    s.link("d/f", "other-name")
    s.moved("unlink", ["d", "other-name"], lambda: s.unlink("d/f"))
    s.moved("rmdir", ["d", "."], lambda: s.rmdir("d/sub"))
    s.moved("unlink what is not there", ["d"], lambda: s.unlink("d/f"))
    s.moved("rmdir what is not there", ["d"], lambda: s.rmdir("d/sub"))
