"""Containers on four VLANs of two uplinks, and everything that must be true of them."""

import json
from typing import NamedTuple

from lab import IMAGE, wait_for


class Vlan(NamedTuple):
    """One network. `trunk` is where its frames come out: see tests/support/vm/guest/wire.py."""

    tag: int
    datapath: str
    uplink: str
    trunk: str
    subnet: str

    @property
    def name(self):
        return f"vlan{self.tag}"

    @property
    def peer(self):
        """A machine of that VLAN out there."""
        return f"{self.subnet}.250"


class Card(NamedTuple):
    """What a container must keep."""

    address: str
    mac: str


VLANS = (Vlan(100, "bridge", "up0", "far0", "172.16.1"), Vlan(300, "ovs", "up1", "far1", "172.16.3"),
         Vlan(200, "bridge", "up0", "far0", "172.16.2"), Vlan(400, "ovs", "up1", "far1", "172.16.4"))

# Every second a ping to the VLAN's machine out there, and the length of its data says who sends it: so the witness on the
# wire knows each container, whatever address it has. It tries again when there is no network (yet).
_TALK = "trap 'exit 0' TERM; while :; do ping -i 1 -s {size} {peer} > /dev/null 2>&1 & wait $!; sleep 1 & wait $!; done"
_SIZE = 100  # of the first container's; more than anything else pings with
_CARDS = """docker ps -aq | xargs -r docker inspect --format \
'{{.Name}} {{.State.Running}} {{range .NetworkSettings.Networks}}{{.IPAddress}} {{.MacAddress}}{{end}}'"""
_SETTLE = 240.0  # seconds: for what is owed, and two looks of the reconciler, on a slow machine


def wipe(machine):
    """No container and no network is left, on Docker's side and on Bayplan's."""
    machine.run("docker ps -aq | xargs -r docker rm -f; docker network ls -q --filter driver=bayplan | xargs -r docker network rm",
                timeout=300)
    wait_for(lambda: machine.run("bayplan ls --state attached -q").stdout == "", "nothing attached any more", 120, 1)
    machine.run("bayplan ls -q | xargs -r -n 2 bayplan release; bayplan network ls -q | xargs -r -n 1 bayplan network rm", timeout=300)


class Fleet:
    """The four networks, without a container yet. Whatever was there before is gone; what it leaves `wipe` takes away."""

    def __init__(self, machine):
        self.machine = machine
        self.names = []
        wipe(machine)  # an earlier file's tests may have failed half-way
        for vlan in VLANS:
            machine.run(f"docker network create -d bayplan --ipam-driver bayplan --subnet {vlan.subnet}.0/24 -o vlan={vlan.tag} "
                        f"-o datapath={vlan.datapath} -o uplink={vlan.uplink} {vlan.name}")

    def vlan_of(self, name):
        return VLANS[int(name[1:]) % len(VLANS)]

    def command(self, name):
        """The command that starts it: c0 is on the first VLAN, c1 on the second …"""
        vlan, size = self.vlan_of(name), _SIZE + int(name[1:])
        return (f"docker run -d --name {name} --restart always --network {vlan.name} {IMAGE} sh -c "
                f'"{_TALK.format(size=size, peer=vlan.peer).replace("$", chr(92) + "$")}"')

    def add(self, count):
        """Starts that many more containers, one after the other."""
        names = [f"c{len(self.names) + number}" for number in range(count)]
        self.machine.run("set -e\n" + "\n".join(map(self.command, names)), timeout=60.0 * count)
        self.names += names

    def cards(self):
        """{name: Card} of all containers that run and are connected."""
        rows = [line.split() for line in self.machine.run(_CARDS).stdout.splitlines()]
        return {row[0].lstrip("/"): Card(*row[2:4]) for row in rows if len(row) == 4 and row[1] == "true"}

    def plan(self):
        """{container: row of `bayplan ls`}"""
        return {row["container"]: row for row in json.loads(self.machine.run("bayplan -o json ls").stdout)}

    def ping(self, name, target):
        return self.machine.run(f"docker exec {name} ping -c 2 -W 3 {target}", check=False).returncode == 0

    def frames(self):
        """What the witness saw since boot."""
        return [tuple(line) for line in json.loads(self.machine.run("cat /run/bayplan-vm/frames.json").stdout)]

    # --- what must be true -----------------------------------------------------------------------------------------

    def wait_all_back(self, before):
        """All of them run with their own addresses, and have been heard outside. Seconds since the kernel started."""
        wait_for(lambda: self.cards() == before, lambda: f"{before}, and not {self.cards()}", _SETTLE, 1)
        wait_for(lambda: not (set(before) - self._heard()), lambda: f"heard outside: {set(before) - self._heard()}", _SETTLE, 1)
        return float(self.machine.run("cut -d' ' -f1 /proc/uptime").stdout)

    def _heard(self):
        return {f"c{size - _SIZE}" for *_, size in self.frames() if size >= _SIZE}

    def wrong_frames(self, before):
        """Frames that nobody may have sent, of all since boot: from a container with an address that is not its own, under
        a tag that is not its VLAN's, or of somebody who is not known at all."""
        mine = {name: (self.vlan_of(name).trunk, self.vlan_of(name).tag, card.mac, card.address) for name, card in before.items()}
        gateways = {(vlan.trunk, vlan.tag, f"{vlan.subnet}.1") for vlan in VLANS}
        allowed = set(mine.values())
        return [frame for frame in self.frames() for trunk, tag, mac, _, address, size in [frame]
                if (mine.get(f"c{size - _SIZE}") != (trunk, tag, mac, address) if size >= _SIZE
                    else (trunk, tag, mac, address) not in allowed and (trunk, tag, address) not in gateways)]

    def leftovers(self):
        """What is in the kernel, in Open vSwitch and in the packet filter: by what it is for, so that two boots can be
        compared. Names of containers' interfaces are new at each start; each stands for its container here."""
        links = json.loads(self.machine.run("ip -j link").stdout)
        ports = {link["ifname"]: link.get("ifalias", "no alias") for link in links if link["ifname"].startswith("bp")}
        switch = json.loads(self.machine.run("ovs-vsctl -f json --columns=name,error,ofport list interface").stdout)["data"]
        return {
            "ports": sorted(alias for name, alias in ports.items() if not name.startswith("bp-")),
            "bridges": sorted(name for name in ports if name.startswith("bp-")),
            "other links": sorted(link["ifname"] for link in links if link["ifname"] not in ports),
            "switch": sorted(ports.get(name, name) for name, *state in switch if _is_alive(*state)),
            "dead in the switch": sorted(name for name, *state in switch if not _is_alive(*state)),
            "bridges of the switch": self.machine.run("ovs-vsctl list-br").stdout.split(),
            "packet filter": sorted(self.machine.run("nft -s list table ip bayplan").stdout.splitlines()),
            "Docker's chain": sorted(self.machine.run("iptables -S DOCKER-USER").stdout.splitlines()),
        }

    def settled_leftovers(self):
        """`leftovers` once nothing is dead and every port is some container's: collecting takes two looks."""
        def clean():
            found, rows = self.leftovers(), self.plan()
            running = [name for name in rows if rows[name]["state"] == "attached"]
            return not found["dead in the switch"] and len(found["ports"]) == len(running) and found

        return wait_for(clean, lambda: f"nothing dead: {self.leftovers()}", _SETTLE, 2)


def _is_alive(error, number):
    """Of OVSDB's columns error and ofport: an empty one is ["set", []]."""
    return not isinstance(error, str) and isinstance(number, int) and number >= 0
