# SPDX-License-Identifier: Apache-2.0
"""Test data that says where it comes from: every 8 bytes name who wrote them and where in the file they belong, so that a
mixture, a shift, a hole or a stranger's block shows at once. And images: what a file should hold, without holding it."""

import hashlib
from bisect import bisect_right
from dataclasses import dataclass, field

WORD = 8
_INDEX_BITS = 28  # words of a file: 2 GiB
_TAG_BITS = 64 - _INDEX_BITS
FILE_BYTES_MAX = WORD << _INDEX_BITS
# The two bytes of a word that differ within a stretch of 65,536 words.
_STRETCH = 1 << 16
_LOW = bytes(range(256)) * 256
_HIGH = b"".join(bytes([byte]) * 256 for byte in range(256))


def tag_of(*what):
    """A tag (never 0) for whoever writes: the volume's seed, the path, the version."""
    digest = hashlib.blake2b("\0".join(map(str, what)).encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "little") % ((1 << _TAG_BITS) - 1) + 1


def content(tag, start, end):
    """The bytes [start, end) of a file that is written under this tag all over."""
    first, last = start // WORD, -(-end // WORD)
    parts, at = [], first
    while at < last:
        stop = min(last, at - at % _STRETCH + _STRETCH)
        parts.append(_words(tag, at, stop - at))
        at = stop
    return b"".join(parts)[start - first * WORD : end - first * WORD]


def _words(tag, first, count):
    """Words of one stretch: all of the number but its two lowest bytes is the same for each."""
    low = first % _STRETCH
    data = bytearray((tag << _INDEX_BITS | first - low).to_bytes(WORD, "little") * count)
    data[0::WORD] = _LOW[low : low + count]
    data[1::WORD] = _HIGH[low : low + count]
    return data


def decode(word):
    """(tag, offset in the file) of 8 bytes; the tag is 0 where nothing was written."""
    number = int.from_bytes(word, "little")
    return number >> _INDEX_BITS, (number & ((1 << _INDEX_BITS) - 1)) * WORD


@dataclass(frozen=True)
class Span:
    """[start, end) of a file holds what was written under `tag`, moved up by `shift` bytes (a copy)."""

    start: int
    end: int
    tag: int
    shift: int = 0

    def cut(self, start, end):
        return Span(max(start, self.start), min(end, self.end), self.tag, self.shift)

    def moved(self, by):
        return Span(self.start + by, self.end + by, self.tag, self.shift + by)

    def bytes(self):
        return content(self.tag, self.start - self.shift, self.end - self.shift)


@dataclass
class Image:
    """What a file holds: spans over zeros, up to a length."""

    length: int = 0
    spans: list = field(default_factory=list)  # in order, apart from each other

    def copy(self):
        return Image(self.length, list(self.spans))

    def spans_in(self, start, end):
        """The spans of [start, end), cut to it."""
        if end <= start:
            return []
        found, at = [], max(0, bisect_right(self.spans, start, key=lambda span: span.start) - 1)
        for span in self.spans[at:]:
            if span.start >= end:
                break
            if span.end > start:
                found.append(span.cut(start, end))
        return found

    def put(self, start, end, spans):
        """[start, end) now holds these spans, zeros between them. The length stays."""
        before = self.spans_in(0, start)
        behind = self.spans_in(end, max(end, self.spans[-1].end if self.spans else 0))
        self.spans = before + list(spans) + behind

    def write(self, offset, length, tag):
        if length:
            self.put(offset, offset + length, [Span(offset, offset + length, tag)])
            self.length = max(self.length, offset + length)

    def zero(self, offset, length):
        self.put(offset, offset + length, [])

    def truncate(self, length):
        if length < self.length:
            self.put(length, self.length, [])
        self.length = length

    def copy_from(self, source, source_offset, offset, length):
        """As copy_file_range: at most what the source has. Returns how many bytes."""
        length = max(0, min(length, source.length - source_offset))
        if length:
            moved = [s.moved(offset - source_offset) for s in source.spans_in(source_offset, source_offset + length)]
            self.put(offset, offset + length, moved)
            self.length = max(self.length, offset + length)
        return length

    def read(self, start, end):
        """The bytes [start, end), as far as the file goes."""
        end = min(end, self.length)
        parts, at = [], start
        for span in self.spans_in(start, end):
            parts += [bytes(span.start - at), span.bytes()]
            at = span.end
        return b"".join([*parts, bytes(max(0, end - at))])

    def borders(self):
        """Every offset where something else begins, 0 and the length among them, in order."""
        found = {0, self.length}
        for span in self.spans:
            found.update((span.start, span.end))
        return sorted(found)


def first_difference(wanted, got):
    """Where two byte strings begin to differ; None when they are equal."""
    if wanted == got:
        return None
    low, high = 0, min(len(wanted), len(got))
    if wanted[:high] == got[:high]:
        return high
    while high - low > 1:  # [0, low) is equal, [0, high) is not
        middle = (low + high) // 2
        if wanted[low:middle] == got[low:middle]:
            low = middle
        else:
            high = middle
    return low


def describe(data, at, names=None):
    """A sentence about the 8 bytes around offset `at` of `data`; `names` says what a tag means."""
    start = at - at % WORD
    word = bytes(data[start : start + WORD])
    if not any(word):
        return f"zeros at {start}"
    if len(word) < WORD:
        return f"{word.hex()} at {start}"
    tag, offset = decode(word)
    who = (names or {}).get(tag)
    return f"{who or f'tag {tag:#x}'}, of offset {offset}, at {start}" if who or names is None else f"{word.hex()} (nobody's) at {start}"
