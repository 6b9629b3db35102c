# SPDX-License-Identifier: Apache-2.0
"""Who may do what: modes and owners, supplementary groups, set-user-id and set-group-id, sticky and setgid directories."""

import os
import stat

from headrace_testing import calls
from headrace_testing.users import ALICE, ALICES_GROUP, BOB, SHARED_GROUP
from registry import case
from steps import Differs

_RD, _WR, _RW = os.O_RDONLY, os.O_WRONLY, os.O_RDWR
_OWNERS = {
    "alices": (ALICE.uid, ALICE.gid),
    "alices-group": (BOB.uid, ALICE.gid),
    "a-supplementary-group": (0, ALICES_GROUP),
    "the-last-supplementary-group": (0, SHARED_GROUP),
    "somebody-elses": (BOB.uid, BOB.gid),
}


@case(table=_OWNERS, limit_s=60)
def a_file_opens_as_its_mode_and_owner_say(s, uid, gid):
    modes = sorted({bits << shift for shift in (6, 3, 0) for bits in range(8)} | {0o777, 0o644, 0o707})
    for mode in modes:
        s.put(f"{mode:o}", b"#!/bin/sh\n")
        os.chown(f"{mode:o}", uid, gid)
        os.chmod(f"{mode:o}", mode)

    def alice(a):
        for mode in modes:
            for flags in (_RD, _WR, _RW, _WR | os.O_TRUNC):
                fd = a.open(f"{mode:o}", flags)
                if fd is not None:
                    os.close(fd)
            for right in (os.R_OK, os.W_OK, os.X_OK, os.R_OK | os.W_OK | os.X_OK, os.F_OK):
                a.access(f"{mode:o}", right)
            a.truncate(f"{mode:o}", 3)

    s.as_user(ALICE, alice)


@case(table=_OWNERS, limit_s=60)
def a_directory_gives_what_its_mode_and_owner_say(s, uid, gid):
    modes = sorted({bits << shift for shift in (6, 3, 0) for bits in range(8)} | {0o777, 0o755})
    for mode in modes:
        name = f"{mode:o}"
        s.mkdir(name)
        os.close(os.open(f"{name}/f", _WR | os.O_CREAT, 0o666))
        os.mkdir(f"{name}/empty")
        os.chmod(f"{name}/f", 0o666)
        os.chown(name, uid, gid)
        os.chmod(name, mode)

    def alice(a):
        for mode in modes:
            name = f"{mode:o}"
            a.names(name)
            a.stat(f"{name}/f", "type size")
            a.open(f"{name}/f", _RD)
            a.put(f"{name}/new")
            a.mkdir(f"{name}/newdir")
            a.symlink("x", f"{name}/newlink")
            a.link(f"{name}/f", f"{name}/again")
            a.mknod(f"{name}/fifo", stat.S_IFIFO | 0o600)
            a.rename(f"{name}/f", f"{name}/g")
            a.unlink(f"{name}/g")
            a.rmdir(f"{name}/empty")
            a.access(name, os.W_OK | os.X_OK)
            a.attempt(f"chdir {name}", lambda name=name: (os.chdir(name), os.chdir("..")))

    s.as_user(ALICE, alice)
    for mode in modes:
        s.names(f"{mode:o}")


@case()
def a_right_taken_away_is_gone_for_the_next_open(s):
    s.put("f", b"content", 0o644)

    def alice(a, line):
        held = a.open("f")
        line.say("held")
        line.expect("changed")
        a.read(held, 100)
        a.open("f")
        a.access("f", os.R_OK)
        line.say("asked")
        line.expect("given back")
        a.open("f")

    peer = s.peer("alice", alice, ALICE)
    peer.expect("held")
    s.chmod("f", 0o600)
    peer.say("changed")
    peer.expect("asked")
    s.chmod("f", 0o644)
    peer.say("given back")
    peer.finish()


@case()
def a_directory_closed_on_the_way_hides_what_is_below(s):
    s.mkdir("a")
    s.mkdir("a/b")
    s.put("a/b/f", b"x", 0o666)

    def alice(a, line):
        a.content("a/b/f")
        line.say("ready")
        line.expect("closed")
        a.content("a/b/f")
        a.stat("a/b")
        line.say("asked")
        line.expect("open")
        a.content("a/b/f")

    peer = s.peer("alice", alice, ALICE)
    peer.expect("ready")
    s.chmod("a", 0o700)
    peer.say("closed")
    peer.expect("asked")
    s.chmod("a", 0o711)
    peer.say("open")
    peer.finish()


@case()
def only_the_owner_and_root_change_the_mode(s):
    s.put("alices")
    s.chown("alices", ALICE.uid, ALICE.gid)
    s.put("bobs")
    s.chown("bobs", BOB.uid, SHARED_GROUP)
    s.chmod("bobs", 0o666)
    s.mkdir("d")

    def alice(a):
        for mode in (0o600, 0o7777, 0o1644, 0o2755, 0o4755, 0, 0o644):
            a.chmod("alices", mode)
            a.stat("alices", "mode")
        a.chmod("bobs", 0o600)
        a.chmod("d", 0o777)
        fd = a.open("bobs", _RW)
        a.fchmod(fd, 0o600)

    s.as_user(ALICE, alice)
    for mode in (0, 0o7777, 0o4711, 0o1000):
        s.chmod("alices", mode)
        s.stat("alices", "mode")
        s.chmod("d", mode)
        s.stat("d", "mode")
    s.chmod("missing", 0o600)


@case()
def setting_the_group_id_bit_needs_the_group(s):
    for name, gid in (("own", ALICE.gid), ("supplementary", ALICES_GROUP), ("last", SHARED_GROUP), ("foreign", BOB.gid), ("root", 0)):
        s.put(name)
        s.mkdir(f"{name}-d")
        s.chown(name, ALICE.uid, gid)
        s.chown(f"{name}-d", ALICE.uid, gid)

        def alice(a, name=name):
            a.chmod(name, 0o2755)
            a.chmod(f"{name}-d", 0o2775)

        s.as_user(ALICE, alice)
        s.stat(name, "mode")
        s.stat(f"{name}-d", "mode")


@case()
def only_root_gives_files_away(s):
    s.put("alices")
    s.chown("alices", ALICE.uid, ALICE.gid)
    s.put("bobs")
    s.chown("bobs", BOB.uid, SHARED_GROUP)

    def alice(a):
        a.chown("alices", BOB.uid, -1)
        a.chown("alices", ALICE.uid, -1)
        a.chown("alices", -1, -1)
        a.chown("alices", -1, BOB.gid)
        a.chown("alices", -1, ALICES_GROUP)
        a.stat("alices", "uid gid")
        a.chown("alices", ALICE.uid, SHARED_GROUP)
        a.stat("alices", "uid gid")
        a.chown("alices", -1, 0)
        a.chown("bobs", -1, SHARED_GROUP)
        a.chown("bobs", ALICE.uid, -1)
        a.chown("bobs", -1, -1)

    s.as_user(ALICE, alice)
    for uid, gid in ((0, 0), (4_000_000_000, 4_294_967_294), (1, -1), (-1, 7)):
        s.chown("alices", uid, gid)
        s.stat("alices", "uid gid")


_BITS = {f"{mode:o}": mode for mode in (0o4755, 0o2755, 0o6755, 0o6777, 0o6644, 0o2644, 0o6711, 0o1755, 0o7777)}


@case(table=_BITS)
def chown_takes_the_set_id_bits(s, mode):
    for who in ("root", "alice"):
        for what in ("uid", "gid", "both", "nothing"):
            s.put(f"{who}-{what}")
            s.mkdir(f"{who}-{what}-d")
            for name in (f"{who}-{what}", f"{who}-{what}-d"):
                os.chown(name, ALICE.uid, ALICE.gid)
                os.chmod(name, mode)

    def change(a, who):
        for name in (f"{who}-{{}}", f"{who}-{{}}-d"):
            a.chown(name.format("uid"), ALICE.uid if who == "alice" else BOB.uid, -1)
            a.chown(name.format("gid"), -1, ALICES_GROUP)
            a.chown(name.format("both"), ALICE.uid, ALICES_GROUP)
            a.chown(name.format("nothing"), -1, -1)

    s.as_user(ALICE, lambda a: change(a, "alice"))
    change(s, "root")
    for name in sorted(os.listdir(".")):
        s.stat(name, "mode uid gid")


@case(table=_BITS)
def a_write_without_privilege_takes_the_set_id_bits(s, mode):
    names = ("write", "pwrite", "ftruncate", "truncate", "fallocate", "open-trunc", "append", "empty-write", "mmap")
    for name in names:
        s.put(name, b"x" * 100)
        os.chown(name, BOB.uid, BOB.gid)
        os.chmod(name, mode | 0o666)

    def alice(a):
        for name in names[:3] + ("fallocate", "append", "empty-write"):
            fd = a.open(name, _RW | (os.O_APPEND if name == "append" else 0))
            {"write": lambda: a.write(fd, b"y"), "pwrite": lambda: a.pwrite(fd, b"y", 50), "ftruncate": lambda: a.ftruncate(fd, 10),
             "fallocate": lambda: a.fallocate(fd, 0, 0, 200), "append": lambda: a.write(fd, b"y"),
             "empty-write": lambda: a.write(fd, b"")}[name]()
            a.close(fd)
        a.truncate("truncate", 10)
        a.close(a.open("open-trunc", _WR | os.O_TRUNC))

    s.as_user(ALICE, alice)
    # Without the group's right to execute the set-group-id bit is no privilege, and who is in the group FUSE does not tell.
    kept = mode & 0o2010 == 0o2000
    for name in names[:-1]:
        was_written = name != "empty-write"
        s.stat(name, "mode", differs=Differs(f"mode={(mode | 0o666) & ~0o4000:04o}", "Set-group-id") if kept and was_written else None)
        s.stat(name, "size")


@case(table=_BITS)
def a_write_by_root_keeps_the_set_id_bits(s, mode):
    for name in ("write", "truncate", "open-trunc"):
        s.put(name, b"x" * 100)
        os.chmod(name, mode)
    fd = s.open("write", _WR)
    s.write(fd, b"y")
    s.close(fd)
    s.truncate("truncate", 10)
    s.close(s.open("open-trunc", _WR | os.O_TRUNC))
    for name in ("write", "truncate", "open-trunc"):
        s.stat(name, "mode size")


@case(users=("root", "alice"))
def a_setgid_directory_gives_its_group_to_what_is_made_in_it(s):
    s.mkdir("d")
    s.chown("d", -1, ALICES_GROUP)
    s.chmod("d", 0o2775)

    def make():
        s.put("d/f", b"", 0o644)
        s.put("d/exec", b"", 0o2755)
        s.put("d/exec-not", b"", 0o2644)
        s.mkdir("d/sub", 0o755)
        s.mkdir("d/sub/sub", 0o700)
        s.mkdir("d/sub-open", 0o777)
        s.mknod("d/fifo", stat.S_IFIFO | 0o2755)
        s.symlink("x", "d/l")

    calls.umask_of(make, 0)
    for name in ("d/f", "d/exec", "d/exec-not", "d/sub", "d/sub/sub", "d/sub-open", "d/fifo", "d/l"):
        s.stat(name, "mode uid gid")


@case()
def a_setgid_directory_of_a_foreign_group_takes_the_bit_from_programs(s):
    s.mkdir("d")
    s.chown("d", 0, BOB.gid)
    s.chmod("d", 0o2777)

    def alice(a):
        def make():
            for mode in (0o2755, 0o2744, 0o2644, 0o2777, 0o6755):
                a.put(f"d/f{mode:o}", b"", mode)
                a.mkdir(f"d/d{mode:o}", mode)
                a.mknod(f"d/n{mode:o}", stat.S_IFREG | mode)
        calls.umask_of(make, 0)

    s.as_user(ALICE, alice)
    for name in sorted(os.listdir("d")):
        s.stat(f"d/{name}", "mode uid gid")
    s.as_user(BOB, lambda b: calls.umask_of(lambda: b.put("d/bobs", b"", 0o2755), 0))
    s.stat("d/bobs", "mode uid gid")


@case()
def new_things_belong_to_their_maker(s):
    s.chmod(".", 0o777)
    for user in (ALICE, BOB):
        def make(u, n=user.name):
            u.put(f"f-{n}")
            u.mkdir(f"d-{n}")
            u.symlink("x", f"l-{n}")
            u.mknod(f"p-{n}", stat.S_IFIFO | 0o644)
            u.put(f"d-{n}/f")

        s.as_user(user, make)
    for name in sorted(os.listdir(".")):
        s.stat(name, "type mode uid gid")


@case()
def access_asks_for_the_real_user(s):
    s.put("f", b"", 0o600)
    s.put("x", b"", 0o100)
    for name in ("f", "x", "missing"):
        for right in (os.F_OK, os.R_OK, os.W_OK, os.X_OK):
            s.access(name, right)

    def half(a, line):
        os.setresuid(ALICE.uid, 0, 0)
        for right in (os.F_OK, os.R_OK, os.W_OK):
            a.access("f", right)
            a.note("effective", os.access("f", right, effective_ids=True))
        a.close(a.open("f", _RW))

    s.peer("half root", half).finish()


@case()
def a_program_needs_the_right_to_be_run(s):
    import subprocess

    s.put("p", b"#!/bin/sh\nexit 7\n")

    def run(a):
        a.attempt("run", lambda: subprocess.run(["./p"], check=False, stderr=subprocess.DEVNULL).returncode, int)

    for mode in (0o644, 0o744, 0o755, 0o711, 0o001, 0o100):
        s.chmod("p", mode)
        run(s)
        s.as_user(ALICE, run)


@case()
def removing_needs_the_directory_and_not_the_file(s):
    s.mkdir("d")
    s.chmod("d", 0o777)
    s.put("d/f", b"secret", 0o600)
    s.mkdir("d/e", 0o700)
    s.put("d/e/inside")
    s.mkdir("d/empty", 0o700)

    def alice(a):
        a.content("d/f")
        a.unlink("d/f")
        a.rmdir("d/e")
        a.rmdir("d/empty")
        a.rename("d/e", "d/moved")

    s.as_user(ALICE, alice)
    s.names("d")


@case()
def a_process_may_drop_its_groups(s):
    s.put("f", b"for the group", 0o040)
    s.chown("f", 0, ALICES_GROUP)

    def fewer(a, line):
        a.content("f")
        line.say("read")
        line.expect("go")
        a.content("f")

    peer = s.peer("alice", fewer, ALICE)
    peer.expect("read")
    s.chown("f", 0, SHARED_GROUP)
    peer.say("go")
    peer.finish()

    def none(a, line):
        os.setgroups([])
        os.setresgid(ALICE.gid, ALICE.gid, ALICE.gid)
        os.setresuid(ALICE.uid, ALICE.uid, ALICE.uid)
        a.content("f")

    s.peer("alone", none).finish()
