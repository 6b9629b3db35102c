#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is a volume sound?

    check_volume.py META.DB BUCKET [--manifest MANIFEST.JSON] [--in-use]

Checks everything that the JuiceFS format promises of a volume that nobody has mounted: the tree and its link counts, each
file's records, reference counts, statistics, counters, and that the bucket holds exactly the objects that the records ask
for. With a manifest also every name, attribute and byte. --in-use allows sessions, locks and what they hold.
With shards BUCKET has a %d. One line for each problem; exit status 0: none, 1: some."""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import volume as vol  # noqa: E402
from volume import CHUNK_BYTES, DIRECTORY, FILE, NS, ROOT, SYMLINK, TRASH_ROOT, escaped  # noqa: E402


def problems(volume, bucket, in_use=False):
    """Everything that is wrong with a volume, a sentence each."""
    return [*tree_problems(volume), *record_problems(volume), *reference_problems(volume), *statistics_problems(volume),
            *object_problems(volume, bucket), *([] if in_use else leftovers(volume))]


def tree_problems(volume):
    """Names, types, parents and link counts."""
    names, below = Counter(), Counter()
    for parent, children in volume.entries.items():
        if parent not in volume.nodes or volume.nodes[parent].type != DIRECTORY:
            yield f"inode {parent} has entries and is no directory"
        for name, (kind, ino) in children.items():
            names[ino] += 1
            if not name or len(name) > 255 or b"/" in name or b"\0" in name or name in (b".", b".."):
                yield f"directory {parent} has an entry {escaped(name)!r}"
            if ino not in volume.nodes:
                yield f"the entry {escaped(name)} of directory {parent} names inode {ino}, which is not there"
                continue
            node = volume.nodes[ino]
            if node.type != kind:
                yield f"the entry {escaped(name)} of directory {parent} has type {kind}, its inode {node.type}"
            below[parent] += kind == DIRECTORY
            if kind == DIRECTORY and node.parent != parent:
                yield f"directory {ino} says its parent is {node.parent}, it is {parent}"
    yield from _inode_problems(volume, names, below)
    reached = {ino for top in (ROOT, TRASH_ROOT) if top in volume.nodes for _, ino in volume.walk(top)}
    for ino in sorted(set(volume.nodes) - reached - volume.sustained):
        yield f"inode {ino} cannot be reached from the root"


def _inode_problems(volume, names, below):
    in_trash = {ino for ino in volume.nodes if ino >= TRASH_ROOT}
    for ino, node in sorted(volume.nodes.items()):
        if node.type == DIRECTORY:
            wanted = 2 if ino in in_trash else 2 + below[ino]
            if node.nlink != wanted:
                yield f"directory {ino} has link count {node.nlink}, should have {wanted}"
            if node.length != 4096:
                yield f"directory {ino} has length {node.length}"
            if names[ino] != (ino not in (ROOT, TRASH_ROOT)):
                yield f"directory {ino} has {names[ino]} names"
            continue
        if node.nlink != names[ino] and not (ino in volume.sustained and node.nlink == 0):
            yield f"inode {ino} has link count {node.nlink} and {names[ino]} names"
        if node.parent and names[ino] and not any(i == ino for _, i in volume.entries.get(node.parent, {}).values()):
            yield f"inode {ino} says its parent is {node.parent}, which does not have it"
        if node.parent and names[ino] > 1:
            yield f"inode {ino} has {names[ino]} names and names one parent, {node.parent}"
        if (node.type == SYMLINK) != (ino in volume.symlinks):
            yield f"inode {ino} of type {node.type} {'has a' if ino in volume.symlinks else 'has no'} target"
        elif node.type == SYMLINK and len(volume.symlinks[ino]) != node.length:
            yield f"symlink {ino} has length {node.length}, its target {len(volume.symlinks[ino])}"
    for what, table in (("a symlink target", volume.symlinks), ("extended attributes", volume.xattrs), ("statistics", volume.dir_stats)):
        for ino in sorted(set(table) - set(volume.nodes)):
            yield f"there are {what} of inode {ino}, which is not there"


def record_problems(volume):
    """The chunk lists one by one."""
    for (ino, index), records in sorted(volume.chunks.items()):
        if ino in volume.deleted:
            continue
        if ino not in volume.nodes or volume.nodes[ino].type != FILE:
            yield f"there is a chunk {index} of inode {ino}, which is no file"
        for record in records:
            if record.pos + record.len > CHUNK_BYTES or record.len == 0:
                yield f"chunk {index} of inode {ino}: {record} does not fit the chunk"
            if record.id and (record.size == 0 or record.off + record.len > record.size):
                yield f"chunk {index} of inode {ino}: {record} shows more than its slice has"
            if record.id >= volume.counters.get("nextChunk", 0):
                yield f"chunk {index} of inode {ino}: slice {record.id} was never handed out"
    highest = max((ino for ino in volume.nodes if ino < TRASH_ROOT), default=1)
    if highest >= volume.counters.get("nextInode", 0):
        yield f"inode {highest} was never handed out: nextInode is {volume.counters.get('nextInode')}"


def reference_counts(volume):
    """How often each slice is referenced: by every record, and by the list of retired slices."""
    counts = Counter((r.id, r.size) for records in volume.chunks.values() for r in records if r.id)
    counts.update(volume.delayed)
    return counts


def reference_problems(volume):
    counted = reference_counts(volume)
    for key in sorted(set(counted) | set(volume.refs)):
        if counted.get(key, 0) != volume.refs.get(key):
            yield f"slice {key[0]} of {key[1]} bytes has {volume.refs.get(key)} stored references, counted {counted.get(key, 0)}"


def statistics_problems(volume):
    """Statistics of directories, and the counters of the volume."""
    counted = [node for ino, node in volume.nodes.items() if ino not in (ROOT, TRASH_ROOT)]
    for name, wanted in (("usedSpace", sum(map(vol.space_of, counted))), ("totalInodes", len(counted))):
        if volume.counters.get(name, 0) != wanted:
            yield f"the counter {name} is {volume.counters.get(name)}, counted {wanted}"
    if not volume.setting.get("DirStats", False):
        return
    for ino, node in sorted(volume.nodes.items()):
        if node.type != DIRECTORY or ino == TRASH_ROOT:
            continue
        wanted = directory_statistics(volume, ino)
        stored = volume.dir_stats.get(ino)
        # The root has none before something is made, and a removed directory loses them on its way to the trash.
        may_lack = (ino == ROOT and wanted == (0, 0, 0)) or node.parent > TRASH_ROOT
        if stored != wanted and not (stored is None and may_lack):
            yield f"directory {ino} has stored statistics {stored}, counted {wanted}"


def directory_statistics(volume, ino, without=()):
    """(length, space, inodes) of a directory's children, those inodes in `without` aside."""
    children = [volume.nodes[i] for _, i in volume.entries.get(ino, {}).values() if i in volume.nodes and i not in without]
    return (sum(c.length for c in children if c.type == FILE), sum(map(vol.space_of, children)), len(children))


def object_problems(volume, bucket):
    """Exactly the objects that records ask for, each of the right length."""
    wanted = {}
    for slice_id, size in reference_counts(volume):
        wanted.update(bucket.block_keys(slice_id, size))
    for key, size in sorted(wanted.items()):
        if key not in bucket.sizes:
            yield f"the object {key} is missing"
        elif bucket.sizes[key] != size:
            yield f"the object {key} has {bucket.sizes[key]} bytes"
    identity = bucket.key("juicefs_uuid")
    if identity not in bucket.sizes or bucket.read(identity).decode("latin-1") != volume.setting["UUID"]:
        yield f"the object {identity} does not hold the volume's UUID"
    backups = {bucket.key(key.split("/", 1)[1]) for key in bucket.sizes if "/meta/" in key}
    for key in sorted(set(bucket.sizes) - set(wanted) - {identity} - backups):
        yield f"no record asks for the object {key}"


def leftovers(volume):
    """What a volume that nobody uses has no more."""
    if volume.sessions:
        yield f"there are sessions: {volume.sessions}"
    if volume.locks:
        yield f"there are {volume.locks} lock rows"
    if volume.sustained:
        yield f"inodes are held open by nobody: {sorted(volume.sustained)}"
    if volume.deleted:
        yield f"files wait to be deleted: {volume.deleted}"


def manifest_problems(volume, bucket, manifest):
    """How a volume differs from what its manifest says: names, attributes, bytes."""
    found, cache = {escaped(path) or "/": ino for path, ino in volume.walk()}, {}
    wanted = manifest["files"]
    for path in sorted(set(found) ^ set(wanted)):
        yield f"{path} is only in the {'volume' if path in found else 'manifest'}"
    for path in sorted(set(found) & set(wanted)):
        ino, entry = found[path], wanted[path]
        for name, value in _seen(volume, bucket, ino, cache).items():
            if value != entry.get(name, {} if name == "xattrs" else None):
                yield f"{path}: {name} is {value}, the manifest says {entry.get(name)}"
    for hour in manifest.get("trash", {}).values():
        children = {escaped(name): ino for name, (_, ino) in volume.entries.get(hour["inode"], {}).items()}
        if set(children) != set(hour["entries"]):
            yield f"the trash holds {sorted(children)}, the manifest says {sorted(hour['entries'])}"
        for name, entry in hour["entries"].items():
            if name in children and "sha256" in entry and vol.digest_of(volume, bucket, children[name], cache) != entry["sha256"]:
                yield f"{name} in the trash has other bytes"


def _seen(volume, bucket, ino, cache):
    node = volume.nodes[ino]
    seen = {"type": vol.TYPE_NAMES[node.type], "mode": f"{node.mode:04o}", "uid": node.uid, "gid": node.gid, "nlink": node.nlink,
            "inode": ino, "mtime": f"{node.mtime // NS}.{node.mtime % NS:09}",
            "xattrs": {name: value.hex() for name, value in sorted(volume.xattrs.get(ino, {}).items())}}
    if node.type == FILE:
        seen |= {"size": node.length, "sha256": vol.digest_of(volume, bucket, ino, cache)}
    elif node.type == SYMLINK:
        seen |= {"size": len(volume.symlinks[ino]), "target": escaped(volume.symlinks[ino])}
    elif node.type in (vol.BLOCK_DEVICE, vol.CHARACTER_DEVICE):
        seen["rdev"] = list(node.device)
    return seen


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("meta", type=Path)
    parser.add_argument("bucket")
    parser.add_argument("--manifest", type=Path)
    parser.add_argument("--in-use", action="store_true")
    options = parser.parse_args()
    volume = vol.read_sqlite(options.meta)
    bucket = vol.Bucket(options.bucket, volume.setting)
    found = problems(volume, bucket, options.in_use)
    if options.manifest:
        found += manifest_problems(volume, bucket, json.loads(options.manifest.read_text(encoding="utf-8")))
    print("\n".join(found) or "no problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
