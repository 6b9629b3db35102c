#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Dumps of metadata, and what comes back out of them:

    dump_volumes.py --headrace PATH [--lane LANE] [unittest options]

What is dumped from a volume of the real client is, byte for byte, what that client dumps; its dumps are loaded; and a volume
whose database is lost comes back whole out of the backup in its bucket, by the commands that docs/backup.md names."""

import gzip
import json
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
import plain_tree  # noqa: E402
import read_fixtures  # noqa: E402
from fixtures import FIXTURES, Fixture  # noqa: E402
from headrace_testing import mounts  # noqa: E402
from read_fixtures import OPTIONS, OnMounts, scan, scan_trash  # noqa: E402

DUMPED = ("plain", "trash", "acl", "quota", "hashprefix-1m", "shards", "plain-redis", "trash-redis", "live-redis")


def clients_dump(fixture):
    """The client's own dump of the fixture's volume, where its bucket is now."""
    text = (FIXTURES / fixture.name / "meta.json").read_text(encoding="utf-8")
    was = json.loads(text)["Setting"]["Bucket"]
    return text.replace(json.dumps(was), json.dumps(str(fixture.bucket)))


def without_counters(text):
    document = json.loads(text)
    del document["Counters"]
    return document


def everything(root):
    """What a user sees, with all times."""
    seen = scan(root)
    for path, entry in seen.items():
        st = os.lstat(root if path == "/" else root + b"/" + read_fixtures.vol.unescaped(path))
        entry["times"] = (st.st_atime_ns, st.st_mtime_ns, st.st_ctime_ns, st.st_blocks)
    return seen, scan_trash(root) if os.path.isdir(root + b"/.trash") else None


class Dumps(OnMounts):
    def test_are_byte_for_byte_the_clients_own(self):
        for name in DUMPED:
            with self.subTest(name):
                fixture = Fixture(name, self.folder)
                done = self.program.check("dump", fixture.url, "-")
                for mine, theirs in zip(done.stdout.splitlines(), clients_dump(fixture).splitlines()):
                    self.assertEqual(theirs, mine)
                self.assertEqual(clients_dump(fixture), done.stdout)

    def test_are_the_same_in_a_file_compressed_or_not(self):
        fixture = Fixture("trash", self.folder)
        self.program.check("dump", fixture.url, self.folder / "d.json")
        self.program.check("dump", fixture.url, self.folder / "d.json.gz")
        text = (self.folder / "d.json").read_text(encoding="utf-8")
        self.assertEqual(clients_dump(fixture), text)
        self.assertEqual(text, gzip.decompress((self.folder / "d.json.gz").read_bytes()).decode())
        self.assertEqual([], [p.name for p in self.folder.glob("*.part")])

    def test_that_cannot_be_written_leave_nothing(self):
        fixture = Fixture("shards", self.folder)
        for words in ([fixture.url, self.folder / "no" / "such"], [fixture.url, self.folder / "d.zstd"], ["--subdir", "/dir", fixture.url, self.folder / "d"]):
            done = self.program.run("dump", *words)
            self.assertNotEqual(0, done.returncode)
            self.assertRegex(done.stderr, r"^[^\n]+\n([^\n]+\n)?$")
        self.assertEqual(["shards"], [p.name for p in self.folder.iterdir()])


class Loads(OnMounts):
    def load(self, fixture, text, name="new.db"):
        dump = self.folder / "dump.json"
        dump.write_text(text, encoding="utf-8")
        self.program.check("load", f"sqlite3://{self.folder / name}", dump)
        return self.folder / name

    def test_the_clients_dumps_are_the_volumes(self):
        for name in ("plain", "trash", "hashprefix-1m", "shards", "plain-redis", "acl", "quota"):
            with self.subTest(name):
                fixture = Fixture(name, self.folder)
                fixture.meta = self.load(fixture, clients_dump(fixture), f"{name}.db")
                fixture.url = f"sqlite3://{fixture.meta}"
                done = self.program.run("fsck", fixture.url)
                self.assertEqual(0, done.returncode, done.stdout + done.stderr)
                self.assert_as_manifest(fixture, "--read-only")
                again = self.program.check("dump", fixture.url).stdout
                self.assertEqual(without_counters(clients_dump(fixture)), without_counters(again))

    def test_over_a_database_or_of_no_dump_change_nothing(self):
        fixture = Fixture("shards", self.folder)
        text = clients_dump(fixture)
        there = self.load(fixture, text)
        before = there.read_bytes()
        for url, content in ((f"sqlite3://{there}", text), (f"sqlite3://{self.folder}/other.db", text[: len(text) // 2]), (f"sqlite3://{self.folder}/other.db", "{}"),
                             ("memory://", text), (fixture.url.replace("sqlite3", "redis-dump"), text)):
            (self.folder / "dump.json").write_text(content, encoding="utf-8")
            done = self.program.run("load", url, self.folder / "dump.json")
            self.assertNotEqual(0, done.returncode, url)
            self.assertRegex(done.stderr, r"^[^\n]+\n([^\n]+\n)?$")
        whole = gzip.compress(text.encode())
        (self.folder / "cut.json.gz").write_bytes(whole[:-100])
        done = self.program.run("load", f"sqlite3://{self.folder}/other.db", self.folder / "cut.json.gz")
        self.assertNotEqual(0, done.returncode)
        self.assertIn("compressed file", done.stderr)
        self.assertEqual(before, there.read_bytes())
        self.assertEqual([], [p.name for p in self.folder.glob("other.db*")] + [p.name for p in self.folder.glob("*.loading*")])


class LosingTheDatabase(OnMounts):
    """docs/backup.md, done."""

    def backups(self, volume):
        return sorted((volume.bucket / "vol" / "meta").glob("dump-*.json.gz"))

    def test_the_volume_comes_back_whole(self):
        volume = mounts.Volume(self.program, self.folder, "vol", ["--trash-days", "1"])
        with mounts.Mount(self.program, volume.url, self.folder / "mnt", [f"--lanes={OPTIONS.lane}"]) as mount:
            self.ask(mount, plain_tree.build)
        with mounts.Mount(self.program, volume.url, self.folder / "mnt", [f"--lanes={OPTIONS.lane}"]) as mount:
            wanted = self.ask(mount, everything)
        self.assertTrue(wanted[1], "nothing is in the trash")
        before = self.backups(volume)
        backup = before[-1]
        self.assertRegex(backup.name, r"^dump-\d{4}-\d\d-\d\d-\d{6}\.json\.gz$")
        for file in self.folder.glob("meta.db*"):
            file.unlink()
        self.program.check("load", volume.url, backup)
        done = self.program.run("fsck", volume.url)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        with mounts.Mount(self.program, volume.url, self.folder / "mnt", [f"--lanes={OPTIONS.lane}"]) as mount:
            self.assertEqual(wanted, self.ask(mount, everything))
            # And it is a volume to work on.
            self.ask(mount, lambda root: Path(os.fsdecode(root), "after").write_bytes(b"x" * 5_000_000))
            self.ask(mount, lambda root: Path(os.fsdecode(root), "text.txt").unlink(missing_ok=True))
        done = self.program.run("fsck", volume.url)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertGreater(len(self.backups(volume)), len(before))

    def test_a_backup_is_made_while_mounted(self):
        volume = mounts.Volume(self.program, self.folder, "vol")
        with mounts.Mount(self.program, volume.url, self.folder / "mnt", ["--backup-meta", "2s"]) as mount:
            self.ask(mount, lambda root: Path(os.fsdecode(root), "a").write_bytes(b"a"))
            self.ask(mount, lambda root: _wait_for(lambda: self.backups(volume)))
        (backup,) = self.backups(volume)  # at the end there was nothing new
        self.assertIn('"a": {', gzip.decompress(backup.read_bytes()).decode())

    def test_none_is_made_when_it_is_off(self):
        volume = mounts.Volume(self.program, self.folder, "vol")
        for options in (["--backup-meta", "0"], ["--no-bgjob"]):
            with mounts.Mount(self.program, volume.url, self.folder / "mnt", options) as mount:
                self.ask(mount, lambda root: Path(os.fsdecode(root), "a").write_bytes(b"a"))
        self.assertEqual([], self.backups(volume))


def _wait_for(answer, limit_s=60):
    import time

    deadline = time.monotonic() + limit_s
    while not answer():
        if time.monotonic() > deadline:
            raise TimeoutError("it does not come")
        time.sleep(0.05)


if __name__ == "__main__":
    read_fixtures.main()
