# SPDX-License-Identifier: Apache-2.0
"""unlink and rmdir, and files that are open while their last name goes."""

import os
import stat

from headrace_testing import calls
from headrace_testing.users import ALICE
from registry import case
from steps import pattern

_NEW = os.O_RDWR | os.O_CREAT


@case(users=("root", "alice"))
def unlink_removes_every_kind_of_thing_but_directories(s):
    s.put("f", b"x")
    s.mkdir("d")
    s.mkdir("full")
    s.put("full/f")
    s.symlink("f", "l")
    s.symlink("d", "ld")
    s.symlink("nowhere", "dangling")
    s.mknod("fifo", stat.S_IFIFO | 0o644)
    s.mknod("socket", stat.S_IFSOCK | 0o644)
    for name in ("f", "d", "full", "l", "ld", "dangling", "fifo", "socket", "missing", "f"):
        s.unlink(name)
    s.names()
    s.names("full")


@case(users=("root", "alice"))
def rmdir_removes_only_empty_directories(s):
    s.put("f")
    s.mkdir("d")
    s.mkdir("full")
    s.put("full/f")
    s.mkdir("parent")
    s.mkdir("parent/child")
    s.symlink("d", "ld")
    s.mknod("fifo", stat.S_IFIFO | 0o644)
    for name in ("f", "ld", "fifo", "full", "parent", "missing", "d", "d", "parent/child", "parent", "full/.", "full/.."):
        s.rmdir(name)
    s.unlink("full/f")
    s.rmdir("full")
    s.names()


@case()
def link_counts_of_directories_follow_their_subdirectories(s):
    s.mkdir("d")
    for number in range(5):
        s.mkdir(f"d/{number}")
        s.stat("d", "nlink")
    s.put("d/file")
    s.symlink(".", "d/link")
    s.stat("d", "nlink")
    s.stat("d/0", "nlink")
    for number in range(5):
        s.rmdir(f"d/{number}")
        s.stat("d", "nlink")


@case(users=("root", "alice"))
def a_file_without_a_name_lives_until_it_is_closed(s):
    fd = s.open("f", _NEW)
    s.write(fd, pattern(100_000))
    s.unlink("f")
    s.fstat(fd)
    s.names()
    s.pread(fd, 200_000, 0)
    s.pwrite(fd, b"more", 100_000)
    s.pread(fd, 200_000, 0)
    s.ftruncate(fd, 50)
    s.fstat(fd)
    s.fsync(fd)
    s.fchmod(fd, 0o600)
    s.fstat(fd, "mode nlink")
    s.pread(fd, 200_000, 0)
    s.close(fd)


@case()
def a_file_without_a_name_can_grow_over_many_blocks(s):
    fd = s.open("f", _NEW)
    s.unlink("f")
    data = pattern(9 << 20)
    s.pwrite(fd, data, 0)
    s.fsync(fd)
    s.pread(fd, 10 << 20, 0)
    s.fstat(fd)
    s.close(fd)


@case()
def a_name_can_be_used_again_while_the_old_file_is_open(s):
    old = s.open("f", _NEW)
    s.write(old, b"old")
    s.unlink("f")
    s.put("f", b"new and longer")
    s.pread(old, 100, 0)
    s.content("f")
    s.pwrite(old, b"OLD", 0)
    s.content("f")
    s.note("another inode", os.fstat(old).st_ino != os.stat("f").st_ino)
    s.fstat(old, "nlink size")
    s.stat("f", "nlink size")


@case()
def each_name_that_goes_lowers_the_link_count(s):
    fd = s.open("a", _NEW)
    s.write(fd, b"x")
    for name in "bcd":
        s.link("a", name)
    s.fstat(fd, "nlink")
    for name in "cabd":
        s.moved(f"unlink {name}", ["."], lambda name=name: s.unlink(name))
        s.fstat(fd, "nlink")
        s.names()
    s.pread(fd, 10, 0)


@case()
def a_nameless_file_cannot_get_a_name_again(s):
    fd = s.open("f", _NEW)
    s.unlink("f")
    s.attempt("linkat /proc/self/fd", lambda: calls.linkat(calls.AT_FDCWD, f"/proc/self/fd/{fd}", "again", calls.AT_SYMLINK_FOLLOW))
    s.attempt("linkat AT_EMPTY_PATH", lambda: calls.linkat(fd, "", "again", calls.AT_EMPTY_PATH))
    s.names()


@case()
def a_named_file_can_be_linked_through_its_descriptor(s):
    fd = s.open("f", _NEW)
    s.write(fd, b"content")
    s.attempt("linkat /proc/self/fd", lambda: calls.linkat(calls.AT_FDCWD, f"/proc/self/fd/{fd}", "a", calls.AT_SYMLINK_FOLLOW))
    s.attempt("linkat AT_EMPTY_PATH", lambda: calls.linkat(fd, "", "b", calls.AT_EMPTY_PATH))
    s.attempt("onto a name", lambda: calls.linkat(fd, "", "b", calls.AT_EMPTY_PATH))
    s.fstat(fd, "nlink")
    s.same_inode("f", "a", "b")


@case()
def a_nameless_file_can_be_opened_through_its_descriptor(s):
    fd = s.open("f", _NEW)
    s.write(fd, b"content")
    s.unlink("f")
    again = s.attempt("open /proc/self/fd", lambda: os.open(f"/proc/self/fd/{fd}", os.O_RDWR))
    s.read(again, 100)
    s.pwrite(again, b"CON", 0)
    s.pread(fd, 100, 0)
    s.close(fd)
    s.pread(again, 100, 0)
    s.fstat(again, "nlink size")
    third = s.attempt("open for reading", lambda: os.open(f"/proc/self/fd/{again}", os.O_RDONLY))
    s.read(third, 100)


@case()
def a_nameless_file_that_another_process_holds_lives_on(s):
    s.put("f", pattern(5000))

    def hold(p, line):
        fd = p.open("f", os.O_RDWR)
        line.say("held")
        line.expect("read")
        p.pread(fd, 10_000, 0)
        p.pwrite(fd, b"still", 0)
        p.fstat(fd, "nlink size")

    peer = s.peer("holder", hold)
    peer.expect("held")
    s.unlink("f")
    s.names()
    peer.say("read")
    peer.finish()
    s.open("f")


@case()
def a_directory_that_is_gone_is_empty_and_stays_so(s):
    s.mkdir("d")
    fd = s.open("d", os.O_RDONLY | os.O_DIRECTORY)
    s.rmdir("d")
    s.fstat(fd, "type nlink")
    s.attempt("list", lambda: os.listdir(fd), lambda r: r)
    s.attempt("create", lambda: os.open("f", _NEW, 0o644, dir_fd=fd))
    s.attempt("mkdir", lambda: os.mkdir("e", dir_fd=fd))
    s.attempt("symlink", lambda: os.symlink("x", "l", dir_fd=fd))
    s.put("other")
    s.attempt("rename into it", lambda: os.rename("other", "x", dst_dir_fd=fd))
    s.attempt("link into it", lambda: os.link("other", "x", dst_dir_fd=fd))
    s.mkdir("d")
    s.note("another inode", os.fstat(fd).st_ino != os.stat("d").st_ino)


@case()
def the_working_directory_may_be_removed(s):
    s.mkdir("d")
    os.chdir("d")
    s.rmdir("../d")
    s.put("f")
    s.mkdir("e")
    s.names(".")
    s.stat(".", "type nlink")
    s.attempt("getcwd", os.getcwd)


@case()
def what_is_mapped_survives_its_name(s):
    import mmap

    s.put("f", pattern(8192))
    fd = s.open("f", os.O_RDWR)
    view = mmap.mmap(fd, 8192)
    s.close(fd)
    s.unlink("f")
    s.note("mapped", view[:16].hex())
    view[:5] = b"after"
    s.note("stored", view[:5])
    view.flush()
    view.close()
    s.names()


@case()
def removing_many_names_leaves_none(s):
    for number in range(300):
        os.close(os.open(f"f{number}", os.O_WRONLY | os.O_CREAT))
    for number in range(0, 300, 2):
        os.unlink(f"f{number}")
    s.note("left", len(os.listdir(".")))
    s.names()
    for number in range(1, 300, 2):
        os.unlink(f"f{number}")
    s.names()


@case()
def a_file_in_use_as_a_program_still_loses_its_name(s):
    s.put("script", b"#!/bin/sh\necho hello\n", 0o755)
    import subprocess

    s.attempt("run", lambda: subprocess.run(["./script"], capture_output=True, check=False).stdout, lambda r: r.decode())
    s.unlink("script")
    s.attempt("run", lambda: subprocess.run(["./script"], capture_output=True, check=False).stdout, lambda r: r.decode())


@case()
def a_program_that_runs_cannot_be_written(s):
    import shutil
    import subprocess

    shutil.copy("/bin/sleep", "program")
    running = subprocess.Popen(["./program", "5"])
    try:
        s.open("program", os.O_WRONLY)
        s.open("program", os.O_RDWR | os.O_TRUNC)
        s.truncate("program", 0)
        s.unlink("program")
    finally:
        running.kill()
        running.wait()
    writer = s.open("other", os.O_WRONLY | os.O_CREAT, 0o755)
    s.attempt("run what is being written", lambda: subprocess.run(["./other"], check=False).returncode, int)
    s.close(writer)


@case()
def the_maker_of_a_file_is_not_its_remover(s):
    s.mkdir("d", 0o755)
    s.put("d/f")
    s.chown("d/f", ALICE.uid, ALICE.gid)

    def alice(a):
        a.unlink("d/f")
        a.truncate("d/f", 0)
        a.rename("d/f", "d/g")

    s.as_user(ALICE, alice)
    s.chmod("d", 0o777)
    s.chown("d/f", 0, 0)
    s.as_user(ALICE, lambda a: a.unlink("d/f"))
    s.names("d")
