#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Images against plain bytes: what tests believe about files must itself be true."""

import random
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from headrace_testing.content import Image, Span, content, decode, describe, first_difference, tag_of  # noqa: E402


class Content(unittest.TestCase):
    def test_every_8_bytes_say_who_wrote_them_and_where_they_belong(self):
        tag = tag_of(7, "a/b", 3)
        data = content(tag, 4096, 8192)
        self.assertEqual(decode(data[80:88]), (tag, 4176))

    def test_a_piece_of_the_content_is_a_piece_of_the_whole(self):
        whole = content(9, 0, 1000)
        for start, end in ((0, 1), (3, 5), (7, 9), (8, 16), (13, 999), (1000, 1000)):
            self.assertEqual(content(9, start, end), whole[start:end])

    def test_versions_and_paths_and_volumes_differ(self):
        tags = {tag_of(seed, path, version) for seed in (1, 2) for path in ("a", "b") for version in (1, 2, 3)}
        self.assertEqual(len(tags), 12)

    def test_the_first_difference_is_the_first(self):
        wanted = bytes(range(256)) * 4
        for at in (0, 1, 511, 1023):
            got = bytearray(wanted)
            got[at] ^= 1
            got[1023] ^= 2
            self.assertEqual(first_difference(wanted, bytes(got)), at)
        self.assertEqual(first_difference(wanted, wanted[:-1]), 1023)
        self.assertIsNone(first_difference(wanted, wanted))

    def test_a_description_names_the_writer_or_says_that_there_is_none(self):
        self.assertIn("version 4", describe(content(5, 0, 64), 17, {5: "version 4"}))
        self.assertIn("nobody", describe(content(6, 0, 64), 17, {5: "version 4"}))
        self.assertIn("zeros", describe(bytes(64), 17, {}))


class Images(unittest.TestCase):
    def test_an_image_reads_as_the_bytes_it_stands_for(self):
        seed = time.time_ns() % (1 << 32)
        rng = random.Random(seed)
        for _ in range(60):
            self.play(rng, f"seed {seed}")

    def play(self, rng, note):
        image, plain, other = Image(), bytearray(), Image(300, [Span(10, 90, 77), Span(100, 250, 78, 4)])
        other_plain = bytearray(other.read(0, 300))
        for tag in range(1, 60):
            offset, length = rng.randrange(300), rng.randrange(1, 120)
            kind = rng.choice(("write", "zero", "truncate", "copy", "self"))
            if kind == "write":
                image.write(offset, length, tag)
                plain += bytes(max(0, offset + length - len(plain)))
                plain[offset : offset + length] = content(tag, offset, offset + length)
            elif kind == "zero":
                image.zero(offset, length)
                end = min(len(plain), offset + length)
                plain[offset:end] = bytes(max(0, end - offset))
            elif kind == "truncate":
                image.truncate(offset)
                plain = plain[:offset] + bytes(max(0, offset - len(plain)))
            else:
                source, bytes_of = (other, other_plain) if kind == "copy" else (image.copy(), bytearray(plain))
                start = rng.randrange(300)
                moved = bytes_of[start : start + length]
                self.assertEqual(image.copy_from(source, start, offset, length), len(moved), note)
                if moved:
                    plain += bytes(max(0, offset + len(moved) - len(plain)))
                    plain[offset : offset + len(moved)] = moved
            self.assertEqual(image.length, len(plain), note)
            self.assertEqual(image.read(0, 1 << 20), bytes(plain), note)
            start, end = sorted((rng.randrange(400), rng.randrange(400)))
            self.assertFalse(any(s.start >= s.end for s in image.spans_in(start, end)), note)
            self.assertEqual(image.spans_in(start, start), [], note)
            self.assertEqual(image.read(start, end), bytes(plain[start:end]), note)


if __name__ == "__main__":
    unittest.main()
