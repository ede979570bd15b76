"""Addresses survive what happens to dockerd and to the machine, also for containers that were never pinned."""

import pytest
from lab import Network, wait_for

NAMES = [f"c{number}" for number in range(6)]


@pytest.fixture
def booted(own_host):
    """A host with six `restart: always` containers from plain docker run, none of which ever rested."""
    own_host.start()
    network = Network(own_host, "net", 100, "172.20.0.0/24")
    for name in NAMES:
        network.run(name, "--restart", "always")
    before = network.settled_cards(NAMES)
    assert [name for name in NAMES if network.pinned(name)] == [], "pinned, so Docker itself would ask for the addresses"
    return own_host, network, before


def assert_same(network, before):
    network.wait_running(NAMES, 90)
    assert network.settled_cards(NAMES) == before
    assert network.ping("c0", before["c1"].address)
    assert {name: row["state"] for name, row in network.plan().items()} == dict.fromkeys(NAMES, "attached")


def assert_owed(network):
    """Before Docker 29: Docker could not be asked whose starts they were; baypland refused them, and did them itself."""
    log = network.host.baypland.log
    assert network.host.engine.says_who_asks or [
        name for name in NAMES if f"owed_start_done container={name}\n" not in log] == []


def assert_pinned(network, before):
    """Before Docker 29: from now on Docker itself asks for their addresses."""
    assert network.host.engine.says_who_asks or {name: network.pinned(name) for name in NAMES} == {
        name: card.address for name, card in before.items()}


def test_dockerd_stopped_and_started(booted):
    host, network, before = booted
    host.engine.stop()
    host.engine.start()
    assert_same(network, before)
    assert_pinned(network, before)  # some while dockerd was ending, some at their start


def test_dockerd_killed_and_started(booted):
    host, network, before = booted
    host.engine.kill()
    host.engine.start()
    assert_same(network, before)


def test_engines_power_cut_while_baypland_lives(booted):
    host, network, before = booted
    host.engine.power_cut()
    host.engine.start()
    assert_same(network, before)
    assert_owed(network)
    assert_pinned(network, before)


def test_power_cut_of_the_machine_twice(booted):
    host, network, before = booted
    for _ in range(2):  # the second time they are pinned
        host.power_cut()
        host.start()
        assert_same(network, before)
        assert_owed(network)
        assert_pinned(network, before)


def test_machine_boots_with_dockerd_before_baypland(booted):
    host, network, before = booted
    host.power_cut()
    host.engine.start(wait=False)
    wait_for(lambda: "Loading containers: start" in host.engine.log.rpartition("Starting up")[2],
             "dockerd loading its containers")
    host.baypland.start()
    host.engine.wait_ready(90)
    assert_same(network, before)


def test_baypland_started_long_before_docker_works_when_docker_comes(own_host):
    own_host.baypland.start()
    assert own_host.bayplan_json("ls") == []
    own_host.engine.start()
    network = Network(own_host, "net", 100, "172.20.0.0/24")
    network.run("web")
    assert network.plan()["web"]["state"] == "attached"


def test_baypland_answers_while_docker_hangs(own_host):
    own_host.start()
    network = Network(own_host, "net", 100, "172.20.0.0/24")
    network.run("web")
    own_host.baypland.stop()
    with own_host.engine.hung():
        own_host.baypland.start()
        assert [row["identity"] for row in own_host.bayplan_json("ls")] == ["web"]
        assert own_host.bayplan("version", timeout=10).returncode == 0
    network.run("db")
    assert set(network.plan()) == {"web", "db"}


def test_newcomers_after_a_boot_get_nobodys_address(booted):
    host, network, before = booted
    host.docker("update", "--restart", "no", "c0")
    host.power_cut()
    host.start()
    network.wait_running(NAMES[1:], 90)
    network.run("newcomer")
    assert network.card("newcomer").address not in {card.address for card in before.values()}
    host.docker("start", "c0")
    assert network.settled_cards(NAMES) == before
