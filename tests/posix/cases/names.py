# SPDX-License-Identifier: Apache-2.0
"""Names and paths: which bytes a name may have, how long it may be, what dots and slashes mean."""

import os
import stat

from registry import case
from steps import pattern

_ODD = {
    "255-bytes": b"n" * 255,
    "255-bytes-of-utf8": "é".encode() * 127 + b"x",
    "nfc": "é".encode(),
    "nfd": b"e\xcc\x81",
    "chinese": "文件".encode(),
    "emoji": "\U0001f600".encode(),
    "not-utf8": b"\xff\xfe\xc0\x80",
    "cut-utf8": b"\xe6\x96",
    "newline": b"new\nline",
    "leading-dash": b"-rf",
    "leading-space": b" x",
    "trailing-space": b"x ",
    "trailing-dot": b"x.",
    "three-dots": b"...",
    "percent": b"%41%00",
    "quotes": b"quo\"te'back\\slash",
    "markup": b"<&>",
    "tab": b"\t",
    "star": b"a:b*c?|",
    "control": bytes(range(1, 32)),
    "low-half": bytes(b for b in range(32, 128) if b != ord("/")),
    "high-half": bytes(range(128, 256)),
    "one-byte": b"x",
}


@case(table=_ODD, users=("root", "alice"))
def a_name_of_any_bytes_comes_back_as_it_was(s, name):
    s.put(name, b"content")
    s.names()
    s.stat(name)
    s.link(name, b"another")
    s.rename(name, b"moved")
    s.rename(b"moved", name)
    s.content(name)
    s.unlink(name)
    s.mkdir(name)
    s.put(name + b"/" + name[:100], b"in it")
    s.names(name)
    s.unlink(name + b"/" + name[:100])
    s.rmdir(name)
    s.symlink(name, b"link")
    s.readlink(b"link")
    s.symlink(b"x", name)
    s.names()


@case()
def names_that_look_alike_are_different_names(s):
    for name in (b"case", b"CASE", "é".encode(), b"e\xcc\x81", b"a", b"a ", b"a."):
        s.put(name, name)
    s.names()
    for name in (b"case", b"CASE", "é".encode(), b"e\xcc\x81", b"a", b"a ", b"a."):
        s.content(name)


@case()
def a_name_of_256_bytes_is_refused_by_every_call(s):
    long, short = b"n" * 256, b"short"
    s.put(short)
    s.put(long)
    s.mkdir(long)
    s.mknod(long, stat.S_IFIFO | 0o644)
    s.symlink(short, long)
    s.link(short, long)
    s.rename(short, long)
    s.rename(long, short)
    s.rename(short, long, 1)
    s.rename(short, long, 2)
    s.stat(long)
    s.open(long)
    s.unlink(long)
    s.rmdir(long)
    s.truncate(long, 0)
    s.readlink(long)
    s.chmod(long, 0o600)
    s.stat(b"missing/" + long)
    s.names()


@case()
def dot_and_dot_dot_cannot_be_made_moved_or_removed(s):
    s.mkdir("d")
    s.put("f")
    for path in (".", "..", "d/.", "d/.."):
        s.mkdir(path)
        s.rmdir(path)
        s.unlink(path)
        s.rename("f", path)
        s.rename(path, "other")
        s.rename(path, path)
        s.symlink("f", path)
        s.link("f", path)
        s.open(path, os.O_WRONLY | os.O_CREAT)
        s.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL)
    s.names()


@case()
def dot_and_dot_dot_lead_where_they_should(s):
    s.mkdir("d")
    s.mkdir("d/e")
    s.same_inode(".", "d/..", "d/e/../..", "./d/./..")
    s.same_inode("d", "d/.", "d/e/..")
    s.put("d/e/f", b"deep")
    s.content("./d/../d/e/./../e//f")
    s.rename("d/e", "e")
    s.same_inode(".", "e/..")
    s.stat("d", "nlink")
    s.stat(".", "nlink")


@case()
def an_empty_path_is_no_path(s):
    s.mkdir("d")
    for call in (s.mkdir, s.rmdir, s.unlink, s.stat, s.open, s.content):
        call("")
    s.rename("d", "")
    s.rename("", "x")
    s.link("", "x")
    s.symlink("", "x")
    s.names()


_TRAILING = {"file": "f/", "directory": "d/", "link-to-directory": "ld/", "link-to-file": "lf/", "dangling": "lx/", "missing": "x/"}


@case(table=_TRAILING)
def a_trailing_slash_asks_for_a_directory(s, path):
    def fresh():
        for name in ("f", "lf", "ld", "lx"):
            if os.path.lexists(name):
                os.unlink(name)
        for name in ("d", "x", "gone", "new"):
            if os.path.isdir(name):
                os.rmdir(name)
            elif os.path.lexists(name):
                os.unlink(name)
        os.mkdir("d")
        os.symlink("d", "ld")
        os.symlink("f", "lf")
        os.symlink("gone", "lx")
        with open("f", "wb") as file:
            file.write(b"f")

    for call in (lambda: s.stat(path, "type"), lambda: s.stat(path, "type", follow=True), lambda: s.open(path),
                 lambda: s.open(path, os.O_WRONLY | os.O_CREAT), lambda: s.mkdir(path), lambda: s.unlink(path),
                 lambda: s.rmdir(path), lambda: s.rename(path, "new"), lambda: s.rename(path, "new/"),
                 lambda: s.rename("f", path), lambda: s.rename("d", path), lambda: s.link(path, "new"),
                 lambda: s.link("f", path), lambda: s.symlink("f", path), lambda: s.readlink(path),
                 lambda: s.mknod(path, stat.S_IFIFO | 0o600), lambda: s.chmod(path, 0o711)):
        fresh()
        call()
        s.names()


@case()
def a_path_through_something_that_is_no_directory_is_refused(s):
    s.put("f")
    s.mknod("fifo", stat.S_IFIFO | 0o644)
    s.symlink("f", "l")
    s.symlink("nowhere", "dangling")
    for base in ("f", "fifo", "l", "dangling", "missing"):
        s.put(f"{base}/x")
        s.mkdir(f"{base}/x")
        s.stat(f"{base}/x")
        s.unlink(f"{base}/x")
        s.rmdir(f"{base}/x")
        s.rename(f"{base}/x", "y")
        s.rename("f", f"{base}/x")
        s.link("f", f"{base}/x")
        s.symlink("f", f"{base}/x")
        s.readlink(f"{base}/x")
        s.truncate(f"{base}/x", 0)
        s.chmod(f"{base}/x", 0o600)


@case()
def a_path_of_4095_bytes_works_and_one_of_4096_does_not(s):
    folder = "d" * 255
    here = os.getcwd()
    for _ in range(15):
        os.mkdir(folder)
        os.chdir(folder)
    os.chdir(here)
    base = "/".join([folder] * 15)  # 15 × 255 and 14 slashes: 3839 bytes
    fits = base + "/" + "f" * 200 + "/" + "g" * 54
    assert len(fits) == 4095
    s.mkdir(base + "/" + "f" * 200)
    s.put(fits, b"far away")
    s.content(fits)
    s.put(fits + "h")
    s.stat(fits + "h")
    s.rename(fits, "near")
    s.content("near")
    s.symlink(fits, "link")
    s.stat("link", follow=True)
    s.symlink(fits + "h", "link2")


@case()
def a_directory_may_be_deep(s):
    here = os.getcwd()
    for _ in range(300):
        os.mkdir("deeper")
        os.chdir("deeper")
    s.put("f", b"bottom")
    s.content("f")
    s.stat("..", "type nlink")
    depth = 0
    for _ in range(300):
        os.chdir("..")
        depth += 1
    s.note("back at the top", os.getcwd() == here)
    for _ in range(300):
        os.chdir("deeper")
    s.unlink("f")
    for _ in range(300):
        os.chdir("..")
        os.rmdir("deeper")
    s.names()


@case(table={"4095": 4095, "1": 1, "255": 255, "1024": 1024, "4096": 4096})
def a_symlink_holds_a_target_of_up_to_4095_bytes(s, length):
    target = (b"x/" * 2048)[:length]
    s.symlink(target, b"link")
    s.stat(b"link")
    s.note("as it was", os.path.lexists(b"link") and os.readlink(b"link") == target)


@case()
def a_symlink_holds_any_bytes(s):
    for number, target in enumerate((b"a b%41\xff\n\xc3\xa9", b"/", b"//", b".", b"..", b"a//b/", bytes(range(1, 256)))):
        s.symlink(target, f"link{number}")
        s.readlink(f"link{number}")
        s.stat(f"link{number}", "type size mode")


@case()
def symlinks_that_go_round_are_refused(s):
    s.symlink("a", "b")
    s.symlink("b", "a")
    s.symlink("self", "self")
    for name in ("a", "self", "a/x"):
        s.open(name)
        s.open(name, os.O_WRONLY | os.O_CREAT)
        s.stat(name, follow=True)
        s.stat(name, "type")
        s.chmod(name, 0o600)
        s.truncate(name, 0)
        s.mkdir(name)
    s.unlink("a")
    s.stat("b", follow=True)


@case()
def a_chain_of_40_symlinks_is_followed_and_one_of_41_is_not(s):
    s.put("l0", b"end")
    for number in range(1, 42):
        os.symlink(f"l{number - 1}", f"l{number}")
    s.content("l39")
    s.content("l40")
    s.content("l41")


@case()
def a_symlink_in_the_middle_of_a_path_is_followed(s):
    s.mkdir("real")
    s.symlink("real", "way")
    s.put("way/f", b"content")
    s.content("real/f")
    s.symlink("../real/f", "real/up")
    s.content("way/up")
    s.mkdir("way/sub")
    s.stat("real", "nlink")
    s.rename("way/f", "real/g")
    s.names("real")
    s.rmdir("way")
    s.unlink("way")
    s.names()


@case()
def many_names_of_one_length_do_not_meet(s):
    for number in range(200):
        os.close(os.open(b"%0255d" % number, os.O_CREAT | os.O_WRONLY))
    s.note("listed", len(set(os.listdir(b"."))))
    s.names()


@case()
def a_file_keeps_its_bytes_under_every_name(s):
    s.put("a", pattern(100_000))
    s.link("a", "b")
    s.symlink("a", "c")
    for name in ("a", "b", "c"):
        s.content(name)
    s.rename("a", "d")
    for name in ("b", "c", "d"):
        s.content(name)
