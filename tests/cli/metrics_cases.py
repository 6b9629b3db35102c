# SPDX-License-Identifier: Apache-2.0
"""Every metric of the catalog is there when somebody looks at a mount, and those that the work below must move have moved."""

import os
import re
import signal
import time
import urllib.error
import urllib.request

from place import ROOT, CliTest

LINE = re.compile(r'(\w+)\{([^}]*)\} (\S+)$')


def catalog():
    """The metrics of docs/metrics.md, which a test of the metrics room holds to the catalog: {name: type}."""
    return dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE))


class Metrics(CliTest):
    def setUp(self):
        super().setUp()
        self.new_volume("--block-size=256K", "--trash-days=0", "--capacity=1G", "--inodes=10000")
        self.where = self.mount("--metrics=127.0.0.1:0", "--cache-size=64MiB")
        self.address = self.document("Mount", "status", self.where)["metrics"]

    def get(self, path, accept="text/plain"):
        request = urllib.request.Request(f"http://{self.address}{path}", headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read().decode(), answer.headers["Content-Type"]

    def samples(self):
        """{name, or name{label="value"}: number} of /metrics, without the labels that every metric has."""
        found = {}
        for line in self.get("/metrics")[0].splitlines():
            match = LINE.match(line)
            if match:
                name, labels, value = match.groups()
                own = [label for label in re.findall(r'\w+="[^"]*"', labels) if not label.startswith(("vol_name=", "mp="))]
                found[name + ("{" + ",".join(own) + "}" if own else "")] = float(value)
        return found

    def until(self, what, is_so):
        deadline = time.monotonic() + 30
        while not is_so(self.samples()):
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.1)

    def work(self):
        """Something of everything that a mount does."""
        self.sh('''cd "$1" && mkdir -p d/e && for i in 1 2 3 4 5; do echo $i > d/$i; done && mv d/1 d/one && ln -s one d/link && readlink d/link
                   rm d/2 && rmdir d/e && ls -l d && cat d/* && head -c 3000000 /dev/urandom > big && sync big''', self.where)
        self.works("warmup", "--evict", self.where)
        self.sh('cat "$1/big" > /dev/null; head -c 10 "$1/big" > /dev/null', self.where)
        self.works("warmup", self.where)
        # While the kernel serves the copy by itself, somebody opens the file to read and write.
        self.sh('exec 3< "$1/big"; head -c 1000 <&3 > /dev/null; exec 4<> "$1/big"; printf x >&4', self.where)
        # More than the tier holds, read block by block.
        self.sh('cd "$1" && for i in 1 2 3 4; do head -c 40000000 /dev/zero | tr "\\\\0" $i > much$i; done && cat much* much* > /dev/null', self.where)
        # One chunk in many slices.
        self.sh('cd "$1" && head -c 3000 /dev/zero > many && for i in $(seq 120); do printf x | dd of=many bs=1 seek=$((i * 17)) conv=notrunc '
                'status=none; cat many > /dev/null; done', self.where, limit_s=60)
        self.until("nothing was compacted", lambda now: now["juicefs_compact_size_histogram_bytes_count"] > 0)
        # An object is gone that nobody holds.
        self.sh('head -c 77777 /dev/urandom > "$1/lost"', self.where)
        self.works("warmup", "--evict", self.where / "lost")
        for key, size in self.objects().items():
            if size == 77777:
                (self.bucket / key).unlink()
        self.assertIn("Input/output error", self.sh('cat "$1/lost" > /dev/null', self.where, status=1))
        self.works("warmup", self.where / "big")

    # Not moved by work that goes well on a quiet machine, or not by every such work: faults, rare waits, what is over at once.
    MAY_STAY_ZERO = {
        "headrace_lane_requests_aside_total", "headrace_fuse_malformed_requests_total", "headrace_fuse_unanswered_requests_total",
        "headrace_fuse_notifications_lost_total", "juicefs_transaction_restart", "juicefs_object_request_errors", "headrace_object_retries_total",
        "headrace_checksum_failures_total", "headrace_fetches_shared_total", "headrace_prefetches_dropped_total", "headrace_block_transfers",
        "headrace_memory_budget_used_bytes", "juicefs_used_buffer_size_bytes", "headrace_memory_budget_waiting", "juicefs_fuse_open_handlers",
        "headrace_log_lines_dropped_total", "headrace_fuse_backings", "juicefs_blockcache_drops", "headrace_node_tier_pinned_bytes",
        "headrace_server_restarts_total",
    }

    def test_every_metric_of_the_catalog_is_served_and_moves_with_its_work(self):
        self.work()
        text = self.get("/metrics")[0]
        families = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
        self.assertEqual(families, catalog())
        now = self.samples()
        still = []
        for name, kind in catalog().items():
            series = f"{name}_count" if kind == "histogram" else name
            values = [value for key, value in now.items() if key == series or key.startswith(series + "{")]
            self.assertTrue(values, f"{name} has no sample")
            if name not in self.MAY_STAY_ZERO and not any(value > 0 for value in values):
                still.append(name)
        passes = now['headrace_fuse_opens_total{mode="pass"}'] > 0
        if not passes:  # a machine without passthrough, whose opens never are of a kind that no longer fits
            still = [name for name in still if name not in ("headrace_fuse_stale_lookups_total", "headrace_node_tier_files")]
        self.assertEqual(still, [], "the work has not moved these")

    def test_labels_tell_kinds_apart(self):
        self.work()
        now = self.samples()
        for series in ('juicefs_fuse_ops_total{method="mkdir"}', 'juicefs_fuse_ops_total{method="rename2"}', 'juicefs_fuse_ops_io_errors{errno="EIO"}',
                       'juicefs_object_request_data_bytes{method="get"}', 'juicefs_object_request_data_bytes{method="put"}',
                       'headrace_node_tier_hits_total{kind="block"}', 'headrace_node_tier_misses_total{kind="block"}',
                       'headrace_node_tier_evictions_total{kind="block"}', 'headrace_fuse_opens_total{mode="direct"}'):
            self.assertGreater(now[series], 0, series)
        self.assertEqual(now["juicefs_total_space"], 1 << 30)
        self.assertEqual(now["juicefs_total_inodes"], 10000)
        self.assertGreater(now["juicefs_used_space"], 160_000_000)

    def test_a_server_that_was_killed_is_counted_by_the_one_that_takes_over(self):
        before = self.document("Mount", "status", self.where)["pid"]
        os.kill(before, signal.SIGKILL)
        self.sh('ls "$1" > /dev/null && echo x > "$1/after"', self.where, limit_s=60)
        mount = self.document("Mount", "status", self.where)
        self.assertNotEqual(mount["pid"], before)
        self.address = mount["metrics"]
        self.assertEqual(self.samples()["headrace_server_restarts_total"], 1)

    def test_stats_of_the_mount_are_the_same_numbers(self):
        names = {line.split()[0] for line in self.sh('cat "$1/.stats"', self.where).splitlines()}
        for name, kind in catalog().items():
            wanted = f"{name}_total" if kind == "histogram" else name
            self.assertTrue(any(one == wanted or one.startswith(f"{wanted}_") or one.startswith(f"{name}_") for one in names), name)

    def test_open_metrics_is_given_to_who_prefers_it(self):
        text, kind = self.get("/metrics", "application/openmetrics-text;version=1.0.0")
        self.assertTrue(kind.startswith("application/openmetrics-text"), kind)
        self.assertTrue(text.endswith("# EOF\n"))
        text, kind = self.get("/metrics")
        self.assertTrue(kind.startswith("text/plain"), kind)

    def test_health_and_version_answer(self):
        for path in ("/livez", "/readyz", "/healthz"):
            self.assertEqual(self.get(path)[0], "ok\n")
        self.assertEqual(self.get("/version")[0], self.document("Version", "version")["version"] + "\n")
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.get("/none")
        self.assertEqual(refused.exception.code, 404)
