#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a mount does when the bucket or the disk of its metadata is full, read-only, frozen, or has lost or damaged an object:

    faults.py HEADRACE [TEST...]

An error for whoever asked, in time and of the right kind; nothing that was acknowledged is lost, no wrong byte is ever read, and
when the fault is over the mount works again without a restart. Needs root: every fault is a mount of its own."""

import errno
import os
import shutil
import subprocess
import sys
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
sys.dont_write_bytecode = True

from headrace_testing import children, mounts  # noqa: E402
from headrace_testing.content import content, tag_of  # noqa: E402

MIB = 1 << 20
LIMIT_S = 90
RECOVERY_S = 60  # a dependency that is back must be used again within this
PROGRAM = None


def bytes_of(name, length):
    return content(tag_of("faults", name), 0, length)


def outcome(function):
    """"ok", or the name of the errno that it raised."""
    try:
        function()
    except OSError as problem:
        return errno.errorcode.get(problem.errno, str(problem.errno))
    return "ok"


def write_file(path, length):
    """Writes, fsyncs and closes a new file of known content. "ok" when all of it was acknowledged, else the first error."""
    data = bytes_of(os.path.basename(path), length)
    answers = []

    def write():
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            answers.append(outcome(lambda: [os.write(fd, data[at : at + MIB]) for at in range(0, length, MIB)]))
            answers.append(outcome(lambda: os.fsync(fd)))
        finally:
            answers.append(outcome(lambda: os.close(fd)))

    answers.insert(0, outcome(write))
    return next((answer for answer in answers if answer != "ok"), "ok")


def read_file(path, least, most):
    """"right" when the file is a beginning of its content of that many bytes; "wrong bytes", "N bytes" or an errno otherwise."""
    found = []
    answer = outcome(lambda: found.append(Path(path).read_bytes()))
    if answer != "ok":
        return answer
    if not least <= len(found[0]) <= most:
        return f"{len(found[0])} bytes"
    return "right" if found[0] == bytes_of(os.path.basename(path), len(found[0])) else "wrong bytes"


def drop_caches():
    Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")


class Faults(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("faults are made by mounting, which needs root")
        self.folder = mounts.scratch_folder("faults")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.bucket, self.meta = self.folder / "bucket", self.folder / "meta"
        self.bucket.mkdir()
        self.meta.mkdir()
        self.mount = None
        self.lengths = {}  # of the files that were acknowledged

    def system(self, *words):
        subprocess.run([str(word) for word in words], check=True, timeout=30, capture_output=True)

    def mounted(self, place, *words):
        """`mount WORDS PLACE`, undone at the end."""
        self.system("mount", *words, place)
        self.addCleanup(lambda: subprocess.run(["umount", "-l", str(place)], timeout=30, capture_output=True, check=False))

    def start(self, *options):
        """A new volume, mounted."""
        self.url = f"sqlite3://{self.meta}/meta.db"
        PROGRAM.check("format", "--storage", "file", "--bucket", self.bucket, "--trash-days=0", self.url, "vol")
        self.mount = mounts.Mount(PROGRAM, self.url, self.folder / "mnt", ["--cache-size=64MiB", "--heartbeat=1s", *options])
        self.mount.start()
        self.addCleanup(self.mount.give_up)

    def path(self, name):
        return f"{self.mount.path}/{name}"

    def ask(self, function, limit_s=LIMIT_S):
        """function() in a child process, which alone looks at the mount."""
        ended = children.run(function, limit_s, self.mount.abort)
        self.assertTrue(ended.is_good, f"{ended.how}: {ended.text}\n{self.mount.log_tail()}")
        return ended.value

    def write(self, names, length, limit_s=LIMIT_S):
        """{name: answer of write_file}."""
        answers = self.ask(lambda: {name: write_file(self.path(name), length) for name in names}, limit_s)
        self.lengths |= {name: length for name, answer in answers.items() if answer == "ok"}
        return answers

    def assert_right(self, names, least=None, most=None):
        """The files have the content and the length that were acknowledged, or a length in a range."""
        def read_all():
            drop_caches()
            return {name: read_file(self.path(name), self.lengths[name] if least is None else least,
                                    self.lengths[name] if most is None else most) for name in names}

        wrong = {name: answer for name, answer in self.ask(read_all).items() if answer != "right"}
        self.assertEqual(wrong, {}, f"acknowledged, and not to be read\n{self.mount.log_tail()}")

    def assert_works_again(self, name="again", length=MIB):
        def attempt():
            deadline = time.monotonic() + RECOVERY_S
            while (answer := write_file(self.path(name), length)) != "ok" and time.monotonic() < deadline:
                time.sleep(0.2)  # between attempts, until one succeeds
            return answer

        self.lengths[name] = length
        self.assertEqual(self.ask(attempt, RECOVERY_S + LIMIT_S), "ok", f"{RECOVERY_S} s after the fault was over\n{self.mount.log_tail()}")
        self.assertTrue(self.mount.is_serving)

    def remount(self):
        self.mount.stop()
        self.mount.start()

    def assert_sound(self):
        self.mount.stop()
        done = PROGRAM.run("fsck", self.url)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def objects(self):
        return {path for path in self.bucket.rglob("*") if path.is_file() and "chunks" in path.parts}

    # Full, read-only, frozen.

    def test_a_full_bucket_refuses_loses_nothing_and_takes_more_once_there_is_room(self):
        self.mounted(self.bucket, "-t", "tmpfs", "-o", "size=48m", "tmpfs")
        self.start()
        answers = self.write([f"f{n}" for n in range(24)], 3 * MIB, 300)
        kept = [name for name, answer in answers.items() if answer == "ok"]
        refused = {name: answer for name, answer in answers.items() if answer != "ok"}
        self.assertGreater(len(kept), 5)
        self.assertEqual(set(refused.values()), {"ENOSPC"})
        self.assert_right(kept)
        self.assert_right(refused, least=0, most=3 * MIB)
        self.ask(lambda: [os.unlink(self.path(name)) for name in [*kept[:4], *refused]])
        self.assert_works_again()
        self.assert_right([*kept[4:], "again"])
        self.remount()
        self.assert_right([*kept[4:], "again"])
        self.assert_sound()

    def test_a_file_too_big_for_the_bucket_goes_back_to_what_was_acknowledged(self):
        self.mounted(self.bucket, "-t", "tmpfs", "-o", "size=48m", "tmpfs")
        self.start()

        def grow():
            data = bytes_of("big", 96 * MIB)
            fd = os.open(self.path("big"), os.O_RDWR | os.O_CREAT, 0o644)
            os.write(fd, data[: 8 * MIB])
            os.fsync(fd)
            answers = [outcome(lambda: [os.pwrite(fd, data[at : at + MIB], at) for at in range(8 * MIB, len(data), MIB)]),
                       outcome(lambda: os.fsync(fd))]
            answers.append(outcome(lambda: os.close(fd)))
            return answers

        answers = self.ask(grow, 300)
        self.assertIn("ENOSPC", answers)
        self.assertLessEqual(set(answers), {"ok", "ENOSPC"})
        for _ in range(2):
            self.assert_right(["big"], least=8 * MIB, most=96 * MIB)
            self.remount()
        self.ask(lambda: os.unlink(self.path("big")))
        self.assert_works_again(length=20 * MIB)
        self.assert_sound()

    def test_a_full_disk_of_the_metadata_refuses_loses_nothing_and_takes_more_once_there_is_room(self):
        self.mounted(self.meta, "-t", "tmpfs", "-o", "size=4m", "tmpfs")
        self.start()
        self.assertEqual(self.write(["before"], 2 * MIB), {"before": "ok"})

        def fill():
            made, answer = 0, "ok"
            while answer == "ok" and made < 60_000:
                answer = outcome(lambda: os.mkdir(self.path(f"d{made}-" + "x" * 200)))
                made += answer == "ok"
            return made, answer

        made, answer = self.ask(fill, 300)
        self.assertGreater(made, 100)
        self.assertEqual(answer, "ENOSPC")
        self.assert_right(["before"])
        self.assertIn(self.write(["during"], 1000)["during"], ("ok", "ENOSPC"))
        self.system("mount", "-o", "remount,size=64m", self.meta)
        self.assert_works_again()
        self.remount()
        shown = self.ask(lambda: sum(name.startswith("d") and "-" in name for name in os.listdir(self.mount.path)))
        self.assertIn(shown, (made, made + 1), "directories that mkdir acknowledged")  # the refused one may have happened
        self.assert_right(self.lengths)
        self.assert_sound()

    def test_a_read_only_bucket_refuses_writes_and_serves_reads(self):
        self.mounted(self.bucket, "--bind", self.bucket)
        self.start()
        self.assertEqual(set(self.write(["a", "b"], 5 * MIB).values()), {"ok"})
        self.system("mount", "-o", "remount,ro,bind", self.bucket)
        self.assertIn(self.write(["c"], MIB)["c"], ("EROFS", "EIO", "EACCES"))
        self.assert_right(["a", "b"])
        self.system("mount", "-o", "remount,rw,bind", self.bucket)
        self.assert_works_again()
        self.assert_right(["a", "b", "again"])
        self.assert_sound()

    def test_nothing_is_acknowledged_while_the_bucket_hangs_and_all_goes_on_afterwards(self):
        image = self.folder / "disk"
        with open(image, "wb") as file:
            file.truncate(256 * MIB)
        self.system("mkfs.ext4", "-q", "-F", image)
        try:
            self.mounted(self.bucket, "-o", "loop", image)
        except subprocess.CalledProcessError as problem:
            self.skipTest(f"no loop device: {problem.stderr}")
        self.start()
        self.assertEqual(self.write(["before"], MIB), {"before": "ok"})
        self.system("fsfreeze", "-f", self.bucket)
        is_frozen = True
        try:
            worker = os.fork()
            if worker == 0:
                os._exit(0 if write_file(self.path("during"), 6 * MIB) == "ok" else 1)
            time.sleep(4)  # how long the bucket hangs
            self.assertEqual(os.waitpid(worker, os.WNOHANG)[0], 0, "a file was acknowledged by a bucket that hangs")
            self.assertTrue(self.mount.is_serving)
            self.system("fsfreeze", "-u", self.bucket)
            is_frozen = False
            ended = self.wait_for(worker)
        finally:
            if is_frozen:
                self.system("fsfreeze", "-u", self.bucket)
        self.assertEqual(ended, 0, self.mount.log_tail())
        self.lengths["during"] = 6 * MIB
        self.assert_right(["before", "during"])
        self.assert_sound()

    def wait_for(self, pid):
        """The exit status of a child; None (and it is killed) after a minute."""
        deadline = time.monotonic() + RECOVERY_S
        while time.monotonic() < deadline:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        os.kill(pid, 9)
        self.mount.abort()
        os.waitpid(pid, 0)
        return None

    # Lost and damaged objects.

    def two_files(self):
        """Files "a" (two blocks), "b", and the objects of "a" by block, with nothing cached."""
        self.start()
        self.assertEqual(self.write(["b"], 6 * MIB), {"b": "ok"})
        others = self.objects()
        self.assertEqual(self.write(["a"], 6 * MIB), {"a": "ok"})
        blocks = sorted(self.objects() - others, key=lambda path: int(path.name.split("_")[1]))
        self.assertEqual(len(blocks), 2, blocks)
        self.mount.stop()
        return blocks

    def probe(self):
        """Reads "a" in many ways. {"offset+length": "right", "wrong" or an errno}."""
        reads = [(at, size) for size in (1, 4096, 128 << 10, MIB) for at in range(0, 6 * MIB, 700_001) if at + size <= 6 * MIB]

        def look():
            data, answers = bytes_of("a", 6 * MIB), {}
            fd = os.open(self.path("a"), os.O_RDONLY)
            for at, size in [*reads, (4 * MIB + 100, 1)]:
                found = []
                answer = outcome(lambda at=at, size=size: found.append(os.pread(fd, size, at)))
                answers[f"{at}+{size}"] = answer if answer != "ok" else "right" if found[0] == data[at : at + size] else "wrong"
            os.close(fd)
            return answers

        return self.ask(look)

    def assert_only_the_second_block_fails(self):
        for at, answer in self.probe().items():
            start, size = map(int, at.split("+"))
            allowed = {"right"} if start + size <= 4 * MIB else {"EIO"} if start < 4 * MIB + 101 < start + size else {"right", "EIO"}
            self.assertIn(answer, allowed, f"reading {at}\n{self.mount.log_tail()}")
        self.assertEqual(self.probe()[f"{4 * MIB + 100}+1"], "EIO")
        self.assertEqual(self.ask(lambda: read_file(self.path("a"), 6 * MIB, 6 * MIB)), "EIO")
        self.assert_right(["b"])

    def assert_fsck_complains(self, what):
        done = PROGRAM.run("fsck", self.url)
        self.assertNotEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(what, done.stdout + done.stderr)

    def test_a_lost_object_is_an_error_for_its_block_alone_and_fsck_names_it(self):
        blocks = self.two_files()
        data = blocks[1].read_bytes()
        blocks[1].unlink()
        self.mount.start()
        self.assert_only_the_second_block_fails()
        self.assert_fsck_complains(blocks[1].name)
        blocks[1].write_bytes(data)
        self.assert_right(["a", "b"])

    def test_a_flipped_bit_in_an_object_is_an_error_and_never_a_wrong_byte(self):
        blocks = self.two_files()
        if "user.headrace.crc32c" not in os.listxattr(blocks[1]):
            self.skipTest("the file system of the bucket keeps no extended attributes, so no checksums")
        self.flip(blocks[1])
        self.mount.start()
        self.assert_only_the_second_block_fails()
        self.flip(blocks[1])
        self.assert_right(["a", "b"])
        self.assert_sound()

    def flip(self, path):
        with open(path, "r+b") as file:
            file.seek(100)
            byte = file.read(1)[0]
            file.seek(100)
            file.write(bytes([byte ^ 1]))

    def test_an_object_that_lost_its_end_is_an_error_and_never_zeros(self):
        blocks = self.two_files()
        os.truncate(blocks[1], 50)
        self.mount.start()
        self.assert_only_the_second_block_fails()
        self.assert_fsck_complains(blocks[1].name)


def main():
    global PROGRAM
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    PROGRAM = mounts.Program(sys.argv.pop(1))
    unittest.main(argv=[sys.argv[0], "-v", *(f"Faults.{name}" for name in sys.argv[1:])])


if __name__ == "__main__":
    main()
