"""The one trace a host would leave on the real machine: the control groups of its containers."""

import os

from .processes import send_signal
from .wait import wait_for


def remove(parent, deadline=20.0):
    """Kills what is left in the control group `parent` ("/name") and removes it and all below it, in every hierarchy."""
    for mount in _hierarchies():
        top = os.path.join(mount, parent.lstrip("/"))
        wait_for(lambda top=top: _remove_tree(top), f"an empty control group {top}", deadline, 0.1)


def _hierarchies():
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        rows = [line.split() for line in mounts]
    return [row[1] for row in rows if row[2] in ("cgroup", "cgroup2")]


def _remove_tree(top):
    for folder, _, _ in os.walk(top, topdown=False):
        with open(os.path.join(folder, "cgroup.procs"), encoding="utf-8") as procs:
            for pid in filter(None, map(int, procs.read().split())):  # 0: a process of a PID namespace we don't see
                send_signal(pid)
        os.rmdir(folder)  # EBUSY while the kernel still counts a dead process in: the caller tries again
    return True
