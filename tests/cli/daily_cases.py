# SPDX-License-Identifier: Apache-2.0
"""What one does every day: format, mount, status, info, summary, stats, warmup, bench, umount, doctor."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from headrace_testing import mounts
from place import CliTest


class Format(CliTest):
    def test_a_volume_is_what_its_flags_ask_for(self):
        made = self.new_volume("--block-size=1M", "--trash-days=3", "--capacity=2G", "--inodes=1000", "--hash-prefix")
        self.assertTrue(made["created"])
        wanted = {"name": "vol", "metadata": self.url, "storage": "file", "bucket": f"{self.bucket}/", "blockSizeBytes": 1 << 20,
                  "trashDays": 3, "capacityBytes": 2 << 30, "inodes": 1000, "hashPrefix": True, "shards": 0}
        self.assertEqual({name: made[name] for name in wanted}, wanted)
        setting = self.document("VolumeStatus", "status", self.url)["setting"]
        self.assertEqual((setting["Name"], setting["UUID"], setting["TrashDays"]), ("vol", made["uuid"], 3))
        self.assertEqual((self.bucket / "vol/juicefs_uuid").read_text(), made["uuid"])

    def test_its_table_says_the_same(self):
        text = self.works("format", self.url, "vol", "--bucket", self.bucket, "--trash-days=0")
        self.assertIn("Made a volume.", text)
        self.assertRegex(text, r"Block size: +4 MiB\nCapacity: +unlimited\nInodes: +unlimited\nTrash: +none\n")

    def test_shards_spread_objects_over_buckets(self):
        self.new_volume("--shards=2", "--bucket", f"{self.folder}/b%d", "--block-size=64K")
        where = self.mount()
        self.sh('for i in 1 2 3 4 5 6 7 8; do echo $i > "$1/$i"; done', where)
        self.unmount(where)
        for shard in ("b0", "b1"):
            self.assertTrue(any((self.folder / shard / "vol/chunks").rglob("*_*")), shard)
        self.works("fsck", self.url)


class Mounting(CliTest):
    def test_in_the_background_it_returns_when_the_mount_answers(self):
        self.new_volume()
        where = self.mount()
        self.assertEqual(self.sh('echo hello > "$1/a" && cat "$1/a"', where), "hello\n")
        self.unmount(where)
        self.assertEqual(list(where.iterdir()), [])
        self.mount(path=where)
        self.assertEqual(self.sh('cat "$1/a"', where), "hello\n")
        self.unmount(where)

    def test_in_the_foreground_a_signal_ends_it_with_everything_stored(self):
        self.new_volume()
        for end in (signal.SIGTERM, signal.SIGINT):
            mount = mounts.Mount(self.program(), self.url, self.folder / "mnt", usual=mounts.SMALL)
            mount.start()
            self.addCleanup(mount.give_up)
            self.sh('echo "$2" > "$1/a"', mount.path, end.name)
            os.kill(mount.pid, end)
            self.assertEqual(mount.wait(30), 0, mount.log_tail())
            self.assertNotIn(mount.path, mounts.mounted())
        self.mount(path=self.folder / "mnt")
        self.assertEqual(self.sh('cat "$1/a"', self.folder / "mnt"), "SIGINT\n")

    def program(self):
        return mounts.Program(self.headrace("version").args[0])

    def test_a_directory_that_is_not_empty_is_covered_and_comes_back(self):
        self.new_volume()
        where = self.folder / "mnt"
        where.mkdir()
        (where / "below").write_text("still here")
        self.mount(path=where)
        self.sh('test ! -e "$1/below"', where)
        self.unmount(where)
        self.assertEqual((where / "below").read_text(), "still here")

    def test_read_only_refuses_changes_and_serves_reads(self):
        self.new_volume()
        where = self.mount()
        self.sh('echo hello > "$1/a"', where)
        self.unmount(where)
        for option in (["--read-only"], ["-o", "ro"]):
            self.mount(*option, path=where)
            self.assertIn("Read-only file system", self.sh('cat "$1/a"; touch "$1/b"', where, status=1))
            self.assertTrue(self.document("Mount", "status", where)["readOnly"])
            self.unmount(where)

    def test_another_bucket_may_be_named_at_each_mount(self):
        self.new_volume()
        where = self.mount()
        self.sh('echo hello > "$1/a"', where)
        self.unmount(where)
        os.rename(self.bucket, self.folder / "moved")
        self.mount("--bucket", self.folder / "moved", path=where)
        self.assertEqual(self.sh('cat "$1/a"', where), "hello\n")

    def test_umount_waits_until_everything_is_stored_with_flush_too(self):
        self.new_volume()
        for option in ([], ["--flush"]):
            where = self.mount()
            self.sh('head -c 20000000 /dev/zero > "$1/a"', where)
            pid = self.document("Mount", "status", where)["pid"]
            self.unmount(where, *option)
            self.assertTrue(self.has_ended(pid), "the server has ended")
            self.works("fsck", self.url)

    def has_ended(self, pid):
        """Whether a process is gone, or only waits for its parent to hear of its end."""
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
        except OSError:
            return True

    def test_umount_by_force_cuts_off_who_uses_it(self):
        self.new_volume()
        where = self.mount()
        holder = self.hold(where)
        self.refused(4, rf"{where} is in use by sleep \({holder.pid}\)", "umount", where, hint="--force")
        self.unmount(where, "--force")

    def hold(self, where):
        """A process that stands in the mount until the test ends."""
        child = subprocess.Popen(["/bin/bash", "-c", 'cd "$0" && exec sleep 60', where], stdout=subprocess.PIPE)
        self.addCleanup(lambda: (child.kill(), child.wait(), child.stdout.close()))
        deadline = time.monotonic() + 10
        while os.readlink(f"/proc/{child.pid}/exe").rpartition("/")[2] not in ("sleep", "coreutils", "busybox"):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        return child

    def test_a_mount_whose_server_is_gone_is_freed_by_umount(self):
        self.new_volume()
        mount = mounts.Mount(self.program(), self.url, self.folder / "mnt", usual=mounts.SMALL)
        mount.start()
        self.addCleanup(mount.give_up)
        self.works("status", mount.path)
        mounts.abort(mount.connection)
        mount.wait(60)
        done = self.headrace("umount", mount.path)
        self.assertIn(done.returncode, (0, 3), done.stderr)  # freed now, or by its own end
        self.assertNotIn(mount.path, mounts.mounted())


class Looking(CliTest):
    """One mount with a few files, looked at from all sides."""

    def setUp(self):
        super().setUp()
        self.made = self.new_volume("--block-size=1M")
        self.where = self.mount()
        self.sh('cd "$1" && mkdir -p train/deep && head -c 3000000 /dev/urandom > train/big && echo x > train/small && '
                'echo y > train/deep/y && ln -s small train/link', self.where)

    def test_status_shows_all_mounts_one_mount_and_a_volume(self):
        listed = self.document("MountList", "status")["items"]
        mine = [one for one in listed if one["mountPoint"] == str(self.where)]
        self.assertEqual(len(mine), 1)
        one = self.document("Mount", "status", self.where)
        self.assertEqual(one["uuid"], self.made["uuid"])
        self.assertEqual((one["volume"], one["state"], one["readOnly"], one["metadata"]), ("vol", "serving", False, self.url))
        self.assertEqual((one["cacheBytes"], one["bufferBytes"]), (128 << 20, 64 << 20))
        self.assertLessEqual({"pid", "version", "mountedAt", "nodeTier", "lanes", "metrics", "waitingRequests"}, set(one))
        self.assertEqual(set(one["lanes"]), {"protocol", "passthrough", "ioUring"})
        self.assertIn(str(self.where), self.works("status"))
        self.assertRegex(self.works("status", self.where), rf"Volume: +vol\nState: +serving\n(.*\n)*Metadata: +{self.url}\n")
        volume = self.document("VolumeStatus", "status", self.url)
        self.assertEqual([session["MountPoint"] for session in volume["sessions"]], [str(self.where)])
        self.assertEqual(volume["statistic"]["UsedInodes"], 6)
        self.assertIn(str(self.where), self.works("status", self.url))

    def test_info_says_where_the_bytes_of_a_file_are(self):
        text = self.works("info", self.where / "train/big")
        self.assertRegex(text, r"Length: .*3,000,000 bytes")
        self.assertRegex(text, r"(?m)^Path: +/train/big$")
        shown = self.document("Info", "info", self.where / "train/big")
        [item] = shown["items"]
        self.assertEqual((item["Summary"]["Length"], item["Paths"], item["Failed"]), (3000000, ["/train/big"], False))
        self.assertEqual({one["Key"]: one["Size"] for one in item["Objects"]},
                         {key: size for key, size in self.objects().items() if size != 2})

    def test_info_of_a_directory_sums_what_is_in_it(self):
        self.assertRegex(self.works("info", self.where / "train"), r"(?m)^Files: +\d+\nDirectories: +\d+$")
        deep = self.works("info", "--recursive", self.where / "train")
        self.assertRegex(deep, r"(?m)^Files: +4\nDirectories: +2$")

    def test_summary_lists_directories_by_size(self):
        [train] = self.document("Summary", "summary", self.where)["tree"]["Children"]
        self.assertEqual((train["Path"], train["Files"], train["Dirs"]), ("train", 4, 2))
        self.assertEqual(train["Children"][0]["Path"], "big")
        self.assertRegex(self.works("summary", self.where), r"(?m)^PATH +SIZE +DIRS +FILES\n/ .*\n/train/ .* 2 +4$")

    def test_stats_prints_lines_and_json_lines(self):
        lines = self.works("stats", self.where, "--count=2", "--interval=100ms").splitlines()
        self.assertGreaterEqual(len(lines), 3)
        out = self.works("stats", self.where, "--count=2", "--interval=100ms", "-o", "json")
        documents = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([one["kind"] for one in documents], ["Stats", "Stats"])
        self.assertTrue(all(isinstance(value, (int, float)) for name, value in documents[0].items()
                            if name not in ("apiVersion", "kind", "time")))

    def test_warmup_brings_in_check_counts_and_evict_gives_back(self):
        def missing():
            return self.document("Warmup", "warmup", "--check", self.where)["missingBytes"]

        everything = {"files": 3, "bytes": 3000004, "missingBytes": 0}
        for _ in range(2):
            done = self.document("Warmup", "warmup", self.where / "train")
            self.assertEqual({name: done[name] for name in everything}, everything)
            self.assertEqual(missing(), 0)
            self.assertEqual(self.document("Warmup", "warmup", "--evict", self.where / "train/big")["files"], 1)
            self.assertEqual(missing(), 3000000)
            self.assertEqual(self.document("Warmup", "warmup", "--evict", self.where)["files"], 3)
            self.assertEqual(missing(), 3000004)
        self.assertEqual(self.sh('cat "$1/train/small" "$1/train/deep/y"; stat -c %s "$1/train/big"', self.where), "x\ny\n3000000\n")
        self.assertRegex(self.works("warmup", "--check", self.where / "train/big"), r"^1 files, .* of it not on this node$|^1 files, ")

    def test_warmup_in_the_background_returns_at_once(self):
        self.works("warmup", "--evict", self.where)
        self.assertIn("in the background", self.works("warmup", "--background", self.where))
        deadline = time.monotonic() + 20
        while self.document("Warmup", "warmup", "--check", self.where)["missingBytes"]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_warmup_names_the_path_that_is_not_there_or_not_on_a_mount(self):
        self.refused(3, f"cannot look at {self.where}/none: No such file", "warmup", self.where / "none")
        self.refused(4, "is not on a mounted volume", "warmup", self.folder, hint="headrace status")
        self.refused(2, "PATH is missing", "warmup")
        self.refused(2, "--evict and --check cannot both be", "warmup", "--evict", "--check", self.where)
        self.refused(2, "--file is not supported: use xargs", "warmup", "--file", "list")

    def test_bench_measures_and_cleans_up(self):
        before = self.sh('ls -A "$1"', self.where)
        measured = self.document("Bench", "bench", self.where, "--big-file-size=8M", "--small-file-count=10", "--threads=2", limit_s=120)
        self.assertEqual((measured["threads"], measured["bigFileBytes"], measured["smallFiles"]), (2, 8 << 20, 10))
        self.assertGreaterEqual(len(measured["items"]), 6)
        for item in measured["items"]:
            self.assertGreater(item["perSecond"], 0, item)
        self.assertEqual(self.sh('ls -A "$1"', self.where), before)

    def test_doctor_looks_at_machine_and_volume(self):
        looked = self.document("Doctor", "doctor", self.url)
        checks = {one["name"]: one for one in looked["checks"]}
        self.assertEqual([checks[name]["health"] for name in ("metadata", "volume", "bucket")], ["ok"] * 3)
        self.assertTrue(all(set(one) == {"name", "health", "what", "remedy"} for one in looked["checks"]))
        self.assertIn("metadata", self.works("doctor", self.url))
        os.rename(self.bucket, self.folder / "moved")
        broken = self.document("Doctor", "doctor", self.url, status=1)
        self.assertEqual([one["name"] for one in broken["checks"] if one["health"] == "fail"], ["bucket"])
        os.rename(self.folder / "moved", self.bucket)
