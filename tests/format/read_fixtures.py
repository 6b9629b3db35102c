#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mounts every volume that the real client wrote and compares all that a user sees with its manifest:

    read_fixtures.py --headrace PATH [--lane LANE] [unittest options]

Names, attributes, bytes, links, extended attributes, holes, the trash. Volumes with features that Headrace does not keep
are read-only or refused, and it says why."""

import argparse
import errno
import hashlib
import os
import stat
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
import volume as vol  # noqa: E402
from fixtures import FIXTURES, Fixture  # noqa: E402
from headrace_testing import children, mounts  # noqa: E402
from volume import escaped  # noqa: E402

_TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket",
          stat.S_IFCHR: "chardev", stat.S_IFBLK: "blockdev"}
_INTERNAL = {b".accesslog", b".stats", b".config", b".control", b".trash"}
_NS = 1_000_000_000
OPTIONS = argparse.Namespace(headrace=None, lane="auto")


def scan(root):
    """What a user sees below `root` (bytes), in a manifest's terms: {escaped path: {...}}. Run it in a child."""
    seen, inodes = {}, {}
    todo = [b""]
    while todo:
        path = todo.pop()
        full = root + b"/" + path if path else root
        st = os.lstat(full)
        entry = seen[escaped(path) or "/"] = _entry(full, st)
        if entry["type"] == "dir":
            names = [n for n in os.listdir(full) if path or n not in _INTERNAL]
            todo += [path + b"/" + n if path else n for n in names]
        else:
            inodes.setdefault(st.st_ino, []).append(escaped(path))
    for names in inodes.values():
        for name in names if len(names) > 1 and seen[names[0]]["type"] == "file" else ():
            seen[name]["same_file_as"] = sorted(n for n in names if n != name)
    return seen


def _entry(full, st):
    kind = _TYPES[stat.S_IFMT(st.st_mode)]
    entry = {"type": kind, "mode": f"{st.st_mode & 0o7777:04o}", "uid": st.st_uid, "gid": st.st_gid, "nlink": st.st_nlink,
             "inode": st.st_ino, "mtime": f"{st.st_mtime_ns // _NS}.{st.st_mtime_ns % _NS:09}"}
    if kind == "file":
        entry |= {"size": st.st_size, "sha256": _digest(full), "data": _data_ranges(full, st.st_size)}
    elif kind == "symlink":
        entry |= {"size": st.st_size, "target": escaped(os.readlink(full))}
    elif kind in ("chardev", "blockdev"):
        entry["rdev"] = [os.major(st.st_rdev), os.minor(st.st_rdev)]
    names = sorted(n for n in os.listxattr(full, follow_symlinks=False) if n.startswith(("user.", "trusted.")))
    if names:
        entry["xattrs"] = {n: os.getxattr(full, n, follow_symlinks=False).hex() for n in names}
    return entry


def _digest(full):
    with open(full, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _data_ranges(full, size):
    """[[begin, end]] of what SEEK_DATA and SEEK_HOLE call data."""
    fd, ranges, at = os.open(full, os.O_RDONLY), [], 0
    try:
        while at < size:
            try:
                begin = os.lseek(fd, at, os.SEEK_DATA)
            except OSError:  # ENXIO: nothing but a hole is left
                break
            at = os.lseek(fd, begin, os.SEEK_HOLE)
            ranges.append([begin, at])
    finally:
        os.close(fd)
    return ranges


def data_of(volume, ino):
    """The same, as the volume's records say."""
    ranges = []
    for piece in volume.pieces(ino):
        if piece.id and ranges and ranges[-1][1] == piece.at:
            ranges[-1][1] += piece.length
        elif piece.id:
            ranges.append([piece.at, piece.at + piece.length])
    return ranges


def scan_trash(root):
    """{hour: {name: {...}}} below .trash."""
    trash = root + b"/.trash"
    return {escaped(hour): {"inode": os.lstat(trash + b"/" + hour).st_ino, "mode": f"{os.lstat(trash + b'/' + hour).st_mode & 0o7777:04o}",
                            "nlink": os.lstat(trash + b"/" + hour).st_nlink,
                            "entries": {escaped(n): _trash_entry(trash + b"/" + hour + b"/" + n) for n in os.listdir(trash + b"/" + hour)}}
            for hour in os.listdir(trash)}


def _trash_entry(full):
    st = os.lstat(full)
    entry = {"type": _TYPES[stat.S_IFMT(st.st_mode)], "inode": st.st_ino, "nlink": st.st_nlink}
    if stat.S_ISREG(st.st_mode):
        entry |= {"size": st.st_size, "sha256": _digest(full)}
    return entry


def changes(root, name):
    """Tries every kind of change; what each was answered."""
    path = root + b"/" + name
    answers = {}
    for what, call in (("create", lambda: os.close(os.open(root + b"/new", os.O_CREAT | os.O_WRONLY))), ("mkdir", lambda: os.mkdir(root + b"/d")),
                       ("unlink", lambda: os.unlink(path)), ("truncate", lambda: os.truncate(path, 0)), ("open", lambda: os.open(path, os.O_RDWR)),
                       ("chmod", lambda: os.chmod(path, 0)), ("rename", lambda: os.rename(path, root + b"/x")), ("utime", lambda: os.utime(path)),
                       ("link", lambda: os.link(path, root + b"/y")), ("symlink", lambda: os.symlink(b"t", root + b"/z")),
                       ("setxattr", lambda: os.setxattr(path, "user.a", b"x"))):
        try:
            call()
            answers[what] = "ok"
        except OSError as error:
            answers[what] = errno.errorcode[error.errno]
    return answers


class OnMounts(unittest.TestCase):
    def setUp(self):
        self.folder = mounts.scratch_folder("fixtures")
        self.addCleanup(self._remove)
        self.program = mounts.Program(OPTIONS.headrace)

    def _remove(self):
        import shutil

        if not any(path.startswith(f"{self.folder}/") for path in mounts.mounted()):
            shutil.rmtree(self.folder, ignore_errors=True)

    def mount(self, fixture, *options):
        return mounts.Mount(self.program, fixture.url, self.folder / "mnt", [*options, f"--lanes={OPTIONS.lane}"])

    def ask(self, mount, function):
        ended = children.run(lambda: function(os.fsencode(mount.path)), 120, mount.abort)
        self.assertTrue(ended.is_good, f"{ended.how}: {ended.text}")
        return ended.value

    def assert_as_manifest(self, fixture, *options):
        before = _state(fixture)
        with self.mount(fixture, *options) as mount:
            for _ in range(2):  # the second time out of the caches
                self.compare(fixture, self.ask(mount, scan))
            if "trash" in fixture.manifest:
                self.assertEqual(fixture.manifest["trash"], self.ask(mount, scan_trash))
        self.assertEqual(before, _state(fixture), "reading changed the volume")

    def compare(self, fixture, seen):
        wanted = fixture.manifest["files"]
        self.assertEqual(sorted(wanted), sorted(seen))
        volume = vol.read_sqlite(fixture.meta) if fixture.meta.suffix == ".db" else None
        for path, entry in sorted(wanted.items()):
            got = dict(seen[path])
            ranges = got.pop("data", None)
            if volume and got["type"] == "file":
                self.assertEqual(data_of(volume, entry["inode"]), ranges, f"{path}: where its data are")
            for name in entry.keys() - {"note", "acl"} | got.keys():
                self.assertEqual(entry.get(name), got.get(name), f"{path}: {name}")

    def assert_refused(self, fixture, words, *options):
        before = _state(fixture)
        (self.folder / "mnt").mkdir()
        done = self.program.run("mount", *options, fixture.url, self.folder / "mnt")
        said = done.stdout + done.stderr
        self.assertNotEqual(0, done.returncode, said)
        self.assertNotIn(str(self.folder / "mnt"), mounts.mounted())
        self.assertRegex(said.lower(), words)
        self.assertEqual(before, _state(fixture), "a refused mount changed the volume")


class Reading(OnMounts):
    def test_plain(self):
        self.assert_as_manifest(Fixture("plain", self.folder), "--read-only")

    def test_trash(self):
        self.assert_as_manifest(Fixture("trash", self.folder), "--read-only")

    def test_hash_prefix_and_small_blocks(self):
        self.assert_as_manifest(Fixture("hashprefix-1m", self.folder), "--read-only")

    def test_shards(self):
        self.assert_as_manifest(Fixture("shards", self.folder), "--read-only")

    def test_a_volume_with_quotas_is_read_only(self):
        fixture = Fixture("quota", self.folder)
        self.assert_refused(fixture, "quota")
        self.assert_as_manifest(fixture, "--read-only")

    def test_a_volume_with_acls_is_read_only(self):
        fixture = Fixture("acl", self.folder)
        self.assert_refused(fixture, "acl")
        self.assert_as_manifest(fixture, "--read-only")

    def test_compressed_and_encrypted_volumes_are_refused(self):
        for name, words in (("lz4", "compress|lz4"), ("zstd", "compress|zstd"), ("encrypted", "encrypt")):
            for options in ((), ("--read-only",)):
                with self.subTest(name, options=options), tempfile.TemporaryDirectory(dir=self.folder) as folder:
                    self.folder, keep = Path(folder), self.folder
                    try:
                        self.assert_refused(Fixture(name, folder), words, *options)
                    finally:
                        self.folder = keep

    def test_a_mount_that_may_write_and_only_reads_shows_the_same(self):
        fixture = Fixture("plain", self.folder)
        with self.mount(fixture) as mount:
            self.compare(fixture, self.ask(mount, scan))

    def test_another_place_of_the_bucket_can_be_given(self):
        fixture = Fixture("hashprefix-1m", self.folder)
        moved = self.folder / "moved"
        Path(fixture.bucket).rename(moved)
        with self.mount(fixture, "--read-only", f"--bucket={moved}") as mount:
            self.compare(fixture, self.ask(mount, scan))

    def test_a_read_only_mount_refuses_every_change(self):
        with self.mount(Fixture("shards", self.folder), "--read-only") as mount:
            answers = self.ask(mount, lambda root: changes(root, b"text.txt"))
        self.assertEqual({"EROFS"}, set(answers.values()), answers)


class ReadingADump(OnMounts):
    """Volumes whose metadata were in Redis, out of a file with its keys."""

    def test_plain(self):
        self.assert_as_manifest(Fixture("plain-redis", self.folder), "--read-only")

    def test_trash(self):
        self.assert_as_manifest(Fixture("trash-redis", self.folder), "--read-only")

    def test_a_volume_that_was_in_use(self):
        self.assert_as_manifest(Fixture("live-redis", self.folder), "--read-only")

    def test_fsck_finds_nothing(self):
        for name in ("plain-redis", "trash-redis"):
            done = self.program.run("fsck", Fixture(name, self.folder).url)
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_it_is_mounted_only_for_reading(self):
        self.assert_refused(Fixture("plain-redis", self.folder), "read-only")

    def test_every_change_is_refused(self):
        fixture = Fixture("plain-redis", self.folder)
        before = _state(fixture)
        with self.mount(fixture, "--read-only") as mount:
            answers = self.ask(mount, lambda root: changes(root, b"sizes/1.bin"))
        self.assertEqual({"EROFS"}, set(answers.values()), answers)
        self.assertEqual(before, _state(fixture))

    def test_a_file_that_is_no_dump_is_refused_in_one_line(self):
        fixture = Fixture("plain-redis", self.folder)
        good = fixture.meta.read_text(encoding="utf-8")
        for text, words in ((good[: len(good) // 2], "not a json object"), ("{}", "setting"), (good.replace('"hash"', '"list"'), "key ")):
            with self.subTest(words):
                fixture.meta.write_text(text, encoding="utf-8")
                done = self.program.run("fsck", fixture.url)
                self.assertNotEqual(0, done.returncode)
                self.assertEqual(1, done.stderr.count("\n"), done.stderr)
                self.assertIn(words, done.stderr.lower())


def _state(fixture):
    """Everything that is stored of a volume."""
    meta = vol.read_sqlite(fixture.meta) if fixture.meta.suffix == ".db" else fixture.meta.read_bytes()
    return meta, {str(p): p.stat().st_size for p in fixture.folder.rglob("*") if p.is_file() and "objects" in p.parts}


def main(module="__main__"):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], add_help=False)
    parser.add_argument("--headrace", required=True)
    parser.add_argument("--lane", default="auto")
    _, left = parser.parse_known_args(namespace=OPTIONS)
    unittest.main(module=module, argv=[sys.argv[0], *left])


if __name__ == "__main__":
    assert FIXTURES.is_dir()
    main()
