# SPDX-License-Identifier: Apache-2.0
"""What bench/run writes: JSON with every round, a Markdown table of medians and ratios, an SVG chart of the ratios."""
import html
import json
import statistics


def median(values):
    return statistics.median(values) if values else float("nan")


def spread(values):
    """Half of the distance between the quartiles, as a share of the median."""
    if len(values) < 4 or not median(values):
        return float("nan")
    quarters = statistics.quantiles(values, n=4)
    return (quarters[2] - quarters[0]) / 2 / median(values)


def human(value, unit):
    if unit == "B/s":
        return f"{value / 1e9:.2f} GB/s"
    if unit == "s":
        return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"
    if unit == "MiB":
        return f"{value:.1f} MiB"
    if unit == "share":
        return f"{value * 100:.1f} %"
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.2f} {unit}"


def write_json(path, document):
    with open(path, "w", encoding="utf-8") as out:
        json.dump(document, out, indent=1)
        out.write("\n")


def ratio_of(row, of, to):
    a, b = row["values"].get(of), row["values"].get(to)
    if not a or not b:
        return None
    quotient = median(a) / median(b)
    return 1 / quotient if row["lower_is_better"] else quotient


def write_markdown(path, document):
    lines = ["<!-- made by bench/run; do not edit -->", "# Benchmarks", "", document["machine"], "",
             f"{document['rounds']} rounds, all contestants interleaved in each; medians (± half the distance between the quartiles). "
             "A ratio above 1 means Headrace is faster. Bytes are compared with their source outside the timed part of the same run. "
             "What stands in the way of a figure that is not met: [limits](limits.md).", "",
             "![Headrace as a share of each row's limit](ratios.svg)", ""]
    for row in document["rows"]:
        lines += [f"## {row['title']}", "", row["state"], "", "| who | median | spread | Headrace is |", "|---|--:|--:|--:|"]
        for name, values in row["values"].items():
            ratio = ratio_of(row, "headrace", name)
            lines.append(f"| {name} | {human(median(values), row['unit'])} | ± {spread(values) * 100:.0f} % | "
                         + ("–" if name == "headrace" or ratio is None else f"{ratio:.2f} ×") + " |")
        lines.append("")
        if row.get("measured"):
            lines.append(f"* measured {row['measured']}")
        for wanted in row["wanted"]:
            got = wanted["got"]
            lines.append(f"* wanted {wanted['text']}: " + ("not measured" if got is None else f"**{got}**, {'met' if wanted['met'] else 'not met'}"))
        if row.get("server_cpu"):
            lines.append(f"* the server's CPU: {row['server_cpu']}")
        if row.get("note"):
            lines.append(f"* {row['note']}")
        lines.append("")
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(lines))


def write_svg(path, document):
    """Bars of Headrace over the limit of each row, on one scale; the line at 1 is the limit itself."""
    bars = [(row["title"], ratio_of(row, "headrace", row["limit"])) for row in document["rows"] if row.get("limit")]
    bars = [(title, ratio) for title, ratio in bars if ratio is not None]
    width, left, step, top = 960, 440, 30, 46
    scale = (width - left - 70) / max([1.2] + [min(ratio, 2.5) for _, ratio in bars])
    height = top + step * len(bars) + 20
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
             f'<rect width="{width}" height="{height}" fill="white"/>',
             f'<text x="20" y="20" fill="#333">Headrace as a share of the limit measured in the same run (1 = the limit)</text>']
    line = left + scale
    parts.append(f'<line x1="{line:.0f}" y1="{top - 8}" x2="{line:.0f}" y2="{height - 10}" stroke="#c1121f" stroke-dasharray="4 3"/>')
    for i, (title, ratio) in enumerate(bars):
        y = top + i * step
        parts.append(f'<text x="{left - 10}" y="{y + 14}" text-anchor="end" fill="#222">{html.escape(title)}</text>')
        parts.append(f'<rect x="{left}" y="{y}" width="{max(1.0, min(ratio, 2.5) * scale):.0f}" height="20" fill="#2a6f97"/>')
        at = left + min(ratio, 2.5) * scale + 6
        parts.append(f'<rect x="{at - 2:.0f}" y="{y + 1}" width="38" height="18" fill="white"/>')  # the line at 1 stays out of the number
        parts.append(f'<text x="{at:.0f}" y="{y + 14}" fill="#222">{ratio:.2f}</text>')
    parts.append("</svg>")
    with open(path, "w", encoding="utf-8") as out:
        out.write("\n".join(parts) + "\n")
