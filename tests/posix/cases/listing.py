# SPDX-License-Identifier: Apache-2.0
"""Reading directories: complete, without doubles, whatever else happens in them, from any place and in any piece."""

import os
import stat
import threading

from headrace_testing import calls
from headrace_testing.calls import Directory
from registry import case

_TYPES = {stat.S_IFREG: 8, stat.S_IFDIR: 4, stat.S_IFLNK: 10, stat.S_IFIFO: 1, stat.S_IFSOCK: 12, stat.S_IFCHR: 2, stat.S_IFBLK: 6}


def _fill(count, name="f{:06d}"):
    for number in range(count):
        os.close(os.open(name.format(number), os.O_WRONLY | os.O_CREAT))


def _all_entries(buffer_bytes, path="."):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        entries = []
        while piece := calls.getdents(fd, buffer_bytes):
            entries += piece
        return entries
    finally:
        os.close(fd)


@case(users=("root", "alice"))
def a_listing_has_every_name_with_its_type_and_number(s):
    s.put("file")
    s.mkdir("directory")
    s.symlink("x", "symlink")
    s.mknod("fifo", stat.S_IFIFO | 0o644)
    s.mknod("socket", stat.S_IFSOCK | 0o644)
    stream = Directory(".")
    seen = {}
    while (entry := stream.read()) is not None:
        seen[entry[0].decode()] = entry
    s.note("names", sorted(seen))
    for name in sorted(set(seen) - {".."}):
        st = os.lstat(name)
        s.note(f"type of {name}", seen[name][2] == _TYPES[stat.S_IFMT(st.st_mode)])
        s.note(f"number of {name}", seen[name][1] == st.st_ino)
    stream.close()
    s.mkdir("directory/sub")
    inside = {name: number for name, number, _ in iter(Directory("directory/sub").read, None)}
    s.note("dot-dot is the parent", inside[b".."] == os.stat("directory").st_ino and inside[b"."] == os.stat("directory/sub").st_ino)


@case(table={f"{size}": size for size in (24, 48, 100, 1000, 4096, 32768, 1 << 20)})
def a_listing_is_complete_whatever_the_buffer(s, size):
    _fill(200, "name-{}")
    try:
        entries = _all_entries(size)
    except OSError as error:
        s.note("refused", calls.errno_name(error.errno))
        return
    names = [entry[0] for entry in entries]
    s.note("count", len(names))
    s.note("no doubles", len(set(names)) == len(names))
    s.note("names", [n.decode() for n in sorted(names)])


@case()
def an_empty_directory_has_two_entries(s):
    s.mkdir("d")
    s.note("entries", sorted(entry[0].decode() for entry in _all_entries(4096, "d")))
    s.note("again", sorted(Directory("d").rest()) == [b".", b".."])


@case()
def every_place_told_can_be_returned_to(s):
    _fill(150)
    stream = Directory(".")
    places, names = [stream.tell()], []
    while (entry := stream.read()) is not None:
        names.append(entry[0])
        places.append(stream.tell())
    s.note("count", len(names))
    wrong = 0
    for number in list(range(0, len(names), 7)) + [len(names) - 1, 0, 1]:
        stream.seek(places[number])
        wrong += stream.read()[0] != names[number]
    s.note("wrong", wrong)
    stream.seek(places[75])
    s.note("the rest from the middle", stream.rest() == names[75:])
    stream.seek(places[-1])
    s.note("at the end", stream.rest())
    stream.rewind()
    s.note("from the start", sorted(stream.rest()) == sorted(names))
    stream.close()


@case()
def a_place_stays_good_while_names_come_and_go(s):
    _fill(300)
    stream = Directory(".")
    head = [stream.read()[0] for _ in range(100)]
    place = stream.tell()
    tail = stream.rest()
    for name in head[2:50:2] + tail[1::2]:
        if name not in (b".", b".."):
            os.unlink(name)
    for number in range(100):
        os.close(os.open(f"new{number}", os.O_WRONLY | os.O_CREAT))
    stream.seek(place)
    again = stream.rest()
    stay = {name for name in tail if name in (b".", b"..") or os.path.lexists(name)}
    s.note("each that stayed is there once", all(again.count(name) == 1 for name in stay))
    s.note("nothing from before the place", [n.decode() for n in again if n in head])
    s.note("no doubles", len(again) == len(set(again)))


@case()
def rewinding_shows_what_is_new(s):
    _fill(10)
    stream = Directory(".")
    stream.rest()
    s.put("new")
    s.unlink("f000003")
    stream.rewind()
    s.note("names", [n.decode() for n in sorted(stream.rest())])


@case()
def the_same_handle_lists_twice(s):
    _fill(50)
    fd = s.open(".", os.O_RDONLY)
    for _ in range(3):
        s.note("names", len(os.listdir(fd)))
        os.lseek(fd, 0, os.SEEK_SET)


@case()
def two_handles_list_independently(s):
    _fill(100)
    one, two = Directory("."), Directory(".")
    first, second = [], []
    for _ in range(102):
        first.append(one.read()[0])
        if len(first) % 2:
            second.append(two.read()[0])
    second += two.rest()
    s.note("both complete", sorted(first) == sorted(second))


@case(limit_s=60)
def deleting_while_listing_deletes_everything(s):
    _fill(1000)
    stream = Directory(".")
    while (entry := stream.read()) is not None:
        if entry[0] not in (b".", b".."):
            os.unlink(entry[0])
    s.names()


@case(limit_s=60)
def renaming_while_listing_ends(s):
    _fill(300)
    stream = Directory(".")
    seen = 0
    while (entry := stream.read()) is not None and seen < 100_000:
        seen += 1
        if entry[0].startswith(b"f"):
            os.rename(entry[0], b"r" + entry[0][1:])
    s.note("ended", seen < 100_000)
    s.note("count", len(os.listdir(".")))


def _churn(stop, mine, limit=100_000):
    number = 0
    while not stop.is_set() and number < limit:
        name = f"{mine}{number}"
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT))
        if number >= 50:
            os.unlink(f"{mine}{number - 50}")
        number += 1


@case(limit_s=60, table={"small buffer": 512, "usual buffer": 32768})
def entries_that_stay_are_seen_once_while_others_come_and_go(s, buffer_bytes):
    _fill(2000, "stay{:05d}")
    stop = threading.Event()
    others = [threading.Thread(target=_churn, args=(stop, mine)) for mine in ("a", "zz")]
    for other in others:
        other.start()
    try:
        for _ in range(5):
            names = [entry[0] for entry in _all_entries(buffer_bytes)]
            stayed = [name for name in names if name.startswith(b"stay")]
            s.note("all that stayed", len(set(stayed)))
            s.note("doubles", len(names) - len(set(names)))
    finally:
        stop.set()
        for other in others:
            other.join()


@case(limit_s=100, lanes=("auto",))
def a_directory_of_8_000_entries_lists_completely(s):
    _fill(8_000)
    entries = _all_entries(65536)
    names = {entry[0] for entry in entries}
    s.note("count", len(entries))
    s.note("different", len(names))
    s.note("stat of some", all(os.stat(f"f{n:06d}").st_size == 0 for n in range(0, 8_000, 397)))
    for number in range(0, 8_000, 4):
        os.unlink(f"f{number:06d}")
    s.note("left", len(os.listdir(".")))


@case()
def what_was_just_made_or_removed_shows_at_once(s):
    for number in range(30):
        s.put(f"f{number}")
        s.note("listed", f"f{number}" in os.listdir("."))
        if number % 3 == 0:
            os.unlink(f"f{number}")
            s.note("gone", f"f{number}" not in os.listdir("."))
        if number % 3 == 1:
            os.rename(f"f{number}", f"g{number}")
            s.note("moved", [f"f{number}" in os.listdir("."), f"g{number}" in os.listdir(".")])
    s.names()


@case()
def attributes_of_a_listing_are_exact(s):
    for number in range(40):
        fd = os.open(f"f{number}", os.O_WRONLY | os.O_CREAT)
        os.write(fd, b"x" * number * 100)
        os.close(fd)
    sizes = {entry.name: entry.stat().st_size for entry in os.scandir(".")}
    s.note("sizes", [sizes[f"f{n}"] for n in range(40)])
    writer = os.open("f5", os.O_WRONLY | os.O_APPEND)
    os.write(writer, b"y" * 7)
    sizes = {entry.name: entry.stat().st_size for entry in os.scandir(".")}
    s.note("of one that is being written", sizes["f5"])
    s.note("walk", sum(len(files) for _, _, files in os.walk(".")))


@case()
def a_listing_of_something_else_is_refused(s):
    s.put("f")
    s.symlink("nowhere", "l")
    for path in ("f", "l", "missing"):
        s.names(path)
    fd = s.open("f")
    s.attempt("getdents of a file", lambda: calls.getdents(fd, 4096))


@case()
def a_listing_gives_long_and_odd_names_whole(s):
    names = sorted([b"n" * 255, b"\xff\xfe", b"a\nb", b"x" * 254, "文".encode() * 85, b" ", b"~"])
    for name in names:
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT))
    for buffer_bytes in (300, 1000, 32768):
        got = sorted(entry[0] for entry in _all_entries(buffer_bytes) if entry[0] not in (b".", b".."))
        s.note("whole", got == names)
