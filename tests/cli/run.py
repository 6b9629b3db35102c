#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The commands of the program, each tried as a person would:

    run.py HEADRACE help|daily|repair|refusals|...      the cases of those *_cases.py
    run.py HEADRACE refusals_cases.Flags.test_one       one of them"""

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
sys.dont_write_bytecode = True

from headrace_testing import mounts  # noqa: E402
from place import PLACE, main  # noqa: E402

if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    folder = mounts.scratch_folder("cli")
    PLACE.use(sys.argv[1], folder)
    try:
        is_good = main([name if "." in name else f"{name}_cases" for name in sys.argv[2:]])
    finally:
        if not any(path.startswith(f"{folder}/") for path in mounts.mounted()):
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if is_good else 1)
