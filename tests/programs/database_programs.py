# SPDX-License-Identifier: Apache-2.0
"""Programs that rely on locks, shared mappings and fsync: SQLite, flock, numpy's mapped arrays, followers of logs."""

import sys
import time

from place import ProgramTest

NUMPY_SCRIPT = """
import sys, numpy
mode, path = sys.argv[1:3]
n = 700_001
if mode == "make":
    numpy.save(path, numpy.arange(n, dtype=numpy.int64))
elif mode == "read":
    a = numpy.load(path, mmap_mode="r")
    wanted = numpy.arange(n, dtype=numpy.int64)
    for index, value in [pair.split("=") for pair in sys.argv[3:]]:
        wanted[int(index)] = int(value)
    assert a.shape == (n,) and (a == wanted).all(), numpy.flatnonzero(a != wanted)[:5]
elif mode == "change":
    a = numpy.load(path, mmap_mode="r+")
    for index, value in [pair.split("=") for pair in sys.argv[3:]]:
        a[int(index)] = int(value)
    a.flush()
elif mode == "private":
    a = numpy.load(path, mmap_mode="c")
    a[:] = -1
    assert (a == -1).all()
"""

# Holds a mapping open while another process changes the file.
NUMPY_WATCH = """
import sys, time, numpy
a = numpy.load(sys.argv[1], mmap_mode="r")
assert a[5] == 5
print("ready", flush=True)
deadline = time.monotonic() + 30
while a[5] != -77:
    assert time.monotonic() < deadline, a[5]
    time.sleep(0.01)
print("seen", flush=True)
"""


class SQLite(ProgramTest):
    needs = ("sqlite3",)

    def work(self, mode):
        """Four processes insert into one table; nothing is lost, and nothing is damaged."""
        self.run_program("sqlite3", "data.db", f"PRAGMA journal_mode={mode}; CREATE TABLE t(worker INT, n INT, data BLOB);"
                         "CREATE INDEX i ON t(worker, n);")
        workers = [self.start(sys.executable, "-B", "-c", """
import sqlite3, sys
base = sqlite3.connect("data.db", timeout=50, isolation_level=None)
for n in range(40):
    base.execute("BEGIN IMMEDIATE")
    for part in range(5):
        base.execute("INSERT INTO t VALUES (?, ?, randomblob(?))", (int(sys.argv[1]), n * 5 + part, 50 + n * 100))
    if n % 10 == 9:
        base.execute("ROLLBACK" if n == 19 else "COMMIT")
    else:
        base.execute("COMMIT")
""", str(number)) for number in range(4)]
        for worker in workers:
            status, output = self.finish(worker)
            self.assertEqual(status, 0, output)
        answer = self.run_program("sqlite3", "data.db", "PRAGMA journal_mode; PRAGMA integrity_check; "
                                  "SELECT worker, COUNT(*), COUNT(DISTINCT n) FROM t GROUP BY worker; VACUUM; PRAGMA integrity_check;")
        self.assertEqual(answer.split(), [mode, "ok", *(f"{worker}|195|195" for worker in range(4)), "ok"])

    def test_sqlite_with_a_rollback_journal_keeps_what_four_processes_write(self):
        self.work("delete")

    def test_sqlite_with_a_write_ahead_log_keeps_what_four_processes_write(self):
        self.work("wal")


class Locks(ProgramTest):
    needs = ("flock",)

    def test_flock_lets_one_process_in_at_a_time(self):
        self.sh("echo 0 > counter")
        script = 'for n in $(seq 25); do flock lock sh -c \'read n < counter; echo $((n + 1)) > counter\'; done'
        for worker in [self.start("/bin/bash", "-ec", script) for _ in range(4)]:
            status, output = self.finish(worker)
            self.assertEqual(status, 0, output)
        self.assertEqual(self.sh("cat counter").strip(), "100")

    def test_flock_refuses_a_second_holder_and_takes_it_once_the_first_is_gone(self):
        holder = self.start("flock", "lock", "/bin/sh", "-c", "echo held; exec sleep 60")
        self.assertEqual(self.next_line(holder), "held\n")
        status, _ = self.finish(self.start("flock", "-n", "lock", "true"))
        self.assertEqual(status, 1)
        status, _ = self.finish(self.start("flock", "-s", "-n", "lock", "true"))
        self.assertEqual(status, 1)
        self.end(holder)
        self.run_program("flock", "-w", "10", "lock", "true")


class Logs(ProgramTest):
    needs = ("tail",)

    def test_tail_follows_a_log_line_by_line(self):
        self.sh("echo first > log")
        follower = self.start("tail", "-f", "-n", "+1", "log")
        self.assertEqual(self.next_line(follower), "first\n")
        for number in range(5):
            started = time.monotonic()
            self.sh(f"echo line {number} >> log")
            self.assertEqual(self.next_line(follower), f"line {number}\n")
            self.assertLess(time.monotonic() - started, 10)

    def test_tail_follows_a_log_by_name_when_it_is_rotated(self):
        self.sh("echo first > log")
        follower = self.start("tail", "-F", "-s", "0.1", "-n", "+1", "log", cwd=self.here)
        self.assertEqual(self.next_line(follower), "first\n")
        self.sh("mv log log.1; echo second > log")
        lines = [self.next_line(follower) for _ in range(1)]
        while lines[-1].startswith("tail:"):
            lines.append(self.next_line(follower))
        self.assertEqual(lines[-1], "second\n")


class Numpy(ProgramTest):
    def setUp(self):
        super().setUp()
        status, _ = self.finish(self.start(sys.executable, "-c", "import numpy", cwd="/"))
        if status:
            self.skipTest("this Python has no numpy")

    def test_mapped_arrays_show_what_another_process_stored(self):
        self.python(NUMPY_SCRIPT, "make", "a.npy")
        self.python(NUMPY_SCRIPT, "read", "a.npy")
        self.python(NUMPY_SCRIPT, "change", "a.npy", "0=-1", "65536=-2", "700000=-3")
        self.python(NUMPY_SCRIPT, "read", "a.npy", "0=-1", "65536=-2", "700000=-3")
        self.python(NUMPY_SCRIPT, "private", "a.npy")
        self.python(NUMPY_SCRIPT, "read", "a.npy", "0=-1", "65536=-2", "700000=-3")

    def test_a_mapping_that_is_open_shows_what_another_process_stores(self):
        self.python(NUMPY_SCRIPT, "make", "a.npy")
        watcher = self.start(sys.executable, "-B", "-c", NUMPY_WATCH, "a.npy")
        self.assertEqual(self.next_line(watcher), "ready\n")
        self.python(NUMPY_SCRIPT, "change", "a.npy", "5=-77")
        self.assertEqual(self.finish(watcher), (0, "seen\n"))
