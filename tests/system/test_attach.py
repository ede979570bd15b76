"""bayplan attach: interfaces that Docker knows nothing of come back by themselves, and stay as they are."""

import itertools
import re
import time

import pytest
from lab import IMAGE, Network, wait_for

_numbers = itertools.count(500)  # networks of make_network begin at 100


class Vlan:
    """A Bayplan network that no network of Docker's carries."""

    def __init__(self, host, vlan, *options):
        self.host, self.name = host, f"vlan{vlan}"
        self.prefix = f"172.21.{vlan % 250}"
        self.gateway = f"{self.prefix}.1"
        host.bayplan("network", "create", self.name, "--vlan", str(vlan), "--subnet", f"{self.prefix}.0/24", *options)

    def attach(self, target, *options, check=True):
        return self.host.bayplan("attach", target, "--network", self.name, *options, check=check)

    def remove(self):
        for row in self.host.bayplan_json("ls", "--network", self.name):
            self.host.bayplan("detach", row["identity"], self.name, check=False)
            self.host.bayplan("release", self.name, row["identity"])
        self.host.bayplan("network", "rm", self.name)

    def row(self, identity):
        rows = [row for row in self.host.bayplan_json("ls", "--network", self.name) if row["identity"] == identity]
        return rows[0] if rows else None


@pytest.fixture
def make_vlan(host):
    """Makes networks, and removes them after the test with all that is attached to them."""
    made = []

    def make():
        made.append(Vlan(host, next(_numbers)))
        return made[-1]

    yield make
    if not host.baypland.running:
        host.baypland.start()
    for vlan in made:
        vlan.remove()


@pytest.fixture
def vlan(make_vlan):
    return make_vlan()


@pytest.fixture
def run(host):
    """Runs containers, by default of the old way, and removes them after the test."""
    made = []

    def run_container(name, *options, network="none"):
        made.append(name)
        host.docker("run", "-d", "--name", name, "--stop-timeout", "0", f"--net={network}", *options, IMAGE)

    yield run_container
    for name in made:
        host.docker("rm", "-f", name, check=False)


def inside(host, name, *argv, check=True):
    """A program in the container's network namespace, as its root."""
    pid = host.client.api.inspect_container(name)["State"]["Pid"]
    return host.run("nsenter", f"--net=/proc/{pid}/ns/net", *argv, check=check).stdout


def ping(host, name, address):
    """From inside its network. (runc 1.1 at times can't exec in a container that was killed and started in one moment.)"""
    return "1 received" in inside(host, name, "ping", "-n", "-c", "1", "-W", "1", address, check=False)


def has(host, name, address, interface="eth1"):
    return f"inet {address}/" in inside(host, name, "ip", "-4", "addr", "show", interface, check=False)


def test_container_without_a_network_gets_an_address_and_docker_knows_nothing(host, vlan, run):
    run("test1")
    shown = vlan.attach("test1").stdout
    assert f"{vlan.prefix}.2/24" in shown and re.search(r"attached as: +eth1", shown), shown
    assert ping(host, "test1", vlan.gateway)
    assert f"default via {vlan.gateway}" in inside(host, "test1", "ip", "route")
    networks = host.client.api.inspect_container("test1")["NetworkSettings"]["Networks"]
    assert list(networks) == ["none"] and not networks["none"]["IPAddress"]
    row = vlan.row("test1")
    assert row["state"] == "attached" and row["container"] == "test1"
    assert row["attach"] == {"target": None, "interface": "eth1", "default_route": False}
    link = inside(host, "test1", "ip", "-d", "link", "show", "eth1")
    assert f"alias bayplan {vlan.name} test1" in link and row["mac"] in link


def test_every_start_gets_it_back(host, vlan, run):
    run("test1")
    run("test2")
    for name in ("test1", "test2"):
        vlan.attach(name)
    before = {name: vlan.row(name)["address"] for name in ("test1", "test2")}
    host.docker("stop", "test1", "test2")
    wait_for(lambda: vlan.row("test1")["state"] == vlan.row("test2")["state"] == "held", "both held", 5)
    for name in ("test2", "test1"):  # in the other order
        host.docker("start", name)
    for name, address in before.items():
        wait_for(lambda: has(host, name, address.split("/")[0]), f"{address} in {name}", 5)
    assert ping(host, "test1", f"{vlan.prefix}.3")
    host.docker("restart", "test1")
    wait_for(lambda: has(host, "test1", f"{vlan.prefix}.2"), "its address after a restart", 5)
    host.docker("rm", "-f", "test1")
    wait_for(lambda: vlan.row("test1")["state"] == "removed", "removed", 5)
    run("test1")
    wait_for(lambda: has(host, "test1", f"{vlan.prefix}.2"), "its address after it was made anew", 5)


def test_further_interface_leaves_dockers_default_route(host, vlan, make_vlan, make_network, run):
    net = make_network()
    run("web", network=net.name)
    vlan.attach("web")
    other = make_vlan()
    other.attach("web", "--ip", f"{other.prefix}.77")
    assert has(host, "web", f"{vlan.prefix}.2", "eth1") and has(host, "web", f"{other.prefix}.77", "eth2")
    default = inside(host, "web", "ip", "route", "show", "default")
    assert "eth0" in default and "eth1" not in default
    host.bayplan("detach", "web", other.name)
    other.attach("web", "--ip", f"{other.prefix}.77", "--default-route", "--ifname", "lan0")
    assert f"via {other.gateway} dev lan0" in inside(host, "web", "ip", "route", "show", "default")
    host.docker("restart", "web")
    wait_for(lambda: has(host, "web", f"{other.prefix}.77", "lan0"), "lan0 after a restart", 5)
    wait_for(lambda: "dev lan0" in inside(host, "web", "ip", "route", "show", "default"), "its default route", 5)


def test_namespace_by_path_comes_and_goes(host, vlan):
    host.run("ip", "netns", "add", "blue")
    vlan.attach("/run/netns/blue")
    assert vlan.row("blue")["state"] == "attached"
    host.run("ip", "netns", "exec", "blue", "ping", "-c", "1", "-W", "2", vlan.gateway)
    host.run("ip", "netns", "del", "blue")
    wait_for(lambda: vlan.row("blue")["state"] == "held", "held", 5)
    host.run("ip", "netns", "add", "blue")
    wait_for(lambda: vlan.row("blue")["state"] == "attached", "attached again", 5)
    host.run("ip", "netns", "exec", "blue", "ping", "-c", "1", "-W", "2", vlan.gateway)
    host.bayplan("detach", "/run/netns/blue", vlan.name)
    assert "eth1" not in host.run("ip", "-n", "blue", "link").stdout
    assert vlan.row("blue")["state"] == "held"
    host.run("ip", "netns", "del", "blue")


def test_refusals_say_why(host, vlan, make_network, run):
    net = make_network()
    run("web", network=net.name)
    run("shared", network="container:web")
    run("naked", network="host")
    run("test1")
    for target, word, options in (("web", "by Docker's network", ("--network", net.bayplan_name)),
                                  ("shared", "shares another container's network", ("--network", vlan.name)),
                                  ("naked", "the host's own network", ("--network", vlan.name)),
                                  ("nobody", "no container 'nobody'", ("--network", vlan.name)),
                                  ("/run/netns/nobody", "/run/netns/nobody", ("--network", vlan.name)),
                                  ("/proc/1/ns/net", "namespace", ("--network", vlan.name, "--identity", "x")),
                                  ("test1", "lo", ("--network", vlan.name, "--ifname", "lo")),
                                  ("test1", "gateway", ("--network", vlan.name, "--ip", vlan.gateway))):
        done = host.bayplan("attach", target, *options, check=False)
        assert done.returncode in (1, 2) and word in done.stdout, done.stdout
    assert host.bayplan_json("ls", "--network", vlan.name) == []


def test_drift_inside_is_back_without_any_timer(host, vlan, run):
    run("test1")
    vlan.attach("test1")
    address = f"{vlan.prefix}.2"
    port = next(line.split(":")[1].split("@")[0].strip() for line in host.run("ip", "-o", "link").stdout.splitlines()
                if f"alias bayplan {vlan.name} test1" in line)

    def is_right():
        return (ping(host, "test1", vlan.gateway) and f"default via {vlan.gateway}" in inside(host, "test1", "ip", "route")
                and vlan.row("test1")["mac"] in inside(host, "test1", "ip", "link", "show"))

    for deed in (f"ip addr del {address}/24 dev eth1", "ip route del default", "ip link set eth1 down",
                 "ip link set eth1 address 02:00:00:00:00:66", "ip link del eth1"):
        inside(host, "test1", "sh", "-c", deed)
        wait_for(is_right, f"all as before after {deed}", 5)  # the timer is at 60 s
    for deed in (("ip", "link", "del", port), ("ip", "link", "del", f"bp-{vlan.name[4:]}")):
        wait_for(lambda: host.run(*deed, check=False).returncode == 0, " ".join(deed), 5)
        wait_for(lambda: ping(host, "test1", vlan.gateway), f"traffic after {deed}", 10)
    assert re.search(rf"drift_repaired network={vlan.name} identity=test1 interface=eth1 address={address} what=\"?address",
                     host.baypland.log)


def test_stolen_address_is_taken_off_again(host, vlan, run):
    run("thief")
    run("owner")
    vlan.attach("thief")
    vlan.attach("owner")
    inside(host, "thief", "ip", "addr", "add", f"{vlan.prefix}.3/24", "dev", "eth1")
    wait_for(lambda: not has(host, "thief", f"{vlan.prefix}.3"), "the owner's address off the thief", 5)
    assert has(host, "owner", f"{vlan.prefix}.3")


def test_container_that_fights_back_is_reported_and_costs_nothing(host, vlan, run):
    run("test1")
    vlan.attach("test1")
    pid = host.client.api.inspect_container("test1")["State"]["Pid"]
    # Two seconds of it; bounded by itself.
    loop = f"end=$(($(date +%s)+3)); while [ $(date +%s) -lt $end ]; do ip addr flush dev eth1; done"
    before = host.baypland.cpu_seconds()
    start = time.monotonic()
    host.run("nsenter", f"--net=/proc/{pid}/ns/net", "sh", "-c", loop)
    assert (host.baypland.cpu_seconds() - before) / (time.monotonic() - start) < 0.5
    assert f"drift_fought network={vlan.name} identity=test1" in host.baypland.log
    wait_for(lambda: has(host, "test1", f"{vlan.prefix}.2"), "its address once there is peace", 15)


def test_drift_is_only_reported_where_that_is_wanted(host, vlan, run):
    run("test1")
    vlan.attach("test1")
    host.bayplan("network", "set", vlan.name, "--repair", "report")
    inside(host, "test1", "ip", "addr", "flush", "dev", "eth1")
    wait_for(lambda: f"drift_found network={vlan.name} identity=test1" in host.baypland.log, "the report", 5)
    assert not has(host, "test1", f"{vlan.prefix}.2")
    host.bayplan("network", "set", vlan.name, "--repair", "on")
    wait_for(lambda: has(host, "test1", f"{vlan.prefix}.2"), "its address", 5)


def test_baypland_killed_while_containers_come_and_go(host, vlan, run):
    run("test1")
    run("test2")
    vlan.attach("test1")
    vlan.attach("test2")
    host.baypland.kill()
    host.docker("restart", "test1")
    inside(host, "test2", "ip", "link", "del", "eth1")
    host.baypland.start()
    for name, n in (("test1", 2), ("test2", 3)):
        wait_for(lambda: has(host, name, f"{vlan.prefix}.{n}") and ping(host, name, vlan.gateway), f"{name} again", 10)


def test_power_cut_gives_all_back(own_host):
    own_host.start()
    vlan = Vlan(own_host, 100)
    for name in ("test1", "test2", "test3"):
        own_host.docker("run", "-d", "--name", name, "--restart", "always", "--net=none", IMAGE)
        vlan.attach(name)
    before = {name: vlan.row(name)["address"].split("/")[0] for name in ("test1", "test2", "test3")}
    own_host.power_cut()
    own_host.start()
    for name, address in before.items():
        wait_for(lambda: has(own_host, name, address) and ping(own_host, name, vlan.gateway), f"{name} with {address}", 30)


@pytest.mark.parametrize("datapath", ["bridge", "ovs"])
def test_vlans_are_isolated_both_ways(own_host, datapath):
    if datapath == "ovs":
        own_host.add_switch()
    own_host.start()
    one, two = (Vlan(own_host, vlan, "--datapath", datapath) for vlan in (100, 300))
    for name, vlan in (("a1", one), ("b1", one), ("a3", two)):
        own_host.docker("run", "-d", "--name", name, "--net=none", IMAGE)
        vlan.attach(name)
    wait_for(lambda: ping(own_host, "a1", f"{one.prefix}.3"), "the neighbour", 5)
    assert ping(own_host, "a3", two.gateway)
    assert not ping(own_host, "a1", f"{two.prefix}.2")
    assert not ping(own_host, "a3", f"{one.prefix}.2")
    if datapath == "ovs":
        assert sorted(own_host.switch.ports().values()) == ["100"] * 3 + ["300"] * 2
