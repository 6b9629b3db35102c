# SPDX-License-Identifier: Apache-2.0
"""Just enough reading of C++ for the checks: text without comments, includes, and where functions begin and end."""

import re

_RAW_STRING = re.compile(r'R"([^()\\\s]{0,16})\(')


def blank(text, strings=True):
    """The text with comments (and the insides of strings) turned into spaces; every line keeps its number."""
    out = []
    i, n = 0, len(text)

    def hide(start, end):
        out.append("".join(c if c == "\n" else " " for c in text[start:end]))

    while i < n:
        c = text[i]
        if text.startswith("//", i):
            end = i
            while end < n and (text[end] != "\n" or text[end - 1] == "\\"):
                end += 1
            hide(i, end)
            i = end
        elif text.startswith("/*", i):
            end = text.find("*/", i + 2)
            end = n if end < 0 else end + 2
            hide(i, end)
            i = end
        elif c == "R" and (raw := _RAW_STRING.match(text, i)) and not (i and (text[i - 1].isalnum() or text[i - 1] == "_")):
            close = ")" + raw.group(1) + '"'
            end = text.find(close, raw.end())
            end = n if end < 0 else end + len(close)
            out.append('""') if strings else out.append(text[i:end])
            if strings:
                hide(i + 2, end)
            i = end
        elif c == '"' or (c == "'" and not (i and text[i - 1].isalnum())):
            end = i + 1
            while end < n and text[end] != c and text[end] != "\n":
                end += 2 if text[end] == "\\" else 1
            end = min(end + 1, n)
            if strings:
                out.append(c)
                hide(i + 1, end - 1)
                out.append(text[end - 1])
            else:
                out.append(text[i:end])
            i = end
        else:
            out.append(c)
            i += 1
    return "".join(out)


def includes(text):
    """Every include as (line number, path, is_quoted)."""
    found = []
    for number, line in enumerate(blank(text, strings=False).split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', line)
        if match:
            found.append((number, match.group(1) or match.group(2), match.group(1) is not None))
    return found


def _without_preprocessor(code):
    lines = code.split("\n")
    inside = False
    for i, line in enumerate(lines):
        directive = inside or line.lstrip().startswith("#")
        inside = directive and line.rstrip().endswith("\\")
        if directive:
            lines[i] = ""
    return "\n".join(lines)


_SCOPE = re.compile(r"\b(namespace|class|struct|union|enum)\b|extern\s*\"")
_TYPE_OR_NAMESPACE = re.compile(r"\s*(template\s*<[^{]*>\s*)?(inline\s+)?(class|struct|union|enum|namespace)\b")
_ENDS_AS_SIGNATURE = re.compile(r"\)\s*(const|noexcept|override|final|&|\s)*$")
_CONSTRUCTOR_LIST = re.compile(r"\)[\w\s]*:(?!:)")
_NOT_A_NAME = {"requires", "noexcept", "decltype", "alignas", "explicit", "__attribute__"}


def _kind(statement):
    """What a `{` at namespace or class scope opens, from the text since the last statement."""
    if "(" not in statement:
        return "scope" if _SCOPE.search(statement) else "value"
    if _TYPE_OR_NAMESPACE.match(statement) and not _ENDS_AS_SIGNATURE.search(statement):
        return "scope"  # class CAPABILITY("mutex") Mutex : Base
    if _CONSTRUCTOR_LIST.search(statement) and re.search(r"[\w>]\s*$", statement):
        return "value"  # a member's initial value: `: size_{0}`
    outline = _outline(statement)
    if re.search(r"(?<![<>=!])=(?!=)", outline) and "operator" not in outline:
        return "value"
    return "function"


def _outline(statement):
    """The statement without what stands in parentheses, and without `template <...>`."""
    depth, kept = 0, []
    for c in statement.replace("operator()", "operator@"):
        depth -= c == ")"
        if depth <= 0:
            kept.append(c)
        depth += c == "("
    return re.sub(r"^\s*template\s*<[^{]*?>(?=\s*[\w\[:~])", "", "".join(kept)).replace("operator@", "operator()")


def functions(text):
    """Every function body as (name, first line, last line), from the line that begins its signature."""
    code = _without_preprocessor(blank(text))
    found = []
    stack = []  # kinds of the open braces
    statement, statement_line, line = "", 1, 1
    depth_in_function = 0
    for c in code:
        if c == "\n":
            line += 1
        if depth_in_function:
            depth_in_function += {"{": 1, "}": -1}.get(c, 0)
            if depth_in_function == 0:
                name, first = stack.pop()
                found.append((name, first, line))
                statement = ""
            continue
        if c == "{":
            kind = "value" if stack and stack[-1] == "value" else _kind(statement)
            if kind == "function":
                stack.append((_name(statement), statement_line))
                depth_in_function = 1
                continue
            stack.append(kind)
            if kind == "scope":
                statement = ""
        elif c == "}":
            if stack and stack.pop() == "scope":
                statement = ""
        elif c == ";" and (not stack or stack[-1] != "value"):
            statement = ""
        else:
            if not statement.strip():
                statement, statement_line = "", line
            statement += c
            if c == ":" and re.search(r"\b(public|private|protected)\s*:$", statement):
                statement = ""
    return found


def _name(statement):
    test = re.search(r"\b(?:TYPED_)?TEST(?:_[FP])?\s*\(\s*(\w+)\s*,\s*(\w+)", statement)
    if test:
        return f"{test.group(1)}.{test.group(2)}"
    names = re.finditer(r"((?:[~\w]+(?:<[^<>()]*>)?::)*(?:operator\s*(?:\(\)|[^\s(]+)|~?\w+))\s*\(", _outline(statement))
    return next((m.group(1) for m in names if m.group(1) not in _NOT_A_NAME), "(unnamed)")
