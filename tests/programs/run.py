#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs that people use, on a mount:

    run.py HEADRACE [TEST...]
    run.py --native [TEST...]      the same on a native file system: the test of the test

Each test has a folder of its own on one mount, a time limit, and is skipped with a reason where its program is missing. At the
end the mount must end well and leave a sound volume."""

import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
sys.dont_write_bytecode = True

from headrace_testing import mounts  # noqa: E402
from place import PLACE  # noqa: E402

CHECKER = HERE.parent / "format" / "check_volume.py"


def load(names):
    loader = unittest.TestLoader()
    suite = loader.discover(str(HERE), pattern="*_programs.py", top_level_dir=str(HERE))
    if loader.errors:
        sys.exit("\n".join(loader.errors))
    return unittest.TestSuite(test for test in flat(suite) if not names or any(name in test.id() for name in names))


def flat(suite):
    for test in suite:
        yield from flat(test) if isinstance(test, unittest.TestSuite) else [test]


def ended_well(mount, volume):
    """Complaints about the end of the mount and the volume that it leaves."""
    try:
        mount.stop()
    except mounts.Failed as problem:
        return str(problem)
    done = mount.program.run("fsck", volume.url)
    if done.returncode:
        return f"headrace fsck: status {done.returncode}\n{done.stdout}{done.stderr}"
    done = subprocess.run([sys.executable, "-B", CHECKER, volume.meta_file, volume.bucket], capture_output=True, text=True,
                          timeout=300, check=False)
    wrong = [line for line in (done.stdout + done.stderr).splitlines() if "files wait to be deleted" not in line]
    return "\n".join([f"check_volume.py finds {len(wrong)} problems:", *wrong[:10]]) if done.returncode and wrong else ""


def run(suite):
    if suite.countTestCases() == 0:
        print("no test has such a name")
        return False
    return unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    what, names = sys.argv[1], sys.argv[2:]
    folder = mounts.scratch_folder("programs")
    try:
        if what == "--native":
            PLACE.use(str(folder / "data"), folder)
            os.mkdir(PLACE.root)
            return 0 if run(load(names)) else 1
        program = mounts.Program(what)
        volume = mounts.Volume(program, folder, options=["--trash-days=0"])
        mount = mounts.Mount(program, volume.url, folder / "mnt")
        try:
            mount.start()
            PLACE.use(mount.path, folder, mount)
            is_good = run(load(names))
            complaint = ended_well(mount, volume)
        finally:
            mount.give_up()
        if complaint:
            print(f"FAILED: {complaint}")
        return 0 if is_good and not complaint else 1
    finally:
        if not any(path.startswith(f"{folder}/") for path in mounts.mounted()):
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
