# SPDX-License-Identifier: Apache-2.0
"""Further processes of a case, and the line between them: one word at a time, so that a case says in which order things
happen without waiting for time to pass."""

import json
import os
import select
import signal
import socket
import traceback

from headrace_testing.users import become


class Line:
    """One end of a line between two processes."""

    def __init__(self, end):
        self._end = end
        self._waiting = b""

    def say(self, word):
        self._end.sendall(word.encode() + b"\n")

    def hear(self, within_s=None):
        """The next word; None when none came in time (without a limit: when the other end is gone)."""
        while b"\n" not in self._waiting:
            if within_s is not None and not select.select([self._end], [], [], within_s)[0]:
                return None
            piece = self._end.recv(65536)
            if not piece:
                return None
            self._waiting += piece
        word, self._waiting = self._waiting.split(b"\n", 1)
        return word.decode()

    def expect(self, word):
        heard = self.hear()
        if heard != word:
            raise RuntimeError(f"the other process should have said {word!r}, but said {heard!r}")

    def close(self):
        self._end.close()


class Peer:
    """A process of the case beside its main one; runs function(steps, line) as `user` in the same directory. The case
    speaks with it through say, hear and expect, and ends with finish(), which notes what the peer saw, or with kill()."""

    def __init__(self, steps, name, function, user=None):
        ours, theirs = socket.socketpair()
        self.name, self._steps = name, steps
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            self._live(type(steps)(), Line(theirs), function, user)
        theirs.close()
        self.line = Line(ours)
        self.say = self.line.say

    @staticmethod
    def _live(steps, line, function, user):
        try:
            if user is not None:
                become(user)
            function(steps, line)
            line.say("= " + json.dumps(steps.observations))
        except BaseException:
            line.say("! " + json.dumps(traceback.format_exc()))
        finally:
            os._exit(0)

    def hear(self, within_s=None):
        """As Line.hear(). Raises when the peer has ended by an error."""
        word = self.line.hear(within_s)
        if word is not None and word.startswith("! "):
            raise RuntimeError(f"the process {self.name!r} of the case did not end well: {json.loads(word[2:])}")
        return word

    def expect(self, word):
        heard = self.hear()
        if heard != word:
            raise RuntimeError(f"the process {self.name!r} should have said {word!r}, but said {heard!r}")

    def finish(self):
        """Waits for the peer's end and adds its observations to the case's."""
        heard = self.hear()
        os.waitpid(self.pid, 0)
        self.line.close()
        if heard is None or not heard.startswith("= "):
            raise RuntimeError(f"the process {self.name!r} of the case did not end well: said {heard!r}")
        self._steps.note_of(self.name, json.loads(heard[2:]))

    def kill(self):
        """Ends the peer as a crash does."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.line.close()

    def interrupt(self):
        os.kill(self.pid, signal.SIGUSR1)


def interruptible():
    """From here on SIGUSR1 interrupts a waiting call of this process instead of ending it."""
    def raise_interrupted(*_):
        raise InterruptedError(4, "interrupted")  # or Python would simply make the call again

    signal.signal(signal.SIGUSR1, raise_interrupted)
