# SPDX-License-Identifier: Apache-2.0
"""The rules as data, and the tree they are asked about."""

import os
import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cxx import blank, functions, includes

_SKIPPED_FOLDERS = {".git", "build", "__pycache__", ".venv", "node_modules", ".cache", ".pytest_cache"}


@dataclass(frozen=True, order=True)
class Complaint:
    path: str
    line: int
    rule: str
    text: str
    item: str = ""

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


class Source:
    """One file; `path` is written from the root of the tree."""

    def __init__(self, root, path):
        self.path = path
        self.name = path.rsplit("/", 1)[-1]
        self._full = os.path.join(root, path)

    @cached_property
    def text(self):
        with open(self._full, encoding="utf-8", errors="replace", newline="") as file:
            return file.read()

    @cached_property
    def lines(self):
        return self.text.split("\n")

    @cached_property
    def includes(self):
        return includes(self.text)

    @cached_property
    def code(self):
        return blank(self.text)

    @cached_property
    def functions(self):
        return functions(self.text)

    @property
    def is_cxx(self):
        return self.name.endswith((".h", ".cc"))

    @property
    def is_header(self):
        return self.name.endswith(".h")

    @cached_property
    def is_script(self):
        if "." in self.name.lstrip("."):
            return False
        with open(self._full, "rb") as file:
            return file.read(2) == b"#!"

    @property
    def is_source(self):
        """Written by hand in some language, so held to the rules about files."""
        suffixes = (".h", ".cc", ".py", ".sh", ".cmake", ".js", ".mjs", ".ts", ".css", ".html")
        return self.name.endswith(suffixes) or self.name == "CMakeLists.txt" or self.is_script

    @property
    def is_text(self):
        return self.is_source or self.name.endswith((".md", ".json", ".toml", ".yaml", ".yml"))

    @property
    def room(self):
        """The room under src/, or None."""
        parts = self.path.split("/")
        return parts[1] if parts[0] == "src" and len(parts) > 2 else None

    @property
    def is_test(self):
        return self.name.endswith(("_test.cc", "_fuzz.cc"))

    @property
    def is_testing(self):
        """A fake or a suite that lies in a testing/ folder, for tests only."""
        return "/testing/" in self.path

    @property
    def below_src(self):
        return self.path.removeprefix("src/")


class Tree:
    def __init__(self, root):
        self.root = str(root)
        found = []
        for folder, folders, files in os.walk(self.root):
            folders[:] = sorted(f for f in folders if f not in _SKIPPED_FOLDERS)
            for file in files:
                full = os.path.join(folder, file)
                if os.path.isfile(full) and not os.path.islink(full):
                    found.append(Source(self.root, os.path.relpath(full, self.root)))
        self.files = sorted(found, key=lambda source: source.path)
        self.by_path = {source.path: source for source in self.files}

    def exists(self, path):
        return os.path.lexists(os.path.join(self.root, path))


class Rules:
    def __init__(self, data):
        self.file_lines = data["limits"]["file_lines"]
        self.comment_columns = data["limits"]["comment_columns"]
        self.function_lines = data["limits"]["function_lines"]
        self.floors = {name: room["floor"] for name, room in data["rooms"].items()}
        self._written = {name: room["may_include"] for name, room in data["rooms"].items()}
        self.libraries = data.get("libraries", {})
        self.forbidden = [(re.compile(f["pattern"]), f["except"], f["message"]) for f in data.get("forbidden", [])]
        self.names = {
            header: [name if "::" in name else f"std::{name}" for name in names.split()]
            for header, names in data.get("names", {}).items()
        }
        self.allow = data.get("allow", [])

    @staticmethod
    def load(path):
        return Rules(tomllib.loads(Path(path).read_text(encoding="utf-8")))

    def may_include(self, room):
        """The rooms that production code of this room may include, itself among them."""
        written = set(self._written[room])
        if "*" in written:
            return set(self.floors)
        always = {"base"} if self.floors[room] < 2 else {"base", "metrics"}
        return written | always | {room}

    def reachable(self, room):
        """The rooms that are linked below this one; its tests may use them all."""
        seen, todo = set(), [room]
        while todo:
            current = todo.pop()
            if current not in seen:
                seen.add(current)
                todo += [r for r in self.may_include(current) if r in self.floors]
        return seen

    def mistakes(self):
        """What is wrong with the table itself: a room that is not there, or that does not lie lower."""
        for room, others in self._written.items():
            for other in others:
                if other == "*":
                    continue
                if other not in self.floors:
                    yield f"{room} may include {other}, which is not a room"
                elif self.floors[other] >= self.floors[room]:
                    yield f"{room} (floor {self.floors[room]}) may include {other} (floor {self.floors[other]})"
