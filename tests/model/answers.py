# SPDX-License-Identifier: Apache-2.0
"""What may come of a step, and how to say that something else did."""

from headrace_testing.content import first_difference


class Answer:
    """What must come of a step: exactly `value`."""

    def __init__(self, value):
        self.value = value

    def complaint(self, got):
        """"" when `got` is right, else a sentence."""
        return "" if got == self.value else f"expected {short(self.value)}, got {short(got)}"


class OneOf(Answer):
    def complaint(self, got):
        return "" if got in self.value else f"expected {' or '.join(self.value)}, got {short(got)}"


class Bytes(Answer):
    """Bytes of a file, read at `offset`. `old` is what may be seen instead where a store through a mapping is on its way."""

    def __init__(self, value, offset, old=None):
        super().__init__(value)
        self.offset, self.old = offset, old

    def complaint(self, got):
        if not isinstance(got, bytes):
            return f"expected {len(self.value)} bytes, got {short(got)}"
        if len(got) != len(self.value):
            return f"expected {len(self.value)} bytes, got {len(got)}"
        at = first_difference(self.value, got)
        if at is None or (self.old is not None and all(g in (n, o) for g, n, o in zip(got, self.value, self.old))):
            return ""
        return (f"{len(got)} bytes read at {self.offset} differ from byte {self.offset + at} on: expected "
                f"{self.value[at:at + 16].hex()}, got {got[at:at + 16].hex()}")


class SeekAnswer(Answer):
    """Anything that hides no data and shows no hole where data are."""

    def __init__(self, image, offset, for_data):
        super().__init__(None)
        self.image, self.offset, self.for_data = image.copy(), offset, for_data

    def complaint(self, got):
        size = self.image.length
        if self.offset >= size:
            return "" if got == "ENXIO" else f"expected ENXIO, got {short(got)}"
        if self.for_data:
            end = size if got == "ENXIO" else got
            if not isinstance(end, int) or not self.offset <= end <= size:
                return f"SEEK_DATA from {self.offset} of {size} gave {short(got)}"
            skipped = self.image.spans_in(self.offset, end)
            return f"SEEK_DATA gave {got} and skipped data at {skipped[0].start}" if skipped else ""
        if not isinstance(got, int) or not self.offset <= got <= size:
            return f"SEEK_HOLE from {self.offset} of {size} gave {short(got)}"
        return f"SEEK_HOLE gave {got}, where data are" if got < size and self.image.spans_in(got, got + 1) else ""


def short(value):
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}… ({len(text)} characters)"
