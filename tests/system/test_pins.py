"""Before Docker 29: containers at rest are pinned, so that Docker itself asks for their address at every start."""

import pytest
from lab import IMAGE, wait_for


@pytest.fixture(autouse=True)
def before_docker_29(host):
    if host.engine.says_who_asks:
        pytest.skip("this Docker says who asks: baypland pins nothing")


def end(host, network, name):
    return host.client.api.inspect_container(name)["NetworkSettings"]["Networks"][network.name]


def test_stopped_container_is_pinned_to_its_own_address(host, network):
    network.run("web")
    before = network.card("web")
    assert network.pinned("web") == ""
    host.docker("stop", "web")
    wait_for(lambda: network.pinned("web") == before.address, "pinned after the stop", 5)
    network.run("newcomer")
    host.docker("start", "web")
    assert network.card("web") == before


def test_created_container_is_pinned_to_an_address_that_nobody_else_is_given(host, network):
    host.docker("create", "--name", "later", "--network", network.name, IMAGE)
    wait_for(lambda: network.pinned("later"), "pinned at rest", 5)
    network.run("sooner")
    assert network.plan()["later"]["address"].split("/")[0] == network.pinned("later") != network.card("sooner").address
    host.docker("start", "later")
    assert network.card("later").address == network.pinned("later")


def test_pinning_keeps_aliases_and_links(host, network):
    network.run("db")
    network.run("web", "--network-alias", "front", "--link", "db:database")
    before = end(host, network, "web")
    host.docker("stop", "web")
    network.wait_pinned(["web"])
    after = end(host, network, "web")
    assert set(before["Aliases"]) <= set(after["Aliases"]) and after["Links"] == before["Links"] == ["db:database"]


def test_running_container_is_never_unplugged_for_it(host, network):
    network.run("web")
    before = end(host, network, "web")["EndpointID"]
    network.run("other")
    host.docker("stop", "other")
    network.wait_pinned(["other"])
    host.docker("start", "other")
    assert end(host, network, "web")["EndpointID"] == before and network.pinned("web") == ""


def test_container_with_ip_stays_as_the_user_made_it(host, network):
    wanted = network.subnet.replace(".0/24", ".77")
    network.run("web", "--ip", wanted)
    network.run("witness")
    host.docker("stop", "web", "witness")
    network.wait_pinned(["witness"])
    assert network.pinned("web") == wanted


def test_released_container_at_rest_is_unpinned(host, network):
    network.run("web")
    address = network.card("web").address
    host.docker("stop", "web")
    network.wait_pinned(["web"])
    host.bayplan("release", network.bayplan_name, "web")
    wait_for(lambda: network.pinned("web") != address or network.plan().get("web"), "unpinned, or given another", 5)


def test_bayplan_run_pins_at_creation(host, network):
    host.bayplan("run", "web", IMAGE, "--network", network.bayplan_name)
    assert network.pinned("web") == network.card("web").address != ""
