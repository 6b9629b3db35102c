# SPDX-License-Identifier: Apache-2.0
"""Extended attributes."""

import os
import stat

from headrace_testing.users import ALICE, BOB
from registry import case
from steps import Differs, pattern

_CREATE, _REPLACE = os.XATTR_CREATE, os.XATTR_REPLACE


def _set(s, path, name, value, flags=0, **k):
    what = f"setxattr {path} {name[:40]} {len(value)} bytes {flags}"
    return s.attempt(what, lambda: os.setxattr(path, name, value, flags, follow_symlinks=False), **k)


def _get(s, path, name, **k):
    return s.attempt(f"getxattr {path} {name[:40]}", lambda: os.getxattr(path, name, follow_symlinks=False), _value, **k)


def _value(value):
    return value.hex() if len(value) < 40 else f"{len(value)} bytes {hash_of(value)}"


def hash_of(data):
    import hashlib

    return hashlib.sha256(data).hexdigest()[:16]


def _list(s, path):
    def show(names):
        return sorted(n for n in names if n.startswith(("user.", "trusted.")))

    return s.attempt(f"listxattr {path}", lambda: os.listxattr(path, follow_symlinks=False), show)


def _remove(s, path, name, **k):
    return s.attempt(f"removexattr {path} {name[:40]}", lambda: os.removexattr(path, name, follow_symlinks=False), **k)


@case(users=("root", "alice"))
def an_attribute_is_set_read_listed_and_removed(s):
    s.put("f")
    s.mkdir("d")
    for path in ("f", "d"):
        _list(s, path)
        _get(s, path, "user.a")
        _set(s, path, "user.a", b"value")
        _set(s, path, "user.b", b"")
        _set(s, path, "user.bytes", bytes(range(256)))
        _list(s, path)
        for name in ("user.a", "user.b", "user.bytes", "user.missing"):
            _get(s, path, name)
        _set(s, path, "user.a", b"another and longer value")
        _get(s, path, "user.a")
        _remove(s, path, "user.a")
        _remove(s, path, "user.a")
        _get(s, path, "user.a")
        _list(s, path)
    _set(s, "missing", "user.a", b"x")
    _get(s, "missing", "user.a")
    _list(s, "missing")


@case()
def create_and_replace_mean_what_they_say(s):
    s.put("f")
    _set(s, "f", "user.a", b"1", _REPLACE)
    _set(s, "f", "user.a", b"2", _CREATE)
    _set(s, "f", "user.a", b"3", _CREATE)
    _get(s, "f", "user.a")
    _set(s, "f", "user.a", b"4", _REPLACE)
    _get(s, "f", "user.a")
    _set(s, "f", "user.a", b"5", _CREATE | _REPLACE)
    _set(s, "f", "user.b", b"5", _CREATE | _REPLACE)
    _set(s, "f", "user.a", b"5", 8)
    _list(s, "f")


@case(table={"user.1": 1, "user.100": 100, "250": 250, "251": 251})
def a_name_has_at_most_255_bytes(s, length):
    s.put("f")
    name = "user." + "n" * length
    _set(s, "f", name, b"value")
    _get(s, "f", name)
    s.note("listed", name in os.listxattr("f"))
    _remove(s, "f", name)


@case(like="tmpfs", since="ext4 keeps all attributes of a file in one block", table={f"{n}": n for n in (4096, 20_000, 65_535, 65_536, 65_537)})
def a_value_has_at_most_64_kib(s, size):
    s.put("f")
    _set(s, "f", "user.big", pattern(size)[:size])
    _get(s, "f", "user.big")
    _set(s, "f", "user.small", b"x")
    _list(s, "f")
    _remove(s, "f", "user.big")
    _list(s, "f")


@case()
def a_buffer_that_is_too_small_is_told_so(s):
    import ctypes

    s.put("f")
    _set(s, "f", "user.a", b"0123456789")
    libc = ctypes.CDLL(None, use_errno=True)
    for size in (0, 1, 9, 10, 100):
        buffer = ctypes.create_string_buffer(200)
        count = libc.getxattr(b"f", b"user.a", buffer, size)
        s.note(f"getxattr into {size}", [count, ctypes.get_errno() if count < 0 else 0])
        ctypes.set_errno(0)
    for size in (0, 1, 6, 7, 100):
        buffer = ctypes.create_string_buffer(200)
        count = libc.listxattr(b"f", buffer, size)
        s.note(f"listxattr into {size}", [count, ctypes.get_errno() if count < 0 else 0])
        ctypes.set_errno(0)


@case()
def names_belong_to_namespaces(s):
    s.put("f")
    for name in ("a", "user", "user.", ".a", "nonsense.a", "USER.a", "trusted.a", "trusted.", ""):
        _set(s, "f", name, b"x")
        _get(s, "f", name)
    _list(s, "f")


@case()
def trusted_attributes_are_for_root_alone(s):
    s.put("f", b"", 0o666)
    s.chown("f", ALICE.uid, ALICE.gid)
    _set(s, "f", "trusted.t", b"secret")
    _set(s, "f", "user.u", b"open")

    def alice(a):
        _get(a, "f", "trusted.t")
        _set(a, "f", "trusted.t", b"x")
        _remove(a, "f", "trusted.t")
        _list(a, "f")
        _get(a, "f", "user.u")

    s.as_user(ALICE, alice)
    _list(s, "f")
    _get(s, "f", "trusted.t")


@case(table={f"{mode:o}": mode for mode in (0o600, 0o644, 0o666, 0o622, 0o000)})
def attributes_follow_the_rights_of_the_file(s, mode):
    s.put("f")
    s.chown("f", BOB.uid, BOB.gid)
    _set(s, "f", "user.a", b"value")
    s.chmod("f", mode)

    def alice(a):
        _get(a, "f", "user.a")
        _set(a, "f", "user.a", b"changed")
        _set(a, "f", "user.new", b"new")
        _remove(a, "f", "user.new")
        _list(a, "f")

    s.as_user(ALICE, alice)
    s.as_user(BOB, alice)
    _get(s, "f", "user.a")


@case()
def only_files_and_directories_have_user_attributes(s):
    s.put("f")
    s.symlink("f", "l")
    s.mknod("p", stat.S_IFIFO | 0o666)
    s.mknod("c", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    for name in ("l", "p", "c"):
        _set(s, name, "user.a", b"x")
        _get(s, name, "user.a")
        _set(s, name, "trusted.a", b"x")
        _get(s, name, "trusted.a")
        _list(s, name)
    s.attempt("through the link", lambda: os.setxattr("l", "user.a", b"y"))
    _get(s, "f", "user.a")


@case()
def attributes_of_a_sticky_directory_are_its_owners(s):
    s.mkdir("t")
    s.chmod("t", 0o1777)

    def alice(a):
        _set(a, "t", "user.a", b"x")
        _get(a, "t", "user.a")

    s.as_user(ALICE, alice)
    s.chmod("t", 0o777)
    s.as_user(ALICE, alice)


@case()
def attributes_go_with_the_file(s):
    s.put("f", b"content")
    _set(s, "f", "user.a", b"value")
    s.link("f", "g")
    _get(s, "g", "user.a")
    s.rename("f", "h")
    _get(s, "h", "user.a")
    s.truncate("h", 0)
    _get(s, "g", "user.a")
    s.unlink("g")
    _get(s, "h", "user.a")
    s.unlink("h")
    s.put("h")
    _list(s, "h")
    fd = s.open("h", os.O_RDWR)
    s.unlink("h")
    s.attempt("fsetxattr of a nameless file", lambda: os.setxattr(fd, "user.late", b"x"))
    s.attempt("fgetxattr", lambda: os.getxattr(fd, "user.late"), _value)
    s.attempt("flistxattr", lambda: os.listxattr(fd), lambda names: [n for n in names if n.startswith("user.")])


@case()
def a_file_can_have_many_attributes(s):
    s.put("f")
    for number in range(50):
        os.setxattr("f", f"user.a{number}", b"%d" % number)
    _list(s, "f")
    for number in range(0, 50, 2):
        os.removexattr("f", f"user.a{number}")
    _list(s, "f")
    s.note("values", [os.getxattr("f", f"user.a{n}").decode() for n in range(1, 50, 2)])


@case()
def an_attribute_moves_the_change_time(s):
    s.put("f")
    s.mkdir("d")
    for path in ("f", "d"):
        stays = {path: Differs("none", "Extended attributes")}
        s.moved("set", [path, "."], lambda: _set(s, path, "user.a", b"1"), differs=stays)
        s.moved("set again", [path], lambda: _set(s, path, "user.a", b"2"), differs=stays)
        s.moved("get", [path], lambda: _get(s, path, "user.a"))
        s.moved("list", [path], lambda: _list(s, path))
        s.moved("remove", [path], lambda: _remove(s, path, "user.a"), differs=stays)
        s.moved("remove what is not there", [path], lambda: _remove(s, path, "user.a"))


@case()
def access_control_lists_are_refused(s):
    # A list for user 1001: version 2, owner rw-, user 1001 r--, group r--, mask r--, other r--.
    entries = [(1, 6, 0xFFFFFFFF), (2, 4, 1001), (4, 4, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF), (32, 4, 0xFFFFFFFF)]
    value = (2).to_bytes(4, "little") + b"".join(
        t.to_bytes(2, "little") + p.to_bytes(2, "little") + i.to_bytes(4, "little") for t, p, i in entries)
    s.put("f")
    differs = Differs("EOPNOTSUPP", "Access control lists")
    _set(s, "f", "system.posix_acl_access", value, differs=differs)
    s.attempt("get", lambda: os.getxattr("f", "system.posix_acl_access"), len, differs=differs)
    _set(s, "f", "system.nonsense", b"x")


@case(of_root=True)
def file_capabilities_are_refused(s):
    capability = bytes.fromhex("0100000200040000000000000000000000000000")
    s.put("f", b"program", 0o755)
    _set(s, "f", "security.capability", capability, differs=Differs("EOPNOTSUPP", "Extended attributes"))
    fd = s.open("f", os.O_WRONLY)
    s.write(fd, b"changed")
    s.close(fd)
    _get(s, "f", "security.capability")


@case()
def labels_are_refused(s):
    s.put("f")
    differs = Differs("EOPNOTSUPP", "Extended attributes")
    _set(s, "f", "security.selinux", b"unconfined", differs=differs)
    s.attempt("get", lambda: os.getxattr("f", "security.selinux"), len, differs=differs)
