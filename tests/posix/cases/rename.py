# SPDX-License-Identifier: Apache-2.0
"""rename beyond its table: open files, deep trees, times, sticky directories, many at once."""

import os

from headrace_testing import calls
from headrace_testing.users import ALICE, BOB
from registry import case
from steps import Differs, pattern

_NEW = os.O_RDWR | os.O_CREAT


@case()
def a_file_keeps_itself_when_it_is_renamed(s):
    s.put("a", pattern(70_000), 0o640)
    s.chown("a", 1000, 1001)
    s.utime("a", (5, 6), (7, 8))
    inode = os.stat("a").st_ino
    s.mkdir("d")
    s.rename("a", "d/b")
    s.stat("d/b")
    s.times("d/b")
    s.content("d/b")
    s.note("the same inode", os.stat("d/b").st_ino == inode)
    s.stat("a")


@case()
def an_open_file_does_not_notice_that_it_was_renamed(s):
    fd = s.open("a", _NEW)
    s.write(fd, b"before")
    s.mkdir("d")
    s.rename("a", "d/b")
    s.write(fd, b" and after")
    s.fstat(fd)
    s.content("d/b")
    s.rename("d/b", "c")
    s.pread(fd, 100, 0)


@case()
def a_file_that_is_replaced_lives_until_it_is_closed(s):
    s.put("old", b"the old one")
    s.put("new", b"the new one")
    fd = s.open("old", os.O_RDWR)
    s.rename("new", "old")
    s.content("old")
    s.pread(fd, 100, 0)
    s.fstat(fd, "nlink size")
    s.pwrite(fd, b"THE", 0)
    s.content("old")
    s.pread(fd, 100, 0)


@case()
def replacing_one_of_two_names_lowers_the_count(s):
    s.put("a", b"a")
    s.link("a", "a2")
    s.put("b", b"b")
    s.rename("b", "a")
    s.stat("a2")
    s.stat("a")
    s.content("a2")


@case()
def writing_a_copy_and_renaming_it_is_never_seen_half(s):
    s.put("f", b"0" * 10_000)

    def replace(p, line):
        for number in range(1, 60):
            p_fd = os.open("tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.write(p_fd, b"%d" % (number % 10) * 10_000)
            os.close(p_fd)
            os.rename("tmp", "f")

    peer = s.peer("writer", replace)
    bad = 0
    for _ in range(300):
        fd = os.open("f", os.O_RDONLY)
        data = os.read(fd, 20_000)
        os.close(fd)
        bad += len(data) != 10_000 or len(set(data)) != 1
    peer.finish()
    s.note("half seen", bad)
    s.content("f")


@case()
def a_name_is_never_missing_while_it_is_replaced(s):
    s.put("f", b"x")

    def replace(p, line):
        for number in range(200):
            os.close(os.open(f"t{number}", os.O_WRONLY | os.O_CREAT))
            os.rename(f"t{number}", "f")

    peer = s.peer("writer", replace)
    missing = 0
    for _ in range(1000):
        missing += not os.path.exists("f")
    peer.finish()
    s.note("missing", missing)
    s.names()


@case()
def two_names_exchanged_are_never_both_missing(s):
    s.put("a", b"a")
    s.put("b", b"bb")

    def swap(p, line):
        for _ in range(201):
            calls.renameat2("a", "b", calls.RENAME_EXCHANGE)

    peer = s.peer("swapper", swap)
    wrong = 0
    for _ in range(500):
        wrong += os.stat("a").st_size not in (1, 2)
        wrong += os.stat("b").st_size not in (1, 2)
    peer.finish()
    s.note("wrong", wrong)
    s.content("a")
    s.content("b")


@case()
def a_directory_takes_its_tree_along(s):
    s.mkdir("d")
    s.mkdir("d/e")
    s.put("d/e/f", b"deep")
    fd = s.open("d/e/f", os.O_RDWR)
    s.mkdir("other")
    s.rename("d", "other/moved")
    s.content("other/moved/e/f")
    s.pwrite(fd, b"DEEP", 0)
    s.content("other/moved/e/f")
    s.same_inode("other", "other/moved/..")
    s.stat("other", "nlink")
    s.stat(".", "nlink")
    s.stat("d")
    s.rename("other/moved/e", "e")
    s.stat("other/moved", "nlink")
    s.same_inode(".", "e/..")


@case()
def the_working_directory_can_be_moved(s):
    s.mkdir("a")
    s.mkdir("b")
    s.put("b/beside", b"found")
    os.chdir("a")
    s.rename("../a", "../b/c")
    s.content("../beside")
    s.put("here", b"here")
    s.names("..")
    os.chdir("..")
    s.content("c/here")


@case()
def a_directory_cannot_be_moved_below_itself(s):
    s.mkdir("a")
    s.mkdir("a/b")
    s.mkdir("a/b/c")
    for target in ("a/x", "a/b/x", "a/b/c/x", "a/b", "a/b/c", "a/."):
        s.rename("a", target)
        s.rename("a", target, calls.RENAME_NOREPLACE)
    s.rename("a", "a/b", calls.RENAME_EXCHANGE)
    s.rename("a/b/c", "a", calls.RENAME_EXCHANGE)
    s.rename("a/b", "a")
    s.names("a/b")


@case()
def directories_moved_over_each_other_keep_the_counts(s):
    s.mkdir("p")
    s.mkdir("p/x")
    s.mkdir("p/y")
    s.rename("p/x", "p/y")
    s.stat("p", "nlink")
    s.mkdir("q")
    s.mkdir("q/z")
    s.rename("p/y", "q/z")
    s.stat("p", "nlink")
    s.stat("q", "nlink")
    s.put("q/file")
    s.rename("q/file", "q/z", calls.RENAME_EXCHANGE)
    s.stat("q", "nlink")
    s.rename("q/file", "p/d", 0)
    s.stat("q", "nlink")
    s.stat("p", "nlink")
    s.put("top")
    s.rename("top", "p/d", calls.RENAME_EXCHANGE)
    s.stat(".", "nlink")
    s.stat("p", "nlink")
    s.same_inode("top/..", ".")


@case(table={"same directory": ("d1/a", "d1/b"), "other directory": ("d1/a", "d2/b")})
def rename_moves_the_times_of_the_directories(s, source, target):
    s.mkdir("d1")
    s.mkdir("d2")
    s.put(source)
    s.moved("rename", ["d1", "d2", "."], lambda: s.rename(source, target))
    s.put(source)
    s.moved("rename over", ["d1", "d2"], lambda: s.rename(source, target))
    s.put(source)
    s.moved("exchange", ["d1", "d2"], lambda: s.rename(source, target, calls.RENAME_EXCHANGE))


@case()
def rename_moves_the_change_time_of_what_is_moved(s):
    s.put("a")
    s.link("a", "also-a")
    s.moved("rename", ["also-a"], lambda: s.rename("a", "b"))
    s.put("c")
    s.link("c", "also-c")
    s.moved("rename over", ["also-a", "also-c"], lambda: s.rename("b", "c"))
    s.mkdir("d")
    s.mkdir("e")
    inside = s.open("d", os.O_RDONLY)
    before = os.fstat(inside).st_ctime_ns
    calls.wait_for_clock_tick()
    s.rename("d", "e/d")
    s.note("ctime of the directory moved", os.fstat(inside).st_ctime_ns != before)


@case()
def renaming_one_name_onto_another_of_the_same_file_does_nothing(s):
    s.put("a", b"a")
    s.link("a", "b")
    s.moved("rename", ["a", "b", "."], lambda: s.rename("a", "b"))
    s.names()
    s.stat("a")
    s.rename("a", "b", calls.RENAME_NOREPLACE)
    s.rename("a", "b", calls.RENAME_EXCHANGE)
    s.rename("a", "a", calls.RENAME_NOREPLACE)
    s.rename("a", "a", calls.RENAME_EXCHANGE)
    s.names()


@case()
def a_name_of_another_file_system_is_refused(s):
    s.put("f")
    s.rename("f", "/dev/shm/headrace-posix-never")
    s.rename("/dev/null", "f")
    s.link("f", "/dev/shm/headrace-posix-never")
    s.names()


@case()
def a_whiteout_is_refused(s):
    s.put("a")
    s.rename("a", "b", calls.RENAME_WHITEOUT, differs=Differs("EINVAL", "rename"))
    s.note("one of the names is there", os.path.lexists("a") or os.path.lexists("b"))


def _sticky(s, owner):
    s.mkdir("t", 0o755)
    s.chmod("t", 0o1777)
    s.chown("t", owner, 0)
    s.mkdir("free")
    s.chmod("free", 0o777)
    for user in (ALICE, BOB):
        s.as_user(user, lambda u, n=user.name: (u.put(f"t/{n}", n.encode()), u.mkdir(f"t/{n}-d")))


@case(table={"of-root": 0, "of-alice": ALICE.uid, "of-bob": BOB.uid})
def a_sticky_directory_lets_only_owners_remove_and_rename(s, owner):
    _sticky(s, owner)

    def alice(a):
        a.unlink("t/bob")
        a.rmdir("t/bob-d")
        a.rename("t/bob", "t/x")
        a.rename("t/bob", "free/x")
        a.rename("t/bob-d", "free/x")
        a.rename("t/alice", "t/bob")
        a.rename("t/alice", "t/bob", calls.RENAME_EXCHANGE)
        a.put("free/mine", b"m")
        a.rename("free/mine", "t/bob")
        a.rename("t/alice", "t/alice2")
        a.rename("t/alice2", "free/a")
        a.rename("t/alice-d", "t/alice-d2")
        a.rename("t/alice-d2", "free/a-d")
        a.rename("free/a", "t/back")
        a.unlink("t/back")
        a.rmdir("free/a-d")

    s.as_user(ALICE, alice)
    s.names("t")
    s.names("free")
    s.unlink("t/bob") if os.path.lexists("t/bob") else None
    s.names("t")


@case(table={"both": (0o777, 0o777), "no-source-write": (0o555, 0o777), "no-target-write": (0o777, 0o555),
             "no-source-search": (0o666, 0o777), "no-target-search": (0o777, 0o666)})
def rename_needs_rights_on_both_directories(s, source_mode, target_mode):
    s.mkdir("from")
    s.mkdir("to")
    for name in ("f", "g"):
        s.put(f"from/{name}")
        s.chmod(f"from/{name}", 0o666)
    s.mkdir("from/d")
    s.put("to/there")
    s.chmod("from", source_mode)
    s.chmod("to", target_mode)

    def alice(a):
        a.rename("from/f", "to/f")
        a.rename("from/g", "to/there")
        a.rename("from/g", "to/there", calls.RENAME_EXCHANGE)
        a.rename("from/d", "to/d")
        a.link("from/g", "to/linked")

    s.as_user(ALICE, alice)
    s.names("from")
    s.names("to")


@case()
def moving_a_directory_needs_the_right_to_write_it(s):
    for name, mode in (("d", 0o755), ("e", 0o777)):
        s.mkdir(name)
        s.chmod(name, mode)
    s.mkdir("p")
    s.mkdir("q")
    s.chmod("p", 0o777)
    s.chmod("q", 0o777)
    s.rename("d", "p/d")
    s.rename("e", "p/e")

    def alice(a):
        a.rename("p/d", "q/d")  # its ".." would change
        a.rename("p/d", "p/d2")
        a.rename("p/e", "q/e")

    s.as_user(ALICE, alice)
    s.names("p")
    s.names("q")


@case(limit_s=60)
def renames_by_three_processes_lose_nothing(s):
    for number in range(8):
        s.put(f"f{number}", b"%d" % number)

    def away_and_back(aside):
        def run(p, line):
            for turn in range(100):
                try:
                    os.rename(f"f{turn % 8}", aside)
                except FileNotFoundError:
                    continue  # another process has it just now
                os.rename(aside, f"f{turn % 8}")

        return run

    peers = [s.peer(f"peer {number}", away_and_back(f"x{number}")) for number in range(3)]
    for peer in peers:
        peer.finish()
    s.names()
    for number in range(8):
        s.content(f"f{number}")
