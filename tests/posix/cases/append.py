# SPDX-License-Identifier: Apache-2.0
"""Several writers of one file: appending without loss, and who wins an exclusive create."""

import os

from registry import case
from steps import pattern

_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


@case(users=("root", "alice"))
def appending_goes_to_the_end_whatever_the_offset(s):
    s.put("f", b"start")
    fd = s.open("f", os.O_RDWR | os.O_APPEND)
    s.lseek(fd, 0, os.SEEK_CUR)
    s.write(fd, b" one")
    s.lseek(fd, 0)
    s.write(fd, b" two")
    s.lseek(fd, 0, os.SEEK_CUR)
    s.pwrite(fd, b" three", 0)  # Linux appends here too
    s.pread(fd, 100, 0)
    other = s.open("f", os.O_WRONLY)
    s.pwrite(other, b" four", 22)
    s.write(fd, b" five")
    s.close(fd)
    s.content("f")


@case()
def two_handles_append_behind_each_other(s):
    one, two = s.open("f", _APPEND), s.open("f", _APPEND)
    for number in range(10):
        s.write(one, b"one %d\n" % number)
        s.write(two, b"two %d\n" % number)
        s.fstat(one, "size")
    s.content("f")


@case()
def appending_follows_a_file_that_is_cut_or_grown(s):
    fd = s.open("f", _APPEND)
    s.write(fd, b"0123456789")
    s.truncate("f", 4)
    s.write(fd, b"cut")
    s.content("f")
    s.truncate("f", 20)
    s.write(fd, b"grown")
    s.content("f")
    s.close(s.open("f", os.O_WRONLY | os.O_TRUNC))
    s.write(fd, b"empty")
    s.content("f")


@case()
def appending_can_be_turned_on_and_off(s):
    import fcntl

    s.put("f", b"0123456789")
    fd = s.open("f", os.O_RDWR)
    s.attempt("F_SETFL O_APPEND", lambda: fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND))
    s.note("F_GETFL", bool(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_APPEND))
    s.write(fd, b"end")
    s.attempt("F_SETFL 0", lambda: fcntl.fcntl(fd, fcntl.F_SETFL, 0))
    s.pwrite(fd, b"ab", 0)
    s.content("f")


def _append_records(writer, count, size, flags=_APPEND):
    fd = os.open("log", flags, 0o644)
    for number in range(count):
        head = b"%02d:%05d:" % (writer, number)
        os.write(fd, head + bytes([97 + writer]) * (size - len(head) - 1) + b"\n")
    os.close(fd)


def _check_records(s, writers, count, size):
    data = open("log", "rb").read()
    s.note("length", len(data))
    seen, torn = {}, 0
    for at in range(0, len(data), size):
        record = data[at : at + size]
        writer, number = record[:2], record[3:8]
        if len(record) != size or record[-1:] != b"\n" or len(set(record[9:-1])) > 1 or not writer.isdigit():
            torn += 1
        else:
            seen.setdefault(int(writer), []).append(int(number))
    s.note("torn", torn)
    s.note("each writer's records are all there, in order", all(seen.get(w) == list(range(count)) for w in range(writers)))


@case(limit_s=60, table={"40 bytes": (8, 200, 40), "4096 bytes": (8, 50, 4096), "5000 bytes": (6, 50, 5000), "200000 bytes": (4, 10, 200_000)})
def records_appended_by_many_processes_are_neither_lost_nor_torn(s, writers, count, size):
    peers = [s.peer(f"writer {w}", lambda p, line, w=w: _append_records(w, count, size)) for w in range(writers)]
    for peer in peers:
        peer.finish()
    _check_records(s, writers, count, size)


@case(limit_s=60)
def a_reader_of_a_growing_log_sees_only_whole_beginnings(s):
    peers = [s.peer(f"writer {w}", lambda p, line, w=w: _append_records(w, 100, 500)) for w in range(2)]
    torn = shrunk = last = 0
    for _ in range(200):
        try:
            data = open("log", "rb").read()
        except FileNotFoundError:
            continue
        shrunk += len(data) < last
        last = len(data)
        for at in range(0, len(data) - 499, 500):
            torn += len(set(data[at + 9 : at + 499])) != 1
    for peer in peers:
        peer.finish()
    s.note("torn", torn)
    s.note("shrunk", shrunk)
    _check_records(s, 2, 100, 500)


@case(limit_s=60, table={"fsync": os.fsync, "close": None})
def records_stay_where_they_are_while_others_open_and_commit(s, commit):
    """Every record is committed on its own while others open the file: an opener never takes the file back to before a commit."""
    writers, count, size = 3, 60, 700

    def write(p, line, writer):
        fd = os.open("log", _APPEND, 0o644)
        for number in range(count):
            os.write(fd, b"%02d:%05d:" % (writer, number) + bytes([97 + writer]) * (size - 10) + b"\n")
            if commit is None:
                os.close(fd)
                fd = os.open("log", _APPEND, 0o644)
            else:
                commit(fd)
        os.close(fd)

    def watch(p, line):
        shrunk = last = 0
        for _ in range(300):
            fd = os.open("log", os.O_RDONLY)
            length = max(os.fstat(fd).st_size, len(os.pread(fd, writers * count * size + 1, 0)))
            shrunk += length < last
            last = length
            os.close(fd)
        line.say(str(shrunk))

    s.put("log")
    watchers = [s.peer(f"watcher {n}", watch) for n in range(2)]
    peers = [s.peer(f"writer {w}", lambda p, line, w=w: write(p, line, w)) for w in range(writers)]
    s.note("shrunk", [watcher.hear() for watcher in watchers])
    for peer in watchers + peers:
        peer.finish()
    _check_records(s, writers, count, size)


@case(limit_s=60)
def a_file_rewritten_in_turn_is_read_as_it_was_left(s):
    """Each in its turn reads the whole file and writes it anew, shorter or longer: what one left, the next one finds, while others only look."""
    import fcntl

    tasks, rounds = 4, 40

    def rewrite(p, line, task):
        turn = os.open("turn", os.O_RDWR)
        for number in range(rounds):
            fcntl.flock(turn, fcntl.LOCK_EX)
            with open("state", "rb") as state:
                count, _, padding = state.read().partition(b" ")
            if padding != b"x" * (int(count) * 37 % 6000):
                raise RuntimeError(f"after {count} rounds there are {len(padding)} bytes")
            count = int(count) + 1
            with open("state", "wb") as state:
                state.write(b"%d " % count + b"x" * (count * 37 % 6000))
                if number % 3 == 0:
                    state.flush()
                    os.fsync(state.fileno())
            fcntl.flock(turn, fcntl.LOCK_UN)
        os.close(turn)

    def look(p, line):
        for _ in range(400):
            os.stat("state")
            os.close(os.open("state", os.O_RDONLY))

    s.put("turn")
    s.put("state", b"0 ")
    peers = [s.peer(f"writer {n}", lambda p, line, n=n: rewrite(p, line, n)) for n in range(tasks)]
    peers += [s.peer(f"watcher {n}", look) for n in range(2)]
    for peer in peers:
        peer.finish()
    s.note("all counted", open("state", "rb").read().partition(b" ")[0])


@case(limit_s=60)
def an_exclusive_create_has_one_winner(s):
    rounds, tasks = 20, 16

    def race(p, line):
        won = []
        for number in range(rounds):
            try:
                os.close(os.open(f"prize{number}", os.O_WRONLY | os.O_CREAT | os.O_EXCL))
                won.append(number)
            except FileExistsError:
                pass
        line.say(" ".join(map(str, won)) or "-")

    peers = [s.peer(f"racer {n}", race) for n in range(tasks)]
    winners = []
    for peer in peers:
        heard = peer.hear()
        winners += [] if heard == "-" else heard.split()
        peer.finish()
    s.note("one winner of each", sorted(map(int, winners)) == list(range(rounds)))


@case(limit_s=60, table={"mkdir": lambda n: os.mkdir(n), "symlink": lambda n: os.symlink("x", n), "link": lambda n: os.link("base", n),
                         "mknod": lambda n: os.mknod(n), "rename-noreplace": None})
def every_call_that_makes_a_name_has_one_winner(s, make):
    from headrace_testing.calls import RENAME_NOREPLACE, renameat2

    s.put("base")
    rounds, tasks = 20, 8

    def race(p, line):
        won = 0
        for number in range(rounds):
            try:
                if make:
                    make(f"prize{number}")
                else:
                    own = f"own-{os.getpid()}-{number}"
                    os.close(os.open(own, os.O_CREAT | os.O_WRONLY))
                    renameat2(own, f"prize{number}", RENAME_NOREPLACE)
                won += 1
            except FileExistsError:
                pass
        line.say(str(won))

    peers = [s.peer(f"racer {n}", race) for n in range(tasks)]
    total = 0
    for peer in peers:
        total += int(peer.hear())
        peer.finish()
    s.note("winners", total)
    s.note("names", sum(name.startswith("prize") for name in os.listdir(".")))


@case(limit_s=60)
def writers_of_different_parts_do_not_disturb_each_other(s):
    size, parts = 1 << 20, 6

    def write(p, line, part):
        fd = os.open("f", os.O_WRONLY | os.O_CREAT)
        data = pattern(size, part)
        for at in range(0, size, 50_000):
            os.pwrite(fd, data[at : at + 50_000], part * size + at)
        os.close(fd)

    peers = [s.peer(f"writer {n}", lambda p, line, n=n: write(p, line, n)) for n in range(parts)]
    for peer in peers:
        peer.finish()
    data = open("f", "rb").read()
    s.note("length", len(data))
    s.note("every part as written", [data[n * size : (n + 1) * size] == pattern(size, n) for n in range(parts)])


@case(limit_s=60)
def interleaved_small_writes_leave_every_byte_in_place(s):
    parts, rounds, size = 4, 100, 1000

    def write(p, line, part):
        fd = os.open("f", os.O_WRONLY | os.O_CREAT)
        for number in range(rounds):
            os.pwrite(fd, bytes([65 + part]) * size, (number * parts + part) * size)
        os.close(fd)

    peers = [s.peer(f"writer {n}", lambda p, line, n=n: write(p, line, n)) for n in range(parts)]
    for peer in peers:
        peer.finish()
    data = open("f", "rb").read()
    s.note("as written", data == b"".join(bytes([65 + p]) * size for _ in range(rounds) for p in range(parts)))


@case(limit_s=60)
def a_write_and_a_read_of_the_same_bytes_do_not_mix(s):
    size = 4096
    s.put("f", b"0" * size)

    def write(p, line):
        fd = os.open("f", os.O_WRONLY)
        for number in range(1, 300):
            os.pwrite(fd, b"%d" % (number % 10) * size, 0)
        os.close(fd)

    peer = s.peer("writer", write)
    fd = os.open("f", os.O_RDONLY)
    mixed = sum(len(set(os.pread(fd, size, 0))) != 1 for _ in range(500))
    peer.finish()
    s.must("mixed", mixed, 0)
    s.content("f")
