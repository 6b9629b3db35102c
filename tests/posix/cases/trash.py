# SPDX-License-Identifier: Apache-2.0
"""A volume with trash: what is removed lies in .trash for some days. No native file system has that, so here most of what
must be seen is written down instead of compared."""

import os
import stat

from headrace_testing import calls
from headrace_testing.users import ALICE
from registry import case
from steps import Differs, pattern

_TRASH = "../.trash"  # beside the directory of the case, which lies at the root


def _found(ending):
    """The path in the trash of what had this name here; "" when it is not there (a native file system has no trash)."""
    here = os.stat(".").st_ino
    if not os.path.isdir(_TRASH):
        return ""
    for hour in sorted(os.listdir(_TRASH)):
        for name in os.listdir(f"{_TRASH}/{hour}"):
            if name.startswith(f"{here}-") and name.endswith(f"-{ending}"):
                return f"{_TRASH}/{hour}/{name}"
    return ""


def _read(path):
    if not path:
        return "not there"
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 100).decode()
    finally:
        os.close(fd)


def _errno_of(function):
    try:
        function()
        return "ok"
    except OSError as error:
        return calls.errno_name(error.errno)


@case(group="trash")
def what_is_removed_lies_in_the_trash(s):
    s.put("removed", b"removed bytes")
    s.put("replaced", b"replaced bytes")
    s.put("new", b"new bytes")
    s.mkdir("directory")
    s.symlink("target", "link")
    s.unlink("removed")
    s.rename("new", "replaced")
    s.rmdir("directory")
    s.unlink("link")
    s.names()
    s.must("the removed file", _read(_found("removed")), "removed bytes")
    s.must("the replaced file", _read(_found("replaced")), "replaced bytes")
    s.must("the directory", os.path.isdir(_found("directory")), True)
    s.must("the link", os.readlink(_found("link")) if _found("link") else "", "target")
    s.must("its name says where it was and which inode it is",
           os.path.basename(_found("removed")) == f"{os.stat('.').st_ino}-{os.stat(_found('removed')).st_ino}-removed" if _found("removed") else False, True)


@case(group="trash")
def removed_names_count_as_links_until_the_trash_is_emptied(s):
    s.put("a", b"x")
    s.link("a", "b")
    s.unlink("b")
    s.stat("a", "nlink", differs=Differs("nlink=2", "Trash"))
    fd = s.open("a", os.O_RDWR)
    s.unlink("a")
    s.fstat(fd, "nlink", differs=Differs("nlink=2", "Trash"))
    s.write(fd, b"still written")
    s.close(fd)
    s.must("written after the removal", _read(_found("a")), "still written")


@case(group="trash")
def long_names_are_cut_in_the_trash(s):
    name = "n" * 255
    s.put(name, b"long")
    inode = os.stat(name).st_ino
    s.unlink(name)
    whole = f"{os.stat('.').st_ino}-{inode}-{name}"[:255]
    found = [f"{_TRASH}/{hour}/{whole}" for hour in (os.listdir(_TRASH) if os.path.isdir(_TRASH) else ()) if whole in os.listdir(f"{_TRASH}/{hour}")]
    s.must("there under the first 255 bytes of its name", [_read(path) for path in found], ["long"])


@case(of_root=True, group="trash")
def the_trash_can_be_read_by_all_and_changed_by_nobody_but_root_taking_out(s):
    s.put("f", b"content", 0o644)
    s.put("g", b"other", 0o644)
    s.unlink("f")
    s.unlink("g")
    f, g = _found("f"), _found("g")
    hour = os.path.dirname(f) or _TRASH
    for what, function, wanted in (
            ("mkdir in the trash", lambda: os.mkdir(f"{_TRASH}/x"), "EPERM"), ("mkdir in an hour", lambda: os.mkdir(f"{hour}/x"), "EPERM"),
            ("create in an hour", lambda: os.open(f"{hour}/x", os.O_CREAT | os.O_WRONLY), "EPERM"),
            ("remove an hour", lambda: os.rmdir(hour), "EPERM"), ("write", lambda: os.open(f, os.O_WRONLY), "EPERM"),
            ("truncate", lambda: os.truncate(f, 0), "EPERM"), ("chmod", lambda: os.chmod(f, 0o600), "EPERM"),
            ("remove the trash", lambda: os.rmdir(_TRASH), "EPERM"), ("rename the trash", lambda: os.rename(_TRASH, "t"), "EPERM"),
            ("take out", lambda: os.rename(f, "back"), "ok"), ("remove for good", lambda: os.unlink(g), "ok")):
        s.must(what, _errno_of(function), wanted)
    s.must("taken out", _errno_of(lambda: _read("back")), "ok")
    s.must("gone for good", _found("g"), "")


@case(group="trash")
def users_may_look_into_the_trash_and_not_change_it(s):
    s.chmod(".", 0o777)
    s.put("f", b"content", 0o644)
    s.put("secret", b"secret", 0o600)
    s.unlink("f")
    s.unlink("secret")

    def alice(a, line):
        for what, function, wanted in (("read", lambda: _read(_found("f")), "ok"), ("read what is not hers", lambda: os.open(_found("secret"), os.O_RDONLY), "EACCES"),
                                       ("remove", lambda: os.unlink(_found("f")), "EACCES"), ("take out", lambda: os.rename(_found("f"), "mine"), "EACCES")):
            a.must(what, _errno_of(function), wanted)

    s.peer("alice", alice, ALICE).finish()


@case(group="trash")
def a_large_file_keeps_its_bytes_in_the_trash(s):
    s.put("big", pattern(9 << 20))
    s.unlink("big")
    path = _found("big")
    data = open(path, "rb").read() if path else b""
    s.must("its bytes", data == pattern(9 << 20), True)


@case(group="trash")
def removing_and_making_the_same_name_again_works(s):
    for number in range(5):
        s.put("f", b"%d" % number)
        s.unlink("f")
    s.put("f", b"the last")
    s.content("f")
    s.names()
    here = os.stat(".").st_ino
    kept = [n for h in (os.listdir(_TRASH) if os.path.isdir(_TRASH) else ()) for n in os.listdir(f"{_TRASH}/{h}") if n.startswith(f"{here}-") and n.endswith("-f")]
    s.must("each of them is in the trash", len(kept), 5)


@case(group="trash")
def the_trash_is_no_ordinary_name(s):
    s.must("it is a directory nobody may write", stat.filemode(os.lstat(_TRASH).st_mode) if os.path.exists(_TRASH) else "", "dr-xr-xr-x")
    s.must("it is listed at the root", ".trash" in os.listdir("..") if os.path.exists(_TRASH) else False, True)
    s.must("make it", _errno_of(lambda: os.mkdir(_TRASH)), "EEXIST")
    s.must("make a file of its name", _errno_of(lambda: os.open(_TRASH, os.O_CREAT | os.O_EXCL | os.O_WRONLY)), "EEXIST")
    s.mkdir(".trash")  # elsewhere the name means nothing
    s.put(".trash/f", b"x")
    s.content(".trash/f")
    s.unlink(".trash/f")
    s.rmdir(".trash")
