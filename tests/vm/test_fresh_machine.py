"""A new user's way: README's lines, on a machine that never saw Bayplan, under systemd."""

import json
import re

from conftest import ROOT
from lab import wait_for


def readme_lines():
    """The five lines, as somebody who is root types them."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## A real network in five lines")[2]
    return [line.replace("sudo ", "") for line in re.search(r"```sh\n(.*?)```", text, re.DOTALL)[1].splitlines()]


def reservation(machine, identity):
    return next(row for row in json.loads(machine.run("bayplan -o json ls").stdout) if row["identity"] == identity)


def test_readmes_five_lines(machine):
    _, install, *rest = readme_lines()
    assert install.startswith("cmake --install build/release --strip && ")  # the fixture has done that
    machine.run(install.partition(" && ")[2])
    *_, listing = [machine.run(line).stdout for line in rest]
    assert "vlan100   100    web        172.16.1.2/24   02:" in listing and "attached" in listing, listing
    assert machine.run("systemctl is-active baypland docker").stdout.split() == ["active", "active"]
    assert machine.run("docker exec web ping -c 2 172.16.1.1").returncode == 0


def test_baypland_stopped_and_started_by_systemd_disturbs_no_packet(running):
    machine = running
    before = machine.run("docker exec web ip -o address show dev eth0; ip -o link | sort").stdout
    said = machine.run("""docker exec web sh -c 'until [ -e /tmp/enough ]; do ping -c 1 -W 5 172.16.1.1; done' > /root/pings &
        systemctl stop baypland && systemctl start baypland && systemctl restart baypland
        docker exec web touch /tmp/enough; wait; cat /root/pings""").stdout
    assert " 0% packet loss" in said and "100% packet loss" not in said, said
    assert machine.run("docker exec web ip -o address show dev eth0; ip -o link | sort").stdout == before
    assert reservation(machine, "web")["state"] == "attached"


def test_the_unit_leaves_baypland_no_more_than_it_needs_and_that_is_enough(running):
    machine = running
    status = machine.run("grep -E '^(CapBnd|CapEff|NoNewPrivs|Seccomp):' /proc/$(systemctl show -P MainPID baypland)/status").stdout
    values = dict(line.split(":\t") for line in status.splitlines())
    assert values["NoNewPrivs"] == "1" and values["Seccomp"] == "2"
    named = machine.run("systemctl show -P CapabilityBoundingSet baypland").stdout.split()
    assert bin(int(values["CapBnd"], 16)).count("1") == len(named) and "cap_net_admin" in named and len(named) <= 6, named
    assert machine.run("bayplan -o json network ls").returncode == 0
    # What needs most of them: into other namespaces, other processes' ones, and the kernel's events from there.
    machine.run("docker run -d --net=none --name plain --restart always bayplan/lab")
    machine.run("bayplan attach plain --vlan 100")
    address = reservation(machine, "plain")["address"]
    assert address in machine.run("docker exec plain ip -o address show dev eth1").stdout
    machine.run("pid=$(docker inspect -f '{{.State.Pid}}' plain); nsenter -t $pid -n ip address flush dev eth1")
    wait_for(lambda: address in machine.run("docker exec plain ip -o address show dev eth1").stdout, "the address put back", 60)
    assert "Operation not permitted" not in machine.run("journalctl -u baypland -o cat").stdout


def test_a_reboot_brings_it_all_back(running):
    machine = running
    before = {name: reservation(machine, name)["address"] for name in ("web", "plain")}
    machine.reboot()
    for name, interface in (("web", "eth0"), ("plain", "eth1")):
        wait_for(lambda name=name, interface=interface:
                 before[name] in machine.run(f"docker exec {name} ip -o address show dev {interface}").stdout,
                 f"{name} with {before[name]}", 120, 1)


def test_all_is_taken_away_again(running):
    machine = running
    machine.run("docker rm -f web plain && docker network rm vlan100")
    for name in ("web", "plain"):
        wait_for(lambda name=name: machine.run(f"bayplan release vlan100 {name}"), f"{name} released", 60, 1)
    machine.run("bayplan network rm vlan100")
    assert json.loads(machine.run("bayplan -o json ls").stdout) == []
    assert "bp" not in machine.run("ip -brief link | cut -d' ' -f1").stdout
