"""What somebody else took away in the kernel is put back; what is taken down for good is gone."""

import pytest
from lab import Network, wait_for


@pytest.fixture
def busy(own_host):
    """(host, its network with two containers that reach each other, one of them with a published port)."""
    own_host.baypland.config["repair"]["resync"] = "1s"
    own_host.start()
    network = Network(own_host, "net", 100, "172.20.0.0/24")
    network.run("web", "-p", "8080:80", command=("httpd", "-f", "-h", "/www"))
    network.run("db")
    wait_for(lambda: works(network), "the network working", 5)
    return own_host, network


def works(network):
    return network.ping("db", network.card("web").address) and network.ping("db", "172.20.0.1")


def docker_user(host):
    """Our rules in Docker's chain. Its own, a last RETURN, is not ours to put back."""
    return [line for line in host.run("iptables", "-S", "DOCKER-USER").stdout.splitlines() if "BAYPLAN" in line]


def ours(host):
    """All that baypland puts into the kernel."""
    found = [line for line in host.run("ip", "-o", "link").stdout.splitlines() if "bp" in line or "bayplan" in line]
    found += [line for line in host.run("iptables-save").stdout.splitlines() if "bp-" in line or "BAYPLAN" in line]
    found += [line for line in host.run("nft", "list", "tables").stdout.splitlines() if "bayplan" in line]
    return found + [line for line in host.run("ip", "route").stdout.splitlines() if "172.20.0." in line]


def test_flushed_docker_user_is_filled_again_by_the_timer(busy):
    host, network = busy
    before = docker_user(host)
    assert before
    for _ in range(3):  # no event tells of this; what came before it may still have been the cause of a first look
        host.run("iptables", "-F", "DOCKER-USER")
        wait_for(lambda: docker_user(host) == before, "the rules of before in DOCKER-USER", 10)
    assert works(network)


def test_deleted_packet_filter_table_comes_back(busy):
    host, network = busy
    before = host.run("nft", "-s", "list", "table", "ip", "bayplan").stdout
    host.run("nft", "delete", "table", "ip", "bayplan")
    wait_for(lambda: host.run("nft", "-s", "list", "table", "ip", "bayplan").stdout == before, "the table of before", 10)
    assert host.fetch("127.0.0.1", 8080)


def test_bridge_that_was_set_down_is_up_again(busy):
    host, network = busy
    host.run("ip", "link", "set", "bp-100", "down")
    wait_for(lambda: works(network), "an answer of neighbour and gateway", 10)


def test_deleted_gateway_address_comes_back(busy):
    host, network = busy
    host.run("ip", "address", "del", "172.20.0.1/24", "dev", "bp-100")
    wait_for(lambda: works(network), "an answer of the gateway", 10)


def test_tear_down_is_refused_beside_a_daemon_and_changes_nothing(busy):
    host, network = busy
    before = ours(host)
    done = host.run("baypland", "--config", host.baypland.config_path, "--tear-down", check=False, timeout=30)
    assert done.returncode != 0 and "plan.db" in done.stdout, done.stdout
    assert ours(host) == before and works(network)


def test_tear_down_leaves_nothing_in_the_kernel_and_keeps_the_plan(busy):
    host, network = busy
    plan = {name: row["address"] for name, row in network.plan().items()}
    assert len(ours(host)) > 5
    host.baypland.stop()
    assert len(ours(host)) > 5, "a stop alone disturbs nothing"
    host.run("baypland", "--config", host.baypland.config_path, "--tear-down", timeout=30)
    assert ours(host) == []
    host.baypland.start()
    assert {name: row["address"] for name, row in network.plan().items()} == plan
    host.docker("restart", "-t", "1", "web", "db")
    wait_for(lambda: works(network), "the network working again", 10)


def test_what_is_changed_inside_a_container_is_put_back(busy):
    """From ten seconds after its start on; and Docker takes its interface back as ever."""
    host, network = busy
    pid = host.client.api.inspect_container("web")["State"]["Pid"]

    def inside(*words):
        host.run("nsenter", f"--net=/proc/{pid}/ns/net", "ip", *words)

    def is_right():
        return works(network) and network.ping("web", "172.20.0.1")

    inside("address", "flush", "dev", "eth0")
    wait_for(is_right, "the address of before", 40)
    for words in (("route", "del", "172.20.0.0/24"), ("link", "set", "eth0", "down"), ("address", "flush", "dev", "eth0"),
                  ("link", "set", "eth0", "address", "02:00:00:00:00:99")):
        inside(*words)
        wait_for(is_right, f"all as before after ip {' '.join(words)}", 5)
    assert "eth0" in host.baypland.log and "drift_repaired" in host.baypland.log
    mended = host.baypland.log.count("drift_repaired")
    host.docker("network", "disconnect", "net", "web")
    host.docker("network", "connect", "net", "web")
    host.docker("restart", "-t", "0", "web")
    wait_for(lambda: network.card("web").address and works(network), "web on its network again", 20)
    assert host.baypland.log.count("drift_repaired") == mended, host.baypland.log[-3000:]
