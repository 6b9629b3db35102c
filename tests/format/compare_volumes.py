# SPDX-License-Identifier: Apache-2.0
"""Compares two volumes that should hold the same tree, row for row. Ids (inodes, slices), change times and the identity of
the volume are aside, for they cannot be equal. Chunk lists are compared as what a reader sees and by their reference
counts: where a slice ends is a writer's own affair, but which bytes are shared with whom is not. A pure function."""

from collections import Counter, defaultdict

from volume import DIRECTORY, FILE, ROOT, TRASH_ROOT, escaped, space_of

_OWN_SETTINGS = {"UUID", "Bucket"}
_COMPARED = ("type", "flags", "mode", "uid", "gid", "atime", "mtime", "length", "rdev", "access_acl", "default_acl", "tier")


def differences(one, two, without=()):
    """What differs between two volumes, a line each. `without`: paths (bytes) that only one of them needs to have; all
    below them and what they add to counts is left out on both sides."""
    left, right = _View(one, without), _View(two, without)
    found = []
    for name in ("setting", "schema", "storage classes", "counters", "leftovers", "tree", "nodes", "symlinks", "xattrs", "statistics", "bytes"):
        found += _unequal(name, left.part(name), right.part(name))
    return found


def _unequal(name, left, right):
    if isinstance(left, dict):
        for key in sorted(set(left) | set(right), key=str):
            if left.get(key) != right.get(key):
                yield f"{name}: {key}: {_told(left.get(key))} and {_told(right.get(key))}"
    elif left != right:
        yield f"{name}: {_told(left)} and {_told(right)}"


def _told(value):
    text = repr(value)
    return text if len(text) < 400 else text[:400] + "…"


class _View:
    """One volume, in terms that do not depend on its ids."""

    def __init__(self, volume, without):
        self._volume = volume
        self._paths = {}  # path: inode, of what is compared
        self._left_out = set()  # inodes that have no compared name
        skipped = set()
        for path, ino in volume.walk():
            if any(path == p or path.startswith(p + b"/") for p in without):
                skipped.add(ino)
            else:
                self._paths[path] = ino
        self._left_out = skipped - set(self._paths.values())
        self._names = defaultdict(list)
        for path, ino in sorted(self._paths.items()):
            self._names[ino].append(escaped(path) or "/")

    def part(self, name):
        return getattr(self, "_" + name.replace(" ", "_"))()

    def _setting(self):
        return list({k: v for k, v in self._volume.setting.items() if k not in _OWN_SETTINGS}.items())

    def _schema(self):
        return {name: " ".join(sql.split()) for name, sql in self._volume.schema.items()}

    def _storage_classes(self):
        return self._volume.classes

    def _counters(self):
        """Which counters there are; those of the whole volume with their values."""
        kept = [n for i, n in self._volume.nodes.items() if i not in (ROOT, TRASH_ROOT) and i not in self._left_out]
        counted = {"usedSpace": sum(map(space_of, kept)), "totalInodes": len(kept)}
        gone = [n for i, n in self._volume.nodes.items() if i in self._left_out]
        values = dict.fromkeys(self._volume.counters, "there")
        values["usedSpace"] = self._volume.counters["usedSpace"] - sum(map(space_of, gone)) - counted["usedSpace"]
        values["totalInodes"] = self._volume.counters["totalInodes"] - len(gone) - counted["totalInodes"]
        for own in ("nextSession", "nextTrash"):
            values.pop(own, None)
        return {name: value for name, value in values.items() if not name.startswith(("lastCleanup", "nextCleanup"))}

    def _leftovers(self):
        v = self._volume
        return {"delayed slices": len(v.delayed), "deleted files": len(v.deleted), "sustained": len(v.sustained),
                "sessions": len(v.sessions), "locks": v.locks}

    def _tree(self):
        return {escaped(path) or "/": "there" for path in self._paths}

    def _nodes(self):
        rows = {}
        for path, ino in self._paths.items():
            node = self._volume.nodes[ino]
            row = {name: getattr(node, name) for name in _COMPARED}
            row["nlink"] = node.nlink - self._left_out_directories(ino)
            row["names"] = self._names[ino]
            row["parent"] = self._names[node.parent][0] if node.parent in self._names else node.parent
            rows[escaped(path) or "/"] = row
        return rows

    def _left_out_directories(self, ino):
        children = self._volume.entries.get(ino, {}).values()
        return sum(kind == DIRECTORY and i in self._left_out for kind, i in children)

    def _symlinks(self):
        return {self._names[ino][0]: target for ino, target in self._volume.symlinks.items() if ino in self._names}

    def _xattrs(self):
        return {self._names[ino][0]: dict(sorted(x.items())) for ino, x in self._volume.xattrs.items() if ino in self._names}

    def _statistics(self):
        """Stored statistics of directories, less what the children left out count."""
        rows = {}
        for ino, (length, space, count) in self._volume.dir_stats.items():
            if ino not in self._names:
                continue
            gone = [self._volume.nodes[i] for _, i in self._volume.entries.get(ino, {}).values() if i in self._left_out]
            rows[self._names[ino][0]] = (length - sum(n.length for n in gone if n.type == FILE),
                                         space - sum(map(space_of, gone)), count - len(gone))
        return rows

    def _bytes(self):
        """For each file its visible pieces as (offset, length, origin, references), the origin of a byte being the first
        place (in the order of paths) that shows the same byte of the same slice; and the references of slices that are
        in its lists but wholly hidden."""
        foreign = Counter((r.id, r.size) for (ino, _), records in self._volume.chunks.items() if ino in self._left_out for r in records)
        refs = {key: count - foreign.get(key, 0) for key, count in self._volume.refs.items()}
        shown, rows = defaultdict(list), {}
        files = [(names[0], ino) for ino, names in self._names.items() if self._volume.nodes[ino].type == FILE]
        for path, ino in sorted(files):
            pieces = [part for piece in self._volume.pieces(ino) for part in _with_origin(piece, path, shown, refs)]
            visible = {(p.id, p.size) for p in self._volume.pieces(ino)}
            listed = {(r.id, r.size) for (i, _), records in self._volume.chunks.items() if i == ino for r in records if r.id}
            rows[path] = {"shown": _joined(pieces), "references of hidden slices": sorted(refs.get(k, 0) for k in listed - visible)}
        return rows


def _with_origin(piece, path, shown, refs):
    """The piece, cut where its origin changes: (offset, length, origin, references). What is shown for the first time is
    put into `shown`."""
    if piece.id == 0:
        return [(piece.at, piece.length, "hole", 0)]
    key, parts, at, off, end = (piece.id, piece.size), [], piece.at, piece.off, piece.off + piece.length
    known = sorted(shown[key])
    for begin, stop, where, place in [*known, (end, end, "", 0)]:
        if off < min(begin, end):  # not shown yet
            length = min(begin, end) - off
            shown[key].append((off, off + length, path, at))
            parts.append((at, length, (path, at), refs.get(key, 0)))
            at, off = at + length, off + length
        if off < min(stop, end) and off >= begin:
            length = min(stop, end) - off
            parts.append((at, length, (where, place + off - begin), refs.get(key, 0)))
            at, off = at + length, off + length
    return parts


def _joined(parts):
    """Neighbours that go on where the one before ends are one."""
    joined = []
    for at, length, origin, refs in parts:
        if joined:
            before_at, before_length, before, before_refs = joined[-1]
            goes_on = before == origin == "hole" or (
                before != "hole" and origin != "hole" and before[0] == origin[0] and before[1] + before_length == origin[1])
            if goes_on and before_refs == refs:
                joined[-1] = (before_at, before_length + length, before, refs)
                continue
        joined.append((at, length, origin, refs))
    return joined
