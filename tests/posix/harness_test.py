#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The machinery of the cases itself: it must see differences, and survive cases that hang, die or break."""

import fnmatch
import os
import re
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]

import registry  # noqa: E402
import run  # noqa: E402
from headrace_testing import calls, children, mounts  # noqa: E402
from headrace_testing.users import ALICE  # noqa: E402
from peers import interruptible  # noqa: E402
from places import GROUPS, LANES  # noqa: E402
from steps import Differs, Steps, flags_shown  # noqa: E402


def play(function, limit_s=20, user="root"):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        return run.play(registry.Case("a case/of: this test", function, user, limit_s), folder)


class Children(unittest.TestCase):
    def test_a_childs_answer_comes_back(self):
        ended = children.run(lambda: {"a": [1, "x" * 500_000]}, 10)
        self.assertEqual(("returned", {"a": [1, "x" * 500_000]}), (ended.how, ended.value))

    def test_an_exception_comes_back_as_text(self):
        ended = children.run(lambda: 1 // 0, 10)
        self.assertEqual("raised", ended.how)
        self.assertIn("ZeroDivisionError", ended.text)

    def test_a_child_that_hangs_is_ended_in_time_with_all_it_started(self):
        folder = tempfile.mkdtemp()

        def hang():
            pid = os.fork()
            if pid == 0:
                time.sleep(600)
            Path(folder, "pid").write_text(str(pid))
            time.sleep(600)

        start = time.monotonic()
        ended = children.run(hang, 0.5)
        self.assertEqual(("hung", False), (ended.how, ended.is_stuck))
        self.assertLess(time.monotonic() - start, 5)
        self.assertTrue(_is_dead(int(Path(folder, "pid").read_text())))

    def test_a_child_that_is_killed_is_told_apart(self):
        ended = children.run(lambda: os.kill(os.getpid(), 9), 10)
        self.assertEqual("died", ended.how)
        self.assertIn("signal 9", ended.text)

    def test_a_grandchild_that_stays_does_not_hold_up_the_answer(self):
        def leave_one():
            if os.fork() == 0:
                time.sleep(600)
            return "done"

        start = time.monotonic()
        self.assertEqual("done", children.run(leave_one, 30).value)
        self.assertLess(time.monotonic() - start, 5)


def _is_dead(pid):
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


class Observations(unittest.TestCase):
    def test_calls_and_errors_are_noted_in_order(self):
        def steps_of(s):
            s.mkdir("d")
            s.mkdir("d")
            fd = s.open("f", os.O_WRONLY | os.O_CREAT, 0o600)
            s.write(fd, b"abc")
            s.stat("f", "type mode size")
            s.read(None, 1)

        self.assertEqual([["mkdir d 755", "ok"], ["mkdir d 755", "EEXIST"], ["open f O_CREAT|O_WRONLY 600", "ok"], ["write 3 bytes", 3],
                          ["stat f", "type=file mode=0600 size=3"], ["read 1", "EBADF"]], play(steps_of).value)

    def test_a_case_of_a_user_is_that_user(self):
        def steps_of(s):
            s.put("f")
            s.note("ids", [os.getuid(), os.getgid(), sorted(os.getgroups())])
            s.stat("f", "uid gid")

        self.assertEqual([["put f 0 bytes", "ok"], ["ids", [ALICE.uid, ALICE.gid, sorted(ALICE.groups)]],
                          ["stat f", f"uid={ALICE.uid} gid={ALICE.gid}"]], play(steps_of, user="alice").value)

    def test_what_moved_is_told(self):
        def steps_of(s):
            s.put("f")
            s.moved("chmod", ["f", "missing"], lambda: s.chmod("f", 0o600))
            s.moved("nothing", ["f"], lambda: None)

        self.assertEqual(["ctime", "gone", "none"], [o[1] for o in play(steps_of).value if "moved" in o[0]])

    def test_flags_have_names(self):
        self.assertEqual("O_RDONLY", flags_shown(0))
        self.assertEqual("O_RDWR|O_TMPFILE", flags_shown(os.O_TMPFILE | os.O_RDWR))


class Peers(unittest.TestCase):
    def test_what_a_peer_saw_is_part_of_the_case(self):
        def steps_of(s):
            peer = s.peer("other", lambda p, line: (line.expect("go"), p.mkdir("d"), line.say("made")))
            peer.say("go")
            peer.expect("made")
            peer.finish()
            s.names()

        self.assertEqual([["other: mkdir d 755", "ok"], ["list .", ["d"]]], play(steps_of).value)

    def test_a_peer_that_breaks_breaks_the_case(self):
        ended = play(lambda s: s.peer("other", lambda p, line: 1 // 0).finish())
        self.assertEqual("raised", ended.how)
        self.assertIn("ZeroDivisionError", ended.text)

    def test_a_signal_ends_a_peers_waiting_call(self):
        def waits(p, line):
            interruptible()
            line.say("ready")
            p.attempt("read", lambda: os.read(os.pipe()[0], 1))

        def steps_of(s):
            peer = s.peer("other", waits)
            peer.expect("ready")
            time.sleep(0.1)  # the read has begun by then; if not, the signal still ends it or what comes before
            peer.interrupt()
            peer.finish()

        self.assertEqual([["other: read", "EINTR"]], play(steps_of).value)

    def test_a_killed_peer_is_gone(self):
        def steps_of(s):
            peer = s.peer("other", lambda p, line: time.sleep(600))
            peer.kill()
            s.note("dead", not Path(f"/proc/{peer.pid}").exists())

        self.assertEqual([["dead", True]], play(steps_of).value)


class Comparing(unittest.TestCase):
    def test_equal_observations_are_no_difference(self):
        self.assertEqual("", run.first_difference([["a", 1], ["b", "x"]], [["a", 1], ["b", "x"]]))

    def test_the_first_other_value_is_told(self):
        text = run.first_difference([["a", 1], ["b", "ok"], ["c", 3]], [["a", 1], ["b", "EIO"], ["c", 4]])
        self.assertEqual("#2 b: expected ok, got EIO", text)

    def test_a_missing_or_additional_observation_is_told(self):
        self.assertIn("only the native", run.first_difference([["a", 1], ["b", 2]], [["a", 1]]))
        self.assertIn("only the one under test", run.first_difference([["a", 1]], [["a", 1], ["b", 2]]))

    def test_a_documented_difference_is_what_headrace_must_show(self):
        steps = Steps()
        steps.note("a", "ok", Differs("EOPNOTSUPP", "Some heading"))
        self.assertEqual([["a", "EOPNOTSUPP"]], run.expectation(steps.observations))
        self.assertEqual("", run.undocumented(steps.observations, {"Some heading"}))
        self.assertIn("no heading", run.undocumented(steps.observations, {"Another"}))

    def test_a_difference_that_is_none_is_told(self):
        steps = Steps()
        steps.note("a", "ok", Differs("ok", "Some heading"))
        self.assertIn("both are ok", run.undocumented(steps.observations, {"Some heading"}))

    def test_what_must_be_does_not_depend_on_the_native(self):
        steps = Steps()
        steps.must("torn", 3, 0)
        self.assertEqual([["torn", 0]], run.expectation(steps.observations))
        self.assertEqual("", run.undocumented(steps.observations, set()))


class TheList(unittest.TestCase):
    def test_every_case_can_run_somewhere(self):
        cases = registry.load()
        self.assertGreater(len(cases), 500)
        self.assertEqual(set(), {c.group for c in cases} - set(GROUPS))
        self.assertEqual(set(), {lane for group in GROUPS.values() for lane in group.lanes} - set(LANES))
        self.assertEqual(set(), {c.like for c in cases} - {"disk", "tmpfs"})

    def test_cases_are_chosen_by_pattern(self):
        cases = registry.load()
        chosen = registry.select(cases, ["rename.*", "names.a_name_of_any_bytes_comes_back_as_it_was[tab]"])
        self.assertTrue(all(c.name.startswith("rename.") or "[tab]" in c.name for c in chosen))
        self.assertEqual(1, sum(c.name.endswith("[tab]") for c in chosen))
        self.assertEqual([], registry.select(cases, ["nothing of this name"]))


class ThePage(unittest.TestCase):
    """docs/semantics.md names the tests that prove it."""

    def test_every_case_it_names_is_there(self):
        names = [c.name for c in registry.load()]
        modules = {name.split(".")[0] for name in names}
        told = [t for t in re.findall(r"`([a-z_]+\.[^`]+)`", run.SEMANTICS.read_text(encoding="utf-8")) if t.split(".")[0] in modules]
        self.assertGreater(len(told), 30)
        for pattern in told:
            self.assertTrue(any(fnmatch.fnmatchcase(name, pattern) for name in names), f"no case is called {pattern}")

    def test_every_program_it_names_is_there(self):
        root = run.SEMANTICS.parent.parent
        for path in re.findall(r"`(tests/[^` ]+)`", run.SEMANTICS.read_text(encoding="utf-8")):
            self.assertTrue((root / path).exists(), path)

    def test_every_difference_of_a_case_has_its_heading(self):
        headings = run.headings_of(run.SEMANTICS)
        used = set()
        for file in (HERE / "cases").glob("*.py"):
            used |= set(re.findall(r"Differs\([^()]*, \"([^\"]+)\"\)", file.read_text(encoding="utf-8")))
        self.assertGreater(len(used), 8)
        self.assertEqual(set(), used - headings)


class Mounts(unittest.TestCase):
    def test_mounts_are_found_by_their_path(self):
        self.assertEqual("proc", mounts.mounted()["/proc"][1])

    def test_aborting_a_connection_that_is_gone_is_quiet(self):
        mounts.abort(4_000_000)

    def test_directory_streams_and_clocks_work(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "f").touch()
            calls.wait_for_clock_tick()
            stream = calls.Directory(folder)
            self.assertEqual([b".", b"..", b"f"], sorted(stream.rest()))
            stream.rewind()
            place = stream.tell()
            first = stream.read()
            stream.seek(place)
            self.assertEqual(first, stream.read())
            stream.close()


if __name__ == "__main__":
    unittest.main()
