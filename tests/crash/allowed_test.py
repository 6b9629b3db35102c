#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules about what a crash may leave, and that each way of losing something is noticed: recorders work on a native folder and
are killed, then the folder is damaged."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]

import recorder  # noqa: E402
from allowed import FileStates, Ledger, Names, Wrong, check_log  # noqa: E402
from headrace_testing import mounts  # noqa: E402
from headrace_testing.content import content  # noqa: E402
from look import look  # noqa: E402
from rounds import Rounds, Worker, _furnish  # noqa: E402


def pieces(*spans):
    return b"".join(content(tag, start, end) if tag else bytes(end - start) for start, end, tag in spans)


class Bytes(unittest.TestCase):
    def acknowledged(self, is_ordered=False):
        file = FileStates(is_ordered)
        file.write(0, 10_000, 1)
        file.acknowledge()
        return file

    def test_what_was_acknowledged_must_be_there_whole(self):
        for is_ordered in (False, True):
            file = self.acknowledged(is_ordered)
            self.assertEqual(file.found(pieces((0, 10_000, 1))).length, 10_000)
            for data in (pieces((0, 9_999, 1)), b"", pieces((0, 5_000, 1), (5_000, 10_000, 0)), pieces((0, 10_000, 2)),
                         pieces((0, 10_001, 1)), content(1, 8, 10_008), pieces((0, 9_992, 1), (9_992, 10_000, 0))):
                self.assertRaises(Wrong, file.found, data)

    def test_a_later_write_may_be_there_whole_in_part_or_not_at_all(self):
        file = self.acknowledged()
        file.write(4_000, 8_000, 2)
        for data in (pieces((0, 10_000, 1)), pieces((0, 4_000, 1), (4_000, 12_000, 2)),
                     pieces((0, 4_000, 1), (4_000, 8_192, 2), (8_192, 10_000, 1)), pieces((0, 8_192, 1), (8_192, 12_000, 2))):
            self.assertEqual(file.found(data).read(0, 1 << 20), data)

    def test_what_was_overwritten_before_the_acknowledgement_must_not_come_back(self):
        file = self.acknowledged()
        file.write(4_000, 1_000, 2)
        file.acknowledge()
        self.assertRaises(Wrong, file.found, pieces((0, 10_000, 1)))

    def test_a_word_must_not_be_half_of_one_write_and_half_of_another(self):
        file = self.acknowledged()
        file.write(0, 10_000, 2)
        data = bytearray(pieces((0, 10_000, 1)))
        data[4_096:4_100] = content(2, 4_096, 4_100)
        data[4_100:4_104] = content(1, 16, 20)
        self.assertRaises(Wrong, file.found, bytes(data))

    def test_a_truncation_or_a_hole_happens_wholly_or_not(self):
        file = self.acknowledged()
        file.change(lambda image: image.truncate(4_000))
        file.write(5_000, 1_000, 3)
        hole = pieces((0, 4_000, 1), (4_000, 5_000, 0), (5_000, 6_000, 3))
        for data in (pieces((0, 10_000, 1)), pieces((0, 4_000, 1)), hole):
            self.assertEqual(file.found(data).read(0, 1 << 20), data)
        for data in (pieces((0, 5_000, 1), (5_000, 6_000, 3)), pieces((0, 3_999, 1)), hole[:4_500], pieces((0, 4_001, 1))):
            self.assertRaises(Wrong, file.found, data)

    def test_a_length_is_not_there_before_its_bytes(self):
        file = self.acknowledged()
        file.write(20_000, 1_000, 3)
        self.assertRaises(Wrong, file.found, pieces((0, 10_000, 1), (10_000, 21_000, 0)))

    def test_an_ordered_file_is_a_beginning_of_what_was_written(self):
        file = self.acknowledged(is_ordered=True)
        file.write(10_000, 5_000, 2)
        file.write(15_000, 5_000, 3)
        self.assertEqual(file.found(pieces((0, 10_000, 1), (10_000, 12_345, 2))).length, 12_345)
        self.assertRaises(Wrong, file.found, pieces((0, 10_000, 1), (10_000, 15_000, 0), (15_000, 20_000, 3)))


class Tree(unittest.TestCase):
    def names(self, *operations, acknowledged=0):
        names = Names()
        for number, operation in enumerate(operations, 1):
            names.begin(list(operation))
            names.finish()
            if number == acknowledged:
                names.acknowledge(lambda _: True)
        return names

    def test_names_are_those_of_one_moment(self):
        names = self.names(("mkdir", "d"), ("create", "d/a", 1), ("create", "d/b", 2), ("rename", "d/a", "d/b"), acknowledged=2)
        for shown in ({"d", "d/a"}, {"d", "d/a", "d/b"}, {"d", "d/b"}):
            names.found({path: ("dir",) if path == "d" else ("file",) for path in shown})
        for shown in (set(), {"d"}, {"d", "d/a", "d/b", "d/c"}, {"d/a"}):
            self.assertRaises(Wrong, names.found, {path: ("dir",) if path == "d" else ("file",) for path in shown})

    def test_after_a_rename_the_file_is_the_one_that_was_renamed(self):
        names = self.names(("create", "a", 1), ("create", "b", 2), ("rename", "a", "b"), acknowledged=3)
        self.assertEqual(names.found({"b": ("file",)}), {"b": ("file", 1)})

    def test_a_directory_takes_what_is_below_it_along(self):
        names = self.names(("mkdir", "d"), ("create", "d/a", 1), ("rename", "d", "e"), acknowledged=3)
        names.found({"e": ("dir",), "e/a": ("file",)})
        self.assertRaises(Wrong, names.found, {"e": ("dir",), "d/a": ("file",)})

    def test_records_of_the_shared_log_are_whole_once_and_in_order(self):
        ledgers = [Ledger(0), Ledger(1)]
        for ledger in ledgers:
            for sequence in range(3):
                ledger.begin(["append", sequence, 10 * (ledger.worker + 1) + sequence])
                ledger.done()
        ledgers[0].begin(["appendsync"])
        ledgers[0].done()
        record = {tag: content(tag, 0, 512) for tag in (10, 11, 12, 20, 21, 22, 99)}
        self.assertEqual(check_log(b"".join(record[t] for t in (10, 20, 11, 12, 21)), ledgers, 512), {0: 3, 1: 2})
        for tags in ((10, 11), (10, 11, 12, 21), (10, 11, 12, 12), (11, 10, 12), (10, 11, 12, 99)):
            self.assertRaises(Wrong, check_log, b"".join(record[t] for t in tags), ledgers, 512)
        self.assertRaises(Wrong, check_log, b"".join(record[t] for t in (10, 11, 12))[:-1], ledgers, 512)


class Damage(unittest.TestCase):
    """One recording, damaged in one way after the other."""

    @classmethod
    def setUpClass(cls):
        cls.folder = mounts.scratch_folder("crash-test")
        root = str(cls.folder / "tree")
        os.mkdir(root)
        _furnish(root)
        cls.ledgers = [Ledger(number) for number in range(len(recorder.WORK))]
        workers = [Worker(root, ledger, random.Random(ledger.worker), 5) for ledger in cls.ledgers]
        deadline = time.monotonic() + 60
        while not cls.has_enough() and time.monotonic() < deadline:
            Rounds.listen(workers, time.monotonic() + 0.5)
        for worker in workers:
            os.kill(worker.pid, signal.SIGKILL)
        Rounds.listen(workers, time.monotonic() + 30)
        for worker in workers:
            os.waitpid(worker.pid, 0)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder, ignore_errors=True)

    @classmethod
    def has_enough(cls):
        """Whether every kind of work has acknowledged something."""
        kept = [sum(f.stages[0].base.length > 0 for f in ledger.files.values()) for ledger in cls.ledgers]
        return all(count > 1 for count in kept[:5]) and all(ledger.acknowledged_append > 5 for ledger in cls.ledgers[5:])

    def setUp(self):
        self.root = str(self.folder / "copy")
        subprocess.run(["cp", "-a", self.folder / "tree", self.root], check=True, timeout=60)
        self.addCleanup(shutil.rmtree, self.root)

    def wrong(self):
        return look(self.root, self.ledgers, random.Random(1), everything=True)["wrong"]

    def some_path(self, worker, is_wanted=lambda path, number: True):
        """A path of a file with acknowledged bytes."""
        ledger = self.ledgers[worker]
        for path, entry in sorted(ledger.names.base.items()):
            if entry[0] == "file" and ledger.files[entry[1]].stages[0].base.length > 64 and is_wanted(path, entry[1]) \
                    and os.path.exists(f"{self.root}/{path}") and ledger.names.view.get(path) == entry:
                return f"{self.root}/{path}"
        self.skipTest("the recording has no such file")
        return ""

    def assert_noticed(self, path):
        self.assertTrue(any(os.path.relpath(path, self.root) in wrong for wrong in self.wrong()), self.wrong())

    def test_nothing_is_wrong_with_what_the_killed_recorders_left(self):
        self.assertEqual(self.wrong(), [])

    def test_a_byte_of_an_acknowledged_file_that_changes_is_noticed(self):
        for worker in (0, 1, 4):
            path = self.some_path(worker)
            with open(path, "r+b") as file:
                file.seek(16)
                file.write(b"x")
            self.assert_noticed(path)

    def test_a_file_that_lost_its_end_is_noticed(self):
        for worker in (0, 4):
            path = self.some_path(worker)
            os.truncate(path, os.path.getsize(path) - 1)
            self.assert_noticed(path)

    def test_a_log_below_its_acknowledged_length_is_noticed(self):
        ledger = self.ledgers[2]
        path = self.some_path(2)
        number = ledger.names.base[os.path.relpath(path, self.root)][1]
        os.truncate(path, ledger.files[number].stages[0].base.length - 1)
        self.assert_noticed(path)

    def test_zeros_at_the_end_of_a_log_are_noticed(self):
        path = self.some_path(2)
        os.truncate(path, os.path.getsize(path) + 4096)
        self.assert_noticed(path)

    def test_two_files_that_changed_places_are_noticed(self):
        first = self.some_path(4)
        second = self.some_path(1)
        data = [Path(first).read_bytes(), Path(second).read_bytes()]
        Path(first).write_bytes(data[1])
        Path(second).write_bytes(data[0])
        self.assert_noticed(first)
        self.assert_noticed(second)

    def test_a_missing_file_is_noticed(self):
        path = self.some_path(4)
        os.unlink(path)
        self.assert_noticed(path)

    def test_a_name_that_nobody_made_is_noticed(self):
        for path in ("w4/w4-stranger", "shared/stranger", "shared/w4-stranger"):
            Path(f"{self.root}/{path}").touch()
            self.assert_noticed(f"{self.root}/{path}")

    def test_a_lost_record_of_the_shared_log_is_noticed(self):
        path = f"{self.root}/{recorder.SHARED_LOG}"
        data = Path(path).read_bytes()
        Path(path).write_bytes(data[512:])
        self.assert_noticed(path)


if __name__ == "__main__":
    unittest.main()
