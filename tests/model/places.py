# SPDX-License-Identifier: Apache-2.0
"""Where programs run: a native file system, or a mount of Headrace. Each program has a fresh folder."""

import os
import re
import shutil
from collections import Counter
from pathlib import Path

from headrace_testing import children, mounts
from headrace_testing.mounts import Failed

_FOLDER_LIMIT_S = 120


def drop_caches():
    """Every clean page of the machine. Only root can; without, programs run with their caches warm."""
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")
    except OSError:
        return False
    return True


class Native:
    """A folder as it is; a remount is nothing."""

    name = "native"

    def __init__(self, folder):
        self._folder, self._count = folder, 0

    def new_folder(self):
        self._count += 1
        path = os.path.join(self._folder, f"p{self._count}")
        os.mkdir(path)
        return path

    def remove(self, path):
        shutil.rmtree(path, ignore_errors=True)

    def remount(self):
        pass

    def trouble(self):
        return ""

    def renew(self):
        pass

    def unstick(self):
        pass

    def close(self):
        pass


class Mounted:
    """One volume, mounted; a new volume after the mount was lost."""

    name = "headrace"

    def __init__(self, program, folder, mount_options):
        self._program, self._folder, self._options = program, folder, mount_options
        self._count = self._volumes = 0
        self._mount = self.volume = None
        self.opens = Counter()
        self.renew()

    @property
    def has_passthrough(self):
        return "passthrough=on" in Path(self._mount.log_file).read_text(encoding="utf-8", errors="replace")

    def renew(self):
        """A new volume, whatever became of the last one."""
        if self._mount is not None:
            self._mount.give_up()
        self._volumes += 1
        place = self._folder / f"v{self._volumes}"
        place.mkdir()
        self.volume = mounts.Volume(self._program, place, options=["--trash-days=0"])
        self._mount = mounts.Mount(self._program, self.volume.url, place / "mnt", self._options)
        self._mount.start()

    def new_folder(self):
        self._count += 1
        path = os.path.join(self._mount.path, f"p{self._count}")
        self._in_child(lambda: os.mkdir(path))
        return path

    def remove(self, path):
        self._in_child(lambda: shutil.rmtree(path))

    def _in_child(self, function):
        ended = children.run(function, _FOLDER_LIMIT_S, self._mount.abort)
        if not ended.is_good:
            raise Failed(f"{ended.how}: {ended.text}\n{self._mount.log_tail()}")

    def note(self):
        """How files were opened since the last mount, from the mount's own counters: {"pass": 3, ...}."""
        path = os.path.join(self._mount.path, ".stats")
        ended = children.run(lambda: Path(path).read_text(encoding="utf-8"), _FOLDER_LIMIT_S, self._mount.abort)
        for mode, count in re.findall(r"^headrace_fuse_opens_total_(\w+) (\d+)$", ended.value or "", re.MULTILINE):
            self.opens[mode] += int(count)

    def remount(self):
        """Unmounts as a user does, and mounts again: nothing is cached any more."""
        self.note()
        self._mount.stop()
        self._mount.start()

    def trouble(self):
        """What the server said, if it is gone."""
        return "" if self._mount.is_serving else f"the server ended\n{self._mount.log_tail(60)}"

    def unstick(self):
        self._mount.abort()

    def close(self):
        """Unmounts; Failed when the server does not end well."""
        self.note()
        mount, self._mount = self._mount, None
        if mount is not None:
            mount.stop()

    def give_up(self):
        if self._mount is not None:
            self._mount.give_up()
