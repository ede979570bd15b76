"""Looking at processes through /proc."""

import os
import signal


def pids():
    """All processes, as this process's PID namespace numbers them."""
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def children_of(pid):
    """The direct children of `pid`."""
    return [child for child in pids() if _stat(child, 1) == str(pid)]


def command_line(pid):
    """The words that `pid` was called with; empty when there is no such process."""
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            return file.read().split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def start_time(pid):
    """When `pid` was started, in clock ticks since boot; None when there is no such process.

    Together with the number it names a process for good: numbers are used again, the pair is not.
    """
    return _stat(pid, 19)


def is_alive(pid, started=None):
    """True when `pid` runs (a zombie does not) and, where `started` is given, is still the same process."""
    return _stat(pid, 0) not in (None, "Z", "X") and (started is None or start_time(pid) == started)


def send_signal(pid, number=signal.SIGKILL):
    """Sends a signal; a process that is gone already is fine."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _stat(pid, field):
    """Field of /proc/PID/stat, counted from the state (proc(5) field 3), after the name in parentheses."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[field]
    except (FileNotFoundError, ProcessLookupError):
        return None
