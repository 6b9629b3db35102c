# SPDX-License-Identifier: Apache-2.0
"""Runs a function in a child process with a time limit: whoever looks at a mount may wait for ever, so the process that
runs the tests never does it itself."""

import json
import os
import select
import signal
import struct
import time
import traceback
from dataclasses import dataclass

_GRACE_S = 2  # how long a killed process may take to be gone before it counts as stuck in the kernel


@dataclass(frozen=True)
class Ended:
    """How a child ended. `how` is returned (`value` holds what), raised, died or hung; `text` explains the last three."""

    how: str
    value: object = None
    text: str = ""
    is_stuck: bool = False  # SIGKILL alone did not end it

    @property
    def is_good(self):
        return self.how == "returned"


def run(function, limit_s, unstick=None):
    """Calls function() in a forked child that leads its own session; its result must be JSON. After `limit_s` the child
    and all it started are killed; if that does not help, unstick() is called (it aborts the mount) and it is waited for."""
    source, sink = os.pipe()
    pid = os.fork()
    if pid == 0:
        _be_child(function, source, sink)
    os.close(sink)
    watch = os.pidfd_open(pid)
    try:
        message = _receive(source, watch, time.monotonic() + limit_s)
        _kill_session(pid)
        is_stuck = not _is_over(watch, _GRACE_S)
        if is_stuck and unstick:
            unstick()
            _is_over(watch, _GRACE_S)
        status = os.waitpid(pid, os.WNOHANG)[1]
    finally:
        os.close(watch)
        os.close(source)
    if message is None:
        return Ended("hung", text=f"not done after {limit_s:g} s", is_stuck=is_stuck)
    if not message:
        return Ended("died", text=f"ended without an answer ({_describe(status)})")
    return Ended(**json.loads(message))


def _be_child(function, source, sink):
    try:
        os.setsid()
        os.close(source)
        ended = {"how": "returned", "value": function()}
        data = json.dumps(ended).encode()
    except BaseException:  # everything goes back to the parent: nobody else would see it
        data = json.dumps({"how": "raised", "text": traceback.format_exc()}).encode()
    try:
        data = memoryview(struct.pack(">Q", len(data)) + data)
        while data:
            data = data[os.write(sink, data) :]
    finally:
        os._exit(0)


def _receive(source, watch, deadline):
    """The whole message; b"" when the child ended without one; None after the deadline."""
    data = b""
    while True:
        left = deadline - time.monotonic()
        ready = select.select([source, watch], [], [], max(0, left))[0] if left > 0 else []
        if source in ready:
            piece = os.read(source, 1 << 20)
            data += piece
            if len(data) >= 8 and len(data) - 8 == struct.unpack(">Q", data[:8])[0]:
                return data[8:]
            if not piece:
                return b""
        elif watch in ready:
            return b""
        elif left <= 0:
            return None


def _kill_session(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _is_over(watch, seconds):
    return bool(select.select([watch], [], [], seconds)[0])


def _describe(status):
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}"
    return f"status {os.waitstatus_to_exitcode(status)}"
