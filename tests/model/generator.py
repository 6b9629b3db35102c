# SPDX-License-Identifier: Apache-2.0
"""Chooses operations that are likely to meet each other: few names, few handles, places in files around the borders of pages,
requests, blocks and chunks. Each program leaves out some kinds of operations at random, so that the others come close together."""

import os

from reference import EXCHANGE, KEEP_SIZE, NOREPLACE, PUNCH_HOLE, ZERO_RANGE

KIB, MIB = 1 << 10, 1 << 20
BORDERS = (0, 4 * KIB, 128 * KIB, MIB, 4 * MIB, 64 * MIB)
LONG_NAME = "long-" + "n" * 250  # 255 bytes
NAMES = ("a", "b", "c", "d", "ü", LONG_NAME)
TOO_LONG = "x" * 256
DEPTH_MAX = 4
HANDLES, MAPPINGS = 6, 4
FILE_BYTES_MAX = 70 * MIB

# How often each kind comes when it is not left out.
WEIGHTS = {
    "open": 16, "close": 5, "pread": 10, "pwrite": 22, "ftruncate": 5, "truncate": 3, "fallocate": 5, "copy": 5, "seek": 3,
    "fsync": 4, "fstat": 2, "map": 5, "mread": 5, "mwrite": 6, "msync": 2, "unmap": 2, "private": 3, "mkdir": 4, "symlink": 2,
    "link": 4, "unlink": 5, "rmdir": 2, "rename": 8, "readlink": 1, "stat": 3, "list": 2, "drop": 1.5, "remount": 0.4, "check": 2,
    "settle": 1.5,
}
RARE = {"settle": 0.35}  # costs a second and more, so only some programs have it
ALWAYS = ("open", "pwrite", "pread")


class Generator:
    def __init__(self, rng, model, longest=300 * KIB):
        self.rng, self.model, self.longest = rng, model, longest
        self.kinds = [kind for kind in WEIGHTS if kind in ALWAYS or rng.random() < RARE.get(kind, 0.7)]
        self.weights = [WEIGHTS[kind] for kind in self.kinds]
        self.borders = rng.sample(BORDERS, rng.choice((2, 3, len(BORDERS))))
        self.tags = 0
        self.coming = []  # what comes next in any case

    def next(self):
        """The next operation. Every one is valid as a call; whether it succeeds is the model's to say."""
        kind = self.coming.pop(0) if self.coming else self.rng.choices(self.kinds, self.weights)[0]
        return getattr(self, f"gen_{kind}", self.gen_slot)(kind)

    # Parts.

    def who(self):
        return self.rng.randrange(2)

    def tag(self):
        self.tags += 1
        return self.tags

    def paths(self, kinds):
        found = []

        def walk(directory, prefix):
            for name, inode in directory.entries.items():
                if inode.kind in kinds:
                    found.append(prefix + name)
                if inode.kind == "dir":
                    walk(inode, f"{prefix}{name}/")

        walk(self.model.root, "")
        return found

    def place(self):
        """A path that may be there or not."""
        directories = [""] + [f"{path}/" for path in self.paths(("dir",)) if path.count("/") < DEPTH_MAX - 1]
        if self.rng.random() < 0.02:
            return self.rng.choice(directories) + TOO_LONG
        if self.rng.random() < 0.05:  # through a file, a link or nothing
            directories = [f"{path}/" for path in self.paths(("file", "symlink"))] + ["nothing/"]
        return self.rng.choice(directories) + self.rng.choice(NAMES)

    def existing(self, *kinds):
        found = self.paths(kinds)
        return self.rng.choice(found) if found and self.rng.random() < 0.9 else self.place()

    def slot(self, writable=False):
        """A handle's number, most often one that is open."""
        handles = [s for s, h in self.model.handles.items() if h.can_write or not writable]
        return self.rng.choice(sorted(handles)) if handles and self.rng.random() < 0.97 else self.rng.randrange(HANDLES)

    def offset(self, slot=None):
        handle = self.model.handles.get(slot)
        around = self.rng.choice([*self.borders, handle.inode.image.length if handle else 0])
        by = self.rng.choice((0, 0, 1, -1, 8, 512, -512, 4096, -4096, 65536, self.rng.randrange(-5000, 5000),
                              self.rng.randrange(-200 * KIB, 200 * KIB)))
        return min(max(0, around + by), FILE_BYTES_MAX)

    def length(self):
        longest = 5 * MIB if self.rng.random() < 0.03 else self.longest
        return min(longest, self.rng.choice((1, 7, 512, 4096, 4097, 8192, 65536, 128 * KIB, 128 * KIB + 1, MIB, MIB + 1,
                                             self.rng.randrange(1, 10000), self.rng.randrange(1, longest))))

    # Operations.

    def gen_slot(self, kind):
        """Those that need nothing but a handle or a mapping."""
        if kind == "fsync":
            slot = self.slot()
            return [kind, slot % 2, slot, self.rng.random() < 0.5]
        if kind in ("msync", "unmap"):
            slot = self.mapping()
            return [kind, slot % 2, slot]
        slot = self.slot()
        return [kind, slot % 2, slot]

    def gen_open(self, kind):
        slot = self.rng.randrange(HANDLES)
        flags = self.rng.choice((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_RDWR, os.O_RDWR))
        if self.rng.random() < 0.5:
            flags |= os.O_CREAT
            if self.rng.random() < 0.2:
                flags |= os.O_EXCL
        if flags & os.O_ACCMODE != os.O_RDONLY:
            if self.rng.random() < 0.1:
                flags |= os.O_TRUNC
            if self.rng.random() < 0.2:
                flags |= os.O_APPEND
            if self.rng.random() < 0.05:
                flags |= os.O_SYNC
        is_new = flags & os.O_CREAT and self.rng.random() < 0.5
        path = self.place() if is_new else self.existing("file", "file", "file", "symlink", "dir")
        return [kind, slot % 2, slot, path, flags]

    def gen_pread(self, kind):
        slot = self.slot()
        return [kind, slot % 2, slot, self.offset(slot), self.length()]

    def gen_pwrite(self, kind):
        slot = self.slot(writable=True)
        return [kind, slot % 2, slot, self.offset(slot), self.length(), self.tag()]

    def gen_ftruncate(self, kind):
        slot = self.slot(writable=True)
        return [kind, slot % 2, slot, self.offset(slot)]

    def gen_truncate(self, kind):
        return [kind, self.who(), self.existing("file", "file", "file", "symlink", "dir"), self.offset()]

    def gen_fallocate(self, kind):
        slot = self.slot(writable=True)
        mode = self.rng.choice((0, KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE, ZERO_RANGE, ZERO_RANGE | KEEP_SIZE))
        return [kind, slot % 2, slot, mode, self.offset(slot), self.length()]

    def gen_copy(self, kind):
        target = self.slot(writable=True)
        sources = [s for s in self.model.handles if s % 2 == target % 2]
        source = self.rng.choice(sorted(sources)) if sources else target
        return [kind, target % 2, source, target, self.offset(source), self.offset(target), self.length()]

    def gen_seek(self, kind):
        slot = self.slot()
        return [kind, slot % 2, slot, self.offset(slot), self.rng.random() < 0.5]

    def mapping(self):
        slots = sorted(self.model.mappings)
        return self.rng.choice(slots) if slots else 0

    def gen_map(self, kind):
        handle_slot = self.slot()
        slot = self.rng.randrange(MAPPINGS // 2) * 2 + handle_slot % 2
        offset = self.offset(handle_slot) // 4096 * 4096
        handle = self.model.handles.get(handle_slot)
        may_write = handle is not None and handle.can_write and self.rng.random() < 0.8
        return [kind, slot % 2, slot, handle_slot, offset, self.length(), may_write]

    def within(self, slot):
        mapping = self.model.mappings.get(slot)
        offset = self.rng.randrange(mapping.length) if mapping else 0
        return (0 if self.rng.random() < 0.3 else offset), min(self.length(), 300 * KIB)

    def gen_mread(self, kind):
        slot = self.mapping()
        return [kind, slot % 2, slot, *self.within(slot)]

    def gen_mwrite(self, kind):
        slot = self.mapping()
        return [kind, slot % 2, slot, *self.within(slot), self.tag()]

    def gen_private(self, kind):
        slot = self.slot()
        return [kind, slot % 2, slot, self.offset(slot), min(self.length(), 300 * KIB)]

    def gen_mkdir(self, kind):
        return [kind, self.who(), self.place()]

    def gen_symlink(self, kind):
        target = self.rng.choice((*NAMES[:4], f"{self.rng.choice(NAMES[:4])}/{self.rng.choice(NAMES[:4])}"))
        return [kind, self.who(), target, self.place()]

    def gen_link(self, kind):
        return [kind, self.who(), self.existing("file", "file", "symlink", "dir"), self.place()]

    def gen_unlink(self, kind):
        return [kind, self.who(), self.existing("file", "file", "symlink", "dir")]

    def gen_rmdir(self, kind):
        return [kind, self.who(), self.existing("dir", "dir", "file")]

    def gen_rename(self, kind):
        flags = self.rng.choice((0, 0, 0, 0, NOREPLACE, EXCHANGE))
        target = self.existing("file", "dir", "symlink") if self.rng.random() < 0.5 else self.place()
        return [kind, self.who(), self.existing("file", "file", "dir", "dir", "symlink"), target, flags]

    def gen_readlink(self, kind):
        return [kind, self.who(), self.existing("symlink", "symlink", "file")]

    def gen_stat(self, kind):
        return [kind, self.who(), self.existing("file", "dir", "symlink"), self.rng.random() < 0.5]

    def gen_list(self, kind):
        return [kind, self.who(), self.existing("dir", "dir", "file")]

    def gen_drop(self, kind):
        return [kind, self.who()]

    gen_remount = gen_check = gen_drop

    def gen_settle(self, kind):
        """Then readers, a writer beside them, and both at work."""
        self.coming = self.rng.choice((["read", "read", "map", "write", "pwrite", "pread", "mread"],
                                       ["read", "write", "pwrite", "mread", "pread"], ["read", "map", "rename"]))
        return [kind, self.who()]

    def gen_read(self, _):
        """A reader of a file that is there."""
        return self.open_existing(os.O_RDONLY)

    def gen_write(self, _):
        return self.open_existing(self.rng.choice((os.O_WRONLY, os.O_WRONLY, os.O_RDWR)))

    def open_existing(self, flags):
        """The longest files most often: those are served in more ways."""
        paths = self.paths(("file",))
        if not paths:
            return self.gen_open("open")
        longest = sorted(paths, key=lambda path: -self.model.find(path, follow=False).size)
        slot = self.rng.randrange(HANDLES)
        return ["open", slot % 2, slot, longest[0] if self.rng.random() < 0.7 else self.rng.choice(paths), flags]
