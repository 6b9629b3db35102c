# SPDX-License-Identifier: Apache-2.0
"""The list of cases. A case is a function of Steps (steps.py) that makes system calls in a fresh directory; what it sees
there must be the same on Headrace and on a native file system. Its name is the sentence that would be false."""

import importlib
import sys
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

_CASES = {}


@dataclass(frozen=True)
class Case:
    name: str
    function: object
    user: str = "root"
    limit_s: float = 20
    like: str = "disk"  # which native file system Headrace is compared with: disk or tmpfs
    since: str = ""  # why that one, where the two natives differ
    group: str = "main"  # which mount it needs: see places.py
    lanes: tuple = ()  # the lanes it runs on; all, when empty
    of_root: bool = False  # what it says to differ does so for root alone


def case(*, users=("root",), table=None, **options):
    """Registers a function as one case, or as one for each user and each row of `table` ({label: arguments}). With a
    table the function gets the row's arguments after Steps."""

    def register(function):
        module = function.__module__.rsplit(".", 1)[-1]
        for user in users:
            for label, arguments in (table or {"": ()}).items():
                name = f"{module}.{function.__name__}"
                name += f"[{label}]" if label else ""
                name += f"@{user}" if user != "root" else ""
                assert name not in _CASES, name
                _CASES[name] = Case(name, _bound(function, arguments), user, **options)
        return function

    return register


def _bound(function, arguments):
    if not isinstance(arguments, tuple):
        arguments = (arguments,)
    return lambda steps: function(steps, *arguments)


def load():
    """Every case of the folder cases/, in the order of its files."""
    here = Path(__file__).resolve().parent
    if str(here) not in sys.path:
        sys.path.insert(0, str(here))
    for file in sorted((here / "cases").glob("*.py")):
        if file.stem != "__init__":
            importlib.import_module(f"cases.{file.stem}")
    return list(_CASES.values())


def as_user(cases, user):
    """The cases, each once and done by `user`."""
    once = {c.name.partition("@")[0]: c for c in cases}
    return [replace(c, name=f"{name}@{user}", user=user) for name, c in once.items() if user == "root" or not c.of_root]


def select(cases, patterns):
    """The cases whose name fits one of the patterns (* and ?; a [label] is taken as it stands)."""
    if not patterns:
        return cases
    patterns = [pattern.replace("[", "[[]") for pattern in patterns]
    return [c for c in cases if any(fnmatchcase(c.name, p) for p in patterns)]
