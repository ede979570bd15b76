"""What `cmake --install` puts where, and that it works from there: the README's way, on a lab host."""

import os
import pathlib
import shlex
import subprocess

import pytest
from lab import Host, Network

PREFIX = "/opt/bayplan"  # of the host's own /opt


@pytest.fixture
def machine_with_it(binaries, scratch):
    """A host on which Bayplan is installed."""
    build = pathlib.Path(binaries).parent
    subprocess.run(["cmake", "--install", build, "--prefix", PREFIX], env={**os.environ, "DESTDIR": str(scratch)},
                   check=True, stdout=subprocess.DEVNULL)
    with Host() as host:
        # The host sees the real machine's /tmp.
        host.run("cp", "-a", f"{scratch}/opt/bayplan", PREFIX)
        host.run("mkdir", "-p", "/etc/bayplan")
        host.run("cp", "-a", f"{scratch}/etc/bayplan/.", "/etc/bayplan")
        yield host


def unit_of(host):
    """{setting: value} of the installed unit; of those that are there twice the last."""
    text = host.run("cat", f"{PREFIX}/lib/systemd/system/baypland.service").stdout
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


def test_all_files_are_where_they_are_looked_for(machine_with_it):
    for path in ("sbin/baypland", "bin/bayplan", "lib/systemd/system/baypland.service",
                 "share/bash-completion/completions/bayplan", "share/fish/vendor_completions.d/bayplan.fish",
                 "share/doc/bayplan/README.md", "share/doc/bayplan/docs/cli.md", "/etc/bayplan/bayplan.toml"):
        machine_with_it.run("test", "-s", os.path.join(PREFIX, path))
    unit = unit_of(machine_with_it)
    assert unit["ExecStart"] == f"{PREFIX}/sbin/baypland"
    machine_with_it.run("test", "-e", unit["Documentation"].removeprefix("file:"))


def test_systemd_finds_nothing_wrong_with_the_unit(machine_with_it):
    if machine_with_it.run("sh", "-c", "command -v systemd-analyze", check=False).returncode != 0:
        pytest.skip("no systemd-analyze here")
    verify = f"mount -t tmpfs none /tmp && systemd-analyze verify {PREFIX}/lib/systemd/system/baypland.service"
    done = machine_with_it.run("unshare", "--mount", "sh", "-c", verify, check=False)
    about_it = [line for line in done.stdout.splitlines() if "baypland" in line]
    assert done.returncode == 0 and about_it == [], done.stdout


def test_it_works_with_its_own_settings_and_the_rights_that_its_unit_leaves_it(machine_with_it):
    host = machine_with_it
    unit = unit_of(host)
    kept = ",".join("+" + name.removeprefix("CAP_").lower() for name in unit["CapabilityBoundingSet"].split())
    host.run("mkdir", "-p", "/var/lib/bayplan", "/run/bayplan")  # StateDirectory=, RuntimeDirectory=
    host.baypland.command = lambda: ["setpriv", f"--bounding-set=-all,{kept}", "--no-new-privs",
                                     *shlex.split(unit["ExecStart"])]
    host.baypland.start()
    host.engine.start()
    os.symlink(f"{PREFIX}/bin/bayplan", f"{host.state}/bin/bayplan")
    network = Network(host, "vlan100", 100, "172.16.1.0/24", "-o", "nat=true")
    network.run("web", "--restart", "always")
    network.run("db", "-p", "8080:80")
    before = network.cards(["web", "db"])
    assert network.ping("web", "db") and network.plan()["web"]["address"] == f"{before['web'].address}/24"
    host.docker("stop", "web", "db")
    host.docker("start", "db", "web")
    assert network.settled_cards(["web", "db"]) == before
