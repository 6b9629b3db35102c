# SPDX-License-Identifier: Apache-2.0
"""Everything that is neither file nor directory, files that begin without a name, and what is said of the file system."""

import os
import socket
import stat

from headrace_testing import calls
from headrace_testing.users import ALICE
from registry import case
from steps import Differs, pattern

_TYPES = {"file": stat.S_IFREG, "fifo": stat.S_IFIFO, "socket": stat.S_IFSOCK, "character": stat.S_IFCHR, "block": stat.S_IFBLK,
          "directory": stat.S_IFDIR, "symlink": stat.S_IFLNK, "no type": 0}


@case(table=_TYPES, users=("root", "alice"))
def mknod_makes_what_may_be_made(s, kind):
    for device in (0, os.makedev(1, 3), os.makedev(259, 70_000)):
        s.attempt(f"mknod device {device}", lambda device=device: os.mknod(f"n{device}", kind | 0o640, device))
        if os.path.lexists(f"n{device}"):
            s.stat(f"n{device}", "type mode nlink uid gid rdev")
        s.attempt("mknod again", lambda device=device: os.mknod(f"n{device}", kind | 0o640, device))
    s.names()


@case(users=("root", "alice"))
def a_fifo_carries_bytes_between_processes(s):
    s.mknod("fifo", stat.S_IFIFO | 0o600)

    def write(p, line):
        fd = p.open("fifo", os.O_WRONLY)
        p.write(fd, b"through the pipe")

    peer = s.peer("writer", write)
    fd = s.open("fifo", os.O_RDONLY)
    s.read(fd, 100)
    s.read(fd, 100)
    peer.finish()
    s.stat("fifo")
    s.open("fifo", os.O_WRONLY | os.O_NONBLOCK)
    s.lseek(fd, 0)


@case(users=("root", "alice"))
def a_socket_can_be_bound_and_reached(s):
    server = socket.socket(socket.AF_UNIX)
    s.attempt("bind", lambda: server.bind("sock"))
    s.stat("sock", "type nlink uid gid")
    s.attempt("bind again", lambda: socket.socket(socket.AF_UNIX).bind("sock"))
    server.listen()
    client = socket.socket(socket.AF_UNIX)
    s.attempt("connect", lambda: client.connect("sock"))
    there, _ = server.accept()
    client.sendall(b"hello")
    s.note("received", there.recv(10))
    s.open("sock")
    s.rename("sock", "moved")
    s.attempt("connect to the old name", lambda: socket.socket(socket.AF_UNIX).connect("sock"))
    s.attempt("connect to the new name", lambda: socket.socket(socket.AF_UNIX).connect("moved"))
    s.unlink("moved")


@case(of_root=True, since="mounts of the two natives may allow devices")
def a_device_is_kept_but_not_opened(s):
    s.mknod("null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    s.stat("null", "type mode rdev")
    s.open("null", os.O_RDWR, differs=Differs("EACCES", "Devices and set-user-id programs"))
    s.chmod("null", 0o600)
    s.stat("null", "type mode rdev")


@case(users=("root", "alice"), table={"rdwr": os.O_RDWR, "wronly": os.O_WRONLY})
def a_file_can_begin_without_a_name(s, access):
    fd = s.open(".", os.O_TMPFILE | access, 0o640)
    s.fstat(fd)
    s.write(fd, pattern(10_000))
    s.fstat(fd)
    s.names()
    s.attempt("linkat", lambda: calls.linkat(calls.AT_FDCWD, f"/proc/self/fd/{fd}", "named", calls.AT_SYMLINK_FOLLOW))
    s.fstat(fd, "nlink")
    s.stat("named")
    s.content("named")
    s.write(fd, b"more")
    s.content("named")
    s.attempt("linkat again", lambda: calls.linkat(calls.AT_FDCWD, f"/proc/self/fd/{fd}", "also", calls.AT_SYMLINK_FOLLOW))
    s.same_inode("named", "also")
    s.close(fd)
    s.content("also")


@case()
def a_file_that_never_gets_a_name_goes_with_its_handle(s):
    fd = s.open(".", os.O_TMPFILE | os.O_RDWR, 0o600)
    s.write(fd, pattern(5 << 20))
    s.pread(fd, 6 << 20, 0)
    s.fsync(fd)
    s.pread(fd, 6 << 20, 0)
    s.close(fd)
    s.names()


@case()
def a_nameless_file_may_be_forbidden_a_name(s):
    fd = s.open(".", os.O_TMPFILE | os.O_RDWR | os.O_EXCL, 0o600)
    s.write(fd, b"x")
    s.attempt("linkat", lambda: calls.linkat(calls.AT_FDCWD, f"/proc/self/fd/{fd}", "named", calls.AT_SYMLINK_FOLLOW))
    s.names()


@case(users=("root", "alice"))
def a_nameless_file_is_refused_where_it_makes_no_sense(s):
    s.put("f")
    s.mkdir("closed", 0o555)
    for path, flags in (("f", os.O_TMPFILE | os.O_RDWR), ("missing", os.O_TMPFILE | os.O_RDWR), (".", os.O_TMPFILE | os.O_RDONLY),
                        ("closed", os.O_TMPFILE | os.O_RDWR)):
        fd = s.open(path, flags, 0o600)
        s.close(fd)


@case()
def a_nameless_file_takes_the_group_of_a_setgid_directory(s):
    s.mkdir("d")
    s.chown("d", 0, 12345)
    s.chmod("d", 0o2777)
    fd = s.open("d", os.O_TMPFILE | os.O_RDWR, 0o666)
    s.fstat(fd)

    def alice(a):
        mine = a.open("d", os.O_TMPFILE | os.O_RDWR, 0o777)
        a.fstat(mine)
        a.attempt("linkat", lambda: calls.linkat(calls.AT_FDCWD, f"/proc/self/fd/{mine}", "d/alices", calls.AT_SYMLINK_FOLLOW))

    s.as_user(ALICE, alice)
    s.stat("d/alices")


@case(users=("root", "alice"))
def the_file_system_says_what_it_is(s):
    s.put("f")
    for vfs in (os.statvfs("."), os.statvfs("f"), os.fstatvfs(os.open("f", os.O_RDONLY))):
        s.note("longest name", vfs.f_namemax)
        s.note("sizes make sense", vfs.f_bsize > 0 and vfs.f_frsize > 0 and vfs.f_blocks >= vfs.f_bfree >= vfs.f_bavail > 0)
        s.note("files make sense", vfs.f_files >= vfs.f_ffree > 0)
    s.attempt("statvfs of what is missing", lambda: os.statvfs("missing"))
    s.note("pathconf NAME_MAX", os.pathconf(".", "PC_NAME_MAX"))


@case()
def inode_numbers_are_steady_and_different(s):
    numbers = {}
    for number in range(50):
        s.put(f"f{number}") if number < 2 else os.close(os.open(f"f{number}", os.O_CREAT | os.O_WRONLY))
        numbers[f"f{number}"] = os.stat(f"f{number}").st_ino
    s.note("different", len(set(numbers.values())))
    s.note("steady", all(os.stat(name).st_ino == number for name, number in numbers.items()))
    s.note("one device", len({os.stat(name).st_dev for name in numbers} | {os.stat(".").st_dev}))
    fd = s.open("f0", os.O_RDWR)
    s.note("of a handle", os.fstat(fd).st_ino == numbers["f0"])
    s.write(fd, pattern(1 << 20))
    s.close(fd)
    for _ in range(3):
        with open("f0", "rb") as file:
            s.note("after writing", os.fstat(file.fileno()).st_ino == numbers["f0"] == os.stat("f0").st_ino)
    s.note("above zero", min(numbers.values()) > 0)


@case()
def statx_tells_what_stat_tells(s):
    import subprocess

    s.put("f", b"12345", 0o640)
    done = subprocess.run(["stat", "-c", "%F %a %h %s %u %g", "f"], capture_output=True, text=True, check=False)
    s.note("stat", done.stdout.strip())
    done = subprocess.run(["stat", "-f", "-c", "%l", "."], capture_output=True, text=True, check=False)
    s.note("stat -f", done.stdout.strip())


@case()
def notices_come_for_what_is_done_here(s):
    import ctypes
    import select
    import struct

    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.inotify_init1(0)
    libc.inotify_add_watch(fd, b".", 0x100 | 0x200 | 0x40 | 0x80 | 0x8)  # create, delete, moved from, moved to, closed after writing
    s.put("f", b"x")
    s.rename("f", "g")
    s.unlink("g")
    s.mkdir("d")
    seen = []
    while select.select([fd], [], [], 0.05)[0]:
        data, at = os.read(fd, 4096), 0
        while at < len(data):
            _, mask, _, length = struct.unpack_from("iIII", data, at)
            seen.append(f"{mask:x} {data[at + 16 : at + 16 + length].rstrip(bytes(1)).decode()}")
            at += 16 + length
    s.note("notices", seen)
