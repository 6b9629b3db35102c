#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The search itself under test: it must find file systems that are wrong in ways that file systems have been wrong, and it
must find nothing wrong with a native one."""

import os
import random
import shutil
import sys
import unittest
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]

from executor import Calls  # noqa: E402
from generator import WEIGHTS  # noqa: E402
from headrace_testing import mounts  # noqa: E402
from places import Native  # noqa: E402
from run import random_program  # noqa: E402
from runner import play, play_beside, shorten  # noqa: E402

_real = {name: getattr(Calls, name) for name in ("pwrite", "ftruncate", "rename", "unlink", "msync", "fallocate", "pread", "enter", "list")}


def write_that_loses_the_byte_before_a_block(self, slot, offset, length, tag, content_offset):
    count = _real["pwrite"](self, slot, offset, length, tag, content_offset)
    if offset < 4096 < offset + length:
        os.pwrite(self.files[slot], b"\0", 4095)
    return count


def truncate_that_leaves_old_bytes_behind(self, slot, length):
    size = os.fstat(self.files[slot]).st_size
    if 0 < size - length < 200_000:
        fd = os.open(f"/proc/self/fd/{self.files[slot]}", os.O_RDONLY)
        tail = os.pread(fd, size - length, length)
        os.close(fd)
        _real["ftruncate"](self, slot, length)
        os.pwrite(self.files[slot], tail, length)  # seen again once the file grows
    return _real["ftruncate"](self, slot, size if 0 < size - length < 200_000 else length)


def rename_that_leaves_the_old_name(self, old, new, flags):
    was_file = os.path.isfile(old) and not os.path.lexists(new)
    answer = _real["rename"](self, old, new, flags)
    if was_file:
        os.link(new, old)
    return answer


def rename_with_a_wrong_errno(self, old, new, flags):
    try:
        return _real["rename"](self, old, new, flags)
    except NotADirectoryError:
        return "EEXIST"


def punch_that_does_nothing(self, slot, mode, offset, length):
    return "ok" if mode & 2 else _real["fallocate"](self, slot, mode, offset, length)


def read_that_stops_at_4096(self, slot, offset, length):
    end = offset + length
    return _real["pread"](self, slot, offset, 4096 - offset if offset < 4096 < end else length)


def remount_that_forgets_an_empty_file(self):
    answer = _real["enter"](self)
    if not hasattr(self, "entered"):
        self.entered = True
        return answer
    for entry in list(os.scandir(".")):
        if entry.is_file(follow_symlinks=False) and entry.stat().st_size == 0:
            os.unlink(entry.path)
    return answer


def listing_without_the_last_name(self, path):
    return _real["list"](self, path)[:-1]


WRONG = [
    ("pwrite", write_that_loses_the_byte_before_a_block), ("ftruncate", truncate_that_leaves_old_bytes_behind),
    ("rename", rename_that_leaves_the_old_name), ("rename", rename_with_a_wrong_errno), ("fallocate", punch_that_does_nothing),
    ("pread", read_that_stops_at_4096), ("enter", remount_that_forgets_an_empty_file), ("list", listing_without_the_last_name),
]


class Search(unittest.TestCase):
    def setUp(self):
        self.folder = mounts.scratch_folder("model-test")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.place = Native(self.folder)
        slow = mock.patch.dict(WEIGHTS, {"settle": 0, "drop": 0, "fsync": 0})  # they find nothing here
        slow.start()
        self.addCleanup(slow.stop)

    def first_failure(self, programs=400):
        for number in range(programs):
            model, operations = random_program(random.Random(f"fixed.{number}"), 80)
            failure = play_beside(self.place, model, operations)
            if failure is not None:
                return failure
        return None

    def test_every_wrong_file_system_is_found_and_its_program_made_short(self):
        for name, wrong in WRONG:
            with self.subTest(wrong.__name__), mock.patch.object(Calls, name, wrong):
                failure = self.first_failure()
                self.assertIsNotNone(failure)
                shortest, is_certain = shorten(self.place, failure, 20)
                self.assertTrue(is_certain)
                self.assertLessEqual(len(shortest.operations), 12, shortest.operations)
                self.assertIsNotNone(play(self.place, shortest.operations), "a shortened program is replayed")

    def test_a_call_that_never_comes_back_is_a_failure(self):
        with mock.patch("runner.CALL_LIMIT_S", 1), mock.patch.object(Calls, "mkdir", lambda *_: os.read(os.pipe()[0], 1)):
            failure = play(self.place, [["mkdir", 0, "a"]])
        self.assertIn("did not come back", str(failure))

    def test_a_process_that_dies_is_a_failure(self):
        with mock.patch.object(Calls, "mkdir", lambda *_: os.kill(os.getpid(), 7)):
            failure = play(self.place, [["mkdir", 0, "a"]])
        self.assertIn("signal 7", str(failure))


if __name__ == "__main__":
    unittest.main()
