# SPDX-License-Identifier: Apache-2.0
"""The pages about the program say what it does: their command lines are taken, the messages they quote are printed, and the first page leads
to all others."""

import re
import shlex

import place
from place import ROOT, CliTest

# What the system or SQLite says, not this program.
OTHERS = {"No space left on device", "Input/output error", "Transport endpoint is not connected", "database disk image is malformed"}


def pages():
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def shell_lines(text):
    """The lines of a page's shell blocks and its inline code that call the program: lists of words."""
    blocks = re.findall(r"```(?:sh|bash|console)?\n(.*?)```", text, re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    for line in [line for block in blocks for line in block.splitlines()] + inline:
        for part in re.split(r"&&|\|\||[|;]", line.split(" #")[0]):
            part = part.strip().removeprefix("$ ")
            if re.match(r"(build/release/)?headrace\s+[a-z]", part):
                yield shlex.split(part)[1:]


class Lines(CliTest):
    def test_every_command_line_in_a_page_is_one_that_the_program_takes(self):
        known, seen = place.commands(), 0
        for page in pages():
            for words in shell_lines(page.read_text()):
                with self.subTest(f"{page.name}: headrace {' '.join(words)}"):
                    seen += 1
                    self.assertIn(words[0], known)
                    flags = {word.split("=")[0] for word in words[1:] if re.match(r"-{1,2}[a-z]", word)}
                    self.assertLessEqual(flags, known[words[0]])
        self.assertGreater(seen, 40)

    def test_the_quick_start_works_as_it_is_written(self):
        """Its commands in their order, with folders of this test in place of the machine's."""
        text = (ROOT / "docs/quick-start.md").read_text()
        text = text[text.index("## Your own data"):text.index("## A volume that JuiceFS made")]
        moved = {"/var/lib/headrace/": f"{self.folder}/", "/srv/headrace/objects": str(self.bucket), "/mnt/data": f"{self.folder}/mnt",
                 "~/images": f"{self.folder}/images", "2GiB": "128MiB --buffer-size 64MiB --metrics 127.0.0.1:0",
                 "curl -s http://127.0.0.1:9567/metrics": "true", "headrace stats": "headrace stats --count 1 --interval 100ms"}
        (self.folder / "images").mkdir()
        (self.folder / "images/part-0001").write_bytes(bytes(range(256)) * 8192)
        self.addCleanup(self.end_mount, self.folder / "mnt")
        script = "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
        for old, new in moved.items():
            script = script.replace(old, new)
        lines = script.splitlines()
        self.assertGreaterEqual(len(lines), 12)
        destroy = lines.pop()
        for line in lines:
            line = line.replace("headrace ", f"{place.PLACE.program.path} ") if line.startswith("headrace ") else line
            self.sh(line + (f" --log {self.folder}/log" if " mount -d " in line else ""), cwd=self.folder)
        uuid = self.document("VolumeStatus", "status", self.url.replace("meta.db", "data.db"))["setting"]["UUID"]
        self.assertIn("UUID", destroy)
        self.works(*shlex.split(destroy.replace("UUID", uuid))[1:], "--yes")
        self.assertEqual([path for path in self.bucket.rglob("*") if path.is_file()], [])


class Messages(CliTest):
    def setUp(self):
        super().setUp()
        source = "\n".join(path.read_text() for path in sorted((ROOT / "src").rglob("*.cc")) if not path.name.endswith(("_test.cc", "_fuzz.cc")))
        source = re.sub(r'"\s*\n?\s*"', "", source)  # adjacent literals are one
        self.source = re.sub(r"\\(.)", r"\1", source)

    def said(self, message):
        """Whether the program has all the fixed parts of this message."""
        return all(part in self.source for part in re.split(r"\s*…\s*", message) if part)

    def test_every_message_that_a_page_quotes_is_in_the_program(self):
        text = (ROOT / "docs/troubleshooting.md").read_text()
        quoted = re.findall(r"^### `(.+)`$", text, re.MULTILINE)
        self.assertGreater(len(quoted), 30)
        formats = (ROOT / "docs/formats.md").read_text()
        quoted += re.findall(r"\| `(the volume[^`]+|objects in[^`]+)` \|$", formats, re.MULTILINE)
        self.assertEqual([message for message in quoted if message not in OTHERS and not self.said(message)], [])

    def test_every_refusal_of_a_volume_is_on_the_page_of_the_format(self):
        formats = (ROOT / "docs/formats.md").read_text()
        said = (ROOT / "src/meta/admission.cc").read_text() + (ROOT / "src/meta/volume.cc").read_text()
        refusals = [text for text in re.findall(r'"(the volume (?:is|has|keeps|asks)[^"]*)', said) if "from now on" not in text]
        self.assertGreaterEqual(len(refusals), 6)
        for refusal in refusals:
            self.assertIn(refusal.split("(")[0].split(":")[0].strip(), formats)


class Index(CliTest):
    def test_the_first_page_leads_to_every_other(self):
        linked = set(re.findall(r"\]\(([a-z-]+\.md)\)", (ROOT / "docs/index.md").read_text()))
        self.assertEqual(linked, {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"})

    def test_every_link_to_a_heading_leads_to_one(self):
        for page in pages():
            for target, anchor in re.findall(r"\]\(([^)#\s:]*)#([^)]+)\)", page.read_text()):
                text = ((page.parent / target) if target else page).read_text()
                headings = {re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")
                            for line in re.findall(r"^#+ .*$", text, re.MULTILINE)}
                self.assertIn(anchor, headings, f"{page.name}: {target}#{anchor}")

    def test_the_pictures_are_there(self):
        for page in pages():
            for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text()):
                self.assertTrue((page.parent / path).is_file(), f"{page.name}: {path}")
