# SPDX-License-Identifier: Apache-2.0
"""Hard links and symbolic links."""

import os
import stat

from headrace_testing import calls
from headrace_testing.users import ALICE, BOB
from registry import case
from steps import pattern


@case(users=("root", "alice"))
def every_kind_of_thing_but_a_directory_can_have_two_names(s):
    s.put("file", b"x")
    s.mkdir("directory")
    s.symlink("file", "symlink")
    s.symlink("nowhere", "dangling")
    s.mknod("fifo", stat.S_IFIFO | 0o644)
    s.mknod("socket", stat.S_IFSOCK | 0o644)
    for name in ("file", "directory", "symlink", "dangling", "fifo", "socket", "missing"):
        s.link(name, f"{name}-2")
        s.stat(f"{name}-2", "type nlink")
    s.same_inode("file", "file-2")
    s.same_inode("symlink", "symlink-2")
    s.same_inode("fifo", "fifo-2")
    s.readlink("symlink-2")


@case()
def a_link_onto_something_that_is_there_is_refused(s):
    s.put("a", b"a")
    s.put("f", b"f")
    s.mkdir("d")
    s.symlink("nowhere", "dangling")
    for name in ("f", "d", "dangling", "a", ".", "d/."):
        s.link("a", name)
    s.stat("a")
    s.content("f")


@case()
def links_in_other_directories_are_the_same_file(s):
    s.mkdir("d")
    s.mkdir("d/e")
    s.put("a", pattern(5000))
    s.link("a", "d/b")
    s.link("d/b", "d/e/c")
    s.same_inode("a", "d/b", "d/e/c")
    s.chmod("d/e/c", 0o600)
    s.truncate("a", 100)
    for name in ("a", "d/b", "d/e/c"):
        s.stat(name)
        s.content(name)
    s.rename("d/b", "b")
    s.rename("d/e/c", "d/c")
    s.unlink("a")
    s.stat("b")
    s.same_inode("b", "d/c")
    s.unlink("b")
    s.stat("d/c")
    s.rename("d/c", "last")
    s.stat("last")
    s.unlink("last")
    s.names()


@case()
def a_link_moves_the_right_times(s):
    s.put("a")
    s.mkdir("d")
    s.moved("link", ["a", "d", "."], lambda: s.link("a", "d/b"))
    s.moved("unlink", ["a", "d", "."], lambda: s.unlink("d/b"))
    s.moved("symlink", ["a", "d", "."], lambda: s.symlink("a", "d/l"))
    s.moved("readlink", ["d/l", "d"], lambda: s.readlink("d/l"))


@case(limit_s=60)
def a_file_can_have_300_names(s):
    s.put("f0", b"x")
    for number in range(1, 300):
        os.link("f0", f"f{number}")
    s.stat("f299")
    for number in range(0, 299):
        os.unlink(f"f{number}")
    s.stat("f299")
    s.content("f299")


@case()
def a_link_follows_a_symlink_only_when_asked(s):
    s.put("f", b"x")
    s.symlink("f", "l")
    s.attempt("follow", lambda: calls.linkat(calls.AT_FDCWD, "l", "followed", calls.AT_SYMLINK_FOLLOW))
    s.attempt("not", lambda: calls.linkat(calls.AT_FDCWD, "l", "not", 0))
    s.attempt("flags", lambda: calls.linkat(calls.AT_FDCWD, "l", "flags", 0x8000))
    s.stat("followed", "type nlink")
    s.stat("not", "type nlink")
    s.symlink("nowhere", "dangling")
    s.attempt("follow dangling", lambda: calls.linkat(calls.AT_FDCWD, "dangling", "x", calls.AT_SYMLINK_FOLLOW))


@case()
def linking_needs_rights_on_the_directory_and_on_the_file(s):
    s.mkdir("open")
    s.chmod("open", 0o777)
    s.mkdir("closed")
    for name, mode, owner in (("alices", 0o600, ALICE.uid), ("bobs-open", 0o666, BOB.uid), ("bobs-closed", 0o600, BOB.uid),
                              ("bobs-readable", 0o644, BOB.uid), ("bobs-suid", 0o4777, BOB.uid), ("bobs-sgid", 0o2777, BOB.uid)):
        s.put(name, b"x", 0o600)
        s.chown(name, owner, owner)
        s.chmod(name, mode)

    def alice(a):
        a.link("alices", "closed/x")
        for name in ("alices", "bobs-open", "bobs-closed", "bobs-readable", "bobs-suid", "bobs-sgid"):
            # What may be linked that is not one's own is a switch of the machine (fs.protected_hardlinks).
            a.link(name, f"open/{name}")

    s.as_user(ALICE, alice)
    s.names("open")


@case(users=("root", "alice"))
def a_symlink_belongs_to_its_maker_and_has_every_right(s):
    s.symlink("target", "l")
    s.stat("l")
    calls.umask_of(lambda: s.symlink("target", "l2"), 0o777)
    s.stat("l2")
    s.utime("l", (1, 2), (3, 4))
    s.times("l", "mtime")


@case()
def a_symlink_that_changes_owner_is_still_a_symlink(s):
    s.symlink("target", "l")
    s.put("target")
    s.chown("l", ALICE.uid, ALICE.gid)
    s.stat("l")
    s.stat("target")
    s.chown("l", BOB.uid, BOB.gid, follow=True)
    s.stat("l")
    s.stat("target")


@case()
def calls_follow_symlinks_or_do_not_as_they_should(s):
    s.put("f", b"content", 0o644)
    s.mkdir("d")
    s.symlink("f", "l")
    s.symlink("d", "ld")
    s.chmod("l", 0o600)
    s.stat("f")
    s.truncate("l", 3)
    s.content("f")
    s.close(s.open("l", os.O_WRONLY | os.O_TRUNC))
    s.stat("f")
    s.stat("l")
    s.readlink("f")
    s.readlink("d")
    s.readlink("ld")
    s.rename("l", "l2")
    s.stat("l2", "type")
    s.put("ld/x")
    s.names("d")
    s.rmdir("ld")
    s.unlink("ld")
    s.names()


@case()
def a_symlink_may_point_anywhere(s):
    here = os.getcwd()
    s.mkdir("d")
    s.put("f", b"content")
    for number, target in enumerate(("../f", "./../f", f"{here}/f", "../d/../f", "/dev/null", "..")):
        os.symlink(target, f"d/l{number}")
        s.stat(f"d/l{number}", "type", follow=True)
    s.content("d/l0")
    s.content("d/l2")
    s.mkdir("e")
    s.rename("d/l0", "e/l0")
    s.content("e/l0")
    s.rename("d/l0", "l0")


@case()
def readlink_gives_what_fits(s):
    s.symlink("0123456789", "l")
    libc = __import__("ctypes").CDLL(None, use_errno=True)
    for size in (1, 5, 10, 20):
        buffer = __import__("ctypes").create_string_buffer(64)
        count = libc.readlink(b"l", buffer, size)
        s.note(f"readlink into {size}", [count, buffer.raw[:count].decode()])
