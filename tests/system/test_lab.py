"""The lab itself: its hosts are apart from each other and from this machine, and leave nothing."""

import glob
import os
import signal
import subprocess
import sys

import pytest
from lab import IMAGE, Host, LabError, cgroups, machine, wait_for

OWNER = """
from lab import Host
host = Host()
host.engine.start()
print(host.state, host.namespaces.init, host.engine.pids[0], flush=True)
input()
"""

KEEPER = """
import os, signal, subprocess, sys
from lab import Host, namespaces
_, saved, when = sys.argv

def die(host):
    print(host.namespaces.init, host.state, host.cgroup, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

if when == "before it is up":
    real = namespaces.wait_for
    def wait_for(predicate, what, *rest):
        found = real(predicate, what, *rest)
        if what == "the host's namespaces":
            self = sys._getframe(1).f_locals["self"]
            init = real(lambda: namespaces.children_of(self.pids[0]), "process 1")[0]
            print(init, self._state, "/" + os.path.basename(self._state), flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    namespaces.wait_for = wait_for
host = Host("keeper", keep=saved)
if when == "after a power cut":
    host.power_cut()
die(host)
"""


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


def test_host_cannot_change_the_machines_disk_nor_sysctls_that_are_not_its_own():
    with Host() as host:
        for path in ("/usr/lab-was-here", "/tmp/lab-was-here", "/root/lab-was-here"):
            assert host.run("touch", path, check=False).returncode != 0, path
        for path in ("/etc/lab-was-here", "/opt/lab-was-here"):
            assert host.run("touch", path).returncode == 0 and not os.path.exists(path)
        assert "Read-only" in host.run("sh", "-c", "echo 1 > /proc/sys/kernel/keys/maxkeys", check=False).stdout
        host.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")


def test_module_that_would_put_the_machines_bridges_behind_its_packet_filter_is_not_loaded():
    with Host() as host:
        real = f"{host.state}/home/modprobe"
        with open(real, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\necho "real: $*"\n')
        os.chmod(real, 0o755)
        path = f"PATH={host.state}/bin:{host.state}/home:/usr/bin:/bin"
        assert host.run("env", path, "modprobe", "-va", "bridge", "br_netfilter").stdout == "real: -va bridge\n"
        host.engine.start()
        with open(f"{host.state}/log/modprobe.log", encoding="utf-8") as log:
            assert "nf_conntrack" in log.read(), "dockerd asked somebody else"


def test_old_host_that_cannot_be_removed_does_not_keep_a_new_one_from_being_made(scratch, monkeypatch):
    real, asked = cgroups.remove, []

    def remove(group, *deadline):
        asked.append(group)
        if group == "/bayplan-lab-old":
            raise LabError("its group stays busy")
        real(group, *deadline)

    monkeypatch.setattr(cgroups, "remove", remove)
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    (scratch / "bayplan-lab-old").mkdir()
    (scratch / "bayplan-lab-old" / "owner").touch()
    (scratch / "bayplan-lab-vanishing").mkdir()  # its owner file is gone between a look and an open
    with Host() as host:
        assert host.run("true").returncode == 0
    assert asked[0] == "/bayplan-lab-old"


def test_closed_host_leaves_no_process_no_group_no_file_and_the_machine_as_it_was():
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


@pytest.mark.parametrize("when", ["before it is up", "when it is up", "after a power cut"])
def test_kept_host_of_a_killed_owner_is_found_and_removed(scratch, when):
    saved = str(scratch / "host.json")
    owner = subprocess.Popen([sys.executable, "-c", KEEPER, saved, when], stdout=subprocess.PIPE, text=True)
    init, state, group = owner.stdout.readline().split()
    owner.wait()
    assert owner.returncode == -signal.SIGKILL and os.path.exists(f"/proc/{init}")
    host = Host.load(saved)
    assert host.namespaces.alive and host.state == state
    host.close()
    assert not os.path.exists(f"/proc/{init}") and not os.path.exists(state)
    assert not glob.glob(f"/sys/fs/cgroup/*{group}") + glob.glob(f"/sys/fs/cgroup{group}")


def test_process_that_is_left_in_a_hosts_group_is_killed_with_the_host():
    with Host() as host:
        folders = [folder for folder in (f"/sys/fs/cgroup/pids{host.cgroup}", f"/sys/fs/cgroup{host.cgroup}")
                   if os.path.exists(os.path.join(os.path.dirname(folder), "cgroup.procs"))]
        os.mkdir(folders[0])
        stray = subprocess.Popen(["sleep", "60"])
        with open(f"{folders[0]}/cgroup.procs", "w", encoding="utf-8") as procs:
            procs.write(str(stray.pid))
    assert stray.wait(10) == -signal.SIGKILL
    assert not os.path.exists(folders[0])
