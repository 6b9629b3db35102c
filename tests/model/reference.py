# SPDX-License-Identifier: Apache-2.0
"""The reference: what a POSIX file system (as Linux has it) answers to one operation after the other. It keeps names,
inodes and images of files, no bytes. An operation is a list [name, who, argument, ...]; the same list is run on a real
file system by executor.py and must come to the same.

Model.steps(operation) changes the model and returns what to run and what must come of it, as Step objects."""

import os
from dataclasses import dataclass, field

from answers import Answer, Bytes, OneOf, SeekAnswer
from headrace_testing.content import Image

NAME_BYTES_MAX = 255
LINKS_MAX = 40
WINDOW = 64 << 10
WHOLE_READ_MAX = 8 << 20  # longer files are looked at through windows
NOREPLACE, EXCHANGE = 1, 2
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 0x10


class Refused(Exception):
    """The operation must fail, with one of these errnos (names)."""

    def __init__(self, *names):
        super().__init__("/".join(names))
        self.names = names


@dataclass(eq=False)
class Inode:
    kind: str  # file, dir, symlink
    parent: object = None  # of a directory
    image: Image = field(default_factory=Image)
    entries: dict = field(default_factory=dict)
    target: str = ""
    names: int = 0
    stores: list = field(default_factory=list)  # through shared mappings, not yet synced: (handle's birth, start, end, old spans)

    @property
    def nlink(self):
        return self.names if self.kind != "dir" else 2 + sum(child.kind == "dir" for child in self.entries.values())

    @property
    def size(self):
        return self.image.length if self.kind == "file" else len(os.fsencode(self.target)) if self.kind == "symlink" else None

    def facts(self):
        """What lstat must say: [type, nlink, size], without the size of directories, which is nobody's business."""
        return [self.kind, self.nlink, self.size]


@dataclass(eq=False)
class Handle:
    inode: Inode
    access: int
    is_append: bool
    birth: int

    @property
    def can_read(self):
        return self.access != os.O_WRONLY

    @property
    def can_write(self):
        return self.access != os.O_RDONLY


@dataclass(eq=False)
class Mapping:
    handle: Handle
    offset: int
    length: int
    may_write: bool


@dataclass
class Step:
    """Process `who` (0, 1; None: the one that runs the tests) runs `call` and must get `answer`."""

    who: int
    call: list
    answer: Answer


class Model:
    def __init__(self):
        self.root = Inode("dir")
        self.handles, self.mappings = {}, {}
        self.births = 0

    def steps(self, operation):
        name, who, *arguments = operation
        before = self.flush_stores(operation)
        try:
            step = getattr(self, f"do_{name}")(who, *arguments)
        except Refused as refused:
            step = Step(who, self.bare_call(operation), OneOf(refused.names))
        return before + (step if isinstance(step, list) else [step] if step else [])

    @staticmethod
    def bare_call(operation):
        """The call of an operation that is refused: with nothing filled in by the model."""
        name, _, *arguments = operation
        if name == "pwrite":
            slot, offset, length, tag = arguments
            return ["pwrite", slot, offset, length, tag, offset]
        return [name, *arguments]

    # Paths.

    def parent_of(self, path, links=0):
        """(directory, last name) of a path; the links on the way are followed, not the last name."""
        parts = path.split("/")
        directory = self.root
        for at, part in enumerate(parts[:-1]):
            child = self.child(directory, part)
            if child is None:
                raise Refused("ENOENT")
            if child.kind == "symlink":
                if links >= LINKS_MAX:
                    raise Refused("ELOOP")
                rest = "/".join(parts[at + 1 :])
                return self.parent_below(directory, f"{child.target}/{rest}", links + 1)
            directory = child
        if directory.kind != "dir":
            raise Refused("ENOTDIR")
        return directory, parts[-1]

    def parent_below(self, directory, path, links):
        root, self.root = self.root, directory
        try:
            return self.parent_of(path, links)
        finally:
            self.root = root

    @staticmethod
    def child(directory, name):
        if directory.kind != "dir":
            raise Refused("ENOTDIR")
        if len(os.fsencode(name)) > NAME_BYTES_MAX:
            raise Refused("ENAMETOOLONG")
        return directory.entries.get(name)

    def look(self, path, follow=True):
        """(directory, name, inode or None). With `follow` a link at the end leads on, also one that dangles."""
        directory, name = self.parent_of(path)
        inode = self.child(directory, name)
        links = 0
        while follow and inode is not None and inode.kind == "symlink":
            links += 1
            if links > LINKS_MAX:
                raise Refused("ELOOP")
            directory, name = self.parent_below(directory, inode.target, links)
            inode = self.child(directory, name)
        return directory, name, inode

    def find(self, path, follow=True):
        inode = self.look(path, follow)[2]
        if inode is None:
            raise Refused("ENOENT")
        return inode

    # Names.

    def add(self, directory, name, inode):
        directory.entries[name] = inode
        inode.names += 1
        if inode.kind == "dir":
            inode.parent = directory

    @staticmethod
    def drop(directory, name):
        directory.entries.pop(name).names -= 1

    def new_name(self, path):
        directory, name = self.parent_of(path)
        if self.child(directory, name) is not None:
            raise Refused("EEXIST")
        return directory, name

    def do_mkdir(self, who, path):
        self.add(*self.new_name(path), Inode("dir"))
        return Step(who, ["mkdir", path], Answer("ok"))

    def do_symlink(self, who, target, path):
        self.add(*self.new_name(path), Inode("symlink", target=target))
        return Step(who, ["symlink", target, path], Answer("ok"))

    def do_link(self, who, old, new):
        inode = self.find(old, follow=False)
        place = self.new_name(new)
        if inode.kind == "dir":
            raise Refused("EPERM")
        self.add(*place, inode)
        return Step(who, ["link", old, new], Answer("ok"))

    def do_unlink(self, who, path):
        directory, name, inode = self.look(path, follow=False)
        if inode is None:
            raise Refused("ENOENT")
        if inode.kind == "dir":
            raise Refused("EISDIR")
        self.drop(directory, name)
        return Step(who, ["unlink", path], Answer("ok"))

    def do_rmdir(self, who, path):
        directory, name, inode = self.look(path, follow=False)
        if inode is None:
            raise Refused("ENOENT")
        if inode.kind != "dir":
            raise Refused("ENOTDIR")
        if inode.entries:
            raise Refused("ENOTEMPTY")
        self.drop(directory, name)
        return Step(who, ["rmdir", path], Answer("ok"))

    def do_rename(self, who, old, new, flags):
        old_dir, old_name = self.parent_of(old)
        new_dir, new_name = self.parent_of(new)
        moved = self.child(old_dir, old_name)
        if moved is None:
            raise Refused("ENOENT")
        there = self.child(new_dir, new_name)
        self.check_rename(moved, old_dir, there, new_dir, flags)
        if moved is not there:
            self.drop(old_dir, old_name)
            if there is not None:
                self.drop(new_dir, new_name)
            self.add(new_dir, new_name, moved)
            if flags & EXCHANGE:
                self.add(old_dir, old_name, there)
        return Step(who, ["rename", old, new, flags], Answer("ok"))

    def check_rename(self, moved, old_dir, there, new_dir, flags):
        wrong = []
        if flags & NOREPLACE and there is not None:
            wrong.append("EEXIST")
        if flags & EXCHANGE and there is None:
            wrong.append("ENOENT")
        if moved.kind == "dir" and self.is_inside(new_dir, moved):
            wrong.append("EINVAL")
        if there is not None and there.kind == "dir" and self.is_inside(old_dir, there):
            wrong.append("EINVAL" if flags & EXCHANGE else "ENOTEMPTY")
        if wrong:
            raise Refused(*wrong)
        if there is None or moved is there or flags & EXCHANGE:
            return
        if moved.kind == "dir" and there.kind != "dir":
            raise Refused("ENOTDIR")
        if moved.kind != "dir" and there.kind == "dir":
            raise Refused("EISDIR")
        if there.entries:
            raise Refused("ENOTEMPTY")

    @staticmethod
    def is_inside(directory, ancestor):
        while directory is not None:
            if directory is ancestor:
                return True
            directory = directory.parent
        return False

    def do_readlink(self, who, path):
        inode = self.find(path, follow=False)
        if inode.kind != "symlink":
            raise Refused("EINVAL")
        return Step(who, ["readlink", path], Answer(inode.target))

    def do_stat(self, who, path, follow):
        return Step(who, ["stat", path, follow], Answer(self.find(path, follow).facts()))

    def do_list(self, who, path):
        inode = self.find(path)
        if inode.kind != "dir":
            raise Refused("ENOTDIR")
        return Step(who, ["list", path], Answer(sorted(inode.entries)))

    # Handles.

    def do_open(self, who, slot, path, flags):
        before = self.close_first(slot)
        try:
            inode = self.opened(path, flags)
        except Refused as refused:
            return before + [Step(who, ["open", slot, path, flags], OneOf(refused.names))]
        if inode.kind == "dir":
            return before + [Step(who, ["open", slot, path, flags], Answer("directory"))]
        self.births += 1
        self.handles[slot] = Handle(inode, flags & os.O_ACCMODE, bool(flags & os.O_APPEND), self.births)
        return before + [Step(who, ["open", slot, path, flags], Answer("ok"))]

    def opened(self, path, flags):
        is_exclusive = flags & os.O_CREAT and flags & os.O_EXCL
        directory, name, inode = self.look(path, follow=not is_exclusive)
        if inode is None:
            if not flags & os.O_CREAT:
                raise Refused("ENOENT")
            inode = Inode("file")
            self.add(directory, name, inode)
        elif is_exclusive:
            raise Refused("EEXIST")
        elif inode.kind == "dir" and (flags & os.O_CREAT or flags & os.O_ACCMODE != os.O_RDONLY):
            raise Refused("EISDIR")
        elif flags & os.O_TRUNC and inode.kind == "file":
            inode.image.truncate(0)
        return inode

    def close_first(self, slot):
        return [self.do_close(slot % 2, slot)] if slot in self.handles else []

    def do_close(self, who, slot):
        if slot not in self.handles:
            return None
        del self.handles[slot]
        return Step(who, ["close", slot], Answer("ok"))

    def do_fsync(self, who, slot, data_only):
        return Step(who, ["fsync", slot, data_only], Answer("ok")) if slot in self.handles else None

    def do_fstat(self, who, slot):
        return Step(who, ["fstat", slot], Answer(self.handles[slot].inode.facts())) if slot in self.handles else None

    def do_pread(self, who, slot, offset, length):
        handle = self.handles.get(slot)
        if handle is None:
            return None
        if not handle.can_read:
            raise Refused("EBADF")
        return Step(who, ["pread", slot, offset, length], self.seen(handle, offset, offset + length))

    def seen(self, handle, start, end):
        """What reading through a handle must show. A read-only handle may be older than a mapping that was stored through:
        then it may show the store only after msync or munmap (the one documented exception)."""
        inode, old = handle.inode, None
        late = [s for s in inode.stores if handle.access == os.O_RDONLY and handle.birth < s[0] and s[1] < end and start < s[2]]
        if late:
            image = inode.image.copy()
            for _, first, last, spans in reversed(late):
                image.put(first, min(last, image.length), [s.cut(first, image.length) for s in spans if s.start < image.length])
            old = image.read(start, end)
        return Bytes(inode.image.read(start, end), start, old)

    def do_pwrite(self, who, slot, offset, length, tag):
        handle = self.handles.get(slot)
        if handle is None:
            return None
        if not handle.can_write:
            raise Refused("EBADF")
        at = handle.inode.image.length if handle.is_append else offset
        handle.inode.image.write(at, length, tag)
        return Step(who, ["pwrite", slot, offset, length, tag, at], Answer(length))

    def do_ftruncate(self, who, slot, length):
        handle = self.handles.get(slot)
        if handle is None:
            return None
        if not handle.can_write:
            raise Refused("EINVAL")
        handle.inode.image.truncate(length)
        return Step(who, ["ftruncate", slot, length], Answer("ok"))

    def do_truncate(self, who, path, length):
        inode = self.find(path)
        if inode.kind == "dir":
            raise Refused("EISDIR")
        inode.image.truncate(length)
        return Step(who, ["truncate", path, length], Answer("ok"))

    def do_fallocate(self, who, slot, mode, offset, length):
        handle = self.handles.get(slot)
        if handle is None:
            return None
        if not handle.can_write:
            raise Refused("EBADF")
        image = handle.inode.image
        if mode & (PUNCH_HOLE | ZERO_RANGE):
            image.zero(offset, length)
        if not mode & KEEP_SIZE:
            image.length = max(image.length, offset + length)
        return Step(who, ["fallocate", slot, mode, offset, length], Answer("ok"))

    def do_copy(self, who, source_slot, slot, source_offset, offset, length):
        source, target = self.handles.get(source_slot), self.handles.get(slot)
        if source is None or target is None:
            return None
        if not source.can_read or not target.can_write or target.is_append:
            raise Refused("EBADF")
        clipped = max(0, min(length, source.inode.image.length - source_offset))
        if source.inode is target.inode and offset + clipped > source_offset and offset < source_offset + clipped:
            raise Refused("EINVAL")
        copied = target.inode.image.copy_from(source.inode.image.copy(), source_offset, offset, length)
        return Step(who, ["copy", source_slot, slot, source_offset, offset, length, copied], Answer(copied))

    def do_seek(self, who, slot, offset, for_data):
        if slot not in self.handles:
            return None
        return Step(who, ["seek", slot, offset, for_data], SeekAnswer(self.handles[slot].inode.image, offset, for_data))

    # Mappings.

    def flush_stores(self, operation):
        """msync before what asks the server about bytes that may lie in the kernel's pages alone."""
        if operation[0] not in ("copy", "seek"):
            return []
        return [self.do_msync(slot % 2, slot) for slot, m in sorted(self.mappings.items()) if m.handle.inode.stores and m.may_write]

    def do_map(self, who, slot, handle_slot, offset, length, may_write):
        handle = self.handles.get(handle_slot)
        if handle is None:
            return None
        before = [self.do_unmap(slot % 2, slot)] if slot in self.mappings else []
        call = ["map", slot, handle_slot, offset, length, may_write]
        if not handle.can_read or (may_write and not handle.can_write):
            return before + [Step(who, call, Answer("EACCES"))]
        self.mappings[slot] = Mapping(handle, offset, length, may_write)
        return before + [Step(who, call, Answer("ok"))]

    def reach(self, slot, offset, length):
        """What of a mapping may be touched: not beyond the file's end."""
        mapping = self.mappings[slot]
        return max(0, min(offset + length, mapping.length, mapping.handle.inode.image.length - mapping.offset) - offset)

    def do_mread(self, who, slot, offset, length):
        if slot not in self.mappings or not self.reach(slot, offset, length):
            return None
        mapping, length = self.mappings[slot], self.reach(slot, offset, length)
        start = mapping.offset + offset
        return Step(who, ["mread", slot, offset, length], self.seen(mapping.handle, start, start + length))

    def do_mwrite(self, who, slot, offset, length, tag):
        mapping = self.mappings.get(slot)
        if mapping is None or not mapping.may_write or not self.reach(slot, offset, length):
            return None
        length, inode = self.reach(slot, offset, length), mapping.handle.inode
        start = mapping.offset + offset
        inode.stores.append((mapping.handle.birth, start, start + length, inode.image.spans_in(start, start + length)))
        inode.image.write(start, length, tag)
        return Step(who, ["mwrite", slot, offset, length, tag, start], Answer("ok"))

    def do_msync(self, who, slot):
        if slot not in self.mappings:
            return None
        self.settle(slot)
        return Step(who, ["msync", slot], Answer("ok"))

    def settle(self, slot):
        handle = self.mappings[slot].handle
        handle.inode.stores = [s for s in handle.inode.stores if s[0] != handle.birth]

    def do_unmap(self, who, slot):
        if slot not in self.mappings:
            return None
        self.settle(slot)
        del self.mappings[slot]
        return Step(who, ["unmap", slot], Answer("ok"))

    def do_private(self, who, slot, offset, length):
        """A private mapping: shows the file, takes stores, and keeps them to itself."""
        handle = self.handles.get(slot)
        if handle is None:
            return None
        length = min(length, handle.inode.image.length - offset)
        if length <= 0:
            return None
        if not handle.can_read:
            raise Refused("EACCES")
        return Step(who, ["private", slot, offset, length], self.seen(handle, offset, offset + length))

    # The whole.

    def do_drop(self, who):
        return Step(None, ["drop"], Answer("ok"))

    def do_remount(self, who):
        before = [self.do_unmap(slot % 2, slot) for slot in sorted(self.mappings)]
        before += [self.do_close(slot % 2, slot) for slot in sorted(self.handles)]
        return before + [Step(None, ["remount"], Answer("ok"))]

    def do_settle(self, who):
        """All files are left alone for a while and then read to their end: copies on the node become whole, and the next open
        may be answered by another lane."""
        files = {}
        self.collect(self.root, "", {}, files)
        return Step(who, ["settle", list(files.values())], Answer("ok"))

    def do_check(self, who):
        """Everything: the tree with all it says of each file, all bytes of short files and the places that matter of long ones."""
        tree, files = {}, {}
        self.collect(self.root, "", tree, files)
        steps = [Step(who, ["tree"], Answer(tree))]
        for inode, path in files.items():
            for start, end in windows(inode.image):
                steps.append(Step(who, ["read_path", path, start, end - start], Bytes(inode.image.read(start, end), start)))
        for slot, handle in sorted(self.handles.items()):
            steps.append(Step(slot % 2, ["fstat", slot], Answer(handle.inode.facts())))
        return steps

    def collect(self, directory, prefix, tree, files):
        for name, inode in directory.entries.items():
            path = prefix + name
            tree[path] = [*inode.facts(), inode.target]
            if inode.kind == "dir":
                self.collect(inode, f"{path}/", tree, files)
            elif inode.kind == "file":
                files.setdefault(inode, path)


def windows(image):
    """What a check reads of a file: all, or else both sides of every place where something else begins."""
    if image.length <= WHOLE_READ_MAX:
        return [(0, image.length + 1)]
    found = []
    for border in image.borders():
        start, end = max(0, border - WINDOW), border + WINDOW
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found
