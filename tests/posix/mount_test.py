#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What holds for a mount as a whole: who may look in, what it may not be used for, how it ends.

    mount_test.py --headrace PATH [unittest options]"""

import os
import re
import shutil
import signal
import subprocess
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
from headrace_testing import children, mounts  # noqa: E402
from headrace_testing.calls import errno_name  # noqa: E402
from headrace_testing.users import ALICE, become  # noqa: E402

PROGRAM = None


def answer_of(function):
    try:
        return function()
    except OSError as error:
        return errno_name(error.errno)


class AMount(unittest.TestCase):
    def setUp(self):
        self.folder = mounts.scratch_folder("mount")
        os.chmod(self.folder, 0o755)
        self.addCleanup(self._remove)
        self.program = mounts.Program(PROGRAM)
        self.volume = mounts.Volume(self.program, self.folder)

    def _remove(self):
        if not any(path.startswith(f"{self.folder}/") for path in mounts.mounted()):
            shutil.rmtree(self.folder, ignore_errors=True)

    def mount(self, *options, usual=mounts.MOUNT_OPTIONS):
        return mounts.Mount(self.program, self.volume.url, self.folder / "mnt", options, usual=usual)

    def ask(self, mount, function, user=None):
        """function() in a child in the root of the mount, as `user`; an OSError is answered by its name."""
        def live():
            root = os.open(mount.path, os.O_PATH)  # its parents may be closed to the user
            if user:
                become(user)
            return answer_of(lambda: (os.fchdir(root), function())[1])

        ended = children.run(live, 30, mount.abort)
        self.assertTrue(ended.is_good, f"{ended.how}: {ended.text}")
        return ended.value

    def test_other_users_look_in_only_when_they_are_allowed_to(self):
        with self.mount(usual=mounts.SMALL) as mount:
            self.assertEqual("EACCES", self.ask(mount, lambda: os.listdir("."), ALICE))
            self.assertEqual([], [n for n in self.ask(mount, lambda: os.listdir(".")) if not n.startswith(".")])
        with self.mount() as mount:
            self.assertEqual([], [n for n in self.ask(mount, lambda: os.listdir("."), ALICE) if not n.startswith(".")])

    def test_it_honours_neither_devices_nor_set_user_id_bits(self):
        with self.mount() as mount:
            line = next(l for l in Path("/proc/self/mountinfo").read_text().splitlines() if f" {mount.path} " in l)
            self.assertTrue({"nosuid", "nodev"} <= set(line.split()[5].split(",")), line)
            self.assertIn(" fuse.headrace ", line)

            def install():
                shutil.copy("/usr/bin/id", "id")
                os.chmod("id", 0o4755)

            self.ask(mount, install)
            seen = self.ask(mount, lambda: subprocess.run(["./id", "-u"], capture_output=True, text=True, check=False).stdout.strip(), ALICE)
            self.assertEqual(str(ALICE.uid), seen)

    def test_its_root_has_inode_1_and_its_own_files(self):
        with self.mount() as mount:
            self.assertEqual(1, self.ask(mount, lambda: os.stat(".").st_ino))
            self.assertEqual({".accesslog", ".config", ".stats", ".trash"}, set(self.ask(mount, lambda: os.listdir("."))))
            self.assertTrue(self.ask(mount, lambda: len(Path(".config").read_bytes()) > 10))
            for name in (".config", ".stats", ".accesslog", ".control"):
                for call in (lambda name=name: os.unlink(name), lambda name=name: os.rename(name, "x"), lambda name=name: os.mkdir(name)):
                    self.assertIn(self.ask(mount, call), ("EPERM", "EEXIST", "EACCES"), name)
        with self.mount("--hide-internal") as mount:
            self.assertEqual([], self.ask(mount, lambda: os.listdir(".")))
            self.assertTrue(self.ask(mount, lambda: len(Path(".config").read_bytes()) > 10))

    def test_one_that_is_in_use_is_not_unmounted(self):
        with self.mount() as mount:
            holder = subprocess.Popen(["sleep", "600"], cwd=mount.path)
            try:
                refused = self.program.run("umount", mount.path)
                self.assertEqual(4, refused.returncode, refused.stderr)
                self.assertRegex(refused.stderr, rf"sleep \({holder.pid}\)")
                self.assertEqual(1, self.ask(mount, lambda: os.stat(".").st_ino))
            finally:
                holder.kill()
                holder.wait()

    def test_a_signal_ends_it_as_an_unmount_does(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            mount = self.mount()
            mount.start()
            try:
                self.assertIsNone(self.ask(mount, lambda: Path("f").write_bytes(b"kept" * 1000) and None))
                os.kill(mount.pid, number)
                self.assertEqual(0, mount.wait(30), mount.log_tail())
                self.assertNotIn(mount.path, mounts.mounted())
            finally:
                mount.give_up()
            with self.mount() as mount:
                self.assertEqual("kept" * 1000, self.ask(mount, lambda: Path("f").read_text(encoding="utf-8")))

    def test_a_mount_point_that_is_no_directory_is_refused(self):
        (self.folder / "file").write_text("x")
        for path in (self.folder / "file", self.folder / "missing"):
            done = self.program.run("mount", *mounts.SMALL, self.volume.url, path)
            self.assertNotEqual(0, done.returncode)
            self.assertIn(str(path), done.stderr)

    def test_two_mounts_of_one_volume_see_each_other(self):
        with self.mount() as one, mounts.Mount(self.program, self.volume.url, self.folder / "two") as two:
            self.ask(one, lambda: Path("f").write_bytes(b"from one") and None)
            self.assertEqual("from one", self.ask(two, lambda: Path("f").read_text(encoding="utf-8")))
            self.ask(two, lambda: Path("f").write_bytes(b"from two, longer") and None)
            # Close-to-open: the kernel may keep attributes for as long as --attr-cache says.
            self.assertEqual("from two, longer", self.ask(one, lambda: Path("f").read_text(encoding="utf-8")))
            self.assertEqual("EEXIST", self.ask(two, lambda: os.open("f", os.O_CREAT | os.O_EXCL | os.O_WRONLY)))
            self.ask(one, lambda: os.unlink("f"))
            self.assertEqual(None, self.ask(two, lambda: os.close(os.open("g", os.O_CREAT | os.O_EXCL | os.O_WRONLY))))

    def test_a_failed_mount_says_why(self):
        (self.folder / "mnt").mkdir()
        done = self.program.run("mount", *mounts.SMALL, f"sqlite3://{self.folder}/nothing.db", self.folder / "mnt")
        self.assertNotEqual(0, done.returncode)
        self.assertRegex(done.stderr, re.escape("nothing.db"))
        self.assertRegex(done.stderr, "error: ")


if __name__ == "__main__":
    at = sys.argv.index("--headrace")
    PROGRAM = sys.argv[at + 1]
    del sys.argv[at : at + 2]
    unittest.main()
