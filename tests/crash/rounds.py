#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the server of a mount again and again while processes work on it, and looks what is left:

    rounds.py --headrace PATH [--rounds N] [--seed N]
    rounds.py --native                 the same against a folder, whose recorders are killed: the test of the test

One volume goes through all rounds. In each it is mounted cold, everything that was touched is compared with what may be there
(allowed.py), then recorders work on it (recorder.py) until the server gets SIGKILL. What was acknowledged must be there.
Prints its seed, and how many calls were in flight. Exit status: 0 nothing was lost, 1 something was wrong."""

import argparse
import json
import os
import random
import select
import shutil
import sys
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]
sys.dont_write_bytecode = True

import recorder  # noqa: E402
from allowed import Ledger  # noqa: E402
from headrace_testing import children, mounts  # noqa: E402
from headrace_testing.content import Image, Span  # noqa: E402
from headrace_testing.mounts import Failed  # noqa: E402
from look import look, to_json  # noqa: E402
from server import Folder, Server  # noqa: E402

LOOK_LIMIT_S = 120
DRAIN_LIMIT_S = 30
LOG_BYTES_MAX = 2 << 20
WAYS = ("umount --force", "umount", "mount over it")


class Worker:
    """A recorder process and what is known of it."""

    def __init__(self, root, ledger, rng, seed):
        self.ledger = ledger
        self.begun_at = self.failed_at = None
        self.failure = None
        self.events = self.acknowledged = 0
        self._text = b""
        self.pipe, sink = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 3
            try:
                os.close(self.pipe)
                status = recorder.work(root, sink, ledger, rng, seed)
            finally:
                os._exit(status)
        os.close(sink)

    def take(self):
        """Reads what the worker tells. False at its end."""
        data = os.read(self.pipe, 1 << 16)
        *lines, self._text = (self._text + data).split(b"\n")
        for line in lines:
            what, value, at = json.loads(line)
            if what == "begin":
                self.ledger.begin(value)
                self.begun_at = at
                self.events += 1
            elif what == "done":
                self.acknowledged += self.ledger.pending[0] in ("sync", "syncdir", "appendsync")
                self.ledger.done()
                self.begun_at = None
            else:
                self.failure, self.failed_at = value, at
        return bool(data)

    def was_in_flight(self, killed_at):
        """Whether a call was with the server when it died."""
        return self.begun_at is not None and self.begun_at < killed_at and self.failure in (None, "ECONNABORTED")


class Rounds:
    def __init__(self, server, options, seed):
        self.server, self.options, self.seed = server, options, seed
        self.rng = random.Random(seed)
        self.ledgers = [Ledger(number) for number in range(len(recorder.WORK))]
        self.counts = Counter()
        self.idle_kills = 0
        self.done = 0

    def all(self):
        """A complaint, or ""."""
        for number in range(self.options.rounds):
            complaint = self.one(number)
            if complaint:
                return f"round {number}: {complaint}"
            self.done = number + 1
            if self.done % 10 == 0:
                self.tell()
        # Now and then a kill meets a moment in which nobody asks for anything; a load that is mostly idle tests nothing.
        if self.idle_kills > self.done / 5:
            return f"{self.idle_kills} of {self.done} kills met an idle mount: the load is too weak"
        self.server.start()
        return self.look(everything=True) or self.server.end()

    def tell(self):
        print(f"{self.done} rounds: {self.counts['in flight']} calls in flight at the kills ({self.idle_kills} found none), "
              f"{self.counts['acknowledged']} acknowledgements, {self.counts['events']} events, looked at {self.counts['files']} files, "
              f"{self.counts['bytes'] >> 20} MiB", flush=True)

    def one(self, number):
        self.server.start()
        if number == 0:
            self.in_child(lambda: _furnish(self.server.path))
        return (self.look() or self.work_and_kill(number) or self.server.free(self.rng.choice(WAYS))
                or self.server.check(deep=number % 10 == 9))

    def in_child(self, function):
        ended = children.run(function, LOOK_LIMIT_S, self.server.abort)
        if not ended.is_good:
            raise Failed(f"{ended.how}: {ended.text}\n{self.server.log_tail()}")
        return ended.value

    def look(self, everything=False):
        """Compares the tree with the ledgers, and makes what is there the new beginning. A complaint, or ""."""
        chance = random.Random(self.rng.random())
        answer = self.in_child(lambda: to_json(look(self.server.path, self.ledgers, chance, everything)))
        self.counts.update(files=answer["files"], bytes=answer["bytes"])
        if answer["wrong"]:
            return "\n".join(["what is there is not allowed:", *answer["wrong"][:20]])
        for ledger in self.ledgers:
            worker = str(ledger.worker)
            images = {int(n): Image(length, [Span(*s) for s in spans]) for n, (length, spans) in answer["images"][worker].items()}
            ledger.adopt({path: tuple(entry) for path, entry in answer["states"][worker].items()}, images)
            ledger.adopt_log(answer["counts"][worker])
        if sum(answer["counts"].values()) * recorder.RECORD_BYTES > LOG_BYTES_MAX:
            self.in_child(lambda: _empty_log(self.server.path))
            for ledger in self.ledgers:
                ledger.adopt_log(0)
        return ""

    def work_and_kill(self, number):
        delay = self.rng.uniform(0.05, self.options.longest)
        workers = [Worker(self.server.path, ledger, random.Random(f"{self.seed}.{number}.{ledger.worker}"), self.seed)
                   for ledger in self.ledgers]
        try:
            self.wait_for_work(workers)
            self.listen(workers, time.monotonic() + delay)
            self.wait_for_work(workers)
            killed_at = time.monotonic()
            self.server.kill([worker.pid for worker in workers])
            is_drained = self.listen(workers, killed_at + DRAIN_LIMIT_S)
            if not is_drained:
                self.server.abort()
                self.listen(workers, time.monotonic() + DRAIN_LIMIT_S)
                return f"calls were still waiting {DRAIN_LIMIT_S} s after the server was killed"
        finally:
            statuses = [self.end(worker) for worker in workers]
        return self.judge(workers, statuses, killed_at)

    def wait_for_work(self, workers):
        """Until most workers have begun, and a call of some is under way: a kill that meets nothing says nothing."""
        deadline = time.monotonic() + DRAIN_LIMIT_S
        while time.monotonic() < deadline and not (sum(worker.events > 0 for worker in workers) > len(workers) // 2
                                                   and any(worker.begun_at is not None for worker in workers)):
            self.listen(workers, time.monotonic() + 0.001)

    @staticmethod
    def listen(workers, deadline):
        """Follows the workers until the deadline, or until all have ended. True when they have."""
        talking = {worker.pipe: worker for worker in workers if worker.pipe is not None}
        while talking and time.monotonic() < deadline:
            for pipe in select.select(list(talking), [], [], max(0, deadline - time.monotonic()))[0]:
                if not talking[pipe].take():
                    os.close(pipe)
                    talking.pop(pipe).pipe = None
        return not talking

    @staticmethod
    def end(worker):
        if worker.pipe is not None:
            os.close(worker.pipe)
            os.kill(worker.pid, 9)
        return os.waitpid(worker.pid, 0)[1]

    def judge(self, workers, statuses, killed_at):
        in_flight = 0
        for worker, status in zip(workers, statuses):
            who = f"worker {worker.ledger.worker} ({recorder.WORK[worker.ledger.worker].__name__})"
            if worker.failed_at is not None and worker.failed_at < killed_at:
                return f"{who}: {worker.ledger.pending} failed with {worker.failure}, before the kill\n{self.server.log_tail()}"
            if os.WIFEXITED(status) and os.WEXITSTATUS(status):
                return f"{who} ended with status {os.WEXITSTATUS(status)}"
            in_flight += worker.was_in_flight(killed_at)
            self.counts["acknowledged"] += worker.acknowledged
            self.counts["events"] += worker.events
        self.counts["in flight"] += in_flight
        self.idle_kills += not in_flight
        return ""


def _furnish(root):
    os.mkdir(f"{root}/shared")
    _empty_log(root)


def _empty_log(root):
    for path, flags in ((f"{root}/{recorder.SHARED_LOG}", os.O_RDWR | os.O_CREAT | os.O_TRUNC), (f"{root}/shared", os.O_RDONLY)):
        fd = os.open(path, flags, 0o644)
        os.fsync(fd)
        os.close(fd)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--headrace", metavar="PATH", help="the program under test")
    where.add_argument("--native", action="store_true", help="a folder in its place")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seed", type=int, help="what chooses; printed, a new one otherwise")
    parser.add_argument("--longest", type=float, default=1.6, metavar="SECONDS", help="how long a round's work may take")
    parser.add_argument("--keep", action="store_true", help="leave the volume in place when something is wrong")
    return parser.parse_args()


def main():
    options = arguments()
    seed = options.seed if options.seed is not None else time.time_ns() % (1 << 32)
    print(f"seed {seed}", flush=True)
    folder = mounts.scratch_folder("crash")
    server, complaint, start = None, "", time.monotonic()
    try:
        if options.native:
            server = Folder(folder)
        else:
            program = mounts.Program(options.headrace)
            server = Server(program, mounts.Volume(program, folder, options=["--trash-days=0"]), folder / "mnt")
        rounds = Rounds(server, options, seed)
        complaint = rounds.all()
        rounds.tell()
    except Failed as problem:
        complaint = str(problem)
    finally:
        if server:
            server.give_up()
        if not (options.keep and complaint) and not any(path.startswith(f"{folder}/") for path in mounts.mounted()):
            shutil.rmtree(folder, ignore_errors=True)
    if complaint:
        print(f"FAILED (seed {seed}): {complaint}")
        return 1
    print(f"nothing acknowledged was lost, {time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
