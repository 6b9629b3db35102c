#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_volume.py must find nothing wrong with what the real client wrote, and everything that is planted in it."""

import os
import sqlite3
import struct
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import check_volume  # noqa: E402
import fixtures  # noqa: E402
import volume as vol  # noqa: E402


def found_in(fixture):
    volume = vol.read_sqlite(fixture.meta)
    return check_volume.problems(volume, vol.Bucket(fixture.bucket, volume.setting))


class TheClientsVolumes(unittest.TestCase):
    def test_they_are_sound_and_as_their_manifests_say(self):
        for name in fixtures.WHOLE:
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                fixture = fixtures.Fixture(name, folder)
                self.assertEqual([], found_in(fixture))
                volume = vol.read_sqlite(fixture.meta)
                bucket = vol.Bucket(fixture.bucket, volume.setting)
                self.assertEqual([], list(check_volume.manifest_problems(volume, bucket, fixture.manifest)))


# What is done to the tables of `hashprefix-1m`, and what must then be said. Its inode 11 is zeros.bin.
_DAMAGES = {
    "a name goes": ("delete from jfs_edge where name = cast('text.txt' as blob)", "link count 2 and 1 names"),
    "an inode goes": ("delete from jfs_node where inode = 11", "names inode 11, which is not there"),
    "an entry's type": ("update jfs_edge set type = 2 where inode = 11", "has type 2, its inode 1"),
    "a link count": ("update jfs_node set nlink = 2 where inode = 11", "link count 2 and 1 names"),
    "a directory's link count": ("update jfs_node set nlink = 9 where inode = 1", "has link count 9, should have 3"),
    "a directory's length": ("update jfs_node set length = 0 where inode = 1", "has length 0"),
    "a parent": ("update jfs_node set parent = 77 where inode = 11", "says its parent is 77"),
    "a stored reference": ("update jfs_chunk_ref set refs = refs + 1 where chunkid = 1", "stored references, counted"),
    "a reference too many": ("insert into jfs_chunk_ref values (4000, 5, 1)", "slice 4000 of 5 bytes has 1 stored references, counted 0"),
    "a slice's size": ("update jfs_chunk_ref set size = size + 1 where chunkid = 1", "None stored references"),
    "used space": ("update jfs_counter set value = value + 4096 where name = 'usedSpace'", "the counter usedSpace is"),
    "inodes": ("update jfs_counter set value = value - 1 where name = 'totalInodes'", "the counter totalInodes is"),
    "a file's length": ("update jfs_node set length = length + 1 where inode = 11", "has stored statistics"),
    "directory statistics": ("update jfs_dir_stats set data_length = data_length + 1 where inode = 1", "has stored statistics"),
    "missing statistics": ("delete from jfs_dir_stats where inode <> 1", "has stored statistics None"),
    "the next inode": ("update jfs_counter set value = 3 where name = 'nextInode'", "was never handed out"),
    "the next slice": ("update jfs_counter set value = 1 where name = 'nextChunk'", "was never handed out"),
    "a symlink's target": ("update jfs_symlink set target = cast('x' as blob)", "its target 1"),
    "a lost target": ("delete from jfs_symlink", "has no target"),
    "a session": ("insert into jfs_session2 values (1, 0, null)", "there are sessions: [1]"),
    "a lock": ("insert into jfs_flock (inode, sid, owner, ltype) values (10, 1, 1, 87)", "lock rows"),
    "a held inode": ("insert into jfs_sustained (sid, inode) values (1, 999)", "held open by nobody"),
    "a deleted file": ("insert into jfs_delfile values (999, 5, 0)", "wait to be deleted"),
    "attributes of nobody": ("insert into jfs_xattr (inode, name, value) values (999, 'user.a', x'00')", "extended attributes of inode 999"),
    "a bad name": ("update jfs_edge set name = cast('a/b' as blob) where inode = 11", "has an entry"),
}


class Damage(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.fixture = fixtures.Fixture("hashprefix-1m", self._folder.name)

    def assert_found(self, text):
        found = found_in(self.fixture)
        self.assertTrue(any(text in line for line in found), f"{text!r} is not in {found}")

    def change(self, statement, *values):
        connection = sqlite3.connect(self.fixture.meta)
        with connection:
            self.assertGreater(connection.execute(statement, values).rowcount, 0, statement)
        connection.close()

    def test_a_changed_row_is_found(self):
        for name, (statement, text) in _DAMAGES.items():
            with self.subTest(name):
                self.setUp()
                self.change(statement)
                self.assert_found(text)

    def objects(self):
        return sorted(p for p in Path(self.fixture.bucket).rglob("*_*_*") if p.is_file())

    def test_a_missing_object_is_found(self):
        gone = self.objects()[0]
        gone.unlink()
        self.assert_found(f"{gone.name} is missing")

    def test_an_object_of_another_length_is_found(self):
        with open(self.objects()[0], "ab") as file:
            file.write(b"x")
        self.assert_found("bytes")

    def test_an_object_too_many_is_found(self):
        (Path(self.fixture.bucket) / "hashprefix-1m/chunks/01/0/257_0_5").write_bytes(b"12345")
        self.assert_found("no record asks for the object")

    def test_another_identity_is_found(self):
        (Path(self.fixture.bucket) / "hashprefix-1m/juicefs_uuid").write_text("another")
        self.assert_found("does not hold the volume's UUID")

    def test_a_record_that_shows_more_than_its_slice_is_found(self):
        connection = sqlite3.connect(self.fixture.meta)
        ino, index = connection.execute("select inode, indx from jfs_chunk limit 1").fetchone()
        connection.close()
        for record, text in ((struct.pack(">IQIII", 0, 1, 5, 3, 3), "shows more than its slice"),
                             (struct.pack(">IQIII", 0x3FFFFFF, 0, 0, 0, 2), "does not fit the chunk")):
            self.change("update jfs_chunk set slices = ? where inode = ? and indx = ?", record, ino, index)
            self.assert_found(text)

    def test_changed_bytes_and_attributes_differ_from_the_manifest(self):
        victim = next(p for p in self.objects() if p.stat().st_size == 10_000)
        data = bytearray(victim.read_bytes())
        data[77] ^= 1
        victim.write_bytes(data)
        self.change("update jfs_node set mtime = mtime + 1 where inode = 11")
        volume = vol.read_sqlite(self.fixture.meta)
        bucket = vol.Bucket(self.fixture.bucket, volume.setting)
        found = list(check_volume.manifest_problems(volume, bucket, self.fixture.manifest))
        self.assertEqual(2, len(found), found)
        self.assertTrue(any("dir/noise-10000.bin: sha256" in line for line in found))
        self.assertTrue(any("mtime" in line for line in found))


class Reading(unittest.TestCase):
    def test_later_records_hide_earlier_ones(self):
        records = [vol.Slice(0, 1, 100, 0, 100), vol.Slice(20, 2, 30, 5, 10), vol.Slice(90, 0, 0, 0, 50), vol.Slice(25, 3, 2, 0, 2)]
        pieces = [(p.at, p.length, p.id, p.off) for p in vol._overlaid(records, 1000, 120)]
        self.assertEqual([(1000, 20, 1, 0), (1020, 5, 2, 5), (1025, 2, 3, 0), (1027, 3, 2, 12), (1030, 60, 1, 30), (1090, 30, 0, 0)], pieces)

    def test_names_are_written_and_read_back(self):
        for name in (b"plain.txt", b"a b%41\xff\n", bytes(range(1, 256))):
            self.assertEqual(name, vol.unescaped(vol.escaped(name)))


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    unittest.main()
