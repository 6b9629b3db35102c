# SPDX-License-Identifier: Apache-2.0
"""The checks. Each takes the tree and the rules and yields complaints; ALL at the end lists them."""

import ast
import re

from house import Complaint

_SPDX = "SPDX-License-Identifier: Apache-2.0"


def _sources(tree):
    return (f for f in tree.files if f.is_source)


def _room_files(tree):
    return (f for f in tree.files if f.room and f.is_cxx)


def table(tree, rules):
    for mistake in rules.mistakes():
        yield Complaint("tests/tidy/rules.toml", 1, "table", mistake)
    rooms = {f.room for f in tree.files if f.room}
    for room in sorted(rooms - set(rules.floors)):
        yield Complaint(f"src/{room}", 1, "table", "this room is not in tests/tidy/rules.toml")


def include_graph(tree, rules):
    for f in _room_files(tree):
        if f.room not in rules.floors:
            continue
        helper = f.is_test or f.is_testing
        allowed = rules.reachable(f.room) if helper else rules.may_include(f.room)
        for line, path, quoted in f.includes:
            if not quoted:
                continue
            if f"src/{path}" not in tree.by_path:
                yield Complaint(f.path, line, "include", f'"{path}" is not a file under src/')
                continue
            other = path.split("/", 1)[0]
            if other not in allowed:
                yield Complaint(f.path, line, "include", f"{f.room} may not include {other} ({path})")
            elif "/testing/" in path and not helper:
                yield Complaint(f.path, line, "include", f"{path} is for tests only")


def linked_rooms(tree, rules):
    """What CMake links must be no wider than what the table allows."""
    for f in tree.files:
        if f.name != "CMakeLists.txt" or not f.room or f.room not in rules.floors:
            continue
        text = re.sub(r"#.*", lambda m: " " * len(m.group()), f.text)
        call = re.search(r"headrace_room\(([^)]*)\)", text)
        if not call:
            yield Complaint(f.path, 1, "linked", "no headrace_room() here")
            continue
        words, taking = call.group(1).split(), False
        for word in words:
            if word in ("NAME", "ROOMS", "LIBS", "TEST_ROOMS", "TEST_LIBS"):
                taking = word == "ROOMS"
            elif taking and word not in rules.may_include(f.room):
                line = text[: call.start()].count("\n") + 1
                yield Complaint(f.path, line, "linked", f"{f.room} may not link {word}")


def libraries(tree, rules):
    for f in _room_files(tree):
        for line, path, quoted in f.includes:
            if quoted:
                continue
            for prefix, rule in rules.libraries.items():
                if path.startswith(prefix) and path not in rule.get("allowed", []):
                    yield from _library(f, line, path, rule)


def _library(f, line, path, rule):
    helper = f.is_test or f.is_testing
    if rule.get("only_tests"):
        if not helper:
            yield Complaint(f.path, line, "library", f"<{path}> is for tests only")
    elif f.is_header and not rule.get("in_headers", True):
        yield Complaint(f.path, line, "library", f"<{path}> only in .cc files: it is slow to compile")
    elif "rooms" in rule and f.room not in rule["rooms"] and not helper:
        yield Complaint(f.path, line, "library", f"<{path}> only in {', '.join(rule['rooms'])}")


def own_header_first(tree, rules):
    """So that each .cc proves its header to stand alone."""
    for f in _room_files(tree):
        if f.is_header or f.is_test:
            continue
        own = f.below_src.removesuffix(".cc") + ".h"
        if f"src/{own}" in tree.by_path and f.includes and f.includes[0][1] != own:
            yield Complaint(f.path, f.includes[0][0], "own-header-first", f'the first include is "{own}"')


def names_included(tree, rules):
    """A file that uses a name of others includes its header, or a header of ours that does."""
    header_of = {name: header for header, names in rules.names.items() for name in names}
    reached = {}
    for f in _room_files(tree):
        asked = set()
        for match in re.finditer(r"\b\w+::\w+", f.code):
            header = header_of.get(match.group())
            if header and header not in asked and not _includes(header, _headers_of_others(tree, f, reached)):
                line = f.code.count("\n", 0, match.start()) + 1
                yield Complaint(f.path, line, "not-included", f"{match.group()} needs <{header}>", item=header)
            asked.add(header)


def _includes(header, paths):
    return header in paths or header.endswith("/") and any(path.startswith(header) for path in paths)


def _headers_of_others(tree, f, reached):
    """Every header of others that a file includes, itself or by way of headers of ours; `reached` keeps the answers."""
    if f.path not in reached:
        reached[f.path] = set()  # the answer inside a circle
        found = {path for _, path, quoted in f.includes if not quoted}
        for _, path, quoted in f.includes:
            if quoted and f"src/{path}" in tree.by_path:
                found |= _headers_of_others(tree, tree.by_path[f"src/{path}"], reached)
        reached[f.path] = found
    return reached[f.path]


def pragma_once(tree, rules):
    for f in tree.files:
        if f.is_header and not re.search(r"^#pragma once$", f.text, re.MULTILINE):
            yield Complaint(f.path, 1, "pragma-once", "a header says #pragma once")


def spdx(tree, rules):
    for f in _sources(tree):
        first = f.lines[1] if f.lines[0].startswith("#!") and len(f.lines) > 1 else f.lines[0]
        if _SPDX not in first:
            yield Complaint(f.path, 1, "spdx", f"the first line says {_SPDX}")


def manual(tree, rules):
    """A header says what it is for in its first lines."""
    for f in _room_files(tree):
        if f.is_header and not any(re.match(r"\s*(//|/\*)", line) for line in f.lines[1:8]):
            yield Complaint(f.path, 2, "manual", "the first lines say what this header is for")


def file_length(tree, rules):
    for f in _sources(tree):
        count = len(f.lines) - (f.lines[-1] == "")
        if count > rules.file_lines:
            yield Complaint(f.path, count, "file-length", f"{count} lines, at most {rules.file_lines}")


def comment_width(tree, rules):
    for f in tree.files:
        for number, line in enumerate(f.lines, 1):
            if f.is_cxx and len(line) > rules.comment_columns and re.match(r'[^"]*//', line):
                text = f"a comment of {len(line)} columns, at most {rules.comment_columns}"
                yield Complaint(f.path, number, "comment-width", text)


def function_length(tree, rules):
    for f in tree.files:
        if f.is_cxx:
            bodies = f.functions
        elif f.name.endswith(".py"):
            bodies = _python_functions(f.text)
        else:
            continue
        for name, first, last in bodies:
            count = last - first + 1
            if count > rules.function_lines:
                text = f"{name} has {count} lines, at most {rules.function_lines}"
                yield Complaint(f.path, first, "function-length", text, item=name)


def _python_functions(text):
    try:
        module = ast.parse(text)
    except SyntaxError:
        return []
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [(n.name, n.lineno, n.end_lineno) for n in ast.walk(module) if isinstance(n, kinds)]


def python_parses(tree, rules):
    for f in tree.files:
        if f.name.endswith(".py"):
            try:
                ast.parse(f.text)
            except SyntaxError as error:
                yield Complaint(f.path, error.lineno or 1, "python", error.msg)


def forbidden(tree, rules):
    for f in _room_files(tree):
        if f.is_test:
            continue
        for pattern, prefixes, message in rules.forbidden:
            if f.below_src.startswith(tuple(prefixes)):
                continue
            for match in pattern.finditer(f.code):
                line = f.code.count("\n", 0, match.start()) + 1
                word = match.group().strip().rstrip("(").strip()
                yield Complaint(f.path, line, "forbidden", f"{word}: {message}", item=word)


def has_test(tree, rules):
    """Every .cc is reached by a test of its room: x_test.cc beside it, or a test that includes its header."""
    reached = _headers_that_tests_include(tree)
    for f in _room_files(tree):
        if f.is_header or f.is_test or f.is_testing or f.room == "apps":
            continue
        stem = f.path.removesuffix(".cc")
        own = [f"{stem}.h"] if f"{stem}.h" in tree.by_path else []
        if not own:
            own = [f"src/{path}" for _, path, quoted in f.includes if quoted and path.startswith(f.room + "/")][:1]
        if f"{stem}_test.cc" not in tree.by_path and not any(header in reached for header in own):
            yield Complaint(f.path, 1, "no-test", f"no *_test.cc of {f.room} stands beside it or includes its header")


def _headers_that_tests_include(tree):
    """Headers that a *_test.cc includes from its own room, also by way of the room's testing/ files."""
    reached, todo = set(), [f for f in _room_files(tree) if f.name.endswith("_test.cc")]
    while todo:
        f = todo.pop()
        for _, path, quoted in f.includes:
            full = f"src/{path}"
            if not quoted or full in reached or full not in tree.by_path or not path.startswith(f.room + "/"):
                continue
            reached.add(full)
            if "/testing/" in full:
                todo.append(tree.by_path[full])
                implementation = tree.by_path.get(full.removesuffix(".h") + ".cc")
                if implementation:
                    todo.append(implementation)
    return reached


def whitespace(tree, rules):
    for f in tree.files:
        if not f.is_text:
            continue
        for number, line in enumerate(f.lines, 1):
            if "\t" in line:
                yield Complaint(f.path, number, "whitespace", "a tab")
            if line != line.rstrip():
                yield Complaint(f.path, number, "whitespace", "space at the end of the line")
        if f.text and not f.text.endswith("\n"):
            yield Complaint(f.path, len(f.lines), "whitespace", "no newline at the end of the file")


def links(tree, rules):
    """A link from one page to another file of the tree must lead there."""
    for f in tree.files:
        if not f.name.endswith(".md"):
            continue
        fenced = False
        for number, line in enumerate(f.lines, 1):
            fenced ^= line.lstrip().startswith("```")
            if fenced:
                continue
            for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
                if re.match(r"[a-z][a-z0-9+.-]*:|#", target):
                    continue
                folder = f.path.rsplit("/", 1)[0] if "/" in f.path else "."
                if not tree.exists(f"{folder}/{target.split('#', 1)[0]}"):
                    yield Complaint(f.path, number, "link", f"{target} leads nowhere")


ALL = [
    table, include_graph, linked_rooms, libraries, own_header_first, names_included, pragma_once, spdx, manual, file_length,
    comment_width, function_length, python_parses, forbidden, has_test, whitespace, links,
]
