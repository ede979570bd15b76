"""A long-running program on a host: dockerd, baypland."""

import contextlib
import os
import signal
import subprocess
import time

from .failure import LabError
from .processes import children_of, is_alive, send_signal, start_time
from .wait import wait_for


class Service:
    """Starts, stops and kills one program, and knows when it is ready.

    Subclasses give `name`, `command()` and `ready()`. The program's output is appended to log/<name>.log.
    """

    name = ""

    def __init__(self, host, pids=None):
        self.host = host
        self.pids = pids  # [the program's PID on the real machine, its start time]
        self._popen = None
        self.log_path = os.path.join(host.state, "log", f"{self.name}.log")

    def command(self):
        raise NotImplementedError

    def ready(self):
        raise NotImplementedError

    @property
    def running(self):
        return bool(self.pids) and is_alive(*self.pids)

    @property
    def log(self):
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def start(self, wait=True, deadline=30.0):
        if self.running:
            return
        with open(self.log_path, "ab") as log:
            self._popen = self.host.namespaces.start(self.command(), stdout=log, stderr=log, env=self.host.environment,
                                                     start_new_session=True)
        # Between nsenter's fork and its exec there is no child yet.
        pid = wait_for(lambda: children_of(self._popen.pid) or self._popen.poll() is not None, f"a start of {self.name}")
        if pid is True:
            raise LabError(f"{self.name} ended at once with status {self._popen.returncode}: {self.log[-2000:]}")
        self.pids = [pid[0], start_time(pid[0])]
        if wait:
            self.wait_ready(deadline)

    def wait_ready(self, deadline=30.0):
        end = time.monotonic() + deadline
        while True:
            if not self.running:
                raise LabError(f"{self.name} ended while it started: {self.log[-2000:]}")
            try:
                if self.ready():
                    return
            except Exception as error:  # noqa: BLE001 - not ready yet; named below when time is up
                last = error
            else:
                last = "no answer"
            if time.monotonic() > end:
                raise LabError(f"{self.name} not ready within {deadline:g} s ({last}): {self.log[-2000:]}")
            time.sleep(0.03)

    def stop(self, deadline=60.0):
        """SIGTERM, and the exit status: None when it did not run, negative for a signal."""
        return self._end(signal.SIGTERM, deadline)

    def kill(self):
        """kill -9."""
        return self._end(signal.SIGKILL, 20.0)

    @contextlib.contextmanager
    def hung(self):
        """Within this, the program neither answers nor dies: it is stopped (SIGSTOP)."""
        send_signal(self.pids[0], signal.SIGSTOP)
        try:
            yield
        finally:
            send_signal(self.pids[0], signal.SIGCONT)
            send_signal(self._popen.pid, signal.SIGCONT)  # nsenter stops itself when its child was stopped

    def _end(self, number, deadline):
        if not self.running:
            self.pids = None
            return None
        pid, started = self.pids
        send_signal(pid, number)
        wait_for(lambda: not is_alive(pid, started), f"the end of {self.name} after signal {number}", deadline, 0.02)
        self.pids = None
        if not self._popen:
            return None  # started by another Python process: only its parent learns the status
        try:
            return self._popen.wait(10)
        except subprocess.TimeoutExpired:
            raise LabError(f"{self.name} is gone, but its nsenter is not") from None
