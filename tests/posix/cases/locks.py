# SPDX-License-Identifier: Apache-2.0
"""flock, fcntl record locks and open-file locks: who gets them, who waits, and when they go."""

import errno
import fcntl
import os
import struct
import time

from headrace_testing.calls import F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW
from peers import interruptible
from registry import case
from steps import Differs

_SH, _EX, _UN, _NB = fcntl.LOCK_SH, fcntl.LOCK_EX, fcntl.LOCK_UN, fcntl.LOCK_NB
_TYPES = {"read": fcntl.F_RDLCK, "write": fcntl.F_WRLCK, "un": fcntl.F_UNLCK}
_WAITS_S = 0.15  # how long a lock that must not be given is watched


def _flock(s, fd, how, what):
    return s.attempt(f"flock {what}", lambda: fcntl.flock(fd, how))


def _record(kind, start, length, whence=os.SEEK_SET):
    return struct.pack("hhqqi4x", _TYPES[kind], whence, start, length, 0)


def _lock(s, fd, command, kind, start=0, length=0, whence=os.SEEK_SET):
    names = {fcntl.F_SETLK: "SETLK", fcntl.F_SETLKW: "SETLKW", F_OFD_SETLK: "OFD_SETLK", F_OFD_SETLKW: "OFD_SETLKW"}
    return s.attempt(f"{names[command]} {kind} {start}+{length}",
                     lambda: fcntl.fcntl(fd, command, _record(kind, start, length, whence)))


def _ask(s, fd, kind, start=0, length=0, command=fcntl.F_GETLK, owner=None):
    def show(answer):
        found, whence, at, count, pid = struct.unpack("hhqqi4x", answer)
        if found == fcntl.F_UNLCK:
            return "free"
        who = "" if owner is None else f" of the right process: {pid == owner}"
        return f"{[k for k, v in _TYPES.items() if v == found][0]} {at}+{count}{who}"

    return s.attempt(f"GETLK {kind} {start}+{length}", lambda: fcntl.fcntl(fd, command, _record(kind, start, length)), show)


def _file(s, name="f"):
    s.put(name, b"x" * 100)
    return s.open(name, os.O_RDWR)


def _tries(kind, how):
    """What a second process gets, not waiting: a function for a peer."""
    def run(p, line):
        fd = p.open("f", os.O_RDWR)
        if kind == "flock":
            _flock(p, fd, how | _NB, str(how))
        else:
            _lock(p, fd, fcntl.F_SETLK, how)

    return run


@case(table={"shared": (_SH,), "exclusive": (_EX,)})
def flock_is_given_or_refused(s, first):
    fd = _file(s)
    _flock(s, fd, first, "first")
    for how in (_SH, _EX):
        s.peer(f"asks {how}", _tries("flock", how)).finish()
    second = s.open("f", os.O_RDWR)
    for how in (_SH, _EX):
        _flock(s, second, how | _NB, f"own second handle {how}")
    _flock(s, second, _UN, "unlock the second")
    _flock(s, fd, _UN, "unlock")
    for how in (_SH, _EX):
        s.peer(f"asks {how} then", _tries("flock", how)).finish()


@case()
def flock_can_be_changed_and_is_one_for_a_handle(s):
    fd = _file(s)
    _flock(s, fd, _SH, "shared")
    _flock(s, fd, _EX | _NB, "upgrade")
    s.peer("asks shared", _tries("flock", _SH)).finish()
    _flock(s, fd, _SH | _NB, "downgrade")
    s.peer("asks shared then", _tries("flock", _SH)).finish()
    again = os.dup(fd)
    _flock(s, again, _EX | _NB, "by a duplicate")
    s.close(fd)
    s.peer("asks with one duplicate left", _tries("flock", _EX)).finish()
    s.close(again)
    s.peer("asks when all are closed", _tries("flock", _EX)).finish()


@case()
def an_upgrade_that_is_refused_loses_nothing_or_everything_as_linux_does(s):
    fd = _file(s)
    _flock(s, fd, _SH, "shared")
    other = s.open("f")
    _flock(s, other, _SH, "shared too")
    _flock(s, fd, _EX | _NB, "upgrade")
    s.peer("asks exclusive", _tries("flock", _EX)).finish()
    _flock(s, other, _UN, "unlock the other")
    s.peer("asks exclusive then", _tries("flock", _EX)).finish()


@case()
def flock_needs_no_right_to_write(s):
    s.put("f", b"x", 0o644)
    reader, writer = s.open("f"), s.open("f", os.O_WRONLY)
    _flock(s, reader, _EX | _NB, "exclusive by a reader")
    _flock(s, writer, _SH | _NB, "shared by a writer")
    _flock(s, reader, _UN, "unlock")
    _flock(s, writer, _SH | _NB, "shared by a writer")
    _flock(s, writer, _UN, "unlock")
    _flock(s, s.open(".", os.O_RDONLY), _EX | _NB, "of a directory")
    s.attempt("nonsense", lambda: fcntl.flock(reader, 0))
    s.attempt("not open", lambda: fcntl.flock(999, _SH))


def _waiter(ask):
    """A peer's function: told to go, it asks for a lock that is held, and says when it has it. The peer is started before
    the lock is taken, or it would share the open file that holds it."""
    def run(p, line):
        line.expect("go")
        fd = p.open("f", os.O_RDWR)
        line.say("asking")
        ask(p, fd)
        line.say("got it")
        line.expect("end")

    return run


_ASKS = {
    "flock": (lambda p, fd: _flock(p, fd, _EX, "exclusive"), lambda p, fd: _flock(p, fd, _UN, "unlock")),
    "flock shared": (lambda p, fd: _flock(p, fd, _SH, "shared"), lambda p, fd: _flock(p, fd, _UN, "unlock")),
    "record": (lambda p, fd: _lock(p, fd, fcntl.F_SETLKW, "write"), lambda p, fd: _lock(p, fd, fcntl.F_SETLK, "un")),
    "record read": (lambda p, fd: _lock(p, fd, fcntl.F_SETLKW, "read"), lambda p, fd: _lock(p, fd, fcntl.F_SETLK, "un")),
    "open-file": (lambda p, fd: _lock(p, fd, F_OFD_SETLKW, "write"), lambda p, fd: _lock(p, fd, F_OFD_SETLK, "un")),
}


def _hold(s, fd, kind):
    if kind.startswith("flock"):
        _flock(s, fd, _EX, "held")
    else:
        _lock(s, fd, F_OFD_SETLK if kind == "open-file" else fcntl.F_SETLK, "write")


@case(table={kind: kind for kind in _ASKS})
def a_lock_that_is_held_is_waited_for(s, kind):
    ask, release = _ASKS[kind]
    peer = s.peer("waiter", _waiter(ask))
    fd = _file(s)
    _hold(s, fd, kind)
    peer.say("go")
    peer.expect("asking")
    s.note("while it is held", peer.hear(within_s=_WAITS_S))
    release(s, fd)
    s.note("once it is free", peer.hear())
    s.peer("a third is refused", _tries("flock" if kind.startswith("flock") else "record", _EX if kind.startswith("flock") else "write")).finish()
    peer.say("end")
    peer.finish()


@case(table={kind: kind for kind in _ASKS})
def closing_the_handle_gives_the_lock_to_who_waits(s, kind):
    peer = s.peer("waiter", _waiter(_ASKS[kind][0]))
    fd = _file(s)
    _hold(s, fd, kind)
    peer.say("go")
    peer.expect("asking")
    s.note("while it is held", peer.hear(within_s=_WAITS_S))
    s.close(fd)
    s.note("once it is closed", peer.hear())
    peer.say("end")
    peer.finish()


@case(table={kind: kind for kind in _ASKS})
def the_death_of_the_holder_gives_the_lock_to_who_waits(s, kind):
    _file(s)

    def hold(p, line):
        held = p.open("f", os.O_RDWR)
        _hold(p, held, kind)
        line.say("held")
        line.expect("never")

    holder = s.peer("holder", hold)
    holder.expect("held")
    peer = s.peer("waiter", _waiter(_ASKS[kind][0]))
    peer.say("go")
    peer.expect("asking")
    s.note("while it is held", peer.hear(within_s=_WAITS_S))
    holder.kill()
    s.note("once it is dead", peer.hear())
    peer.say("end")
    peer.finish()


@case(table={kind: kind for kind in _ASKS})
def a_signal_ends_the_waiting(s, kind):
    def wait(p, line):
        interruptible()
        line.expect("go")
        mine = p.open("f", os.O_RDWR)
        line.say("asking")
        _ASKS[kind][0](p, mine)
        line.say("ended")

    peer = s.peer("waiter", wait)
    fd = _file(s)
    _hold(s, fd, kind)
    peer.say("go")
    peer.expect("asking")
    s.note("while it is held", peer.hear(within_s=_WAITS_S))
    peer.interrupt()
    s.note("after the signal", peer.hear())
    peer.finish()
    _ASKS[kind][1](s, fd)
    s.peer("it was not given late", _tries("flock" if kind.startswith("flock") else "record", _EX if kind.startswith("flock") else "write")).finish()


@case(table={kind: kind for kind in _ASKS})
def a_waiter_that_is_killed_leaves_no_lock(s, kind):
    peer = s.peer("waiter", _waiter(_ASKS[kind][0]))
    fd = _file(s)
    _hold(s, fd, kind)
    peer.say("go")
    peer.expect("asking")
    s.note("while it is held", peer.hear(within_s=_WAITS_S))
    start = time.monotonic()
    peer.kill()
    s.note("died at once", time.monotonic() - start < 2)
    _ASKS[kind][1](s, fd)
    s.peer("asks", _tries("flock" if kind.startswith("flock") else "record", _EX if kind.startswith("flock") else "write")).finish()


@case(limit_s=30)
def a_lock_goes_round_between_many_who_wait(s):
    s.put("f", b"0")

    def count(p, line):
        fd = os.open("f", os.O_RDWR)
        for _ in range(20):
            fcntl.flock(fd, _EX)
            number = int(os.pread(fd, 20, 0))
            os.pwrite(fd, b"%d" % (number + 1), 0)
            fcntl.flock(fd, _UN)

    peers = [s.peer(f"counter {n}", count) for n in range(6)]
    for peer in peers:
        peer.finish()
    s.content("f")


@case(limit_s=30)
def record_locks_make_counting_safe(s):
    s.put("f", b"0")

    def count(p, line):
        fd = os.open("f", os.O_RDWR)
        for _ in range(20):
            fcntl.lockf(fd, _EX, 1, 1000)
            number = int(os.pread(fd, 20, 0))
            os.pwrite(fd, b"%d" % (number + 1), 0)
            fcntl.lockf(fd, _UN, 1, 1000)

    peers = [s.peer(f"counter {n}", count) for n in range(6)]
    for peer in peers:
        peer.finish()
    s.content("f")


@case()
def record_locks_conflict_where_they_overlap(s):
    fd = _file(s)
    _lock(s, fd, fcntl.F_SETLK, "write", 10, 10)
    _lock(s, fd, fcntl.F_SETLK, "read", 40, 10)

    def ask(p, line):
        mine = p.open("f", os.O_RDWR)
        for start, length in ((0, 10), (0, 11), (10, 10), (15, 1), (19, 1), (20, 20), (20, 21), (40, 1), (45, 10), (50, 0), (0, 0)):
            for kind in ("read", "write"):
                _ask(p, mine, kind, start, length, owner=os.getppid())
                if _lock(p, mine, fcntl.F_SETLK, kind, start, length) is not None or True:
                    fcntl.fcntl(mine, fcntl.F_SETLK, _record("un", start, length))

    s.peer("asks", ask).finish()


def _ranges(s, what):
    """Notes byte by byte which locks another process meets on the first 60 bytes."""
    def look(p, line):
        mine = os.open("f", os.O_RDWR)
        text = ""
        for at in range(60):
            found = struct.unpack("hhqqi4x", fcntl.fcntl(mine, fcntl.F_GETLK, _record("write", at, 1)))[0]
            text += {fcntl.F_RDLCK: "r", fcntl.F_WRLCK: "w", fcntl.F_UNLCK: "."}[found]
        p.note(what, text)

    s.peer("looks", look).finish()


@case()
def ranges_split_merge_and_replace_each_other(s):
    fd = _file(s)
    for kind, start, length in (("write", 10, 30), ("un", 20, 10), ("read", 15, 20), ("write", 0, 5), ("write", 5, 10), ("un", 0, 60),
                                ("read", 50, 0), ("write", 55, 2), ("un", 0, 0), ("read", 0, 60), ("write", 30, 1), ("read", 30, 1)):
        _lock(s, fd, fcntl.F_SETLK, kind, start, length)
        _ranges(s, f"after {kind} {start}+{length}")


@case()
def ranges_may_begin_anywhere(s):
    fd = _file(s)
    s.lseek(fd, 50)
    _lock(s, fd, fcntl.F_SETLK, "write", -10, 5, os.SEEK_CUR)
    _ranges(s, "from the offset")
    _lock(s, fd, fcntl.F_SETLK, "read", -100, 10, os.SEEK_END)
    _ranges(s, "from the end")
    _lock(s, fd, fcntl.F_SETLK, "write", 30, -10)
    _ranges(s, "with a negative length")
    _lock(s, fd, fcntl.F_SETLK, "write", -1, 5)
    _lock(s, fd, fcntl.F_SETLK, "write", 5, -10)
    _lock(s, fd, fcntl.F_SETLK, "write", (1 << 63) - 10, 100)
    _lock(s, fd, fcntl.F_SETLK, "write", 1 << 62, 0)
    _lock(s, fd, fcntl.F_SETLK, "un")
    _ranges(s, "unlocked")


@case()
def record_locks_go_with_any_close_of_the_file(s):
    fd = _file(s)
    _lock(s, fd, fcntl.F_SETLK, "write", 0, 10)
    other = s.open("f")
    _ranges(s, "held")
    s.close(other)
    _ranges(s, "after another handle of the process closed")
    s.write(fd, b"still open")


@case()
def record_locks_stay_with_the_process_that_took_them(s):
    fd = _file(s)
    _lock(s, fd, fcntl.F_SETLK, "write", 0, 10)

    def child(p, line):
        _ask(p, fd, "write", 0, 10)
        _lock(p, fd, fcntl.F_SETLK, "write", 0, 10)
        p.close(fd)

    s.peer("child", child).finish()
    _ranges(s, "after the child closed its copy")
    again = os.dup(fd)
    s.close(again)
    _ranges(s, "after a duplicate was closed")


@case()
def open_file_locks_belong_to_the_open_file(s):
    fd = _file(s)
    second = s.open("f", os.O_RDWR)
    _lock(s, fd, F_OFD_SETLK, "write", 0, 10)
    _lock(s, second, F_OFD_SETLK, "write", 5, 10)
    _lock(s, second, F_OFD_SETLK, "read", 5, 10)
    _lock(s, second, F_OFD_SETLK, "write", 10, 10)
    _ask(s, second, "write", 0, 0, F_OFD_GETLK)
    _lock(s, second, fcntl.F_SETLK, "write", 0, 5)
    _ranges(s, "seen from outside")

    def child(p, line):
        _lock(p, fd, F_OFD_SETLK, "read", 0, 10)

    s.peer("child with the same open file", child).finish()
    _ranges(s, "after the child")
    third = s.open("f")
    s.close(third)
    _ranges(s, "after another handle closed")
    again = os.dup(fd)
    s.close(fd)
    _ranges(s, "after one of two duplicates closed")
    s.close(again)
    _ranges(s, "after both closed")


@case()
def a_lock_needs_the_matching_right(s):
    s.put("f", b"x" * 100)
    reader, writer = s.open("f"), s.open("f", os.O_WRONLY)
    _lock(s, reader, fcntl.F_SETLK, "write", 0, 10)
    _lock(s, reader, fcntl.F_SETLK, "read", 0, 10)
    _lock(s, writer, fcntl.F_SETLK, "read", 20, 10)
    _lock(s, writer, fcntl.F_SETLK, "write", 20, 10)
    s.attempt("an unknown kind", lambda: fcntl.fcntl(writer, fcntl.F_SETLK, struct.pack("hhqqi4x", 17, 0, 0, 0, 0)))
    s.attempt("an unknown whence", lambda: fcntl.fcntl(writer, fcntl.F_SETLK, struct.pack("hhqqi4x", 1, 9, 0, 0, 0)))


@case()
def flock_and_record_locks_do_not_see_each_other(s):
    fd = _file(s)
    _flock(s, fd, _EX, "held")
    s.peer("asks for a record", _tries("record", "write")).finish()
    _lock(s, fd, fcntl.F_SETLK, "write")
    s.peer("asks for flock", _tries("flock", _EX)).finish()
    _flock(s, fd, _UN, "unlock")
    s.peer("asks for flock then", _tries("flock", _EX)).finish()
    s.peer("asks for a record then", _tries("record", "write")).finish()


@case()
def a_lock_survives_a_rename_and_the_loss_of_its_name(s):
    fd = _file(s)
    _flock(s, fd, _EX, "held")
    s.rename("f", "g")
    s.link("g", "f")
    s.peer("asks by another name", _tries("flock", _EX)).finish()
    s.unlink("f")
    s.unlink("g")
    _flock(s, fd, _UN, "unlock")
    _flock(s, fd, _EX | _NB, "again, nameless")


@case()
def a_lock_stops_nobody_from_reading_writing_or_removing(s):
    fd = _file(s)
    _lock(s, fd, fcntl.F_SETLK, "write")
    _flock(s, fd, _EX, "held")

    def others(p, line):
        mine = p.open("f", os.O_RDWR)
        p.pread(mine, 10, 0)
        p.pwrite(mine, b"y", 0)
        p.unlink("f")

    s.peer("others", others).finish()


@case()
def two_who_wait_for_each_other_are_told_so(s):
    fd = _file(s)
    _lock(s, fd, fcntl.F_SETLK, "write", 0, 1)

    def other(p, line):
        interruptible()
        mine = os.open("f", os.O_RDWR)
        fcntl.fcntl(mine, fcntl.F_SETLK, _record("write", 1, 1))
        line.say("asking")
        try:
            fcntl.fcntl(mine, fcntl.F_SETLKW, _record("write", 0, 1))
        except OSError as error:
            line.say(errno.errorcode[error.errno])

    peer = s.peer("other", other)
    peer.expect("asking")
    s.note("while it is held", peer.hear(within_s=_WAITS_S))

    def alarm(*_):
        raise InterruptedError(4, "interrupted")

    import signal

    signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, 1)
    _lock_differs = Differs("EINTR", "Locks")  # after the alarm
    s.attempt("the second to wait", lambda: fcntl.fcntl(fd, fcntl.F_SETLKW, _record("write", 1, 1)), differs=_lock_differs)
    signal.setitimer(signal.ITIMER_REAL, 0)
    peer.interrupt()
    s.note("the first to wait", peer.hear())
    peer.finish()
