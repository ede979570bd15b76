"""The one trace a host would leave on the real machine: the control groups of its containers."""

import os

from .wait import wait_for


def remove(parent):
    """Removes the control group `parent` ("/name") and all below it, in every hierarchy. Its processes are dead."""
    for mount in _hierarchies():
        top = os.path.join(mount, parent.lstrip("/"))
        wait_for(lambda top=top: _remove_tree(top), f"an empty control group {top}", 20, 0.1)


def _hierarchies():
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        rows = [line.split() for line in mounts]
    return [row[1] for row in rows if row[2] in ("cgroup", "cgroup2")]


def _remove_tree(top):
    for folder, _, _ in os.walk(top, topdown=False):
        os.rmdir(folder)  # EBUSY while the kernel still counts a dead process in: the caller tries again
    return True
