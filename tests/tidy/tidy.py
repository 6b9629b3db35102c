#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the whole tree against the rules of the house (rules.toml) and prints one line for each complaint.

    tests/tidy/tidy.py [--root FOLDER] [PATH...]

With paths, only complaints about files at or below them are printed. Exit status 1 if there is a complaint.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from checks import ALL  # noqa: E402
from house import Complaint, Rules, Tree  # noqa: E402


def complaints(tree, rules):
    """All complaints in order, after the allow list, which must itself be needed and give its reasons."""
    found = [c for check in ALL for c in check(tree, rules)]
    kept, used = [], set()
    for complaint in found:
        number = next((i for i, allow in enumerate(rules.allow) if _covers(allow, complaint)), None)
        if number is None:
            kept.append(complaint)
        else:
            used.add(number)
    for i, allow in enumerate(rules.allow):
        what = f"{allow.get('rule')} in {allow.get('path')}"
        if not allow.get("reason", "").strip():
            kept.append(Complaint("tests/tidy/rules.toml", 1, "allow", f"no reason is given for {what}"))
        if i not in used:
            kept.append(Complaint("tests/tidy/rules.toml", 1, "allow", f"nothing needs {what} any more"))
    return sorted(kept)


def _covers(allow, complaint):
    same = allow.get("rule") == complaint.rule and allow.get("path") == complaint.path
    return same and allow.get("item", complaint.item) == complaint.item


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="checks the tree against tests/tidy/rules.toml")
    parser.add_argument("--root", default=os.path.join(here, "..", ".."), help="the tree to check")
    parser.add_argument("paths", nargs="*", help="only complaints about these files or folders, written from the root")
    args = parser.parse_args()

    tree = Tree(os.path.normpath(args.root))
    found = complaints(tree, Rules.load(os.path.join(args.root, "tests/tidy/rules.toml")))
    wanted = [p.rstrip("/") for p in args.paths]
    if wanted:
        found = [c for c in found if any(c.path == p or c.path.startswith(p + "/") for p in wanted)]
    for complaint in found:
        print(complaint)
    count = "1 complaint" if len(found) == 1 else f"{len(found)} complaints"
    print(f"tidy: {count} about {len(tree.files)} files", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
