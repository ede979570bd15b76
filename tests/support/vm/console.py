"""Commands over the virtual machine's second serial line, with exact exit statuses and output."""

import json
import select
import time

from lab import LabError


class LineClosed(LabError):
    """The machine is gone, or another one (it booted again) is on the line."""


class Console:
    """Speaks to guest/agent.py. Not for several threads."""

    def __init__(self, stream):
        self._stream = stream
        self._pending = b""
        self._number = 0

    def wait_boot(self, deadline, other_than=None):
        """Waits for a machine's first word; its boot id, which is not `other_than`'s."""
        end = time.monotonic() + deadline
        while True:
            ready = self._next_line(end, "a boot").get("ready")
            if ready and ready != other_than:
                return ready

    def ask(self, script, timeout, stdin=""):
        """(exit status, output) of the shell script. The answer is waited for longer than the script may take."""
        self._number += 1
        request = {"id": self._number, "script": script, "stdin": stdin, "timeout": timeout}
        self._stream.settimeout(60)
        self._stream.sendall(json.dumps(request).encode() + b"\n")
        end = time.monotonic() + timeout + 60
        while True:
            answer = self._next_line(end, f"an answer to `{script[:200]}`")
            if answer.get("id") == self._number:
                return answer["status"], answer["output"]

    def tell(self, script):
        """Has the script run, and waits for no answer: it ends the machine."""
        self._number += 1
        self._stream.sendall(json.dumps({"id": self._number, "script": script, "timeout": 600}).encode() + b"\n")

    def close(self):
        self._stream.close()

    def _next_line(self, end, what):
        """What does not parse is what the last machine was just saying when it ended, or the next one's start-up noise."""
        while True:
            while b"\n" not in self._pending:
                self._receive(end, what)
            line, _, self._pending = self._pending.partition(b"\n")
            try:
                said = json.loads(line)
            except ValueError:
                continue
            if isinstance(said, dict):
                return said

    def _receive(self, end, what):
        left = end - time.monotonic()
        if left <= 0 or not select.select([self._stream], [], [], left)[0]:
            raise LabError(f"the virtual machine does not say anything: waited for {what}")
        data = self._stream.recv(65536)
        if not data:
            raise LineClosed(f"the virtual machine is off: waited for {what}")
        self._pending += data
