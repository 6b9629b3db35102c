# SPDX-License-Identifier: Apache-2.0
"""No secret may be seen: not in the arguments or the environment of a process, a log, a status, a message, a metric or a file of the mount."""

import json
import os
import sqlite3
import urllib.request
from pathlib import Path

from place import CliTest

SECRET = "hushhush"
VARIABLES = {"META_PASSWORD": f"{SECRET}1", "ACCESS_KEY": f"{SECRET}2", "SECRET_KEY": f"{SECRET}3"}


class Secrets(CliTest):
    def test_what_the_environment_brings_is_seen_nowhere_while_a_mount_serves(self):
        everything = self.works("format", self.url, "vol", "--bucket", self.bucket, env=VARIABLES)
        where = self.mount("--metrics=127.0.0.1:0", "--log-level=debug", env=VARIABLES)
        self.sh('echo x > "$1/a" && cat "$1/a"', where)
        mount = self.document("Mount", "status", where, env=VARIABLES)
        processes = [pid for pid in os.listdir("/proc") if pid.isdigit() and self.is_server(pid)]
        self.assertIn(str(mount["pid"]), processes)
        for pid in processes:
            for file in ("cmdline", "environ"):
                everything += Path(f"/proc/{pid}/{file}").read_bytes().decode(errors="replace")
        self.assertIn("HOME=", everything, "the environment is there to be read")
        everything += self.sh('cat "$1/.config" "$1/.stats"', where)
        everything += (self.folder / "log").read_text()
        for command in (["status"], ["status", where], ["status", self.url], ["config", self.url], ["info", where / "a"], ["doctor", self.url]):
            everything += self.works(*command, env=VARIABLES)
        with urllib.request.urlopen(f"http://{mount['metrics']}/metrics", timeout=10) as answer:
            everything += answer.read().decode()
        self.unmount(where)
        everything += (self.folder / "log").read_text()
        for path in [*self.bucket.rglob("*"), self.folder / "meta.db"]:
            if path.is_file():
                everything += path.read_bytes().decode(errors="replace")
        self.assertNotIn(SECRET, everything)

    def is_server(self, pid):
        """Whether this process is our mount's: its mount point stands in its arguments."""
        try:
            return str(self.folder / "mnt").encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False

    def test_a_password_in_a_url_is_masked_in_what_is_said_and_warned_about(self):
        for url in (f"redis://:{SECRET}@cache:6379/1", f"mysql://root:{SECRET}@(db:3306)/x", f"postgres://u:{SECRET}@db/x"):
            for command in (["status"], ["fsck"], ["format"], ["mount"]):
                more = {"format": ["vol"], "mount": [self.folder]}.get(command[0], [])
                done = self.headrace(*command, url, *more)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertNotIn(SECRET, done.stdout + done.stderr)
                self.assertRegex(done.stderr, "(?m)^warning: a password on the command line can be seen .* META_PASSWORD")
                self.assertEqual(done.stderr.count("error: "), 1, done.stderr)

    def test_credentials_are_not_taken_on_the_command_line(self):
        for flag in ("access-key", "secret-key", "session-token"):
            said = self.refused(2, f"--{flag} is not supported: secrets are not taken on the command line", "format", self.url, "vol",
                                f"--{flag}={SECRET}")
            self.assertNotIn(SECRET, said)
        said = self.headrace("format", self.url, "vol", f"--bucket=s3://key:{SECRET}@host/bucket").stderr
        self.assertNotIn(SECRET, said)
        self.assertIn("--bucket: a directory", said)

    def test_what_the_description_holds_is_masked(self):
        """A volume of JuiceFS in S3 has its credentials in the description."""
        self.new_volume()
        database = sqlite3.connect(self.folder / "meta.db")
        [[text]] = database.execute("select value from jfs_setting where name = 'format'").fetchall()
        setting = {**json.loads(text), "Storage": "s3", "Bucket": f"https://u:{SECRET}@host/b", "AccessKey": "AKIA", "SecretKey": SECRET,
                   "SessionToken": SECRET, "EncryptKey": SECRET}
        database.execute("update jfs_setting set value = ? where name = 'format'", [json.dumps(setting)])
        database.commit()
        database.close()
        (self.folder / "mnt").mkdir()
        for command in (["status"], ["config"], ["fsck"], ["gc"], ["doctor"], ["mount", "--metrics=off"], ["destroy"]):
            more = {"mount": [self.folder / "mnt"], "destroy": [setting["UUID"], "--yes"]}.get(command[0], [])
            for form in ([], ["-o", "json"]) if command[0] != "mount" else ([],):
                done = self.headrace(*command, self.url, *more, *form)
                self.assertNotIn(SECRET, done.stdout + done.stderr, command)
        self.assertIn('"SecretKey": "***"', self.works("config", self.url, "-o", "json"))
