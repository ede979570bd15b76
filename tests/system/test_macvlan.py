"""Networks right on the wire (macvlan), with a real dockerd and a machine on the wire that is their router."""

import pytest
from lab import IMAGE, Network, Wire, wait_for

SUBNET, ROUTER, HOST = "172.22.7.0/24", "172.22.7.1", "172.22.7.254"
NAMES = ("c0", "c1", "c2")


@pytest.fixture
def wire():
    with Wire() as made:
        made.address(f"{ROUTER}/24")
        yield made


@pytest.fixture
def host(own_host, wire):
    """A host whose up0 is on the wire, without an address there."""
    wire.plug(own_host)
    own_host.start()
    return own_host


@pytest.fixture
def lan(host):
    """A network as users of Docker's macvlan make theirs."""
    return make_lan(host)


def make_lan(host, *options):
    return Network(host, "lan", None, SUBNET, "-o", "datapath=macvlan", "-o", "parent=up0", *options)


def host_pings(host, address):
    return host.run("ping", "-c", "1", "-W", "1", address, check=False).returncode == 0


def works(lan, wire, name, address, host_address=HOST):
    """The router on the wire and the host reach the container, and it them."""
    return (wire.ping(address) and host_pings(lan.host, address) and lan.ping(name, ROUTER)
            and lan.ping(name, host_address))


def links(host):
    return host.run("ip", "-o", "link").stdout


def test_containers_host_and_router_reach_each_other(host, lan, wire):
    for name in NAMES:
        lan.run(name)
    cards = lan.settled_cards(NAMES)
    assert lan.ping("c0", cards["c1"].address) and lan.ping("c1", "c0")
    assert all(works(lan, wire, name, card.address) for name, card in cards.items())
    shown = host.bayplan_json("network", "inspect", "lan")
    assert shown["datapath"] == "macvlan" and shown["uplink"] == "up0" and shown["host_address"] == HOST
    said = host.docker("run", "--rm", "--network", "lan", "--ip", HOST, IMAGE, "true", check=False)
    assert said.returncode != 0 and "the host's own" in said.stdout


def test_addresses_are_kept_through_stops_removal_and_a_power_cut(host, lan, wire):
    for name in NAMES:
        lan.run(name, "--restart", "always")
    before = lan.settled_cards(NAMES)
    host.docker("stop", "-t", "0", *NAMES)
    for name in reversed(NAMES):
        host.docker("start", name)
    assert lan.settled_cards(NAMES) == before
    host.docker("rm", "-f", "c1")
    lan.run("c1", "--restart", "always")
    assert lan.settled_cards(NAMES) == before
    host.power_cut()
    wire.plug(host)
    host.start()
    lan.wait_running(NAMES, 90)
    assert lan.settled_cards(NAMES) == before
    for name, card in before.items():
        wait_for(lambda: works(lan, wire, name, card.address), f"traffic of {name}", 10)  # noqa: B023


def test_baypland_restarted_touches_nothing_and_calls_nothing_missing(host, lan, wire):
    lan.run("c0")
    card = lan.settled_card("c0")
    before = links(host)
    inside = host.docker("exec", "c0", "ip", "link").stdout
    for _ in range(2):
        host.baypland.kill()
        assert works(lan, wire, "c0", card.address)
        host.baypland.start()
    host.bayplan("ls")
    assert links(host) == before
    assert host.docker("exec", "c0", "ip", "link").stdout == inside
    assert not [word for word in ("port_missing", "port_mended", "orphan_ports_removed") if word in host.baypland.log]


def test_shim_that_somebody_removes_or_changes_is_put_back(host, lan, wire):
    lan.run("c0")
    card = lan.settled_card("c0")
    for damage in ("ip link del bp-lan", "ip addr flush dev bp-lan", "ip link set bp-lan down"):
        host.run("sh", "-c", damage)
        wait_for(lambda: works(lan, wire, "c0", card.address), f"the host's way back after {damage}", 10)


def test_host_with_an_address_on_the_wire_keeps_it_and_lends_it(host, wire):
    host.run("ip", "address", "add", "172.22.7.10/24", "dev", "up0")
    lan = make_lan(host)
    shown = host.bayplan_json("network", "inspect", "lan")
    assert shown["host_address"] is None and shown["exclusions"] == ["172.22.7.10"]
    lan.run("c0")
    card = lan.settled_card("c0")
    assert works(lan, wire, "c0", card.address, "172.22.7.10")
    assert wire.ping("172.22.7.10") and host_pings(host, ROUTER)
    host.docker("rm", "-f", "c0")
    wait_for(lambda: "bp-lan" not in host.run("ip", "route").stdout, "no route to who is gone", 10)


def test_published_port_answers_to_the_wire_and_beyond(host, lan, wire):
    lan.run("web", "-p", "8080:80", command=("httpd", "-f", "-h", "/www"))
    wait_for(lambda: "hello from the lab" in wire.fetch(HOST, 8080), "the page at the host's address on the wire", 5)
    assert "hello from the lab" in host.fetch("127.0.0.1", 8080)
    host.run("ip", "address", "add", "192.168.77.1/24", "dev", "up0")
    wire.address("192.168.77.2/24")
    wait_for(lambda: "hello from the lab" in wire.fetch("192.168.77.1", 8080), "the page for a stranger", 5)


def test_attached_interface_comes_back_after_a_restart(host, lan, wire):
    host.docker("run", "-d", "--name", "old", "--net", "none", IMAGE)
    host.bayplan("attach", "old", "--network", "lan", "--ifname", "eth1")
    address = lan.plan()["old"]["address"].split("/")[0]
    assert works(lan, wire, "old", address)
    host.docker("restart", "-t", "0", "old")
    wait_for(lambda: works(lan, wire, "old", address), "the interface in the restarted container", 10)
    process = host.client.api.inspect_container("old")["State"]["Pid"]
    host.run("nsenter", "-t", str(process), "--net", "ip", "addr", "flush", "dev", "eth1")
    wait_for(lambda: works(lan, wire, "old", address), "the address that was deleted inside", 10)
    host.bayplan("detach", "old", "lan")
    assert "eth1" not in host.docker("exec", "old", "ip", "link").stdout


def test_network_rm_and_tear_down_leave_nothing_of_ours(host, lan):
    lan.run("c0")
    lan.remove()
    assert "bp-lan" not in links(host) and "up0" in links(host)
    again = make_lan(host)
    again.run("c1")
    host.baypland.stop()
    done = host.run("baypland", "--config", host.baypland.config_path, "--tear-down")
    assert done.returncode == 0 and "bayplan" not in links(host)
    assert "eth0" not in host.docker("exec", "c1", "ip", "link").stdout


def test_what_can_t_be_is_refused_with_a_sentence(host):
    for options, said in ((("-o", "datapath=macvlan"), "needs an uplink"),
                          (("-o", "datapath=macvlan", "-o", "parent=nosuch0"), "nosuch0"),
                          (("-o", "datapath=macvlan", "-o", "parent=up0", "-o", "macvlan_mode=vepa"), "bridge only")):
        done = host.docker("network", "create", "-d", "bayplan", "--ipam-driver", "bayplan", "--subnet", SUBNET, *options,
                           "bad", check=False)
        assert done.returncode != 0 and said in done.stdout, done.stdout


def test_containers_of_dockers_macvlan_move_over_with_their_addresses(host, wire):
    host.docker("network", "create", "-d", "macvlan", "--subnet", SUBNET, "--gateway", ROUTER, "-o", "parent=up0", "old")
    for name in NAMES:
        host.docker("run", "-d", "--name", name, "--network", "old", IMAGE)
    addresses = {name: host.client.api.inspect_container(name)["NetworkSettings"]["Networks"]["old"]["IPAddress"]
                 for name in NAMES}
    host.bayplan("network", "create", "lan", "--subnet", SUBNET, "--gateway", ROUTER, "--datapath", "macvlan",
                 "--uplink", "up0")
    host.bayplan("adopt", "--all", "--from", "old", "--move", "lan", timeout=120)
    rows = {row["identity"]: row["address"].split("/")[0] for row in host.bayplan_json("ls", "--network", "lan")}
    assert rows == addresses
    for name, address in addresses.items():
        wait_for(lambda: wire.ping(address) and host_pings(host, address), f"traffic of {name}", 10)  # noqa: B023


def test_dockers_own_macvlan_on_the_same_parent_goes_on(host, lan, wire):
    host.docker("network", "create", "-d", "macvlan", "--subnet", "172.22.8.0/24", "-o", "parent=up0", "theirs")
    host.docker("run", "-d", "--name", "theirs", "--network", "theirs", IMAGE)
    wire.address("172.22.8.200/24")
    lan.run("c0")
    assert works(lan, wire, "c0", lan.settled_card("c0").address)
    lan.remove()
    assert host.docker("exec", "theirs", "ping", "-c", "1", "-W", "1", "172.22.8.200").returncode == 0
