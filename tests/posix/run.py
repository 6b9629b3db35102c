#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks whether Headrace behaves as a native file system does:

    run.py --headrace PATH [--lane auto|classic|passthrough] [--as USER] [--case GLOB]... [--list] [--native-only]

Every case (cases/*.py) runs once on a native file system and once on a mount, each time in a process of its own with a
time limit, and must see the same. A failing case is one line with the first difference. --native-only compares the two
native file systems with each other. --as has one user do every case, but for those that this user cannot do on a native
file system either. At the end the volume itself is checked. Exit status: 0 all passed, 1 not, 77 this
machine has no such lane."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
sys.dont_write_bytecode = True

import registry  # noqa: E402
from lanes import LANE_VARIABLE  # noqa: E402
from headrace_testing import children, mounts  # noqa: E402
from headrace_testing.users import USERS, become  # noqa: E402
from places import GROUPS, LANES, Mounted, Natives, Tmpfs  # noqa: E402
from steps import Steps  # noqa: E402

SEMANTICS = HERE.parent.parent / "docs" / "semantics.md"


def play(case, base, unstick=None):
    """Runs a case in a fresh directory below `base`, in a child; returns how it ended, with its observations."""
    slug = re.sub(r"[^A-Za-z0-9_.@-]+", "-", case.name)[:120]

    def live():
        user = USERS[case.user]
        folder = os.path.join(base, slug)
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        os.chown(folder, user.uid, user.gid)
        os.chdir(folder)
        os.umask(0o022)
        become(user)
        steps = Steps()
        case.function(steps)
        return steps.observations

    return children.run(live, case.limit_s, unstick)


def expectation(observations):
    """What Headrace should see, from what the native file system saw."""
    return [[what, *(rest[:1] or [value])] for what, value, *rest in observations]


def differences(wanted, got):
    """Lines about the observations that differ; both are lists of [what, value]. Ends where the two went different ways."""
    for number, ((what, value), (seen, other)) in enumerate(zip(wanted, got), 1):
        if what != seen:
            yield f"#{number} wanted {what!r} to come next, got {seen!r}"
            return
        if value != other:
            yield f"#{number} {what}: expected {value}, got {other}"
    if len(wanted) != len(got):
        longer = wanted if len(wanted) > len(got) else got
        who = "the native file system" if longer is wanted else "the one under test"
        yield f"#{min(len(wanted), len(got)) + 1} only {who} came to {longer[min(len(wanted), len(got))]}"


def first_difference(wanted, got):
    """The first of differences(), or ""."""
    return next(differences(wanted, got), "")


def undocumented(observations, headings):
    """A complaint about a difference that the documents do not tell of."""
    for what, value, *rest in observations:
        if not rest or not rest[1]:
            continue
        if rest[1] not in headings:
            return f"{what}: docs/semantics.md has no heading {rest[1]!r}"
        if rest[0] == value:
            return f"{what}: is said to differ ({rest[1]}), but both are {value}"
    return ""


def _reliable(observations):
    """Without what native file systems do not always keep (Steps.must)."""
    return [o[:2] if o[-1] != "" or len(o) < 4 else [o[0], None] for o in observations]


def headings_of(page):
    return set(re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)) if page.exists() else set()


def broken(ended, where):
    """What is wrong with how a case ended on a file system, or ""."""
    if ended.is_good:
        return ""
    last = ended.text.strip().splitlines()
    return f"{ended.how} on {where}: {last[-1] if last else ''}" + (" (stuck)" if ended.is_stuck else "")


class NoSuchLane(Exception):
    """The program refuses the lane on this machine, and says why."""


class Run:
    def __init__(self, options):
        self.options = options
        self.headings = headings_of(SEMANTICS)
        self.passed = self.failed = self.unfit = 0  # unfit: cases that the user of --as cannot do anywhere
        self.times = []

    def tell(self, name, complaint):
        if complaint is None:
            self.unfit += 1
        elif complaint:
            self.failed += 1
            print(f"FAIL {name}: {complaint}", flush=True)
        else:
            self.passed += 1
            if self.options.verbose:
                print(f"ok   {name}", flush=True)

    def all(self, cases, folder):
        for group in GROUPS:
            chosen = [c for c in cases if c.group == group and (self.options.native_only or self.options.lane in (c.lanes or LANES))]
            if not chosen or (not self.options.native_only and self.options.lane not in GROUPS[group].lanes):
                continue
            # The volumes are in memory: how well they survive is another test's question, and a disk would only be slow.
            with Natives(folder, group) as natives, Tmpfs(folder / f"{group}-volumes", "4g") as volumes:
                if self.options.native_only:
                    self.natives(chosen, natives)
                else:
                    self.compared(chosen, natives, volumes.path, group)

    def natives(self, cases, natives):
        for case in cases:
            start = time.monotonic()
            first = play(case, natives.folder(case.like))
            complaint = broken(first, case.like)
            if not complaint and not case.since and case.group == "main":
                second = play(case, natives.folder("tmpfs" if case.like == "disk" else "disk"))
                complaint = broken(second, "the other native") or first_difference(
                    _reliable(first.value), _reliable(second.value))
            self.times.append((time.monotonic() - start, case.name))
            self.tell(case.name, complaint)

    def compared(self, cases, natives, folder, group):
        mounted = Mounted(mounts.Program(self.options.headrace), folder, group, self.options.lane)
        try:
            self.ask_for_lane(mounted)
            for case in cases:
                start = time.monotonic()
                self.tell(case.name, self.one(case, natives.folder(case.like), mounted))
                self.times.append((time.monotonic() - start, case.name))
            self.tell(f"{group}: the mount ends well and leaves a sound volume", self.end(mounted))
        finally:
            mounted.give_up()

    def ask_for_lane(self, mounted):
        try:
            mounted.folder()
        except mounts.Failed as problem:
            if self.options.lane == "passthrough" and "passthrough" in str(problem):
                raise NoSuchLane(str(problem)) from None
            mounted.give_up()  # each case will say so

    def one(self, case, native, mounted):
        wanted = play(case, native)
        if self.options.user and not wanted.is_good:
            return None
        complaint = broken(wanted, case.like) or undocumented(wanted.value, self.headings)
        if complaint:
            return complaint
        try:
            place = mounted.folder()
        except mounts.Failed as problem:
            return f"cannot mount: {problem}"
        got = play(case, place, mounted.abort)
        if got.is_stuck or got.how == "hung":
            mounted.give_up()
        complaints = [broken(got, "Headrace")]
        if got.is_good:
            complaints = list(differences(expectation(wanted.value), [o[:2] for o in got.value]))
            complaints = complaints if self.options.all else complaints[:1]
        return "\n     ".join(filter(None, [*complaints, mounted.trouble()]))

    def end(self, mounted):
        volume = mounted.volume
        try:
            if not mounted.stop():
                return ""
        except mounts.Failed as problem:
            return str(problem)
        checker = HERE.parent / "format" / "check_volume.py"
        done = subprocess.run([sys.executable, "-B", checker, volume.meta_file, volume.bucket], capture_output=True,
                              text=True, timeout=120, check=False)
        return "" if done.returncode == 0 else f"check_volume.py: {done.stdout}{done.stderr}"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--headrace", help="the program under test")
    parser.add_argument("--lane", default="auto", choices=LANES)
    parser.add_argument("--as", dest="user", choices=sorted(USERS), help="do every case as this user")
    parser.add_argument("--case", action="append", default=[], metavar="GLOB", help="only these cases; may be repeated")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument("--native-only", action="store_true", help="compare the native file systems with each other")
    parser.add_argument("--all", action="store_true", help="tell every difference of a case, not only the first")
    parser.add_argument("--keep", action="store_true", help="leave the folder of the run in place")
    parser.add_argument("--slowest", type=int, default=0, metavar="N", help="print the N slowest cases")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    if not (options.headrace or options.list or options.native_only):
        parser.error("--headrace PATH is needed")
    return options


def main():
    options = arguments()
    cases = registry.select(registry.load(), options.case)
    if options.user:
        cases = registry.as_user(cases, options.user)
    if options.list:
        print("\n".join(c.name for c in cases))
        return 0
    if not cases:
        print("no case has such a name")
        return 1
    os.environ[LANE_VARIABLE] = options.lane
    folder = mounts.scratch_folder("posix")
    os.chmod(folder, 0o755)
    run = Run(options)
    start = time.monotonic()
    try:
        run.all(cases, folder)
    except NoSuchLane as why:
        print(f"skipped: {why}")
        return 77
    finally:
        if not options.keep and not any(path.startswith(f"{folder}/") for path in mounts.mounted()):
            shutil.rmtree(folder, ignore_errors=True)
    for seconds, name in sorted(run.times, reverse=True)[: options.slowest]:
        print(f"{seconds:7.2f} s {name}")
    where = "natives" if options.native_only else f"lane {options.lane}"
    if options.user:
        where += f" as {options.user}, who cannot do {run.unfit} of these anywhere"
    print(f"{where}: {run.passed} passed, {run.failed} failed in {time.monotonic() - start:.0f} s")
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
