# SPDX-License-Identifier: Apache-2.0
"""What cannot be, and how it is said: one line on standard error, what to do where that is known, the exit status that scripts rely on,
and nothing changed."""

import hashlib
import json
import os
import pwd
import shutil
import sqlite3
import subprocess
from pathlib import Path

from place import PLACE, SMALL, CliTest

NO_PORT = ("--metrics=off", *SMALL)


class Refusing(CliTest):
    def tree(self):
        """{path: digest} of the test's folder. What SQLite keeps beside a database it looked into is not counted."""
        return {str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "directory"
                for path in sorted(self.folder.rglob("*")) if not path.name.endswith(("-wal", "-shm"))}

    def refused_without_a_trace(self, status, what, *words, **how):
        before = self.tree()
        self.refused(status, what, *words, **how)
        self.assertEqual(self.tree(), before)


class Flags(Refusing):
    def test_an_unknown_command_or_flag_names_the_nearest(self):
        self.refused(2, "there is no command 'frmat'", "frmat", hint="did you mean headrace format?")
        self.refused(2, "headrace format has no flag --blocksize", "format", self.url, "vol", "--blocksize=1M", hint="did you mean --block-size?")
        self.refused(2, "headrace fsck has no flag --zzzzzzzz", "fsck", self.url, "--zzzzzzzz", hint="headrace help fsck")
        self.refused(2, "a command is missing before --cache-size", "--cache-size", "1G", "mount")
        self.refused(2, "there is no command 'nope'", "help", "nope")

    def test_a_missing_or_surplus_word_is_named(self):
        self.refused(2, "META-URL is missing", "format", hint="headrace help format")
        self.refused(2, "NAME is missing", "format", self.url)
        self.refused(2, "MOUNTPOINT is missing", "mount", self.url)
        self.refused(2, "headrace version does not take 'x'", "version", "x")
        self.refused(2, "--block-size needs a value", "format", self.url, "vol", "--block-size")

    def test_a_value_that_cannot_be_is_named_with_what_can(self):
        for flag, what in (("--cache-size=1K", "at least 64 MiB, or 0 for none, got 1K"), ("--cache-size=12X", "the units of a size are"),
                           ("--cache-size=", "--cache-size"), ("--max-uploads=0", "at least 1, got 0"),
                           ("--max-uploads=two", "a whole number, got two"), ("--get-timeout=5y", "--get-timeout: "),
                           ("--lanes=fast", "there is no lane 'fast'"), ("--metrics=nonsense", "IP:PORT"), ("--fuse-option=foo", "-o foo is not supported"),
                           ("--log-level=loud", "one of debug, info, warn, error, off; got loud"), ("--cache-size=999T", "memory there is")):
            with self.subTest(flag):
                self.new_mount_point()
                if flag.startswith("--metrics"):
                    if not Path(self.folder / "meta.db").exists():
                        self.new_volume()
                self.refused(2, what, "mount", flag, self.url, self.folder / "mnt")

    def new_mount_point(self):
        (self.folder / "mnt").mkdir(exist_ok=True)

    def test_flags_of_juicefs_that_are_not_here_are_refused_by_name_with_the_reason(self):
        for flag in ("--writeback", "--cache-dir=/x", "--subdir=d", "--prefetch=3", "--upload-limit=5", "--root-squash=1:1", "--umask=022"):
            self.refused(2, rf"{flag.split('=')[0]} is not supported: \w", "mount", flag, self.url, self.folder)
        for flag in ("--compress=lz4", "--encrypt-rsa-key=x", "--enable-acl", "--storage-class=x"):
            self.refused(2, rf"{flag.split('=')[0]} is not supported: \w", "format", flag, self.url, "vol")

    def test_a_variable_and_a_file_are_named_when_they_are_wrong(self):
        self.refused(2, "HEADRACE_BLOCK_SIZE: at least 64 KiB, got 1", "format", self.url, "vol", env={"HEADRACE_BLOCK_SIZE": "1"})
        config = self.folder / "config.yaml"
        config.write_text("mount:\n  cache-sise: 1G\n")
        self.refused(2, f"{config}:2: there is no flag cache-sise", "status", "--config", config, hint="did you mean cache-size?")
        self.refused(3, f"{self.folder}/none.yaml", "status", "--config", self.folder / "none.yaml")


class Volumes(Refusing):
    COMMANDS = (["status"], ["config"], ["fsck"], ["gc"], ["gc", "--delete"], ["mount", *NO_PORT])

    def refused_by_all(self, status, what, url=None, **how):
        """Each command that opens a volume refuses this one, the mount in the background too."""
        (self.folder / "mnt").mkdir(exist_ok=True)
        before = self.tree()
        for command in (*self.COMMANDS, ["mount", "-d", "--log", "/dev/null", *NO_PORT]):
            with self.subTest(command):
                place = [self.folder / "mnt"] if command[0] == "mount" else []
                self.refused(status, what, *command, url or self.url, *place, **how)
                self.assertEqual(self.tree(), before)

    def change_setting(self, **members):
        database = sqlite3.connect(self.folder / "meta.db")
        [[text]] = database.execute("select value from jfs_setting where name = 'format'").fetchall()
        database.execute("update jfs_setting set value = ? where name = 'format'", [json.dumps({**json.loads(text), **members})])
        database.commit()
        database.close()

    def test_a_url_that_is_none_or_of_an_engine_that_is_not_here(self):
        for url in ("foo", "redis://cache:6379/1", "mysql://root@(db:3306)/x", "sqlite3://"):
            with self.subTest(url):
                self.refused_without_a_trace(2, "metadata URL|sqlite3://", "fsck", url)
                self.refused_without_a_trace(2, "metadata URL|sqlite3://", "format", url, "vol", "--bucket", self.bucket)
        self.refused_without_a_trace(3, "no volume is mounted on .*/foo", "status", "foo", hint="headrace status META-URL")

    def test_a_database_that_is_not_there(self):
        self.refused_by_all(3, f"there is no metadata database {self.folder}/meta.db", hint="headrace format")

    def test_format_leaves_nothing_behind_where_it_fails(self):
        self.refused_without_a_trace(3, "No such file or directory", "format", f"sqlite3://{self.folder}/none/meta.db", "vol", "--bucket", self.bucket)
        self.refused_without_a_trace(2, "a directory, got 's3://x'", "format", self.url, "vol", "--bucket", "s3://x")
        self.refused_without_a_trace(2, "--storage s3 is not supported", "format", self.url, "vol", "--storage=s3", "--bucket=x")
        self.refused_without_a_trace(2, "a volume's name", "format", self.url, "NO", "--bucket", self.bucket)
        self.refused_without_a_trace(2, "a power of two, got 3 MiB", "format", self.url, "vol", "--block-size=3M")
        (self.folder / "file").write_text("")
        self.refused_without_a_trace(4, "file", "format", self.url, "vol", "--bucket", self.folder / "file")

    def test_a_volume_that_is_there_already(self):
        made = self.new_volume()
        self.refused_without_a_trace(4, "there is already a volume 'vol'", "format", self.url, "vol", "--bucket", self.bucket, hint="--force")
        self.refused_without_a_trace(4, "there is already a volume 'vol'", "format", self.url, "other", "--bucket", self.bucket,
                                     "--force", hint=f"headrace destroy .* {made['uuid']}")

    def test_objects_of_another_time_below_the_name(self):
        left = self.bucket / "vol/chunks/0/0/1_0_4"
        left.parent.mkdir(parents=True)
        left.write_text("abcd")
        self.refused_without_a_trace(4, "is not empty: it holds chunks/0/0/1_0_4", "format", self.url, "vol", "--bucket", self.bucket, hint="another name")

    def test_a_database_of_another_program(self):
        database = sqlite3.connect(self.folder / "meta.db")
        database.execute("create table notes(text)")
        database.commit()
        database.close()
        self.refused_by_all(4, "holds no JuiceFS volume")
        self.refused_without_a_trace(4, "holds no JuiceFS volume", "format", self.url, "vol", "--bucket", self.bucket)

    def test_a_file_that_is_no_database(self):
        (self.folder / "meta.db").write_bytes(os.urandom(8192))
        self.refused_by_all(4, "is not a JuiceFS database")
        self.refused_without_a_trace(4, "is not a JuiceFS database", "format", self.url, "vol", "--bucket", self.bucket)

    def test_a_database_that_was_cut_short(self):
        self.new_volume()
        os.truncate(self.folder / "meta.db", 5000)
        self.refused_by_all(8, "malformed", hint="headrace help load")
        self.refused_without_a_trace(8, "malformed", "format", self.url, "vol", "--bucket", self.bucket)

    def test_a_format_that_is_newer(self):
        self.new_volume()
        self.change_setting(MetaVersion=2)
        self.refused_to_mount("(?i)version")
        self.change_setting(MetaVersion=1, MinClientVersion="99.0.0")
        self.refused_to_mount("99.0.0")

    def test_a_volume_that_is_compressed_or_encrypted(self):
        self.new_volume()
        self.change_setting(Compression="lz4")
        self.refused_to_mount("compress")
        self.change_setting(Compression="none", EncryptKey="-----BEGIN hushhush")
        said = self.refused_to_mount("encrypt")
        self.assertNotIn("hushhush", said)
        self.assertNotIn("hushhush", self.headrace("config", self.url).stdout + self.headrace("status", self.url).stdout)

    def refused_to_mount(self, what):
        (self.folder / "mnt").mkdir(exist_ok=True)
        before, said = self.tree(), ""
        for command in (["mount", *NO_PORT], ["mount", "-d", "--log", "/dev/null", *NO_PORT]):
            done = self.headrace(*command, self.url, self.folder / "mnt")
            said += done.stderr
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertRegex(done.stderr, rf"^error: .*{what}.*\n(hint: .*\n)?$" if not what.startswith("(?i)") else what)
            self.assertEqual(len([line for line in done.stderr.splitlines() if line.startswith("error:")]), 1, done.stderr)
        self.assertEqual(self.tree(), before)
        return said

    def test_a_bucket_that_cannot_be_reached(self):
        self.new_volume()
        os.rename(self.bucket, self.folder / "moved")
        (self.folder / "mnt").mkdir()
        for command in (["fsck", self.url], ["gc", self.url], ["mount", *NO_PORT, self.url, self.folder / "mnt"]):
            self.refused_without_a_trace(3, f"cannot open the bucket {self.bucket}/ of volume vol", *command, hint="--bucket DIR")


class MountPoints(Refusing):
    def setUp(self):
        super().setUp()
        self.new_volume()

    def refused_mount(self, status, what, where, *options, **how):
        for way in ((), ("-d", "--log", "/dev/null")):
            self.refused_without_a_trace(status, what, "mount", *way, *NO_PORT, *options, self.url, where, **how)

    def test_one_that_is_missing_or_a_file(self):
        self.refused_mount(3, "the mount point .*/none does not exist", self.folder / "none", hint="mkdir")
        (self.folder / "file").write_text("")
        self.refused_mount(2, "the mount point .*/file is not a directory", self.folder / "file")

    def test_one_that_is_in_use(self):
        where = self.mount()
        done = self.refused(4, f"vol is already mounted on {where}", "mount", *NO_PORT, self.url, where, hint="headrace umount")
        self.assertIn(str(where), done)
        self.refused(3, "nothing is mounted on", "umount", self.folder, hint="headrace status")

    def test_umount_of_another_file_system_names_the_right_command(self):
        self.needs_root()
        where = self.folder / "tmpfs"
        where.mkdir()
        self.sh('mount -t tmpfs none "$1"', where)
        self.addCleanup(self.sh, 'umount -l "$1"', where, status=None)
        self.refused(4, "is a mount of type tmpfs, not of headrace", "umount", where, hint=f"umount {where}")

    def test_a_log_that_cannot_be_written(self):
        (self.folder / "mnt").mkdir()
        self.refused_without_a_trace(3, "the log file /nowhere/log: No such file", "mount", "-d", "--log=/nowhere/log", *NO_PORT, self.url,
                                     self.folder / "mnt", hint="--log FILE")

    def test_a_metrics_port_that_is_taken(self):
        where = self.mount("--metrics=127.0.0.1:0")
        address = self.document("Mount", "status", where)["metrics"]
        (self.folder / "other").mkdir()
        self.refused(4, "--metrics: .*", "mount", *SMALL, "--metrics", address, self.url, self.folder / "other", hint="--metrics off")

    def test_a_machine_without_fuse(self):
        self.needs_root()
        (self.folder / "mnt").mkdir()
        empty = self.folder / "dev"
        empty.mkdir()
        self.sh('mknod -m 666 "$1/null" c 1 3', empty)
        script = 'mount --bind "$1" /dev && shift && exec "$@"'
        for way in ((), ("-d", "--log", self.folder / "log")):
            done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", empty, PLACE.program.path, "mount", *way, *NO_PORT, self.url,
                                   self.folder / "mnt"], capture_output=True, text=True, timeout=30, env=self.environment(), check=False)
            self.assertRegex(done.stderr.splitlines()[0], "^error: no FUSE here: .*/dev/fuse")
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 2, done.stderr)
        done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", empty, PLACE.program.path, "doctor"], capture_output=True, text=True,
                              timeout=30, env=self.environment(), check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^fail +\S*fuse")


class FullDisks(Refusing):
    def disk(self, name, size):
        """A small file system of its own."""
        self.needs_root()
        where = self.folder / name
        where.mkdir()
        self.sh('mount -t tmpfs -o "size=$2" none "$1"', where, size)
        self.addCleanup(self.sh, 'umount -l "$1"', where, status=None)
        return where

    def fill(self, disk):
        self.sh('head -c 100M /dev/zero > "$1/filler"', disk, status=None)

    def test_no_room_for_the_metadata_of_a_new_volume(self):
        disk = self.disk("small", "64k")
        self.fill(disk)
        self.refused(1, "(?i)no space|full", "format", f"sqlite3://{disk}/meta.db", "vol", "--bucket", self.bucket)
        self.assertFalse(self.bucket.exists())
        os.remove(disk / "filler")
        shutil.rmtree(disk, ignore_errors=True)

    def test_no_room_in_the_bucket_of_a_new_volume(self):
        disk = self.disk("small", "64k")
        self.fill(disk)
        self.refused(1, "(?i)no space", "format", self.url, "vol", "--bucket", disk / "bucket")
        self.assertFalse((self.folder / "meta.db").exists())
        os.remove(disk / "filler")
        self.works("format", self.url, "vol", "--bucket", disk / "bucket")

    def test_a_full_bucket_is_no_space_to_who_writes_and_passes(self):
        disk = self.disk("small", "8m")
        self.bucket = disk / "bucket"
        self.new_volume("--trash-days=0")
        where = self.mount()
        self.sh('echo before > "$1/before"', where)
        said = self.sh('head -c 30000000 /dev/urandom > "$1/big"', where, status=1)
        self.assertIn("No space left on device", said)
        self.sh('test "$(cat "$1/before")" = before && rm "$1/big" && ls "$1" > /dev/null', where)
        self.sh('for i in $(seq 100); do echo after > "$1/after" 2> /dev/null && exit 0; sleep 0.1; done; exit 1', where)
        self.assertEqual(self.sh('cat "$1/after"', where), "after\n")
        self.unmount(where)
        self.works("fsck", self.url)

    def test_a_full_disk_of_the_metadata_refuses_changes_and_passes(self):
        disk = self.disk("small", "2m")
        self.url = f"sqlite3://{disk}/meta.db"
        self.new_volume("--trash-days=0")
        where = self.mount()
        self.sh('echo before > "$1/before"', where)
        self.fill(disk)
        said = self.sh('for i in $(seq 20000); do mkdir "$1/d$i" || exit 1; done', where, status=1, limit_s=120)
        self.assertRegex(said, "No space left on device|Input/output error")
        self.assertEqual(self.sh('cat "$1/before"', where), "before\n")
        os.remove(disk / "filler")
        self.sh('for i in $(seq 100); do mkdir "$1/after" 2> /dev/null && exit 0; sleep 0.1; done; exit 1', where)
        self.unmount(where)
        self.works("fsck", self.url)


class OtherUsers(Refusing):
    """Mounts of somebody who is not root, through fusermount3, in a mount namespace where /dev/fuse is open to all."""

    # fusermount3 wants a user with an entry in /etc/passwd; every Debian has this one.
    ALICE = pwd.getpwnam("nobody")
    AS_ALICE = f"setpriv --reuid {ALICE.pw_uid} --regid {ALICE.pw_gid} --clear-groups"

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0 or shutil.which("fusermount3") is None:
            self.skipTest("needs root, to become another user, and fusermount3")
        for folder in self.folder.parents:
            if not folder.stat().st_mode & 1:
                self.skipTest(f"{folder} is closed to other users")
        os.chown(self.folder, self.ALICE.pw_uid, self.ALICE.pw_gid)
        shutil.copy(PLACE.program.path, self.folder / "headrace")
        self.sh('mknod -m 666 "$1/fuse" c 10 229', self.folder)

    def play(self, script, fuse_conf):
        """Runs a script as root; in it $alice runs a command as her, $mount is her headrace mount."""
        (self.folder / "fuse.conf").write_text(fuse_conf)
        prologue = f"""
            set -uo pipefail
            touch /etc/fuse.conf
            mount --bind {self.folder}/fuse.conf /etc/fuse.conf && mount --bind {self.folder}/fuse /dev/fuse || exit 90
            cd {self.folder}
            alice="{self.AS_ALICE}"
            mount="$alice ./headrace mount {" ".join(NO_PORT)}"
            $alice ./headrace format {self.url} vol --bucket {self.bucket} > /dev/null && $alice mkdir mnt || exit 91
            """
        done = subprocess.run(["unshare", "-m", "bash", "-c", prologue + script], capture_output=True, text=True, timeout=60, check=False,
                              env=self.environment(), stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout + done.stderr

    def test_a_user_mounts_for_herself_alone_and_unmounts(self):
        status, said = self.play(f"""
            $mount -d {self.url} mnt || exit 1
            $alice bash -c 'echo hers > mnt/a && cat mnt/a' || exit 2
            cat mnt/a 2> /dev/null && exit 3   # root is somebody else, too
            $alice ./headrace status mnt -o json | grep -A1 '"passthrough"' | grep -q '"on": false' || exit 4
            $alice ./headrace umount mnt || exit 5
            test -s headrace.log || exit 6     # in her home
            """, "# nothing\n")
        self.assertEqual((status, said), (0, "hers\n"))

    def test_the_server_of_a_users_mount_is_followed_by_another(self):
        status, said = self.play(f"""
            $mount -d {self.url} mnt && $alice bash -c 'echo first > mnt/a' || exit 1
            old=$($alice ./headrace status mnt -o json | grep -oP '"pid": \\K[0-9]+') || exit 2
            $alice bash -c 'exec 3< mnt/a 4>> mnt/b && kill -9 '$old' && cat <&3 && echo second >&4' || exit 3
            $alice cat mnt/b || exit 4
            new=$($alice ./headrace status mnt -o json | grep -oP '"pid": \\K[0-9]+')
            test -n "$new" -a "$new" != "$old" || exit 5
            $alice ./headrace umount mnt || exit 6
            """, "# nothing\n")
        self.assertEqual((status, said), (0, "first\nsecond\n"))

    def test_a_device_that_is_closed_to_the_user_is_said_to_be(self):
        os.chmod(self.folder / "fuse", 0o600)
        status, said = self.play(f"$mount {self.url} mnt", "# nothing\n")
        self.assertEqual(status, 4, said)
        self.assertRegex(said, r"^error: no FUSE here: .*Permission denied\nhint:  .*chmod 666 /dev/fuse.*\n$")

    def test_allow_other_needs_the_line_in_fuse_conf(self):
        status, said = self.play(f"$mount -o allow_other {self.url} mnt", "# nothing\n")
        self.assertNotEqual(status, 0)
        self.assertRegex(said, r"(?m)^error: .*user_allow_other.*$")
        self.assertEqual(said.count("error: "), 1, said)
        shutil.rmtree(self.bucket)
        os.remove(self.folder / "meta.db")
        os.rmdir(self.folder / "mnt")
        status, said = self.play(f"""
            $mount -d -o allow_other {self.url} mnt && echo open > mnt/a || exit 1
            $alice chmod 644 mnt/a; cat mnt/a && $alice ./headrace umount mnt
            """, "user_allow_other\n")
        self.assertIn("open", said)
        self.assertEqual(status, 0, said)
