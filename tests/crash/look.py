# SPDX-License-Identifier: Apache-2.0
"""Looks at a whole tree and says whether it is allowed after a crash. Runs in a child process: a mount may hang."""

import mmap
import os
import re
import stat

from allowed import FILE, Wrong, check_log
from recorder import RECORD_BYTES, SHARED_LOG

_OWNER = re.compile(r"(?:^|/)w(\d+)(?:-|/|$)")
SAMPLE_BYTES = 24 << 20  # of files that nobody touched since the last look


def walk(root):
    """{path: (kind, ...)} of everything below; what a mount shows of itself at its root is left out."""
    found, todo = {}, [""]
    while todo:
        prefix = todo.pop()
        for entry in os.scandir(f"{root}/{prefix}"):
            path = prefix + entry.name
            if not prefix and entry.name.startswith("."):
                continue
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                found[path] = ("dir",)
                todo.append(f"{path}/")
            elif stat.S_ISLNK(mode):
                found[path] = ("symlink", os.readlink(f"{root}/{path}"))
            else:
                found[path] = (FILE,)
    return found


def read(path, by_mapping):
    """All bytes of a file. Raises Wrong when fstat says another length."""
    fd = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        if by_mapping and size:
            with mmap.mmap(fd, size, access=mmap.ACCESS_READ) as memory:
                return memory[:]
        parts = []
        while part := os.read(fd, 1 << 20):
            parts.append(part)
        data = b"".join(parts)
        if len(data) != size:
            raise Wrong(f"{len(data)} bytes were read of {size}")
        return data
    finally:
        os.close(fd)


def look(root, ledgers, rng, everything=False):
    """{"wrong": [sentences], "states": {worker: names}, "images": {worker: {number: image}}, "counts", "files", "bytes"}.
    The files that were touched since the last look are read, a sample of the others, or `everything`."""
    answer = {"wrong": [], "states": {}, "images": {}, "counts": {}, "files": 0, "bytes": 0}
    by_owner, known = {ledger.worker: {} for ledger in ledgers}, {}
    for ledger in ledgers:
        known |= {tag: text for tag, (_, text) in ledger.tags.items()}
    for path, entry in walk(root).items():
        owner = _OWNER.search(path)
        if owner and int(owner[1]) in by_owner:
            by_owner[int(owner[1])][path] = entry
        elif path not in ("shared", SHARED_LOG):
            answer["wrong"].append(f"{path}: nobody made this")
    for ledger in ledgers:
        try:
            state = ledger.names.found(by_owner[ledger.worker])
        except Wrong as wrong:
            answer["wrong"].append(f"worker {ledger.worker}: {wrong}")
            continue
        answer["states"][ledger.worker] = state
        answer["images"][ledger.worker] = _look_at_files(root, ledger, state, known, rng, everything, answer)
    try:
        answer["counts"] = check_log(read(f"{root}/{SHARED_LOG}", False), ledgers, RECORD_BYTES)
    except (Wrong, OSError) as wrong:
        answer["wrong"].append(f"{SHARED_LOG}: {wrong}")
    return answer


def _look_at_files(root, ledger, state, known, rng, everything, answer):
    images, left = {}, SAMPLE_BYTES
    entries = [(path, entry[1]) for path, entry in state.items() if entry[0] == FILE]
    rng.shuffle(entries)
    for path, number in entries:
        file, is_touched = ledger.files[number], number in ledger.touched
        if not is_touched and not everything:
            length = file.stages[0].base.length
            if length > left or rng.random() < 0.5:
                continue
            left -= length
        try:
            data = read(f"{root}/{path}", rng.random() < 0.3)
            image = file.found(data, known)
        except (Wrong, OSError) as wrong:
            history = "\n    ".join(file.history)
            answer["wrong"].append(f"{path} (file {number} of worker {ledger.worker}): {wrong}\n    {history}")
            continue
        answer["files"] += 1
        answer["bytes"] += len(data)
        if is_touched:
            images[number] = image
    return images


def to_json(answer):
    """The answer in a form that goes through a pipe."""
    images = {worker: {number: [image.length, [[s.start, s.end, s.tag, s.shift] for s in image.spans]] for number, image in of.items()}
              for worker, of in answer["images"].items()}
    return {**answer, "images": images}
