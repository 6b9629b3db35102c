# SPDX-License-Identifier: Apache-2.0
"""How a mount serves an open file, asked of the mount itself. On a native file system nothing is asked."""

import os
import time

from headrace_testing.control import place_of

LANE_VARIABLE = "HEADRACE_TEST_LANE"  # the runner says here which lane the mount was asked for


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
