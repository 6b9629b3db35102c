#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compare_volumes.py must find two copies of a volume equal, and every difference that is planted in one of them."""

import sqlite3
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import volume as vol  # noqa: E402
from compare_volumes import differences  # noqa: E402
from fixtures import FIXTURES  # noqa: E402
from plain_tree import LEFT_OUT  # noqa: E402

_HOLE = "x'000000000000000000000000000000000000000000000001'"
# What is changed in one copy of `plain`, and what the difference must speak of.
_PLANTED = {
    "a member of the setting": ("update jfs_setting set value = replace(value, '\"TrashDays\": 0', '\"TrashDays\": 1')", "setting"),
    "the order of the setting": ("update jfs_setting set value = json_patch('{{\"DirStats\":true}}', value)", "setting"),
    "a mode": ("update jfs_node set mode = 511 where inode = 3", "sizes/0.bin"),
    "an owner": ("update jfs_node set uid = 1 where inode = 3", "uid"),
    "a modification time": ("update jfs_node set mtimensec = 1 + mtimensec where inode = 3", "mtime"),
    "an access time": ("update jfs_node set atime = 1 + atime where inode = 3", "atime"),
    "a link count": ("update jfs_node set nlink = 2 where inode = 3", "nlink"),
    "a length": ("update jfs_node set length = 5 where inode = 3", "length"),
    "a device": ("update jfs_node set rdev = 5 where type = 6", "special/char"),
    "flags": ("update jfs_node set flags = 1 where inode = 3", "flags"),
    "a type": ("update jfs_node set type = 7 where inode = 3", "type"),
    "a parent": ("update jfs_node set parent = 1 where inode = 3", "parent"),
    "a name": ("update jfs_edge set name = cast('f300' as blob) where name = cast('f299' as blob)", "many/f300"),
    "a name's storage class": ("update jfs_edge set name = 'f299' where name = cast('f299' as blob)", "edge.name"),
    "a missing name": ("delete from jfs_edge where name = cast('f299' as blob)", "many/f299"),
    "another file of the same kind": ("update jfs_edge set inode = (select inode from jfs_edge where name = cast('f298' as blob)) "
                                      "where name = cast('f299' as blob)", "names"),
    "a target": ("update jfs_symlink set target = cast('../nested/b' as blob) where target = cast('../nested/a' as blob)", "links/todir"),
    "an attribute's value": ("update jfs_xattr set value = x'00' where name = 'user.ondir'", "xattr"),
    "a missing attribute": ("delete from jfs_xattr where name = 'user.empty'", "xattr/file"),
    "statistics": ("update jfs_dir_stats set used_inodes = 1 + used_inodes where inode = 2", "statistics: sizes"),
    "missing statistics": ("delete from jfs_dir_stats where inode = 2", "statistics: sizes"),
    "used space": ("update jfs_counter set value = 4096 + value where name = 'usedSpace'", "counters: usedSpace"),
    "inodes": ("update jfs_counter set value = 1 + value where name = 'totalInodes'", "counters: totalInodes"),
    "a counter": ("delete from jfs_counter where name = 'nextChunk'", "counters: nextChunk"),
    "a hole": (f"update jfs_chunk set slices = slices || {_HOLE} where inode = (select inode from jfs_edge "
               "where name = cast('middle.bin' as blob))", "overwrite/middle.bin"),
    "a missing chunk": ("delete from jfs_chunk where inode = (select inode from jfs_edge where name = cast('log.txt' as blob))", "append/log.txt"),
    "a reference": ("update jfs_chunk_ref set refs = refs + 1 where chunkid = 3", "references"),
    "a reference of a hidden slice": ("update jfs_chunk_ref set refs = 7 where chunkid = {hidden}", "hidden"),
    "an unshared copy": ("insert into jfs_chunk_ref values (5000, 500000, 1); update jfs_chunk set slices = {unshared} where inode = {whole}",
                         "copy/whole.bin"),
    "a session": ("insert into jfs_session2 values (5, 0, null)", "sessions"),
    "a retired slice": ("insert into jfs_delslices values (5, 0, x'000000000000000100000001')", "delayed"),
    "a table's definition": ("alter table jfs_acl add column x integer", "schema: jfs_acl"),
    "an index": ("drop index IDX_jfs_edge_inode", "schema: IDX_jfs_edge_inode"),
}


def plain():
    """A copy of `plain`'s database in memory."""
    source = sqlite3.connect(f"file:{FIXTURES / 'plain' / 'meta.db'}?mode=ro&immutable=1", uri=True)
    copy = sqlite3.connect(":memory:")
    source.backup(copy)
    source.close()
    return copy


def read(connection):
    connection.text_factory = bytes
    return vol.read_connection(connection)


def inode_of(volume, path):
    return next(ino for found, ino in volume.walk() if found == path)


class TwoCopies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.original = read(plain())

    def test_they_are_equal(self):
        self.assertEqual([], differences(self.original, read(plain())))
        self.assertEqual([], differences(self.original, read(plain()), LEFT_OUT))

    def test_a_planted_difference_is_reported(self):
        whole = inode_of(self.original, b"copy/whole.bin")
        words = {"whole": whole, "hidden": self._hidden_slice(), "unshared": self._unshared(whole)}
        for name, (statement, text) in _PLANTED.items():
            with self.subTest(name):
                changed = plain()
                changed.executescript(statement.format(**words))
                changed.commit()
                for without in ((), LEFT_OUT):
                    found = differences(self.original, read(changed), without)
                    self.assertTrue(found, "nothing was found")
                    self.assertTrue(any(text in line for line in found), f"{text!r} is not in {found}")

    def _hidden_slice(self):
        """A slice of overwrite/many.bin that later ones hide wholly."""
        ino = inode_of(self.original, b"truncate/zeroed.bin")
        visible = {p.id for p in self.original.pieces(ino)}
        return next(r.id for r in self.original.chunks[ino, 0] if r.id and r.id not in visible)

    def _unshared(self, ino):
        """copy/whole.bin's list as one slice of its own, which nobody shares."""
        length = self.original.nodes[ino].length
        return f"x'{0:08x}{5000:016x}{length:08x}{0:08x}{length:08x}'"

    def test_what_only_one_has_can_be_left_out(self):
        smaller = plain()
        for path in (b"copy/clone.bin", b"overwrite/compacted.bin"):
            ino = inode_of(self.original, path)
            for table in ("node", "edge", "chunk"):
                smaller.execute(f"delete from jfs_{table} where inode = ?", (ino,))
            parent, node = self.original.nodes[ino].parent, self.original.nodes[ino]
            smaller.execute("update jfs_dir_stats set data_length = data_length - ?, used_space = used_space - ?, used_inodes = used_inodes - 1 "
                            "where inode = ?", (node.length, vol.space_of(node), parent))
            smaller.execute("update jfs_counter set value = value - ? where name = 'usedSpace'", (vol.space_of(node),))
            smaller.execute("update jfs_counter set value = value - 1 where name = 'totalInodes'")
            for (i, _), records in self.original.chunks.items():
                for record in records if i == ino else ():
                    smaller.execute("update jfs_chunk_ref set refs = refs - 1 where chunkid = ?", (record.id,))
        smaller.commit()
        self.assertEqual([], differences(self.original, read(smaller), LEFT_OUT))
        self.assertNotEqual([], differences(self.original, read(smaller)))

    def test_other_ids_and_change_times_are_no_difference(self):
        other = plain()
        other.executescript("""
            update jfs_node set ctime = ctime + 5, inode = inode + 5000 where inode > 1;
            update jfs_node set parent = parent + 5000 where parent > 1;
            update jfs_edge set inode = inode + 5000; update jfs_edge set parent = parent + 5000 where parent > 1;
            update jfs_chunk set inode = inode + 5000; update jfs_symlink set inode = inode + 5000;
            update jfs_xattr set inode = inode + 5000; update jfs_dir_stats set inode = inode + 5000 where inode > 1;
            update jfs_setting set value = replace(value, '"UUID": "', '"UUID": "f');""")
        other.commit()
        self.assertEqual([], differences(self.original, read(other)))


class Splitting(unittest.TestCase):
    def test_where_a_slice_ends_is_no_difference_but_what_is_shared_is(self):
        def volume(records, refs):
            nodes = {1: vol.Node(vol.DIRECTORY, 0, 0o777, 0, 0, 0, 0, 0, 2, 4096, 0, 1, 0, 0, 0)}
            nodes |= {ino: vol.Node(vol.FILE, 0, 0o644, 0, 0, 0, 0, 0, 1, 100, 0, 1, 0, 0, 0) for ino in (2, 3)}
            return vol.Volume({}, {"usedSpace": 8192, "totalInodes": 2}, nodes, {1: {b"a": (1, 2), b"b": (1, 3)}},
                              {(ino, 0): records[ino] for ino in (2, 3)}, {}, {}, refs, {})

        one = volume({2: [vol.Slice(0, 1, 100, 0, 100)], 3: [vol.Slice(0, 2, 100, 0, 100)]}, {(1, 100): 1, (2, 100): 1})
        split = volume({2: [vol.Slice(0, 1, 60, 0, 60), vol.Slice(60, 3, 40, 0, 40)], 3: [vol.Slice(0, 2, 100, 0, 100)]},
                       {(1, 60): 1, (3, 40): 1, (2, 100): 1})
        shared = volume({2: [vol.Slice(0, 1, 100, 0, 100)], 3: [vol.Slice(0, 1, 100, 0, 100)]}, {(1, 100): 2})
        shared_later = volume({2: [vol.Slice(0, 1, 100, 0, 100)], 3: [vol.Slice(0, 1, 100, 0, 50), vol.Slice(50, 1, 100, 50, 50)]}, {(1, 100): 3})
        self.assertEqual([], differences(one, split))
        self.assertNotEqual([], differences(one, shared))
        self.assertNotEqual([], differences(shared, shared_later))


class TheRule(unittest.TestCase):
    def test_the_tree_that_is_repeated_is_the_fixtures_tree(self):
        """Built on a native file system, it has the names, bytes and times that the manifest says."""
        import plain_tree
        import read_fixtures
        from fixtures import Fixture

        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as root:
            manifest = Fixture("plain", folder).manifest["files"]
            plain_tree.build(root.encode(), with_xattrs=False)
            seen = read_fixtures.scan(root.encode())
        wanted = {path: entry for path, entry in manifest.items() if not plain_tree.is_left_out(vol.unescaped(path) if path != "/" else b"")}
        self.assertEqual(set(wanted), set(seen))
        for path, entry in wanted.items():
            for name in ("type", "size", "sha256", "target", "mtime", "uid", "gid", "rdev"):
                self.assertEqual(entry.get(name), seen[path].get(name), f"{path}: {name}")


if __name__ == "__main__":
    unittest.main()
