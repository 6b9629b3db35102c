#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs demo.sh and reads its summary: every line must be there, and what it says must be a plausible measurement. Takes what the
demonstration leaves behind as a failure. Exit status: 0 good, 1 not."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lib")]
sys.dont_write_bytecode = True

from headrace_testing import mounts  # noqa: E402

DEMO = HERE.parent.parent / "demo.sh"
LIMIT_S = 780
SECONDS = r"(\d+\.\d\d) s"
# What a line of the summary begins with, and what must follow. Numbers in parentheses must be more than zero.
SUMMARY = {
    "ready to build, built": SECONDS,
    "provision (format and mount)": SECONDS,
    "fill: 5,000 files through the mount": SECONDS + r" \((\d+) objects in the bucket\)",
    "second mount to first byte": SECONDS,
    "warm up": SECONDS,
    "first epoch": r"([\d,]+) files/s",
    "second epoch": r"([\d,]+) files/s",
    "training time spent waiting for input": r"\d+\.\d %",
    "accuracy on digits held out": r"(\d+\.\d) %",
    "files that equal their source": r"5000 of 5,000",
    "release (unmount, destroy)": SECONDS + ", nothing left",
}


def complaints(text):
    """What is wrong with what the demonstration printed."""
    for name, wanted in SUMMARY.items():
        lines = [line.strip()[len(name):].strip() for line in text.splitlines() if line.strip().startswith(name)]
        if len(lines) != 1:
            yield f"the summary has {len(lines)} lines {name!r}"
            continue
        found = re.fullmatch(wanted, lines[0])
        if not found:
            yield f"{name}: expected {wanted}, got {lines[0]!r}"
        elif any(float(number.replace(",", "")) <= 0 for number in found.groups()):
            yield f"{name}: expected more than zero, got {lines[0]!r}"


def main():
    folder = mounts.scratch_folder("demo")
    environment = {**os.environ, "TMPDIR": str(folder), "HEADRACE_DEMO_EPOCHS": "3"}
    before = set(mounts.mounted())
    demo = subprocess.Popen([DEMO], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                            env=environment, start_new_session=True)
    try:
        text = demo.communicate(timeout=LIMIT_S)[0]
    except subprocess.TimeoutExpired:
        os.killpg(demo.pid, signal.SIGTERM)
        text = demo.communicate(timeout=60)[0] + f"\ndemo.sh was not done after {LIMIT_S} s"
    wrong = [f"demo.sh ended with status {demo.returncode}"] if demo.returncode else []
    wrong += complaints(text)
    wrong += [f"{path} is still mounted" for path in sorted(set(mounts.mounted()) - before) if path.startswith(f"{folder}/")]
    if not wrong:
        wrong += [f"{path} is left behind" for path in sorted(folder.iterdir())]
    print(text)
    for line in wrong:
        print(f"FAILED: {line}")
    if not wrong:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
