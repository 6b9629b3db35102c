#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does on a fresh volume, through a mount, what made the fixture `plain`, and compares the two databases row for row:

    repeat_plain.py --headrace PATH [--lane LANE]

What Headrace writes must be what the real client writes, and sound by itself (check_volume.py)."""

import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
import check_volume  # noqa: E402
import plain_tree  # noqa: E402
import read_fixtures  # noqa: E402
import volume as vol  # noqa: E402
from compare_volumes import differences  # noqa: E402
from fixtures import Fixture  # noqa: E402
from headrace_testing import children, mounts  # noqa: E402
from read_fixtures import OPTIONS, scan  # noqa: E402


class RepeatPlain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """Writes the tree through one mount, and keeps what it and a second, later mount saw of it."""
        cls.folder = mounts.scratch_folder("repeat")
        program = mounts.Program(OPTIONS.headrace)
        volume = mounts.Volume(program, cls.folder, "plain", ["--trash-days", "0"])
        cls.meta, cls.bucket = volume.meta_file, volume.bucket
        # Without background work, as the fixture was made: a compaction would replace records.
        with mounts.Mount(program, volume.url, cls.folder / "mnt", ["--no-bgjob", f"--lanes={OPTIONS.lane}"]) as mount:
            cls.seen_by_writer = cls._ask(mount, lambda root: (plain_tree.build(root), scan(root))[1])
        with mounts.Mount(program, volume.url, cls.folder / "mnt", ["--read-only", f"--lanes={OPTIONS.lane}"]) as mount:
            cls.seen_later = cls._ask(mount, scan)

    @classmethod
    def tearDownClass(cls):
        if not any(path.startswith(f"{cls.folder}/") for path in mounts.mounted()):
            shutil.rmtree(cls.folder, ignore_errors=True)

    @staticmethod
    def _ask(mount, function):
        ended = children.run(lambda: function(os.fsencode(mount.path)), 200, mount.abort)
        if not ended.is_good:
            raise mounts.Failed(f"{ended.how}: {ended.text}\n{mount.log_tail()}")
        return ended.value

    def test_every_row_is_what_the_real_client_writes(self):
        with tempfile.TemporaryDirectory() as folder:
            theirs = vol.read_sqlite(Fixture("plain", folder).meta)
        found = differences(theirs, vol.read_sqlite(self.meta), plain_tree.LEFT_OUT)
        self.assertEqual([], found, "the client's and ours:\n" + "\n".join(found))

    def test_the_volume_is_sound(self):
        volume = vol.read_sqlite(self.meta)
        found = check_volume.problems(volume, vol.Bucket(self.bucket, volume.setting))
        self.assertEqual([], found, "\n".join(found))

    def test_the_writer_and_a_later_reader_see_what_was_written(self):
        with tempfile.TemporaryDirectory() as folder:
            wanted = {p: e for p, e in Fixture("plain", folder).manifest["files"].items()
                      if p == "/" or not plain_tree.is_left_out(vol.unescaped(p))}
        wanted["copy"]["nlink"] -= 1  # tree-clone
        for who, seen in (("writer", self.seen_by_writer), ("later reader", self.seen_later)):
            self.assertEqual(sorted(wanted), sorted(seen), who)
            for path, entry in sorted(wanted.items()):
                for name in ("type", "mode", "uid", "gid", "nlink", "size", "sha256", "mtime", "target", "rdev", "xattrs", "same_file_as"):
                    self.assertEqual(entry.get(name), seen[path].get(name), f"{who}: {path}: {name}")


if __name__ == "__main__":
    read_fixtures.main()
