# SPDX-License-Identifier: Apache-2.0
"""Source trees: git, a C project built by cmake, a Python environment."""

import shutil
import subprocess
import sys
from pathlib import Path

from place import ProgramTest

REPOSITORY = Path(__file__).resolve().parent.parent.parent


class Git(ProgramTest):
    needs = ("git",)

    def test_git_clones_this_repository_checks_it_and_commits(self):
        inside = subprocess.run(["git", "-C", REPOSITORY, "rev-parse", "--is-inside-work-tree"], capture_output=True, timeout=20, check=False)
        if inside.returncode:
            self.skipTest("these sources are not a git repository")
        # Owners may differ from who runs this; the clone reads through a configuration of its own.
        (Path(self.native) / ".gitconfig").write_text("[safe]\n\tdirectory = *\n[user]\n\tname = A Tester\n\temail = tester@example.org\n")
        self.sh(f"git clone -q 'file://{REPOSITORY}' clone && git clone -q --bare 'file://{REPOSITORY}' '{self.native}/bare'", limit_s=60)
        self.sh("""
            cd clone; git tag began  # not origin/HEAD: what is cloned may have checked out a commit, not a branch
            git fsck --full --strict --no-dangling
            test -z "$(git status --porcelain)"
            echo changed >> README.md; mkdir -p new/folder; echo new > new/folder/file; git mv LICENSE LICENCE
            git add -A; git commit -q -m 'a change'
            git checkout -q -b side HEAD~1; echo side > side; git add side; git commit -q -m side
            git merge -q -m merge -; git gc -q; git fsck --full
            test "$(git log --oneline -3 | wc -l)" = 3; test -z "$(git status --porcelain)"
        """)
        trees = self.sh('git -C clone rev-parse began^{tree}; git -C "$native/bare" rev-parse HEAD^{tree}').split()
        self.assertEqual(trees[0], trees[1])


class CMake(ProgramTest):
    needs = ("cmake", "ninja", "cc")

    def test_cmake_builds_a_project_out_of_its_tree_and_again_only_what_changed(self):
        self.sh("""
            mkdir source
            printf 'int twice(int n);\\n' > source/twice.h
            printf '#include "twice.h"\\nint twice(int n) { return 2 * n; }\\n' > source/twice.c
            printf '#include <stdio.h>\\n#include "twice.h"\\nint main(void) { printf("%%d\\\\n", twice(21)); return 0; }\\n' > source/main.c
            cat > source/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.20)
project(tiny C)
add_library(twice STATIC twice.c)
add_executable(tiny main.c)
target_link_libraries(tiny twice)
END
            cmake -S source -B build -G Ninja > configure.log; cmake --build build > build.log
            test "$(build/tiny)" = 42
        """)
        again = self.sh("cmake --build build")
        self.assertIn("no work to do", again)
        self.sh("""
            printf '#include "twice.h"\\nint twice(int n) { return 2 * n + 1; }\\n' > source/twice.c
            cmake --build build > again.log; test "$(build/tiny)" = 43; ! grep -q main.c again.log
        """)


class Python(ProgramTest):
    def test_a_virtual_environment_imports_what_lies_in_it(self):
        made = subprocess.run([sys.executable, "-c", "import venv"], timeout=20, capture_output=True, check=False)
        if made.returncode:
            self.skipTest("this Python has no venv")
        self.sh(f"""
            unset PYTHONDONTWRITEBYTECODE
            '{sys.executable}' -m venv --without-pip environment
            place=$(environment/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
            case $place in "$here"/*) ;; *) echo "packages lie in $place"; exit 1 ;; esac
            mkdir "$place/package"; echo 'from .part import value' > "$place/package/__init__.py"; echo 'value = 42' > "$place/package/part.py"
            for _ in 1 2; do test "$(environment/bin/python -c 'import package, json, sqlite3; print(package.value)')" = 42; done
            ls "$place"/package/__pycache__/part.*.pyc
        """)
