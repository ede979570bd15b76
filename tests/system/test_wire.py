"""What leaves the host and what comes to it, with a wire to a machine that knows nothing of our networks."""

import pytest
from lab import Network, Wire, wait_for


@pytest.fixture
def wire(host):
    with Wire() as made:
        made.plug(host)
        yield made


def test_container_reaches_the_world_under_the_hosts_address(host, wire, network):
    host.run("ip", "address", "add", "192.168.77.1/24", "dev", "up0")
    wire.address("192.168.77.2/24")
    network.run("web")
    wait_for(lambda: network.ping("web", "192.168.77.2"), "an answer from outside", 5)


def test_without_nat_the_world_cannot_answer(host, wire, make_network):
    host.run("ip", "address", "add", "192.168.78.1/24", "dev", "up0")
    wire.address("192.168.78.2/24")
    network = make_network("-o", "nat=false")
    network.run("web")
    assert network.ping("web", "192.168.78.1") and wire.ping("192.168.78.1")
    assert not network.ping("web", "192.168.78.2")
    wire.route(network.subnet, "192.168.78.1")
    assert network.ping("web", "192.168.78.2"), "not for want of an address to answer to"


def test_published_port_answers_to_the_world(host, wire, network):
    host.run("ip", "address", "add", "192.168.79.1/24", "dev", "up0")
    wire.address("192.168.79.2/24")
    network.run("web", "-p", "8079:80", command=("httpd", "-f", "-h", "/www"))
    wait_for(lambda: "hello from the lab" in wire.fetch("192.168.79.1", 8079), "the page, from outside", 5)


def test_uplink_puts_containers_on_the_wire_themselves(host, wire):
    network = Network(host, "flat", None, "172.21.61.0/24", "-o", "uplink=up0")
    try:
        wire.address("172.21.61.250/24")
        network.run("web")
        assert network.ping("web", "172.21.61.250")
        assert wire.ping(network.card("web").address)
    finally:
        network.remove()


def test_unknown_uplink_is_refused_by_name(host):
    done = host.docker("network", "create", "-d", "bayplan", "--ipam-driver", "bayplan", "--subnet", "172.21.60.0/24",
                       "-o", "uplink=nosuch0", "bad-uplink", check=False)
    assert done.returncode != 0 and "nosuch0" in done.stdout
