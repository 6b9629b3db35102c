# SPDX-License-Identifier: Apache-2.0
"""Where cases run: folders on native file systems, and on mounts of Headrace. Each group of cases has its own volume."""

import os
import subprocess
from dataclasses import dataclass

from headrace_testing import mounts
from headrace_testing.mounts import Failed

# How each lane is asked for on the command line.
LANES = {
    "auto": (),
    "classic": ("--lanes=classic",),
    "passthrough": ("--lanes=passthrough,classic",),
}


@dataclass(frozen=True)
class Group:
    """What a group of cases needs: options of `headrace format` and `headrace mount`, and the size of the native tmpfs
    (then both natives are that tmpfs)."""

    format_options: tuple = ()
    mount_options: tuple = ()
    tmpfs_size: str = ""
    lanes: tuple = tuple(LANES)


GROUPS = {
    "main": Group(format_options=("--trash-days=0",)),
    # Cases of the trash, which a volume has unless it is told otherwise.
    "trash": Group(lanes=("auto",)),
    # Cases that fill the file system.
    "full": Group(format_options=("--trash-days=0", "--capacity=64MiB"), tmpfs_size="64m", lanes=("auto",)),
}


class Tmpfs:
    """A file system in memory for as long as the context lasts."""

    def __init__(self, mount_point, size):
        self.path = mount_point
        self._size = size

    def __enter__(self):
        self.path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=755,size={self._size}", "tmpfs", self.path], check=True, timeout=20)
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.path], check=True, timeout=20)


class Natives:
    """The two native file systems of a group, below one folder: `disk` is where tests may write, `tmpfs` is mounted."""

    def __init__(self, folder, group):
        size = GROUPS[group].tmpfs_size
        self._tmpfs = Tmpfs(folder / f"{group}-tmpfs", size or "1g")
        self._disk = self._tmpfs.path if size else folder / f"{group}-disk"

    def __enter__(self):
        self._tmpfs.__enter__()
        self._disk.mkdir(exist_ok=True)
        return self

    def __exit__(self, *what):
        self._tmpfs.__exit__(*what)

    def folder(self, like):
        return str(self._tmpfs.path if like == "tmpfs" else self._disk)


class Mounted:
    """Headrace for one group and lane; started when first asked for, and again after a case broke it."""

    def __init__(self, program, folder, group, lane):
        self._program, self._folder, self._group, self._lane = program, folder, group, lane
        self._mount = self.volume = None
        self._starts = 0

    def folder(self):
        """The mount point. Raises Failed when it cannot be mounted."""
        if self._mount is None:
            self._start()
        return self._mount.path

    def _start(self):
        self._starts += 1
        if self._starts > 20:
            raise Failed("the mount was lost 20 times")
        wants = GROUPS[self._group]
        folder = self._folder / f"{self._group}-{self._lane}-{self._starts}"
        folder.mkdir()
        os.chmod(folder, 0o755)
        self.volume = mounts.Volume(self._program, folder, options=wants.format_options)
        options = [*wants.mount_options, *LANES[self._lane]]
        self._mount = mounts.Mount(self._program, self.volume.url, folder / "mnt", options)
        self._mount.start()

    def abort(self):
        self._mount.abort()

    def trouble(self):
        """Why the mount cannot be used for the next case, if so. The next folder() mounts a new volume."""
        if self._mount is None or self._mount.is_serving:
            return ""
        text = f"the server ended\n{self._mount.log_tail()}"
        self.give_up()
        return text

    def give_up(self):
        if self._mount is not None:
            self._mount.give_up()
            self._mount = None

    def stop(self):
        """Unmounts. True if there was something to unmount; raises Failed when that goes wrong."""
        if self._mount is None:
            return False
        mount, self._mount = self._mount, None
        mount.stop()
        return True
