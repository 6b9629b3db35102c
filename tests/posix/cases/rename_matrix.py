# SPDX-License-Identifier: Apache-2.0
"""rename, every combination: what is moved × what is there × the flags × the same or another directory. After each the
whole tree is noted, so a refusal must have changed nothing."""

import os

from headrace_testing import calls
from registry import case
from steps import shown

_SOURCES = ("file", "directory", "full-directory", "symlink", "absent")
_TARGETS = ("absent", "file", "directory", "full-directory", "symlink", "hard-link", "itself", "ancestor", "descendant")
_FLAGS = {"plain": 0, "noreplace": 1, "exchange": 2, "whiteout-exchange": 6, "noreplace-exchange": 3, "unknown": 64}
_PLACES = ("same", "other")


def _make(kind, path):
    if kind == "file":
        fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        os.write(fd, f"I am {path}".encode())
        os.close(fd)
    elif kind in ("directory", "full-directory"):
        os.mkdir(path)
        if kind == "full-directory":
            os.mkdir(f"{path}/sub")
            _make("file", f"{path}/inside")
    elif kind == "symlink":
        os.symlink("somewhere", path)


def tree(steps):
    """Notes every path below here with its type, link count and content or target."""
    lines = []
    for folder, folders, files in os.walk("."):
        folders.sort()
        for name in sorted(folders + files):
            path = os.path.join(folder, name)
            st = os.lstat(path)
            line = f"{shown(path[2:])} {st.st_mode:o} {st.st_nlink}"
            if os.path.islink(path):
                line += f" -> {os.readlink(path)}"
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    line += f" {file.read(100)!r}"
            lines.append(line)
    steps.note("tree", sorted(lines) + [f". {os.lstat('.').st_nlink}"])


def _rows():
    for source in _SOURCES:
        for target in _TARGETS:
            if target == "hard-link" and source not in ("file", "symlink"):
                continue
            if target == "descendant" and source not in ("directory", "full-directory"):
                continue
            for flag in _FLAGS:
                for place in _PLACES:
                    if target == "itself" and place == "other":
                        continue
                    yield f"{source}-onto-{target}-{flag}-{place}", (source, target, _FLAGS[flag], place)


def _target_path(source, target, place):
    folder = "here" if place == "same" else "there"
    if target == "itself":
        return "here/source"
    if target == "ancestor":
        return "here" if place == "same" else "."
    if target == "descendant":
        return "here/source/new" if place == "same" else "here/source/sub"
    path = f"{folder}/target"
    if target == "hard-link":
        os.link("here/source", path, follow_symlinks=False)
    else:
        _make(target, path)
    return path


@case(table=dict(_rows()))
def rename_answers_as_its_table_says(s, source, target, flags, place):
    os.mkdir("here")
    os.mkdir("there")
    _make(source, "here/source")
    path = _target_path(source, target, place)
    tree(s)
    inode = os.lstat("here/source").st_ino if os.path.lexists("here/source") else None
    s.attempt(f"rename here/source {path} flags {flags}", lambda: calls.renameat2("here/source", path, flags))
    tree(s)
    for where in ("here/source", path):
        s.note(f"{where} is what was moved", os.path.lexists(where) and os.lstat(where).st_ino == inode)
