"""Docker networks of the driver bayplan: making them, refusing bad ones, several at once, and what they carry."""

import itertools

import pytest
from lab import IMAGE, Network, wait_for

_numbers = itertools.count(1)


def create(host, *options, name=None):
    """`docker network create` of the driver bayplan that may be refused: (name, CompletedProcess)."""
    name = name or f"bad{next(_numbers)}"
    return name, host.docker("network", "create", "-d", "bayplan", "--ipam-driver", "bayplan", *options, name, check=False)


def assert_refused(host, name, done, *words):
    assert done.returncode != 0, f"{name} was made"
    for word in words:
        assert word in done.stdout, done.stdout
    assert name not in host.docker("network", "ls", "--format", "{{.Name}}").stdout.split()


@pytest.mark.parametrize("vlan", ["0", "4095", "abc", "-1", "1.5", "", "100x"])
def test_bad_vlan_is_refused_by_value_and_leaves_nothing(host, vlan):
    before = host.bayplan_json("network", "ls")
    name, done = create(host, "--subnet", "172.21.1.0/24", "-o", f"vlan={vlan}")
    assert_refused(host, name, done, f"'{vlan}'", "4094")
    assert host.bayplan_json("network", "ls") == before


def test_network_without_a_subnet_is_refused_and_told_what_to_do(host):
    name, done = create(host, "-o", "vlan=3001")
    assert_refused(host, name, done, "--subnet")


def test_gateway_outside_the_subnet_is_refused(host):
    name, done = create(host, "--subnet", "172.21.2.0/24", "--gateway", "172.21.3.1", "-o", "vlan=3002")
    assert_refused(host, name, done)


def test_subnet_that_overlaps_another_networks_is_refused_by_the_others_name(host, network):
    name, done = create(host, "--subnet", network.subnet.replace(".0/24", ".128/25"), "-o", "vlan=3003")
    assert_refused(host, name, done, network.bayplan_name)


def test_subnet_that_overlaps_a_route_of_the_host_is_refused(host):
    host.run("ip", "link", "add", "wan", "type", "veth", "peer", "name", "wan-peer")
    host.run("ip", "link", "set", "wan", "up")
    host.run("ip", "address", "add", "172.22.5.9/16", "dev", "wan")
    try:
        name, done = create(host, "--subnet", "172.22.7.0/24", "-o", "vlan=3004")
        assert_refused(host, name, done, "172.22.")
    finally:
        host.run("ip", "link", "del", "wan")


def test_second_subnet_for_a_vlan_that_has_one_is_refused(host, network):
    name, done = create(host, "--subnet", "172.21.9.0/24", "-o", f"vlan={network.vlan}")
    assert_refused(host, name, done, str(network.vlan))


def test_unknown_driver_option_is_refused(host):
    name, done = create(host, "--subnet", "172.21.10.0/24", "-o", "vlan=3005", "-o", "vlna=7")
    assert_refused(host, name, done, "vlna")


def test_containers_of_two_networks_do_not_reach_each_other(make_network):
    one, two = make_network(), make_network()
    one.run("aa")
    one.run("bb")
    two.run("cc")
    assert one.ping("aa", one.card("bb").address)
    assert not one.ping("aa", two.card("cc").address)
    assert not two.ping("cc", one.card("aa").address)


def test_docker_names_resolve_between_containers(network):
    network.run("web", "--network-alias", "front")
    network.run("db")
    assert network.ping("db", "web")
    assert network.ping("db", "front")


def test_alias_still_resolves_after_the_container_was_at_rest(host, network):
    network.run("web", "--network-alias", "front")
    network.run("db")
    host.docker("stop", "web")
    network.wait_pinned(["web"])
    host.docker("start", "web")
    assert network.settled_card("web").address == network.pinned("web") or host.engine.says_who_asks
    assert network.ping("db", "front")


def test_one_container_on_several_networks_keeps_all_its_addresses(host, make_network):
    one, two = make_network(), make_network()
    host.docker("create", "--name", "both", "--network", one.name, IMAGE)
    host.docker("network", "connect", two.name, "both")
    host.docker("start", "both")
    for network in (one, two):
        network.run(f"neighbour-on-{network.name}")
    before = one.settled_card("both"), two.settled_card("both")
    host.docker("stop", "both")
    one.run("newcomer1")
    two.run("newcomer2")
    host.docker("start", "both")
    assert (one.settled_card("both"), two.settled_card("both")) == before
    assert one.ping(f"neighbour-on-{one.name}", before[0].address)
    assert two.ping(f"neighbour-on-{two.name}", before[1].address)


def test_running_container_is_connected_disconnected_and_connected_to_the_same_address(host, make_network):
    one, two = make_network(), make_network()
    one.run("web")
    two.run("peer")
    host.docker("network", "connect", two.name, "web")
    before = one.card("web"), two.card("web")
    assert two.ping("peer", before[1].address)
    host.docker("network", "disconnect", two.name, "web")
    two.run("newcomer")
    host.docker("network", "connect", two.name, "web")
    wait_for(lambda: (one.card("web"), two.card("web")) == before, "the address of before", 3)
    assert two.ping("peer", before[1].address)


def test_two_docker_networks_on_one_vlan_are_one_segment(host, network):
    second = Network(host, f"{network.name}-again", network.vlan, network.subnet)
    try:
        network.run("aa")
        second.run("bb")
        aa, bb = network.card("aa"), second.card("bb")
        assert aa.address != bb.address
        assert network.ping("aa", bb.address)
        assert set(network.plan()) == {"aa", "bb"}
    finally:
        host.docker("rm", "-f", "bb", check=False)
        host.docker("network", "rm", second.name)


def test_reservation_is_found_again_on_a_new_docker_network(host, network):
    network.run("db")
    network.run("web")
    before = network.cards(["db", "web"])
    host.docker("rm", "-f", "db", "web")
    host.docker("network", "rm", network.name)
    network.create()
    network.run("web")
    network.run("db")
    assert network.cards(["db", "web"]) == before


def test_ip_range_limits_what_is_given_at_a_start_at_rest_and_by_bayplan_run(host):
    network = Network(host, "ranged", 998, "172.21.98.0/24", "--ip-range", "172.21.98.64/28")
    try:
        network.run("web")
        host.docker("create", "--name", "waiting", "--network", "ranged", IMAGE)
        wait_for(lambda: "waiting" in network.plan(), "an address for the container at rest", 20)
        host.bayplan("run", "ran", IMAGE, "--network", network.bayplan_name)
        addresses = [row["address"].split("/")[0] for row in network.plan().values()]
        assert len(addresses) == 3
        assert all(64 <= int(address.split(".")[3]) < 80 for address in addresses), addresses
    finally:
        network.remove()


def test_mtu_of_the_network_is_the_containers(host, make_network):
    network = make_network("-o", "com.docker.network.driver.mtu=1400")
    network.run("web")
    assert "mtu 1400" in host.docker("exec", "web", "ip", "link", "show", "eth0").stdout


def test_published_port_answers_at_the_host_and_ends_with_the_container(host, network):
    network.run("web", "-p", "8080:80", "--stop-timeout", "1", command=("httpd", "-f", "-h", "/www"))

    def fetch():
        return host.fetch("127.0.0.1", 8080)

    wait_for(lambda: "hello from the lab" in fetch(), "an answer on the published port", 10)
    host.docker("restart", "web")
    wait_for(lambda: "hello from the lab" in fetch(), "an answer after the restart", 10)
    host.docker("stop", "web")
    assert not fetch()


def test_network_rm_leaves_nothing_behind(host):
    links = host.run("ip", "-o", "link").stdout.count("\n")
    network = Network(host, "gone", 999, "172.21.99.0/24")
    network.run("web", "-p", "8081:80")
    assert "bp-999" in host.run("ip", "-o", "link").stdout
    network.remove()
    assert host.run("ip", "-o", "link").stdout.count("\n") == links
    for command in (("nft", "list", "ruleset"), ("iptables-save",), ("ip", "route"), ("ip", "rule")):
        said = host.run(*command).stdout
        assert "bp-999" not in said and "172.21.99." not in said, said
    assert "vlan999" not in host.bayplan("network", "ls").stdout


def test_network_in_use_is_not_removed(host, network):
    network.run("web")
    done = host.bayplan("network", "rm", network.bayplan_name, check=False)
    assert done.returncode == 1 and network.bayplan_name in done.stdout
    assert network.ping("web", network.card("web").address)


def test_ports_explain_themselves_in_ip_link(host, network):
    network.run("web")
    assert f"alias bayplan {network.bayplan_name} web" in host.run("ip", "link").stdout
