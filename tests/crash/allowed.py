# SPDX-License-Identifier: Apache-2.0
"""What a file system may show after a crash, given what it was asked and what it acknowledged:

  - the bytes of a file: what fsync or close acknowledged, and over it any part of what was written later, but no byte of
    anybody else and none that was overwritten before the acknowledgement; a truncation or a hole happened wholly or not;
  - a file that was only ever appended to: a beginning of what was written, at least as long as acknowledged;
  - names: one worker's operations up to some point, all of those before it and none behind, at least the acknowledged.

No file system is touched here: everything is told to a Ledger, one for each worker, event by event."""

from collections import deque
from dataclasses import dataclass, field

from headrace_testing.content import WORD, Image, Span, content, describe, first_difference

PAGE = 4096
HISTORY = 24  # events kept of each file, to be printed when it is wrong


class Wrong(Exception):
    """What is shown is not allowed; says why."""


@dataclass
class Stage:
    """A file as it was when something happened to it as a whole, and the writes since."""

    base: Image
    writes: list = field(default_factory=list)  # (start, end, tag), the oldest first

    def current(self):
        image = self.base.copy()
        for start, end, tag in self.writes:
            image.write(start, end - start, tag)
        return image


class FileStates:
    """The bytes that one file may have. `is_ordered`: it is only appended to."""

    def __init__(self, is_ordered):
        self.is_ordered = is_ordered
        self.stages = [Stage(Image())]  # the acknowledged first, the current last
        self.history = deque(maxlen=HISTORY)

    def write(self, offset, length, tag):
        self.stages[-1].writes.append((offset, offset + length, tag))

    def change(self, change):
        """Something that happens wholly or not, and after all writes before it: change(image)."""
        image = self.current()
        change(image)
        self.stages.append(Stage(image))

    def acknowledge(self):
        self.stages = [Stage(self.current())]

    def current(self):
        return self.stages[-1].current()

    def is_settled(self):
        """Whether there is just one thing the file may hold."""
        return len(self.stages) == 1 and not self.stages[0].writes

    def found(self, data, names=None):
        """The image of what a file holds after a crash; raises Wrong when that is not allowed."""
        if self.is_ordered:
            return self._found_ordered(data, names)
        problem = None
        for stage in reversed(self.stages):
            try:
                return _explain(stage, data, names)
            except Wrong as wrong:
                problem = problem or wrong
        raise problem

    def _found_ordered(self, data, names):
        image, kept = self.current(), self.stages[0].base.length
        if len(data) < kept:
            raise Wrong(f"{len(data)} bytes are left of {kept} that were acknowledged")
        if len(data) > image.length:
            raise Wrong(f"{len(data)} bytes, but only {image.length} were ever written")
        wanted = image.read(0, len(data))
        at = first_difference(wanted, data)
        if at is not None:
            where = "acknowledged" if at < kept else "written and not acknowledged"
            raise Wrong(f"byte {at} of {len(data)}, {where}: {describe(data, at, names)}, should be {describe(wanted, at, names)}")
        image.truncate(len(data))
        return image


def _explain(stage, data, names):
    """What of the writes behind a stage is in `data`, as an image."""
    base = stage.base.copy()
    reach = max([base.length, *(end for _, end, _ in stage.writes)])
    if not base.length <= len(data) <= reach:
        raise Wrong(f"{len(data)} bytes; {base.length} were acknowledged, writes since then reach to {reach}")
    base.length = reach
    borders = {0, len(data), *(b for b in stage.base.borders() if b < len(data))}
    for start, end, _ in stage.writes:
        borders.update(b for b in (start, end) if b < len(data))
    borders, spans = sorted(borders), []
    for start, end in zip(borders, borders[1:]):
        tags = [tag for first, last, tag in reversed(stage.writes) if first <= start and end <= last]
        _explain_piece(base, tags, data, start, end, spans, names)
    last = spans[-1].end if spans else 0
    if len(data) > stage.base.length and last < len(data):
        raise Wrong(f"the length is {len(data)}, with nothing written at the end")
    return Image(len(data), spans)


def _explain_piece(base, tags, data, start, end, spans, names):
    """Finds whose bytes [start, end) are; in smaller and smaller pieces if they are not one writer's."""
    piece = data[start:end]
    for tag in tags:
        if piece == content(tag, start, end):
            spans.append(Span(start, end, tag))
            return
    if piece == base.read(start, end):
        spans.extend(base.spans_in(start, end))
        return
    size = PAGE if end - start > PAGE else WORD
    if end - start <= WORD:
        raise Wrong(f"{describe(data, start, names)}; allowed: "
                    + ", ".join([(names or {}).get(tag, f"tag {tag:#x}") for tag in tags] + [_base_word(base, start, names)]))
    at = start
    while at < end:
        stop = min(end, at - at % size + size)
        _explain_piece(base, tags, data, at, stop, spans, names)
        at = stop


def _base_word(base, start, names):
    return describe(base.read(0, start + WORD), start, names) if start < (1 << 20) else "the acknowledged bytes"


FILE, DIRECTORY = "file", "dir"


class Names:
    """One worker's part of the tree: {path: entry}, an entry is (FILE, number), (DIRECTORY,) or ("symlink", target)."""

    def __init__(self):
        self.base = {}
        self.operations = []  # not acknowledged, in order; the last may be in flight
        self.done = 0         # of them
        self.view = {}        # as it is when nothing crashes

    def begin(self, operation):
        self.operations.append(operation)
        apply(self.view, operation)

    def finish(self):
        """The latest operation has returned."""
        self.done = len(self.operations)

    def acknowledge(self, is_concerned):
        """All operations up to the latest finished one that is_concerned(operation) are durable."""
        last = max((n for n, o in enumerate(self.operations[: self.done], 1) if is_concerned(o)), default=0)
        for operation in self.operations[:last]:
            apply(self.base, operation)
        del self.operations[:last]
        self.done -= last

    def found(self, shown):
        """The allowed state that equals `shown`, {path: (kind, ...)} with no numbers; raises Wrong."""
        state, match, nearest = dict(self.base), None, None
        for operation in [None, *self.operations]:
            if operation:
                apply(state, operation)
            wrong = _difference(state, shown)
            if not wrong:
                match = dict(state)
            elif nearest is None or len(wrong) <= len(nearest):
                nearest = wrong
        if match is None:
            raise Wrong(f"the names are those of no moment since the last acknowledgement; nearest: {'; '.join(nearest[:6])}")
        return match

    def adopt(self, state):
        self.base, self.view, self.operations, self.done = state, dict(state), [], 0


def _difference(state, shown):
    wrong = [f"{path} is missing" for path in state if path not in shown]
    wrong += [f"{path} should not be there" for path in shown if path not in state]
    return wrong + [f"{path} is {shown[path]}, not {_public(entry)}" for path, entry in state.items()
                    if path in shown and tuple(shown[path]) != _public(entry)]


def _public(entry):
    return (FILE,) if entry[0] == FILE else entry


def apply(tree, operation):
    """One operation on names, done to a dictionary."""
    kind, path, *rest = operation
    if kind in ("unlink", "rmdir"):
        del tree[path]
    elif kind == "rename":
        (target,) = rest
        tree[target] = tree.pop(path)
        if tree[target] == (DIRECTORY,):
            for below in [p for p in tree if p.startswith(f"{path}/")]:
                tree[target + below[len(path) :]] = tree.pop(below)
    else:
        tree[path] = {"create": (FILE, *rest), "mkdir": (DIRECTORY,), "symlink": ("symlink", *rest)}[kind]


def parent(path):
    return path.rpartition("/")[0]


class Ledger:
    """All that one worker asked of the file system. begin(event), then done(), or nothing when it crashed.

    Events: create PATH NUMBER IS_ORDERED · mkdir PATH · rmdir PATH · unlink PATH · rename OLD NEW · symlink PATH TARGET ·
    write NUMBER OFFSET LENGTH TAG · truncate NUMBER LENGTH · punch NUMBER OFFSET LENGTH · sync NUMBER (fsync, close, msync) ·
    syncdir PATH · append SEQUENCE TAG · appendsync (of the log that all share)."""

    def __init__(self, worker):
        self.worker = worker
        self.names = Names()
        self.files = {}
        self.touched = set()    # files that changed since the last crash
        self.pending = None
        self.tags = {}          # tag -> (file's number, words about it)
        self.appended = {}      # sequence -> tag, of records that are or may be in the shared log
        self.appended_max = -1
        self.acknowledged_append = -1

    def begin(self, event):
        self.pending = event
        kind, *rest = event
        if kind in ("create", "mkdir", "rmdir", "unlink", "rename", "symlink"):
            if kind == "create":
                path, number, is_ordered = rest
                self.files[number] = FileStates(is_ordered)
                event = [kind, path, number]
            self.names.begin(event)
        if kind in ("create", "write", "truncate", "punch", "sync"):
            self.begin_bytes(kind, rest[1] if kind == "create" else rest[0], rest)
        elif kind == "append":
            sequence, tag = rest
            self.appended[sequence] = tag
            self.appended_max = sequence
            self.tags[tag] = (None, f"record {sequence} of worker {self.worker}")

    def begin_bytes(self, kind, number, rest):
        file = self.files[number]
        self.touched.add(number)
        file.history.append(" ".join(map(str, self.pending)))
        if kind == "write":
            _, offset, length, tag = rest
            file.write(offset, length, tag)
            self.tags[tag] = (number, f"a write of {length} bytes at {offset} of file {number} of worker {self.worker}")
        elif kind == "truncate":
            file.change(lambda image: image.truncate(rest[1]))
        elif kind == "punch":
            file.change(lambda image: image.zero(rest[1], rest[2]))

    def done(self):
        kind, *rest = self.pending
        if kind in ("create", "mkdir", "rmdir", "unlink", "rename", "symlink"):
            self.names.finish()
        elif kind == "sync":
            self.files[rest[0]].acknowledge()
            self.files[rest[0]].history.append("acknowledged")
            self.names.acknowledge(self.concerns_file(rest[0]))
        elif kind == "syncdir":
            self.names.acknowledge(lambda operation: any(parent(path) == rest[0] for path in paths_of(operation)))
        elif kind == "appendsync":
            self.acknowledged_append = self.appended_max
        self.pending = None

    def concerns_file(self, number):
        """Which operations gave a file the name that it has."""
        paths = {path for path, entry in self.names.view.items() if entry == (FILE, number)}

        def is_concerned(operation):
            return operation[0] == "create" and operation[2] == number or operation[0] == "rename" and operation[2] in paths

        return is_concerned

    def new_number(self):
        return max(self.files, default=0) + 1

    def adopt(self, state, images):
        """After a crash: what was found is what there is. `images` of the files that were looked at, by number."""
        self.names.adopt(state)
        numbers = {entry[1] for entry in state.values() if entry[0] == FILE}
        last = max(self.files, default=0)
        self.files = {n: file for n, file in self.files.items() if n in numbers or n == last}  # numbers are not used again
        for number, image in images.items():
            if number in self.files:
                self.files[number].stages = [Stage(image)]
                self.files[number].history.append(f"found {image.length} bytes after a crash")
        self.tags = {tag: what for tag, what in self.tags.items() if what[0] in self.files}
        self.touched.clear()
        self.pending = None

    def adopt_log(self, count):
        """After a crash the shared log has so many records of this worker."""
        self.appended = {sequence: tag for sequence, tag in self.appended.items() if sequence < count}
        self.appended_max = self.acknowledged_append = count - 1


def paths_of(operation):
    return operation[1:3] if operation[0] == "rename" else operation[1:2]


def check_log(data, ledgers, record_bytes):
    """The log that all workers append to: every record whole, each worker's in order and once, the acknowledged all there.
    Returns how many each worker has; raises Wrong."""
    if len(data) % record_bytes:
        raise Wrong(f"the shared log has {len(data)} bytes, no multiple of {record_bytes}")
    owners = {tag: (ledger.worker, sequence) for ledger in ledgers for sequence, tag in ledger.appended.items()}
    counts = {ledger.worker: 0 for ledger in ledgers}
    for start in range(0, len(data), record_bytes):
        record = data[start : start + record_bytes]
        tag = int.from_bytes(record[:WORD], "little") >> 28
        if tag not in owners or record != content(tag, 0, record_bytes):
            raise Wrong(f"the record at {start} of the shared log is nobody's: {record[:WORD].hex()}")
        worker, sequence = owners[tag]
        if sequence != counts[worker]:
            raise Wrong(f"the record at {start} of the shared log is number {sequence} of worker {worker}, "
                        f"number {counts[worker]} comes next")
        counts[worker] += 1
    for ledger in ledgers:
        if counts[ledger.worker] <= ledger.acknowledged_append:
            raise Wrong(f"the shared log has {counts[ledger.worker]} records of worker {ledger.worker}, "
                        f"{ledger.acknowledged_append + 1} were acknowledged")
    return counts
