"""scripts/deps on machines that have parts of Docker already: on a lab host, with programs that only note what they are
told to do instead of apt-get, dpkg-query and systemctl."""

import os
import pathlib

import pytest
from lab import Host

DEPS = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "deps"
UNITS = "/usr/lib/systemd/system"

PROGRAMS = {
    "dpkg-query": 'grep -qx "$4" "$HOME/installed" && echo installed',
    "apt-get": '''echo "apt-get $*" >> "$HOME/log"
case "$*" in *install*) ls /usr/sbin >> "$HOME/sbin"; touch $UNITS/docker.service $UNITS/docker.socket $UNITS/containerd.service
  touch $UNITS/openvswitch-switch.service;; esac
[ ! -e "$HOME/refuses" ]''',
    "systemctl": 'echo "systemctl $*" >> "$HOME/log"',
}


@pytest.fixture
def bare():
    """A host without any Docker, and with nothing installed."""
    with Host() as host:
        for folder in ("/usr/sbin", "/usr/local/bin", UNITS):
            host.run("mount", "-t", "tmpfs", "none", folder)
        host.run("mkdir", "-p", "/run/systemd/system")
        for name, script in PROGRAMS.items():
            add_program(host, f"{host.state}/bin/{name}", script.replace("$UNITS", UNITS))
        host.run("touch", f"{host.state}/home/installed")
        yield host


def add_program(host, path, script="exit 1"):
    host.run("sh", "-c", f"cat > {path}; chmod +x {path}", stdin=f"#!/bin/sh\n{script}\n")


def deps(host, *words, check=True):
    path = f"PATH={host.state}/bin:/usr/bin:/bin"
    return host.run("env", path, f"HOME={host.state}/home", "bash", "-s", "--", *words, check=check, stdin=DEPS.read_text())


def noted(host, name="log"):
    path = f"{host.state}/home/{name}"
    return pathlib.Path(path).read_text().splitlines() if os.path.exists(path) else []


def test_docker_io_is_wanted_where_there_is_no_docker(bare):
    assert "docker.io" in deps(bare, "--list").stdout.split()


@pytest.mark.parametrize("path", ["/usr/sbin/dockerd", "/usr/local/bin/dockerd", "/run/docker.pid", "/run/docker.sock"])
def test_docker_io_is_not_wanted_where_a_docker_is(bare, path):
    add_program(bare, path)
    wanted = deps(bare, "--list").stdout.split()
    assert "docker.io" not in wanted and "g++" in wanted


def test_nothing_is_removed_nothing_is_started_and_what_came_along_is_disabled(bare):
    deps(bare)
    update, install, *disabled = noted(bare)
    assert "update" in update and "install" in install
    assert "--no-remove" in install.split() and "docker.io" in install.split()
    assert "policy-rc.d" in noted(bare, "sbin") and bare.run("ls", "/usr/sbin").stdout == ""
    assert sorted(line.split()[-1] for line in disabled) == [
        "containerd.service", "docker.service", "docker.socket", "openvswitch-switch.service"]


@pytest.mark.parametrize("how", ["package", "unit"])
def test_containerd_of_this_machine_stays_enabled(bare, how):
    if how == "package":
        bare.run("sh", "-c", f"echo containerd >> {bare.state}/home/installed")
    else:
        bare.run("touch", f"{UNITS}/containerd.service")  # containerd.io's, or built by hand
    deps(bare)
    disabled = [line for line in noted(bare) if line.startswith("systemctl")]
    assert "containerd" not in " ".join(disabled) and "docker.service" in " ".join(disabled)


def test_what_can_only_be_installed_by_removing_something_is_not_and_it_says_why(bare):
    bare.run("touch", f"{bare.state}/home/refuses")
    add_program(bare, f"{bare.state}/bin/apt-get", 'case "$*" in *update*) exit 0;; esac; echo "E: would remove x" >&2; exit 100')
    done = deps(bare, check=False)
    assert done.returncode == 1 and "would remove x" in done.stdout and "docker-ce" in done.stdout
    assert not [line for line in noted(bare) if line.startswith("systemctl")]
    assert bare.run("ls", "/usr/sbin").stdout == ""


def test_nothing_is_touched_when_all_is_there(bare):
    packages = deps(bare, "--list").stdout
    bare.run("sh", "-c", f"cat > {bare.state}/home/installed", stdin=packages)
    assert deps(bare).stdout == "" and noted(bare) == []


def test_what_the_virtual_machine_needs_is_wanted_when_it_is_asked_for(bare):
    assert "e2fsprogs" not in deps(bare, "--list").stdout.split()
    with_it = deps(bare, "--vm", "--list").stdout.split()
    assert {"e2fsprogs", "kmod", "g++"} < set(with_it) and not [name for name in with_it if name.startswith("qemu")]
    deps(bare, "--vm")
    assert "e2fsprogs" in next(line for line in noted(bare) if "install" in line).split()
