"""The lab itself: its hosts are apart from each other and from this machine, and leave nothing."""

import glob
import os
import signal
import subprocess
import sys

from lab import IMAGE, Host, wait_for

OWNER = """
from lab import Host
host = Host()
host.engine.start()
print(host.state, host.namespaces.init, host.engine.pids[0], flush=True)
input()
"""


def machine():
    """What this machine's own network is."""
    return [subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout
            for argv in (["ip", "-o", "link"], ["ip", "-o", "address"], ["ip", "route", "show", "table", "all"])]


def test_two_hosts_at_once_have_the_same_names_and_nothing_in_common():
    with Host() as one, Host() as two:
        for host in (one, two):
            host.engine.start()
            host.docker("run", "-d", "--name", "web", IMAGE)
        one.docker("rm", "-f", "web")
        assert two.docker("ps", "--format", "{{.Names}}").stdout.split() == ["web"]


def test_host_has_no_way_out():
    with Host() as host:
        host.engine.start()
        assert "default" not in host.run("ip", "route").stdout
        assert host.run("ping", "-c", "1", "-W", "1", "192.0.2.1", check=False).returncode != 0


def test_closed_host_leaves_no_process_no_group_no_file_and_the_machines_network_as_it_was():
    before = machine()
    with Host() as host:
        host.engine.start()
        host.docker("run", "-d", "--restart", "always", "-p", "8080:80", IMAGE)
        state, group, init = host.state, host.cgroup, host.namespaces.init
        assert glob.glob(f"/sys/fs/cgroup/*{group}") + glob.glob(f"/sys/fs/cgroup{group}")
    assert not os.path.exists(state) and not os.path.exists(f"/proc/{init}")
    assert not glob.glob(f"/sys/fs/cgroup/*{group}") + glob.glob(f"/sys/fs/cgroup{group}")
    assert machine() == before


def test_host_of_a_killed_owner_dies_with_it_and_is_cleared_away_by_the_next():
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    state, *pids = owner.stdout.readline().split()
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "the end of the host's processes")
    with Host():
        assert not os.path.exists(state)
