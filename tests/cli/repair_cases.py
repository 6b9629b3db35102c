# SPDX-License-Identifier: Apache-2.0
"""What one does when something is wrong, or over: fsck, gc, config, dump, load, destroy."""

import json
import os
import time
from pathlib import Path

from place import CliTest

TWO_HOURS = 7200


class Filled(CliTest):
    """A volume with three files, not mounted."""

    def setUp(self):
        super().setUp()
        self.made = self.new_volume("--trash-days=0", "--block-size=64K")
        self.where = self.mount()
        self.sh('cd "$1" && mkdir d && head -c 200000 /dev/urandom > d/big && echo one > d/one && echo two > two', self.where)
        self.sums = self.sh('cd "$1" && sha256sum d/big d/one two', self.where)
        self.unmount(self.where)

    def object_of(self, size):
        """The only object of this size."""
        [key] = [key for key, bytes_ in self.objects().items() if bytes_ == size]
        return self.bucket / key

    def same_bytes(self):
        self.mount(path=self.where)
        self.assertEqual(self.sh('cd "$1" && sha256sum d/big d/one two', self.where), self.sums)
        self.unmount(self.where)


class Fsck(Filled):
    def test_a_sound_volume_is_said_to_be_sound(self):
        found = self.document("Fsck", "fsck", self.url)
        self.assertEqual((found["files"], found["directories"], found["objects"], found["objectBytes"]), (3, 1, 6, 200008))
        self.assertEqual((found["findingsTotal"], found["brokenObjectsTotal"], found["damagedFiles"]), (0, 0, []))
        self.works("fsck", self.url)

    def test_an_object_that_is_missing_or_cut_short_is_damage_with_the_name_of_its_file(self):
        os.truncate(self.object_of(200000 % 65536), 100)
        found = self.document("Fsck", "fsck", self.url, status=8)
        self.assertEqual(found["brokenObjectsTotal"], 1)
        self.assertIn("/d/big", json.dumps(found["damagedFiles"]))
        os.remove(self.object_of(100))
        done = self.headrace("fsck", self.url)
        self.assertEqual(done.returncode, 8, done.stdout + done.stderr)
        self.assertIn("/d/big", done.stdout + done.stderr)
        self.assertEqual([line[:6] for line in done.stderr.splitlines()][:1], ["error:"], done.stderr)

    def test_it_needs_the_bucket_and_changes_nothing(self):
        os.rename(self.bucket, self.folder / "moved")
        self.refused(3, f"cannot open the bucket {self.bucket}/ of volume vol", "fsck", self.url, hint="--bucket DIR")
        self.works("fsck", self.url, "--bucket", self.folder / "moved")


class Gc(Filled):
    def plant(self, name, age_s):
        path = self.bucket / "vol/chunks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * int(name.rpartition("_")[2]))
        when = time.time() - age_s
        os.utime(path, (when, when))
        return path

    def test_without_delete_it_only_counts(self):
        old, young = self.plant("9/9999/9999999_0_70", TWO_HOURS), self.plant("9/9999/9999998_0_50", 5)
        found = self.document("Gc", "gc", self.url)
        self.assertEqual((found["deleted"], found["leaked"], found["young"]), (False, {"count": 1, "bytes": 70}, {"count": 1, "bytes": 50}))
        self.assertEqual(found["inUse"]["count"], 6)
        self.assertTrue(old.exists() and young.exists())

    def test_with_delete_it_removes_what_is_leaked_and_old_and_nothing_else(self):
        old, young = self.plant("9/9999/9999999_0_70", TWO_HOURS), self.plant("9/9999/9999998_0_50", 5)
        kept = {key for key in self.objects() if not key.endswith("_70")}
        found = self.document("Gc", "gc", self.url, "--delete")
        self.assertEqual((found["deleted"], found["leaked"]["count"]), (True, 1))
        self.assertEqual((old.exists(), young.exists()), (False, True))
        self.assertEqual(set(self.objects()), kept)
        self.assertRegex(self.works("gc", self.url), r"(?m)^leaked objects found +0 ")
        self.same_bytes()

    def test_what_a_file_was_deleted_from_is_released(self):
        self.mount("--no-bgjob", path=self.where)
        self.sh('rm "$1/d/big"', self.where)
        self.unmount(self.where)
        self.assertEqual(self.document("Gc", "gc", self.url)["deletedFiles"], 1)
        self.works("gc", self.url, "--delete")
        self.assertEqual(sorted(self.objects().values()), [4, 4])
        self.works("fsck", self.url)


class Config(Filled):
    def setting(self):
        return self.document("Config", "config", self.url)["setting"]

    def test_every_setting_that_may_change_is_changed_and_the_others_stay(self):
        before = self.setting()
        changed = self.document("ConfigChange", "config", self.url, "--trash-days=7", "--capacity=10G", "--inodes=5000")
        self.assertEqual([(one["name"], one["from"], one["to"]) for one in changed["changes"]],
                         [("trash-days", "0", "7"), ("capacity", "unlimited", "10 GiB"), ("inodes", "unlimited", "5,000")])
        after = self.setting()
        self.assertEqual((after["TrashDays"], after["Capacity"], after["Inodes"]), (7, 10 << 30, 5000))
        same = set(before) - {"TrashDays", "Capacity", "Inodes"}
        self.assertEqual({name: before[name] for name in same}, {name: after[name] for name in same})
        self.same_bytes()

    def test_what_is_so_already_is_nothing_to_change(self):
        self.assertEqual(self.works("config", self.url, "--trash-days=0"), "nothing to change\n")
        self.assertEqual(self.works("config", self.url, "--trash-days=2"), "trash-days: 0 -> 2\n")
        self.assertEqual(self.works("config", self.url, "--trash-days=0"), "trash-days: 2 -> 0\n")

    def test_a_limit_holds_on_a_mount_that_comes_after(self):
        self.works("config", self.url, "--inodes=4", "--capacity=1G")
        self.mount(path=self.where)
        self.assertIn("Disk quota exceeded", self.sh('for i in 1 2 3; do touch "$1/new$i" || exit 1; done', self.where, status=1)
                      .replace("No space left on device", "Disk quota exceeded"))

    def test_a_bucket_is_taken_when_it_holds_the_volume(self):
        moved = self.folder / "moved"
        self.refused(3, "cannot open the bucket", "config", self.url, "--bucket", moved)
        moved.mkdir()
        self.refused(3, f"the bucket {moved}/ does not hold volume vol", "config", self.url, "--bucket", moved, hint="copy the objects")
        self.assertEqual(self.setting()["Bucket"], f"{self.bucket}/")
        moved.rmdir()
        os.rename(self.bucket, moved)
        self.works("config", self.url, "--bucket", moved)
        self.assertEqual(self.setting()["Bucket"], f"{moved}/")
        self.same_bytes()

    def test_format_by_force_changes_settings_too_and_only_those_that_may(self):
        again = ("format", self.url, "vol", "--force")
        self.assertFalse(self.document("Format", *again, "--trash-days=9")["created"])
        self.assertEqual(self.setting()["TrashDays"], 9)
        self.refused(2, "the block size of a volume cannot be changed", *again, "--block-size=1M")
        self.refused(2, "the hash prefix .* cannot be changed", *again, "--hash-prefix")

    def test_what_cannot_be_changed_is_refused_by_name(self):
        for flag in ("access-key", "secret-key", "enable-acl", "min-client-version"):
            self.refused(2, f"--{flag} is not supported: ", "config", self.url, f"--{flag}=hushhush")
        self.refused(2, "--trash-days: at most 3650, got 4000", "config", self.url, "--trash-days=4000")

    def test_the_environment_and_files_change_nothing(self):
        self.works("config", self.url, env={"HEADRACE_TRASH_DAYS": "9"})
        (self.folder / "config.yaml").write_text("trash-days: 9\nbucket: /nowhere\n")
        self.works("config", self.url, "--config", self.folder / "config.yaml")
        (self.folder / "config.yaml").write_text("config:\n  trash-days: 9\n")
        self.refused(2, "config.yaml:2: trash-days is only taken on the command line", "config", self.url, "--config", self.folder / "config.yaml")
        self.assertEqual(self.setting()["TrashDays"], 0)


class Destroy(Filled):
    def everything(self):
        return sorted(str(path) for path in self.bucket.rglob("*")), Path(self.folder / "meta.db").exists()

    def is_gone(self):
        self.assertEqual([path for path in self.bucket.rglob("*") if path.is_file()], [])
        self.refused(3, "cannot open", "status", self.url)

    def test_without_yes_nothing_is_removed_where_nobody_can_be_asked(self):
        before = self.everything()
        self.refused(2, "this would remove volume vol", "destroy", self.url, self.made["uuid"], hint="--yes")
        self.assertEqual(self.everything(), before)

    def test_yes_removes_it_all_and_what_is_beside_it_stays(self):
        other = self.bucket / "other/chunks/0/0/1_0_1"
        other.parent.mkdir(parents=True)
        other.write_text("x")
        count = len([path for path in (self.bucket / "vol").rglob("*") if path.is_file()])
        self.assertGreaterEqual(count, 7, "six blocks and the marker")
        removed = self.document("Destroy", "destroy", self.url, self.made["uuid"], "--yes")
        self.assertEqual((removed["name"], removed["objects"]), ("vol", count))
        self.assertTrue(other.exists())
        other.unlink()
        self.is_gone()
        self.new_volume()  # there is room for a new one

    def test_it_asks_for_the_name(self):
        before = self.everything()
        status, shown = self.on_terminal("destroy", self.url, self.made["uuid"], typed="nope\n")
        self.assertEqual(status, 1, shown)
        self.assertIn("nothing was removed", shown)
        self.assertEqual(self.everything(), before)
        status, shown = self.on_terminal("destroy", self.url, self.made["uuid"], typed="vol\n")
        self.assertEqual(status, 0, shown)
        self.assertIn("It cannot be undone", shown)
        self.is_gone()

    def test_another_uuid_and_a_volume_in_use_are_refused(self):
        wrong = "00000000-0000-0000-0000-000000000000"
        self.refused(2, "has another UUID than 0", "destroy", self.url, wrong, "--yes", hint="headrace status")
        self.refused(2, "UUID is missing", "destroy", self.url)
        self.mount(path=self.where)
        self.refused(4, "volume vol is in use by a mount", "destroy", self.url, self.made["uuid"], "--yes", hint="unmount")
        self.unmount(self.where)
        self.same_bytes()


class DumpAndLoad(Filled):
    def test_a_dump_is_a_document_and_loads_into_a_volume_with_the_same_bytes(self):
        document = json.loads(self.works("dump", self.url))
        self.assertEqual((document["Setting"]["Name"], sorted(document["FSTree"]["entries"])), ("vol", ["d", "two"]))
        for name in ("data.json", "data.json.gz"):
            self.works("dump", self.url, self.folder / name)
        self.assertEqual((self.folder / "data.json.gz").read_bytes()[:2], b"\x1f\x8b")
        self.assertEqual(json.loads((self.folder / "data.json").read_text())["Setting"]["UUID"], self.made["uuid"])
        for name in ("data.json", "data.json.gz"):
            (self.folder / "meta.db").unlink()
            self.works("load", self.url, self.folder / name)
            self.works("fsck", self.url)
            self.same_bytes()

    def test_a_database_that_is_lost_comes_back_from_the_newest_backup_in_the_bucket(self):
        [newest] = sorted((self.bucket / "vol/meta").glob("dump-*.json.gz"))[-1:]
        (self.folder / "meta.db").unlink()
        self.refused(3, "there is no metadata database", "fsck", self.url)
        self.works("load", self.url, newest)
        self.works("fsck", self.url)
        self.same_bytes()

    def test_what_cannot_be_loaded_leaves_no_database_behind(self):
        self.works("dump", self.url, self.folder / "data.json")
        self.refused(4, "there is something at .*meta.db already", "load", self.url, self.folder / "data.json")
        other = f"sqlite3://{self.folder}/other.db"
        (self.folder / "cut.json").write_text((self.folder / "data.json").read_text()[:700])
        (self.folder / "no.json").write_text("hello")
        for name in ("cut.json", "no.json"):
            done = self.headrace("load", other, self.folder / name)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(done.stderr.count("error: "), 1, done.stderr)
            self.assertFalse((self.folder / "other.db").exists())
        self.refused(3, "none.json", "load", other, self.folder / "none.json")
        self.refused(2, "a dump is loaded into sqlite3://PATH", "load", "redis://localhost/1", self.folder / "data.json")
