"""What the lab must leave as it was: this machine."""

import os
import re
import subprocess

# What a running machine changes by itself: how long an address from DHCP or a router is good for, packets counted, dates.
_VOLATILE = re.compile(r"valid_lft \S+|preferred_lft \S+|expires \d+sec|\[\d+:\d+\]|^#.*$", re.MULTILINE)
_COMMANDS = (["ip", "-o", "link"], ["ip", "-o", "address"], ["ip", "route", "show", "table", "all"], ["ip", "rule"],
             ["nft", "-s", "list", "ruleset"], ["iptables-save"])


def machine():
    """Links, addresses, routes, rules, packet filter, mounts, sysctls, and the files where Docker and Bayplan put theirs:
    {what: text}. Modules are not in it, but for br_netfilter, by the sysctls that come with it: the kernel loads others by
    itself when a namespace asks for a bridge or a table, and they change nothing for anybody else."""
    found = {" ".join(argv): _said(argv) for argv in _COMMANDS}
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        found["mounts"] = sorted(line.split(" - ")[0].split(maxsplit=3)[3] for line in file)
    found["sysctl net"] = _sysctls("/proc/sys/net")
    found["sysctl kernel.keys"] = _sysctls("/proc/sys/kernel/keys")
    found["/etc"] = _files("/etc", 9)
    found["/opt"] = _files("/opt", 3)
    found["/run"] = sorted(os.listdir("/run"))
    found["/run, Docker's"] = [_files(f"/run/{name}", 9) for name in ("docker", "containerd", "bayplan", "netns")]
    found["/var/lib"] = sorted(os.listdir("/var/lib"))
    return found


def _said(argv):
    said = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [line.rstrip() for line in _VOLATILE.sub("", said).splitlines()]


def _sysctls(top):
    """Those of connection tracking come with its module, which the kernel loads by itself (and it counts)."""
    values = {}
    for folder, _, names in os.walk(top):
        if "netfilter" in folder.split("/"):
            continue
        for name in names:
            try:
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                    values[os.path.join(folder, name)] = file.read()
            except OSError:
                pass  # write-only, or not for everybody
    return values


def _files(top, depth):
    """[(path, when it was last changed)] down to a depth."""
    rows = []
    for folder, folders, names in os.walk(top):
        if folder.count("/") - top.count("/") >= depth:
            folders.clear()
        rows += [(os.path.join(folder, name), os.lstat(os.path.join(folder, name)).st_mtime_ns) for name in folders + names]
    return sorted(rows)
