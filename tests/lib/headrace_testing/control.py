# SPDX-License-Identifier: Apache-2.0
"""What a mount says of a file: its `.control` file answers in every directory, with JuiceFS's protocol (command 1005, info).
On a native file system there is none."""

import json
import os
import struct
import time

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
