# SPDX-License-Identifier: Apache-2.0
"""Reads a volume of the JuiceFS format without any code of Headrace or JuiceFS: the SQLite tables as Python values, the
objects in a folder, and the bytes of a file put together from both."""

import hashlib
import json
import sqlite3
import struct
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

NS = 1_000_000_000
CHUNK_BYTES = 64 << 20
ROOT, TRASH_ROOT = 1, 0x7FFFFFFF10000000
FILE, DIRECTORY, SYMLINK, FIFO, BLOCK_DEVICE, CHARACTER_DEVICE, SOCKET = range(1, 8)
TYPE_NAMES = {FILE: "file", DIRECTORY: "dir", SYMLINK: "symlink", FIFO: "fifo", BLOCK_DEVICE: "blockdev",
              CHARACTER_DEVICE: "chardev", SOCKET: "socket"}
_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/"


def escaped(name):
    """A byte string in ASCII: what is not plainly readable as %XX."""
    return "".join(chr(b) if b in _SAFE else f"%{b:02X}" for b in name)


def unescaped(text):
    head, *rest = text.encode().split(b"%")
    return head + b"".join(bytes([int(part[:2], 16)]) + part[2:] for part in rest)


def space_of(node):
    """What an inode counts in every statistic: whole pages, at least one."""
    length = node.length if node.type == FILE else 0
    return max(1, -(-length // 4096)) * 4096


@dataclass
class Node:
    type: int
    flags: int
    mode: int
    uid: int
    gid: int
    atime: int  # nanoseconds
    mtime: int
    ctime: int
    nlink: int
    length: int
    rdev: int
    parent: int
    access_acl: int
    default_acl: int
    tier: int

    @property
    def device(self):
        """(major, minor) of the kernel's 32-bit form."""
        return (self.rdev & 0xFFF00) >> 8, (self.rdev & 0xFF) | ((self.rdev >> 12) & 0xFFF00)


@dataclass(frozen=True)
class Slice:
    """One record of a chunk's list. `id` 0 is a hole."""

    pos: int
    id: int
    size: int
    off: int
    len: int


@dataclass(frozen=True)
class Piece:
    """A part of a file as a reader sees it: `length` bytes at `at`, out of a slice from `off` on, or zeros (`id` 0)."""

    at: int
    length: int
    id: int
    size: int
    off: int


@dataclass
class Volume:
    setting: dict
    counters: dict
    nodes: dict  # inode: Node
    entries: dict  # directory: {name: (type, inode)}
    chunks: dict  # (inode, index): [Slice]
    symlinks: dict  # inode: bytes
    xattrs: dict  # inode: {name: bytes}
    refs: dict  # (slice id, size): count
    dir_stats: dict  # inode: (length, space, inodes)
    delayed: list = field(default_factory=list)  # (slice id, size) that a compaction retired
    deleted: dict = field(default_factory=dict)  # inode: length, of files whose bytes are still to go
    sustained: set = field(default_factory=set)  # inodes without a name that somebody holds open
    sessions: list = field(default_factory=list)
    locks: int = 0
    schema: dict = field(default_factory=dict)  # name: the CREATE statement
    classes: dict = field(default_factory=dict)  # "table.column": the storage classes of its values

    def walk(self, top=ROOT):
        """Yields (path as bytes, inode) of everything below `top`, that itself first, in the order of names."""
        todo = [(b"", top)]
        while todo:
            path, ino = todo.pop()
            yield path, ino
            if ino in self.nodes and self.nodes[ino].type == DIRECTORY:
                children = self.entries.get(ino, {})
                todo += [(path + b"/" + n if path else n, children[n][1]) for n in sorted(children, reverse=True)]

    def pieces(self, ino):
        """What a reader sees of a file: its pieces in order, covering its length."""
        length, found = self.nodes[ino].length, []
        for index in range(-(-length // CHUNK_BYTES)):
            base = index * CHUNK_BYTES
            found += _overlaid(self.chunks.get((ino, index), []), base, min(CHUNK_BYTES, length - base))
        return found


def _overlaid(records, base, length):
    """The visible pieces of one chunk: of two records that cover a byte the later one counts."""
    pieces = [Piece(0, length, 0, 0, 0)] if length else []
    for record in records:
        begin, end = record.pos, min(record.pos + record.len, length)
        if begin >= end:
            continue
        kept = []
        for p in pieces:
            if p.at < begin:
                kept.append(Piece(p.at, min(p.length, begin - p.at), p.id, p.size, p.off))
            if p.at + p.length > end:
                cut = max(0, end - p.at)
                kept.append(Piece(p.at + cut, p.length - cut, p.id, p.size, p.off + cut))
        pieces = [*kept, Piece(begin, end - begin, record.id, record.size, record.off)]
    pieces.sort(key=lambda p: p.at)
    return [Piece(base + p.at, p.length, p.id, p.size, p.off if p.id else 0) for p in pieces if p.length]


def slices_of(blob):
    if len(blob) % 24:
        raise ValueError(f"a chunk's list has {len(blob)} bytes")
    return [Slice(*struct.unpack_from(">IQIII", blob, at)) for at in range(0, len(blob), 24)]


def _pairs_of(blob):
    return [struct.unpack_from(">QI", blob, at) for at in range(0, len(blob), 12)]


def read_sqlite(path):
    """The volume in this database. The file is not changed; a -wal file beside it is honoured."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.text_factory = bytes
    try:
        return read_connection(connection)
    finally:
        connection.close()


def read_connection(connection):
    def rows(columns, table):
        return connection.execute(f"select {columns} from jfs_{table}").fetchall()

    nodes = {}
    for row in rows("inode,type,flags,mode,uid,gid,atime,mtime,ctime,atimensec,mtimensec,ctimensec,nlink,length,rdev,parent,"
                    "access_acl_id,default_acl_id,tier_id", "node"):
        ino, kind, flags, mode, uid, gid, *times, nlink, length, rdev, parent, acl, default, tier = [v or 0 for v in row]
        stamps = [micros * 1000 + nanos for micros, nanos in zip(times[:3], times[3:])]
        nodes[ino] = Node(kind, flags, mode, uid, gid, *stamps, nlink, length, rdev, parent, acl, default, tier)
    entries, xattrs = defaultdict(dict), defaultdict(dict)
    for parent, name, ino, kind in rows("parent,cast(name as blob),inode,type", "edge"):
        entries[parent][name] = (kind, ino)
    for ino, name, value in rows("inode,name,cast(value as blob)", "xattr"):
        xattrs[ino][name.decode()] = value
    return Volume(
        setting=json.loads(rows("value", "setting")[0][0]),
        counters={name.decode(): value for name, value in rows("name,value", "counter")},
        nodes=nodes, entries=dict(entries), xattrs=dict(xattrs),
        chunks={(ino, index): slices_of(blob) for ino, index, blob in rows("inode,indx,cast(slices as blob)", "chunk")},
        symlinks=dict(rows("inode,cast(target as blob)", "symlink")),
        refs={(i, size): count for i, size, count in rows("chunkid,size,refs", "chunk_ref")},
        dir_stats={ino: (length, space, count) for ino, length, space, count in rows("inode,data_length,used_space,used_inodes", "dir_stats")},
        delayed=[pair for (blob,) in rows("cast(slices as blob)", "delslices") for pair in _pairs_of(blob)],
        deleted=dict(rows("inode,length", "delfile")),
        sustained={ino for (ino,) in rows("inode", "sustained")},
        sessions=[sid for (sid,) in rows("sid", "session2")],
        locks=rows("count(*)", "flock")[0][0] + rows("count(*)", "plock")[0][0],
        classes={f"{table}.{column}": {kind.decode() for (kind,) in rows(f"distinct typeof({column})", table)} for table, column in
                 (("edge", "name"), ("symlink", "target"), ("xattr", "name"), ("xattr", "value"), ("setting", "value"))},
        schema={name.decode(): (sql or b"").decode() for name, sql in
                connection.execute("select name, sql from sqlite_master where name not like 'sqlite_%'")})


class Bucket:
    """The objects of a volume in a folder; with shards the folder's path has a %d."""

    def __init__(self, folder, setting):
        self._setting = setting
        self.sizes = {}  # key, with the shard's number in front: bytes
        self._files = {}
        for shard in range(max(1, setting.get("Shards", 0))):
            base = Path(str(folder) % shard if self._is_sharded else str(folder))
            for file in base.rglob("*"):
                if file.is_file():
                    key = self._shown(shard, str(file.relative_to(base)))
                    self._files[key], self.sizes[key] = file, file.stat().st_size

    @property
    def _is_sharded(self):
        return self._setting.get("Shards", 0) > 1

    def _shown(self, shard, key):
        return f"{shard}:{key}" if self._is_sharded else key

    def key(self, name):
        """The key of an object of this volume, as in `sizes`."""
        full = f"{self._setting['Name']}/{name}"
        digest = 2166136261  # FNV-1a, 32 bits
        for byte in full.encode():
            digest = ((digest ^ byte) * 16777619) & 0xFFFFFFFF
        return self._shown(digest % max(1, self._setting.get("Shards", 0)), full)

    def block_keys(self, slice_id, size):
        """[(key, bytes)] of the blocks of a slice."""
        block = self._setting["BlockSize"] * 1024
        if self._setting.get("HashPrefix"):
            folder = f"chunks/{slice_id % 256:02X}/{slice_id // 1_000_000}"
        else:
            folder = f"chunks/{slice_id // 1_000_000}/{slice_id // 1000}"
        lengths = [min(block, size - at) for at in range(0, size, block)]
        return [(self.key(f"{folder}/{slice_id}_{i}_{n}"), n) for i, n in enumerate(lengths)]

    def read(self, key):
        return self._files[key].read_bytes()

    def slice(self, slice_id, size):
        return b"".join(self.read(key) for key, _ in self.block_keys(slice_id, size))


def digest_of(volume, bucket, ino, cache):
    """The SHA-256 of a file's bytes; `cache` is a dictionary that keeps slices between calls."""
    digest, zeros = hashlib.sha256(), bytes(1 << 20)
    for piece in volume.pieces(ino):
        if piece.id == 0:
            for at in range(0, piece.length, len(zeros)):
                digest.update(zeros[: min(len(zeros), piece.length - at)])
            continue
        if (piece.id, piece.size) not in cache:
            cache[piece.id, piece.size] = bucket.slice(piece.id, piece.size)
        digest.update(memoryview(cache[piece.id, piece.size])[piece.off : piece.off + piece.length])
    return digest.hexdigest()
