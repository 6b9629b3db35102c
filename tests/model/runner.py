# SPDX-License-Identifier: Apache-2.0
"""Runs a program of operations in a place, beside the model, until the two differ; and makes a failing program short."""

import time
from dataclasses import dataclass

from executor import Executor, Lost
from headrace_testing.mounts import Failed
from places import drop_caches
from reference import Model

CALL_LIMIT_S = 60


@dataclass
class Failure:
    """What went wrong, and the operations up to there."""

    operations: list
    text: str

    def __str__(self):
        return f"operation {len(self.operations)}, {self.operations[-1]}: {self.text}"


class Stage:
    """A fresh folder of a place, with two processes in it."""

    def __init__(self, place):
        self._place = place
        self.folder = place.new_folder()
        self._executors = [Executor(self.folder, CALL_LIMIT_S) for _ in range(2)]

    def run(self, step):
        """A complaint about what came of a step, or ""."""
        if step.who is not None:
            return step.answer.complaint(self._executors[step.who].call(step.call))
        if step.call[0] == "drop":
            drop_caches()
            return ""
        for executor in self._executors:
            executor.call(["leave"])
        self._place.remount()
        for executor in self._executors:
            if executor.call(["enter"]) != "ok":
                return "the folder of the program is gone after a remount"
        return ""

    def close(self):
        """Ends the processes; when they are stuck, the mount with them."""
        if not all([executor.end() for executor in self._executors]):
            self._place.unstick()
            for executor in self._executors:
                executor.end()
            return False
        return True


def play(place, operations):
    """Runs operations, any iterable of them, which may look at the model that next_to() gave it. A Failure, or None."""
    return play_beside(place, Model(), operations)


def play_beside(place, model, operations):
    stage, done = Stage(place), []
    try:
        for operation in operations:
            done.append(operation)
            text = _run_one(stage, place, model.steps(operation))
            if text:
                return Failure(done, text)
    finally:
        if not stage.close() or place.trouble():
            place.renew()
        else:
            place.remove(stage.folder)
    return None


def _run_one(stage, place, steps):
    for step in steps:
        try:
            text = stage.run(step)
        except (Lost, Failed) as problem:
            text = str(problem)
        if text:
            call = "" if step.call[0] in ("drop", "remount") else f"{step.call}: "
            return "\n".join(filter(None, [call + text, place.trouble()]))
    return ""


def shorten(place, failure, seconds, tell=lambda text: None):
    """The shortest failing program that is found in this time, by leaving out operations (ddmin). (Failure, is it certain)."""
    deadline = time.monotonic() + seconds
    again = next(filter(None, (play(place, failure.operations) for _ in range(3))), None)
    if again is None:
        return failure, False
    best, pieces = again, 2
    while len(best.operations) > 1 and time.monotonic() < deadline:
        shorter = _without_a_piece(place, best.operations, pieces, deadline)
        if shorter is not None:
            best, pieces = shorter, max(2, pieces - 1)
            tell(f"{len(best.operations)} operations still fail")
        elif pieces >= len(best.operations):
            break
        else:
            pieces = min(len(best.operations), pieces * 2)
    return best, True


def _without_a_piece(place, operations, pieces, deadline):
    size = -(-len(operations) // pieces)
    for start in range(0, len(operations), size):
        if time.monotonic() > deadline:
            return None
        failure = play(place, operations[:start] + operations[start + size :])
        if failure is not None:
            return failure
    return None
