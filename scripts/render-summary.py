#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws the summary that demo.sh printed as a picture of a terminal:

    ./demo.sh | tee demo.log
    scripts/render-summary.py demo.log docs/images/demo.svg

Nothing is made up: each line of the picture is a line of the log. A log without a summary is refused."""

import re
import sys
from pathlib import Path
from xml.sax.saxutils import escape

COLUMN, LINE, MARGIN, BAR = 8.4, 22, 24, 34  # pixels: a character, a line, around the text, the window's bar
INK, PALE, GREEN, GROUND, EDGE = "#e6edf3", "#8b949e", "#7ee787", "#0d1117", "#30363d"


def summary(log):
    """[(name, value)] of the last block of lines that are a name, two spaces and a value."""
    rows, block = [], []
    for line in [*log.splitlines(), ""]:
        match = re.match(r"  (\S.*?) {2,}(\S.*)$", line)
        if match:
            block.append(match.groups())
        elif block:
            rows, block = block, []
    return rows if any(name.startswith("files that equal") for name, _ in rows) else []


def text(x, y, words, colour):
    return f'<text x="{x:g}" y="{y:g}" fill="{colour}" xml:space="preserve">{escape(words)}</text>'


def picture(rows):
    left = max(len(name) for name, _ in rows) + 3
    width = MARGIN * 2 + COLUMN * (left + max(len(value) for _, value in rows))
    height = BAR + MARGIN * 2 + LINE * (len(rows) + 2)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14">',
        "<title>What demo.sh prints at its end</title>",
        f'<rect x="0.5" y="0.5" width="{width - 1:.0f}" height="{height - 1:.0f}" rx="8" fill="{GROUND}" stroke="{EDGE}"/>',
    ]
    out += [f'<circle cx="{MARGIN + 18 * i}" cy="{BAR / 2 + 2:g}" r="5.5" fill="{EDGE}"/>' for i in range(3)]
    y = BAR + MARGIN
    out.append(text(MARGIN, y, "$ ./demo.sh", GREEN))
    y += LINE * 2
    for name, value in rows:
        out += [text(MARGIN, y, name, PALE), text(MARGIN + COLUMN * left, y, value, INK)]
        y += LINE
    return "\n".join([*out, "</svg>", ""])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    rows = summary(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if not rows:
        sys.exit(f"{sys.argv[1]}: there is no summary of demo.sh in it")
    Path(sys.argv[2]).write_text(picture(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
