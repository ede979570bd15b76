"""Networks on Open vSwitch, with a real ovsdb-server and ovs-vswitchd (userspace datapath)."""

import time

import pytest
from lab import IMAGE, Network, wait_for

BOUND = 20.0  # a start that can't succeed is refused within that many seconds


@pytest.fixture
def host(own_host):
    """A host with Open vSwitch, baypland and dockerd."""
    own_host.add_switch()
    own_host.start()
    return own_host


@pytest.fixture
def nets(host):
    """Two networks with two containers each."""
    one, two = (Network(host, f"net{vlan}", vlan, f"172.20.{n}.0/24", "-o", "datapath=ovs")
                for n, vlan in enumerate((100, 300)))
    for network in (one, two):
        for name in ("a", "b"):
            network.run(f"{name}{network.vlan}")
    wait_for(lambda: works(one) and works(two), "both networks working", 10)
    return one, two


def works(network):
    """Neighbour and gateway answer."""
    gateway = network.subnet.replace(".0/24", ".1")
    first, second = f"a{network.vlan}", f"b{network.vlan}"
    return network.ping(first, network.card(second).address) and network.ping(first, gateway) and network.ping(second, gateway)


def interfaces(host):
    """The host's interfaces and addresses, each with its index: one that was made anew has another."""
    return host.run("ip", "-brief", "addr").stdout, host.run("ip", "-o", "link").stdout.count("\n")


def marked_port(host, identity):
    listed = host.switch.ctl("--bare", "--columns=name", "find", "port", f"external_ids:bayplan-identity={identity}")
    return listed.strip()


def refused(host, network, name):
    """Tries to start a container; what it was told, and how long that took."""
    start = time.monotonic()
    done = network.run(name, check=False)
    assert done.returncode != 0, done.stdout
    host.docker("rm", "-f", name, check=False)
    return done.stdout, time.monotonic() - start


def test_vlans_reach_neighbour_and_gateway_and_not_each_other(host, nets):
    one, two = nets
    assert not one.ping("a100", two.card("a300").address)
    assert not two.ping("a300", one.card("a100").address)
    ports = host.switch.ports()
    assert sorted(ports.values()) == ["100"] * 3 + ["300"] * 3
    assert ports["vlan100"] == "100" and ports["vlan300"] == "300"
    assert "ovs2" in host.switch.ctl("list-br")


def test_what_somebody_removes_is_put_back_by_the_monitor(host, nets):
    one, _ = nets
    before, port = host.switch.ports(), marked_port(host, "b100")
    for damage in (("del-port", port), ("clear", "port", port, "tag"), ("set", "port", port, "tag=300"),
                   ("del-port", "vlan100")):  # the resync timer is at 60 s: only the monitor is this quick
        host.switch.ctl(*damage)
        wait_for(lambda: host.switch.ports() == before, f"all as before after {' '.join(damage)}", 10)
        wait_for(lambda: works(one), f"traffic after {' '.join(damage)}", 10)


def test_gateway_that_is_put_down_is_up_again_at_once(host, nets):
    one, _ = nets
    host.run("ip", "link", "set", "vlan100", "down")  # the resync timer is at 60 s: only the kernel's event is this quick
    wait_for(lambda: works(one), "traffic with the gateway put down", 10)


def test_vswitchd_killed_and_restarted(host, nets):
    one, two = nets
    before = host.switch.ports()
    host.switch.daemon.kill()
    said, took = refused(host, one, "late")
    assert "ovs-vswitchd" in said and took < BOUND
    host.switch.daemon.start()
    wait_for(lambda: works(one) and works(two), "traffic as before", 20)
    one.run("late")
    assert one.ping("late", one.card("a100").address)
    host.docker("rm", "-f", "late")
    wait_for(lambda: host.switch.ports() == before, "the ports of before", 10)


def test_database_killed_is_a_clear_error_touches_nothing_and_all_is_right_again(host, nets):
    one, two = nets
    before, untouched = host.switch.ports(), interfaces(host)
    host.switch.database.kill()
    said, took = refused(host, one, "late")
    assert "Open vSwitch" in said and "ovsdb-server" in said and took < BOUND
    # Nothing of theirs is touched. (With the userspace datapath ovs-vswitchd itself forwards nothing while it has no
    # connection to its database, with or without baypland: docs/openvswitch.md.)
    assert interfaces(host) == untouched
    host.switch.database.start()
    host.switch.wait_applied()
    wait_for(lambda: works(one) and works(two), "traffic as before", 10)
    one.run("late")
    assert one.ping("late", one.card("a100").address) and works(one) and works(two)
    host.docker("rm", "-f", "late")
    wait_for(lambda: host.switch.ports() == before, "the ports of before", 10)


def test_database_that_hangs_is_an_error_within_a_bound_and_no_concern_of_bridges(host, nets):
    one, two = nets
    bridged = Network(host, "bridged", 200, "172.20.2.0/24")
    with host.switch.database.hung():
        start = time.monotonic()
        for name in ("first", "second"):
            bridged.run(name)
            host.docker("rm", "-f", name)
        assert time.monotonic() - start < 5.0  # as long as a single wait for an answer would be
        said, took = refused(host, one, "late")
        assert "ovsdb-server" in said and took < BOUND
        assert works(one) and works(two)
    wait_for(lambda: one.run("late", check=False).returncode == 0 or host.docker("rm", "-f", "late") and False,
             "a start when it answers again", 60)


def test_baypland_killed_and_restarted_makes_nothing_twice(host, nets):
    one, two = nets
    before = host.switch.ports()
    host.baypland.kill()
    assert works(one) and works(two)
    host.baypland.start()
    assert works(one) and works(two)
    assert host.switch.ports() == before


def test_network_rm_and_tear_down_leave_nothing_of_ours(host, nets):
    one, two = nets
    host.switch.ctl("add-br", "theirs", "--", "set", "bridge", "theirs", "datapath_type=netdev")
    one.remove()
    assert "vlan100" not in host.run("ip", "-o", "link").stdout
    assert set(host.switch.ports().values()) == {"300"}
    host.baypland.stop()
    host.run("baypland", "--config", host.baypland.config_path, "--tear-down")
    assert host.switch.ctl("list-br").split() == ["theirs"]
    assert host.switch.ports() == {}
    left = host.run("ip", "-o", "link").stdout
    assert "bayplan" not in left and "vlan300" not in left and "ovs2" not in left, left


def test_bridge_that_was_there_stays(host):
    host.switch.ctl("add-br", "ovs2", "--", "set", "bridge", "ovs2", "datapath_type=netdev")
    network = Network(host, "net", 100, "172.20.0.0/24", "-o", "datapath=ovs")
    network.run("web")
    network.remove()
    assert host.switch.ctl("list-br").split() == ["ovs2"]
    assert host.switch.ctl("list-ports", "ovs2") == ""


def test_network_without_a_tag_is_refused_with_a_sentence(host):
    done = host.bayplan("network", "create", "flat", "--subnet", "172.20.9.0/24", "--datapath", "ovs", check=False)
    assert done.returncode == 2 and "needs a VLAN tag" in done.stdout


def test_host_without_open_vswitch_runs_and_says_what_is_missing(own_host):
    own_host.start()
    bridged = Network(own_host, "net", 100, "172.20.0.0/24")
    bridged.run("web")
    done = own_host.docker("network", "create", "-d", "bayplan", "--ipam-driver", "bayplan", "--subnet", "172.20.1.0/24",
                           "-o", "vlan=300", "-o", "datapath=ovs", "on-ovs", check=False)
    assert done.returncode != 0 and "Open vSwitch" in done.stdout
    assert bridged.ping("web", "172.20.0.1")


def test_default_datapath_and_the_command_line(own_host):
    own_host.add_switch()
    own_host.baypland.config["networks"] = {"datapath": "ovs"}
    own_host.baypland.config["ovs"] = {"bridge": "sw0", "datapath_type": "netdev"}
    own_host.start()
    own_host.bayplan("run", "web", IMAGE, "--vlan", "100")
    assert own_host.switch.ports()["vlan100"] == "100"
    assert own_host.switch.ctl("list-br").split() == ["sw0"]
    own_host.bayplan("network", "create", "second", "--vlan", "300", "--datapath", "ovs")
    assert own_host.bayplan_json("network", "inspect", "second")["datapath"] == "ovs"
