# SPDX-License-Identifier: Apache-2.0
"""The operations that made the fixture `plain`, for a mount of ours to repeat: same calls, same contents, same times. What
needs the other client's own commands (a compacted file, clones) is left out."""

import ctypes
import hashlib
import os
import stat

LEFT_OUT = (b"overwrite/compacted.bin", b"copy/clone.bin", b"copy/tree-clone")
NS = 1_000_000_000
_MIB, _CHUNK = 1 << 20, 64 << 20
_INTERNAL = {b".accesslog", b".stats", b".config", b".trash", b".control"}
_libc = ctypes.CDLL(None, use_errno=True)


def is_left_out(path):
    return any(path == p or path.startswith(p + b"/") for p in LEFT_OUT)


def pages(path, size):
    """Page P is sha256("PATH:P") 128 times."""
    return b"".join(hashlib.sha256(b"%s:%d" % (path, p)).digest() * 128 for p in range(-(-size // 4096)))[:size]


def noise(path, size):
    """Group G of 32 bytes is sha256("PATH#G")."""
    return b"".join(hashlib.sha256(b"%s#%d" % (path, g)).digest() for g in range(-(-size // 32)))[:size]


class Builder:
    def __init__(self, root, with_xattrs):
        self._root, self._with_xattrs = root, with_xattrs

    def at(self, path):
        return self._root + b"/" + path

    def mkdir(self, path, mode=0o755):
        os.mkdir(self.at(path))
        os.chmod(self.at(path), mode)

    def put(self, path, data=b"", mode=0o644, sync=False):
        """Writes in steps of 1 MiB, as the fixture was written."""
        self._write(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, data, None, sync)
        os.chmod(self.at(path), mode)

    def put_at(self, path, offset, data):
        self._write(path, os.O_WRONLY | os.O_CREAT, data, offset, True)

    def append(self, path, data):
        self._write(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, data, None, False)

    def _write(self, path, flags, data, offset, sync):
        fd = os.open(self.at(path), flags, 0o644)
        view = memoryview(data)
        while view:
            count = os.write(fd, view[:_MIB]) if offset is None else os.pwrite(fd, view[:_MIB], offset)
            view, offset = view[count:], None if offset is None else offset + count
        if sync:
            os.fsync(fd)
        os.close(fd)

    def truncate(self, path, length):
        os.truncate(self.at(path), length)

    def fallocate(self, path, mode, offset, length):
        fd = os.open(self.at(path), os.O_RDWR)
        failed = _libc.fallocate(fd, mode, ctypes.c_longlong(offset), ctypes.c_longlong(length))
        number = ctypes.get_errno()
        os.close(fd)
        if failed:
            raise OSError(number, f"fallocate {path}")

    def copy(self, source, source_offset, target, target_offset, length):
        a = os.open(self.at(source), os.O_RDONLY)
        b = os.open(self.at(target), os.O_WRONLY | os.O_CREAT, 0o644)
        done = 0
        while done < length:
            count = os.copy_file_range(a, b, length - done, source_offset + done, target_offset + done)
            if count == 0:
                break
            done += count
        os.close(a)
        os.close(b)

    def symlink(self, path, target):
        os.symlink(target, self.at(path))

    def link(self, path, other):
        os.link(self.at(path), self.at(other))

    def unlink(self, path):
        os.unlink(self.at(path))

    def xattr(self, path, name, value):
        if self._with_xattrs:
            os.setxattr(self.at(path), name, value, follow_symlinks=False)

    def mknod(self, path, mode, device=0):
        os.mknod(self.at(path), mode, device)

    def chown(self, path, uid, gid):
        os.chown(self.at(path), uid, gid, follow_symlinks=False)


def build(root, with_xattrs=True):
    """Builds the tree below `root`, an empty directory (bytes), as root and with umask 022, and sets its times. Few native
    file systems can hold its extended attributes."""
    os.umask(0o022)
    b = Builder(root, with_xattrs)
    for part in (_sizes, _nested_and_links, _attributes, _modes, _names, _sparse, _overwritten, _cut, _punched, _copied, _special):
        part(b)
    _stamp(root)


def _sizes(b):
    b.mkdir(b"sizes")
    for size in (0, 1, 4095, 4096, 4 * _MIB - 1, 4 * _MIB, 4 * _MIB + 1):
        b.put(b"sizes/%d.bin" % size, pages(b"sizes/%d.bin" % size, size))
    b.put(b"sizes/9437184.bin", noise(b"sizes/9437184.bin", 9 * _MIB))


def _nested_and_links(b):
    for path, mode in ((b"nested", 0o755), (b"nested/a", 0o755), (b"nested/a/b", 0o700)):
        b.mkdir(path, mode)
    for path in (b"nested", b"nested/a", b"nested/a/b"):
        b.put(path + b"/file.txt", b"I live in " + path + b"\n")
    b.mkdir(b"links")
    for name, target in ((b"short", b"../nested/file.txt"), (b"long", b"x/" * 2047 + b"y"), (b"dangling", b"/no/such/path"),
                         (b"todir", b"../nested/a"), (b"odd-target", b"a b%41\xff\n\xc3\xa9")):
        b.symlink(b"links/" + name, target)
    b.mkdir(b"hard")
    b.put(b"hard/one", b"three names\n")
    b.link(b"hard/one", b"hard/two")
    b.link(b"hard/one", b"nested/a/three")
    b.put(b"hard/once-linked", b"had two names, has one\n")
    b.link(b"hard/once-linked", b"hard/gone")
    b.unlink(b"hard/gone")


def _attributes(b):
    b.mkdir(b"xattr")
    b.put(b"xattr/file", b"x")
    b.symlink(b"xattr/link", b"file")
    for name, value in (("user.empty", b""), ("user.text", b"value with <, > & \" and \\"), ("user.bytes", bytes(range(256))),
                        ("user.big", pages(b"user.big", 20_000)), ("trusted.t", b"1")):
        b.xattr(b"xattr/file", name, value)
    b.xattr(b"xattr", "user.ondir", b"dir")
    b.xattr(b"xattr/link", "trusted.onlink", b"link")
    b.xattr(b"xattr/file", "user." + "n" * 250, b"longest name")


def _modes(b):
    b.mkdir(b"modes")
    for name, mode in ((b"suid", 0o4755), (b"sgid", 0o2755), (b"sticky", 0o1644), (b"none", 0), (b"all", 0o7777)):
        b.put(b"modes/" + name, b"", mode)
    b.mkdir(b"modes/sticky-dir", 0o1777)
    b.mkdir(b"modes/setgid-dir", 0o2775)
    for name, text, uid, gid in ((b"owned", b"uid 1000 gid 1001\n", 1000, 1001), (b"big-ids", b"ids above 2^31\n", 4_000_000_000, 4_294_967_294)):
        b.put(b"modes/" + name, text)
        b.chown(b"modes/" + name, uid, gid)


def _names(b):
    b.mkdir(b"names")
    for name in (b"\xc3\xa9 nfc", b"e\xcc\x81 nfd", "文件".encode(), "\U0001f600".encode(), b"n" * 255, "é".encode() * 127 + b"x",
                 b"\xff\xfe invalid utf8", b"new\nline", b" leading space", b"%41", b"quote\"back\\slash", b"<&>", b"tab\t", b"trailing ",
                 b"...", b"-rf", b"\x01\x7f", b"a:b*c?"):
        b.put(b"names/" + name, b"name\n")


def _sparse(b):
    b.mkdir(b"sparse")
    b.put(b"sparse/holes.bin")
    b.truncate(b"sparse/holes.bin", 70 << 20)
    for offset, size in ((_MIB, 5000), (_CHUNK - 1500, 3000), (66 << 20, 100)):
        b.put_at(b"sparse/holes.bin", offset, noise(b"sparse/holes.bin@%d" % offset, size))
    b.put(b"sparse/only-hole.bin")
    b.truncate(b"sparse/only-hole.bin", 10 << 20)
    b.put(b"sparse/far.bin")
    b.put_at(b"sparse/far.bin", 3 * _CHUNK + 7, b"far")


def _overwritten(b):
    b.mkdir(b"overwrite")
    path = b"overwrite/middle.bin"
    b.put(path, pages(path, _MIB), sync=True)
    for number, (offset, size) in enumerate(((300_000, 1000), (300_500, 1000), (0, 10), (_MIB - 5, 10), (200_000, 300_000), (250_000, 1))):
        b.put_at(path, offset, noise(b"%s/%d" % (path, number), size))
    path, seed = b"overwrite/many.bin", 12345
    b.put(path, pages(path, 65536), sync=True)
    for number in range(20):
        seed = (seed * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        b.put_at(path, seed % 60_000, noise(b"%s/%d" % (path, number), 1 + seed % 5000))


def _cut(b):
    b.mkdir(b"truncate")
    path = b"truncate/shrunk-grown.bin"
    b.put(path, pages(path, 300_000), sync=True)
    b.truncate(path, 100_000)
    b.truncate(path, 200_000)
    path = b"truncate/zeroed.bin"
    b.put(path, pages(path, 50_000), sync=True)
    b.truncate(path, 0)
    b.put_at(path, 0, b"small")
    path = b"truncate/over-chunks.bin"
    b.put(path, b"head", sync=True)
    b.put_at(path, _CHUNK + 100, b"second chunk")
    b.truncate(path, 50)
    b.truncate(path, 140_000_000)
    b.put_at(path, 2 * _CHUNK, b"third chunk")
    b.mkdir(b"append")
    for number in range(10):
        b.append(b"append/log.txt", b"line %d\n" % number)


def _punched(b):
    b.mkdir(b"punch")
    for name, size, mode, offset, length in ((b"punched.bin", 200_000, 3, 50_000, 60_000), (b"zeroed.bin", 200_000, 0x10, 150_000, 100_000)):
        b.put(b"punch/" + name, pages(b"punch/" + name, size), sync=True)
        b.fallocate(b"punch/" + name, mode, offset, length)
    b.put(b"punch/prealloc.bin", b"abc", sync=True)
    b.fallocate(b"punch/prealloc.bin", 0, 0, 50_000)


def _copied(b):
    b.mkdir(b"copy")
    source = b"copy/src.bin"
    b.put(source, pages(source, 500_000), sync=True)
    b.put_at(source, 100_000, noise(source + b"/0", 777))
    b.put(b"copy/dst.bin", pages(b"copy/dst.bin", 300_000), sync=True)
    b.copy(source, 1000, b"copy/dst.bin", 5000, 199_000)
    b.copy(source, 0, b"copy/whole.bin", 0, 500_000)
    b.copy(source, 0, b"copy/over-edge.bin", _CHUNK - 250_000, 500_000)
    b.mkdir(b"copy/tree")
    b.put(b"copy/tree/f", b"in a cloned tree\n")
    b.symlink(b"copy/tree/l", b"f")
    b.mkdir(b"copy/tree/sub")
    b.xattr(b"copy/tree/f", "user.k", b"v")


def _special(b):
    b.mkdir(b"special")
    b.mknod(b"special/fifo", stat.S_IFIFO | 0o640)
    b.mknod(b"special/socket", stat.S_IFSOCK | 0o600)
    b.mknod(b"special/char", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    b.mknod(b"special/block", stat.S_IFBLK | 0o660, os.makedev(259, 70_000))
    b.mkdir(b"empty-dir")
    b.mkdir(b"many")
    for number in range(300):
        b.put(b"many/f%03d" % number)


def _stamp(root):
    """Times by a hash of the path, from the bottom up, so that no directory is touched after its own."""
    paths = [b""]
    for folder, folders, files in os.walk(root):
        if folder == root:
            folders[:] = [n for n in folders if n not in _INTERNAL]
        paths += [os.path.join(folder, n)[len(root) + 1 :] for n in folders + files if not (folder == root and n in _INTERNAL)]
    special = {b"names/-rf": 0, b"modes/none": 4_102_444_800 * NS + 999_999_999}
    for path in sorted(set(paths), reverse=True):
        number = int.from_bytes(hashlib.sha256(path).digest()[:8], "big")
        mtime = special.get(path, (1_700_000_000 + number % 10_000_000) * NS + (number >> 24) % NS)
        os.utime(root + b"/" + path if path else root, ns=(mtime // NS * NS, mtime), follow_symlinks=False)
