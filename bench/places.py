# SPDX-License-Identifier: Apache-2.0
"""Where the loads run: limits (a tmpfs with huge pages, /dev/shm), peers (bindfs, mergerfs), and Headrace. Each is a folder to read and
write, a way to drop what is cached, and the process whose CPU is counted."""
import os
import shutil
import signal
import subprocess
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")


def run(*command, timeout=300, **more):
    return subprocess.run([str(part) for part in command], check=True, timeout=timeout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more).stdout


def is_mounted(path):
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as mounts:
        return any(line.split(" ")[1] == str(path) for line in mounts)


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not within {seconds} s")
        time.sleep(0.01)


def drop_kernel_caches():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as caches:
        caches.write("3")


class Place:
    """A folder under test. `pid`: the server whose CPU counts besides the load's own; 0 where there is none."""
    name = ""
    pid = 0

    def __init__(self, folder):
        self.folder = folder

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def cpu_seconds(self):
        if not self.pid:
            return 0.0
        with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def resident_bytes(self):
        if not self.pid:
            return 0
        with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as status:
            rss = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in status if line.startswith("Rss")}
        return rss.get("RssAnon", 0) + rss.get("RssFile", 0)

    def close(self):
        pass

    def remove(self):
        """Closes it and leaves nothing of it behind, so that the next row finds the machine as this one did."""
        self.close()


class Tmpfs(Place):
    name = "tmpfs, huge pages"

    def __init__(self, root):
        super().__init__(os.path.join(root, "huge"))
        os.makedirs(self.folder)
        run("mount", "-t", "tmpfs", "-o", "huge=within_size,size=12g", "bench", self.folder)

    def close(self):
        run("umount", "-l", self.folder)


class Shm(Place):
    name = "/dev/shm"

    def __init__(self):
        super().__init__(tempfile.mkdtemp(prefix="headrace-bench.", dir="/dev/shm"))

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class OtherFuse(Place):
    """Another FUSE server; `command` answers with its command line for a mount point."""

    def __init__(self, name, root, command):
        super().__init__(os.path.join(root, name.replace(" ", "-")))
        self.name = name
        os.makedirs(self.folder)
        self.process = subprocess.Popen(command(self.folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid = self.process.pid
        wait_until(lambda: is_mounted(self.folder), 10, name)

    def close(self):
        run("fusermount3", "-u", "-z", self.folder)
        self.process.wait(20)
        os.rmdir(self.folder)


class Headrace(Place):
    """A volume with its bucket on the huge-page tmpfs and its metadata where `meta_folder` is."""
    name = "headrace"

    def __init__(self, program, root, bucket_folder, meta_folder, mount_flags=(), format_flags=()):
        super().__init__(os.path.join(root, "mount"))
        self.folders = (root, bucket_folder, meta_folder)
        self.program = program
        self.meta = "sqlite3://" + os.path.join(meta_folder, "meta.db")
        self.flags = list(mount_flags)
        os.makedirs(self.folder, exist_ok=True)
        run(program, "format", self.meta, "bench", "--storage", "file", "--bucket", bucket_folder, "--trash-days", "0", *format_flags)
        self.mount()

    def mount(self):
        run(self.program, "mount", "-d", self.meta, self.folder, *self.flags)
        self.pid = self.find_server()

    def find_server(self):
        wanted = self.folder.encode()
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as cmdline:
                    parts = cmdline.read().split(b"\0")
            except OSError:
                continue
            if wanted in parts and b"mount" in parts:
                found.append(int(pid))
        return max(found, default=0)  # a supervisor is older than its server

    def unmount(self):
        run(self.program, "umount", "--flush", self.folder)
        self.pid = 0

    def remount(self):
        self.unmount()
        drop_kernel_caches()
        self.mount()

    def stats(self):
        with open(self.path(".stats"), encoding="ascii") as lines:
            return {name: float(value) for name, value in map(str.split, lines)}

    def warm(self, *names, evict=False):
        run(self.program, "warmup", *(["--evict"] if evict else []), *[self.path(name) for name in names])

    def close(self):
        if is_mounted(self.folder):
            self.unmount()

    def remove(self):
        self.close()
        for folder in self.folders:
            shutil.rmtree(folder)


def end(process):
    process.send_signal(signal.SIGTERM)
    process.wait(20)
