# SPDX-License-Identifier: Apache-2.0
"""How a mount serves an open file, asked of the mount itself: its `.control` file answers in every directory, with
JuiceFS's protocol (command 1005, info). On a native file system there is none, and nothing is asked."""

import json
import os
import struct
import time

LANE_VARIABLE = "HEADRACE_TEST_LANE"  # the runner says here which lane the mount was asked for
_INFO = 1005


def place_of(path):
    """Where a file's bytes are and how its handles are served; None on a native file system."""
    try:
        control = os.open(os.path.join(os.path.dirname(path) or ".", ".control"), os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        body = struct.pack(">QBBB", os.stat(path).st_ino, 0, 0, 0)
        request = struct.pack(">II", _INFO, len(body)) + body
        os.write(control, request)
        answer, deadline = b"", time.monotonic() + 10
        while time.monotonic() < deadline:
            piece = os.pread(control, 1 << 20, len(request) + len(answer))
            answer += piece
            if answer[:1] == b"\xff" and len(answer) >= 5 + struct.unpack(">I", answer[1:5])[0]:
                return json.loads(answer[5:])["Place"]
            if len(answer) == 1 and answer != b"\xff":
                raise OSError(answer[0], "the mount's answer about a file")
            if not piece:
                time.sleep(0.01)
        raise TimeoutError("the mount does not answer about a file")
    finally:
        os.close(control)


def serves_passthrough():
    """Whether the mount must serve whole files by passthrough; None where that is the machine's affair (lane auto)."""
    return {"passthrough": True, "classic": False}.get(os.environ.get(LANE_VARIABLE))


def until_whole(path, limit_s=10):
    """Reads a file until the next reader is passed through; at once on a native file system or without that lane."""
    deadline = time.monotonic() + limit_s
    while True:
        place = place_of(path)
        if place is None or not place["WhyNotPassthrough"] or "off" in place["WhyNotPassthrough"]:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} does not become whole: {place}")
        fd = os.open(path, os.O_RDONLY)
        while os.read(fd, 1 << 20):
            pass
        os.close(fd)
        time.sleep(0.1)


def until_quiet(path, quiet_s=1.2):
    """Until a file has not changed for as long as the page cache may serve it; at once on a native file system."""
    if place_of(path) is not None:
        time.sleep(max(0, os.stat(path).st_mtime + quiet_s - time.time()))


def handles_of(path):
    """The handles of a file by how they are served, in words; None on a native file system."""
    place = place_of(path)
    if place is None:
        return None
    return f"pass {place['PassHandles']}, direct {place['DirectHandles']}, cached {place['CachedHandles']}, writers {place['Writers']}"


def note_handles(steps, path, passed=0, direct=0, cached=0, writers=0):
    """The handles of a file must be served so. Without passthrough those that would be passed through are direct."""
    through = serves_passthrough()
    if through is None:
        return
    if not through:
        passed, direct = 0, direct + passed
    steps.must(f"handles of {path}", handles_of(path), f"pass {passed}, direct {direct}, cached {cached}, writers {writers}")
