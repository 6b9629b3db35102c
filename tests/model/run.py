#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random operations through several handles of two processes, against a reference model:

    run.py --headrace PATH [--seconds N] [--seed N] [--mount-option=OPTION]...
    run.py --native [--folder DIR] ...         the model against a native file system
    run.py ... --replay FILE                   one program again

Prints its seed. A program that fails is made shorter and printed, one operation a line, as --replay takes it.
Exit status: 0 nothing differed, 1 something did."""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
sys.dont_write_bytecode = True

from generator import Generator  # noqa: E402
from headrace_testing import mounts  # noqa: E402
from headrace_testing.mounts import Failed  # noqa: E402
from places import Mounted, Native  # noqa: E402
from reference import Model  # noqa: E402
from runner import play, play_beside, shorten  # noqa: E402

CHECKED = [["check", 0], ["remount", 0], ["check", 1]]

# A file for each way in which a mount serves one, with a writer beside its readers; chance alone may leave one out.
EVERY_WAY = [
    ["open", 0, 0, "large", os.O_RDWR | os.O_CREAT], ["pwrite", 0, 0, 0, 3000000, 1], ["close", 0, 0],
    ["open", 0, 0, "small", os.O_RDWR | os.O_CREAT], ["pwrite", 0, 0, 0, 5000, 2], ["close", 0, 0],
    ["settle", 0],
    ["open", 1, 1, "large", os.O_RDONLY], ["map", 1, 1, 1, 0, 3000000, False], ["mread", 1, 1, 2999000, 1000],
    ["open", 1, 3, "small", os.O_RDONLY], ["map", 1, 3, 3, 0, 300000, False], ["mread", 1, 3, 0, 5000],
    ["open", 0, 0, "large", os.O_RDWR], ["pwrite", 0, 0, 2990000, 20000, 3], ["mread", 1, 1, 2980000, 20000],
    ["open", 0, 2, "small", os.O_RDWR], ["pwrite", 0, 2, 4000, 200000, 4], ["mread", 1, 3, 0, 204000],
    ["ftruncate", 0, 2, 300000], ["mread", 1, 3, 200000, 100000],
    *CHECKED,
]  # fmt: skip


def random_program(rng, count):
    """A model, and operations that are chosen by what it has come to."""
    model = Model()
    generator = Generator(rng, model)

    def operations():
        for _ in range(count):
            yield generator.next()
        yield from CHECKED if rng.random() < 0.3 else CHECKED[:1]

    return model, operations()


def search(place, options, seed):
    """The program that always runs, then others until the time is over. Exit status."""
    failure = play(place, EVERY_WAY)
    if failure is not None:
        report(place, failure, "the program that always runs", options)
        return 1
    deadline, programs, steps = time.monotonic() + options.seconds, 0, 0
    while time.monotonic() < deadline and programs < options.programs:
        rng = random.Random(f"{seed}.{programs}")
        count = rng.choice((20, 80, 200))
        model, operations = random_program(rng, count)
        failure = play_beside(place, model, operations)
        programs += 1
        steps += count
        if failure is not None:
            report(place, failure, f"--seed {seed}, program {programs - 1}", options)
            return 1
    print(f"{place.name}: {programs} programs, {steps} operations, no difference (seed {seed})")
    if programs == 0:
        print("no program was run in this time")
        return 1
    return 0


def report(place, failure, what, options):
    print(f"FAILED ({what}): {failure}", flush=True)
    shortest, is_certain = shorten(place, failure, options.shrink_seconds)
    if not is_certain:
        print("It did not fail again in three tries; the whole program:")
    else:
        print(f"The shortest program found, {len(shortest.operations)} operations, fails so: {shortest}")
    text = "".join(json.dumps(operation) + "\n" for operation in shortest.operations)
    print(text, end="", flush=True)
    if options.save:
        Path(options.save).write_text(text, encoding="utf-8")


def replay(place, options):
    lines = Path(options.replay).read_text(encoding="utf-8").splitlines()
    operations = [json.loads(line) for line in lines if line.startswith("[")]
    failure = play(place, operations)
    print(f"FAILED: {failure}" if failure else f"{place.name}: {len(operations)} operations, no difference")
    return 1 if failure else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--headrace", metavar="PATH", help="the program under test")
    where.add_argument("--native", action="store_true", help="a native file system in its place")
    parser.add_argument("--folder", help="where to work; a new folder below HEADRACE_TEST_DIR otherwise")
    parser.add_argument("--mount-option", action="append", default=[], metavar="OPTION")
    parser.add_argument("--seconds", type=float, default=50)
    parser.add_argument("--programs", type=int, default=1 << 40, metavar="N", help="at most so many")
    parser.add_argument("--seed", type=int, help="what chooses; printed, a new one otherwise")
    parser.add_argument("--shrink-seconds", type=float, default=90, metavar="N")
    parser.add_argument("--replay", metavar="FILE")
    parser.add_argument("--save", metavar="FILE", help="where to write the shortest failing program too")
    return parser.parse_args()


def sound(volume):
    """A complaint about the volume that is left, or "". Bytes of removed files may wait for a later mount to delete them."""
    checker = HERE.parent / "format" / "check_volume.py"
    done = subprocess.run([sys.executable, "-B", checker, volume.meta_file, volume.bucket], capture_output=True, text=True,
                          timeout=300, check=False)
    wrong = [line for line in (done.stdout + done.stderr).splitlines() if "files wait to be deleted" not in line]
    return "\n".join(wrong) if done.returncode else ""


def missed(opens, has_passthrough):
    """Ways of serving a file that were never taken: then this run says less than it seems to."""
    wanted = ["direct", "cached", *(["pass"] if has_passthrough else [])]
    return [f"no file was ever opened in the mode {mode!r}" for mode in wanted if not opens[mode]]


def run_in(place, options):
    seed = options.seed if options.seed is not None else time.time_ns() % (1 << 32)
    print(f"seed {seed}", flush=True)
    return replay(place, options) if options.replay else search(place, options, seed)


def main():
    options = arguments()
    folder = Path(options.folder).resolve() if options.folder else mounts.scratch_folder("model")
    try:
        if options.native:
            return run_in(Native(folder), options)
        place = Mounted(mounts.Program(options.headrace), folder, options.mount_option)
        try:
            status = run_in(place, options)
            has_passthrough = place.has_passthrough
            place.close()
            print(f"files opened: {dict(sorted(place.opens.items()))}")
            complaints = [] if options.replay or status else missed(place.opens, has_passthrough)
            if wrong := sound(place.volume):
                complaints.append(f"the volume is not sound after all programs; check_volume.py:\n{wrong}")
            for complaint in complaints:
                print(f"FAILED: {complaint}")
            return 1 if complaints else status
        except Failed as problem:
            print(f"FAILED: {problem}")
            return 1
        finally:
            place.give_up()
    finally:
        if not options.folder and not any(path.startswith(f"{folder}/") for path in mounts.mounted()):
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
