# SPDX-License-Identifier: Apache-2.0
"""What fingers expect of any command: where flags may stand, which place decides, what goes where, how it ends."""

import json
import signal
import subprocess

from place import PLACE, CliTest


class Words(CliTest):
    def test_flags_stand_before_and_after_arguments_in_both_spellings(self):
        for words in (["--bucket", self.bucket, self.url, "vol", "--trash-days=0"], [self.url, "--bucket", self.bucket, "vol", "--trash-days", "0"]):
            done = self.document("Format", "format", *words)
            self.assertEqual(done["trashDays"], 0)
            self.works("destroy", self.url, done["uuid"], "--yes", "-q")

    def test_two_dashes_end_the_flags(self):
        self.refused(3, "cannot look at --help", "info", "--", "--help")

    def test_a_switch_is_taken_back_by_no(self):
        self.assertFalse(self.new_volume("--hash-prefix", "--no-hash-prefix")["hashPrefix"])

    def test_the_last_of_a_flag_decides(self):
        self.assertEqual(self.new_volume("--trash-days=1", "--trash-days=2")["trashDays"], 2)

    def test_other_names_of_commands_are_taken(self):
        self.refused(2, "PATH is missing", "warm")
        self.refused(2, "MOUNTPOINT is missing", "unmount")

    def test_bare_numbers_count_what_juicefs_counts(self):
        made = self.new_volume("--capacity=3", "--block-size=1024")
        self.assertEqual((made["capacityBytes"], made["blockSizeBytes"]), (3 << 30, 1 << 20))


class Places(CliTest):
    """Command line, environment, --config, the user's file, the default: the first that says something."""

    def trash_days(self, *words, **env):
        made = self.document("Format", "format", self.url, "vol", "--bucket", self.bucket, *words, env=env)
        self.works("destroy", self.url, made["uuid"], "--yes", "--quiet")
        return made["trashDays"]

    def test_the_first_place_that_names_a_flag_decides(self):
        self.assertEqual(self.trash_days(), 1)
        home = self.folder / ".config/headrace/config.yaml"
        home.parent.mkdir(parents=True)
        home.write_text("trash-days: 2\n")
        self.assertEqual(self.trash_days(), 2)
        (self.folder / "xdg/headrace").mkdir(parents=True)
        (self.folder / "xdg/headrace/config.yaml").write_text("format:\n  trash-days: 3\n")
        self.assertEqual(self.trash_days(XDG_CONFIG_HOME=str(self.folder / "xdg")), 3)
        (self.folder / "named.yaml").write_text("trash-days: 4\n")
        self.assertEqual(self.trash_days("--config", self.folder / "named.yaml"), 4)
        self.assertEqual(self.trash_days("--config", self.folder / "named.yaml", HEADRACE_TRASH_DAYS="5"), 5)
        self.assertEqual(self.trash_days("--config", self.folder / "named.yaml", "--trash-days=6", HEADRACE_TRASH_DAYS="5"), 6)

    def test_what_must_be_meant_each_time_comes_from_the_command_line_alone(self):
        made = self.new_volume()
        self.refused(2, "this would remove", "destroy", self.url, made["uuid"], env={"HEADRACE_YES": "true"})
        self.refused(4, "already a volume", "format", self.url, "vol", env={"HEADRACE_FORCE": "true"})
        self.assertFalse(self.document("Gc", "gc", self.url, env={"HEADRACE_DELETE": "true"})["deleted"])
        (self.folder / "named.yaml").write_text("destroy:\n  yes: true\n")
        done = self.headrace("destroy", self.url, made["uuid"], "--config", self.folder / "named.yaml")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.works("status", self.url)


class Streams(CliTest):
    def test_colours_are_for_terminals_that_want_them(self):
        run = {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": 20, "check": False}
        with_colour = {name: value for name, value in self.environment(TERM="xterm").items() if name != "NO_COLOR"}
        piped = subprocess.run([PLACE.program.path, "nothing"], env=with_colour, **run)
        self.assertNotIn(b"\x1b[", piped.stdout + piped.stderr)
        status, shown = self.on_terminal("nothing")
        self.assertEqual(status, 2)
        self.assertNotIn("\x1b[", shown, "NO_COLOR is set")
        self.assertIn("\x1b[", self.on_terminal("nothing", colour=True)[1])

    def test_output_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PLACE.program.path, "help"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=20, check=False,
                                  env=self.environment())
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, "error: the output could not be written\n")

    def test_a_reader_that_leaves_is_no_drama(self):
        said = self.sh('"$1" docs markdown | head -n 1', PLACE.program.path, status=None)
        self.assertEqual([line for line in said.splitlines() if not line.startswith("error: the output")], ["# The command line"])

    def test_stats_goes_on_until_control_c(self):
        self.new_volume()
        where = self.mount()
        child = subprocess.Popen([PLACE.program.path, "stats", where, "--interval=100ms", "-o", "json"], stdout=subprocess.PIPE, text=True,
                                 env=self.environment())
        self.addCleanup(lambda: (child.kill(), child.wait(), child.stdout.close()))
        for _ in range(3):
            self.assertEqual(json.loads(child.stdout.readline())["kind"], "Stats")
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(10), 0)
