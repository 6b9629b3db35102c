#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What scripts/clean-test-dir.sh must end: mounts, a FUSE server that never answers, processes, and nothing else."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "clean-test-dir.sh"
SKIPPED = 77

# A FUSE server that mounts and then never answers.
SILENT_SERVER = """
import ctypes, os, sys, time
fd = os.open("/dev/fuse", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = f"fd={fd},rootmode=40000,user_id=0,group_id=0".encode()
if libc.mount(b"silent", sys.argv[1].encode(), b"fuse.silent", 0, options):
    sys.exit(ctypes.get_errno())
print("mounted", flush=True)
os.read(fd, 1 << 20)
time.sleep(300)
"""


def mounts_below(folder):
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return [line.split()[4] for line in file if line.split()[4].startswith(str(folder) + "/")]


class CleanTestDir(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="headrace-clean-")).resolve()
        self.addCleanup(self.remove)
        self.run_name = f"clean-{self.folder.name}"

    def remove(self):
        self.clean()
        subprocess.run(["rm", "-rf", "--one-file-system", str(self.folder)], timeout=20, check=True)

    def clean(self):
        command = [str(SCRIPT), str(self.folder), self.run_name]
        done = subprocess.run(command, timeout=60, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    def start(self, *command, environment=None):
        process = subprocess.Popen(command, env=environment or os.environ, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.wait(timeout=20)
        process.stdout.close()

    def test_an_empty_folder_is_no_complaint(self):
        self.assertEqual(self.clean(), (0, ""))

    def test_mounts_are_taken_away_also_with_a_space_and_one_in_another(self):
        outer = self.folder / "a place"
        outer.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "none", str(outer)], check=True, timeout=10)
        (outer / "inner").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "none", str(outer / "inner")], check=True, timeout=10)
        status, said = self.clean()
        self.assertEqual((status, mounts_below(self.folder)), (1, []), said)

    def test_a_mount_beside_the_folder_stays(self):
        beside = Path(str(self.folder) + "-beside")
        beside.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "none", str(beside)], check=True, timeout=10)
        try:
            self.assertEqual(self.clean(), (0, ""))
            self.assertTrue(os.path.ismount(beside))
        finally:
            subprocess.run(["umount", str(beside)], check=True, timeout=10)
            beside.rmdir()

    def test_a_client_of_a_silent_fuse_server_is_set_free(self):
        place = self.folder / "mnt"
        place.mkdir()
        server = self.start(sys.executable, "-c", SILENT_SERVER, str(place))
        self.assertEqual(server.stdout.readline(), "mounted\n")
        client = self.start("stat", str(place / "x"))
        with self.assertRaises(subprocess.TimeoutExpired):
            client.wait(timeout=0.5)
        status, said = self.clean()
        self.assertEqual((status, mounts_below(self.folder)), (1, []), said)
        self.assertNotEqual(client.wait(timeout=10), 0)

    def test_processes_of_these_tests_are_ended_and_others_are_not(self):
        ours = self.start("sleep", "300", environment=dict(os.environ, HEADRACE_TEST_RUN=self.run_name))
        other = self.start("sleep", "300", environment=dict(os.environ, HEADRACE_TEST_RUN=self.run_name + "x"))
        status, said = self.clean()
        self.assertEqual(status, 1, said)
        self.assertLess(ours.wait(timeout=10), 0)
        self.assertIsNone(other.poll())


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("skipped: mounting needs root")
        sys.exit(SKIPPED)
    unittest.main()
