"""bayplan check: what is broken for real is found and, with --repair, put right by the reconcilers."""

import json
import time

import pytest
from lab import IMAGE, Network, wait_for

RIGHT, FAILED, WRONG = 0, 1, 4


@pytest.fixture
def busy(own_host):
    """(host, its network with a running and a stopped container); nothing is looked over by the timer."""
    own_host.baypland.config["repair"]["resync"] = "600s"
    own_host.start()
    network = Network(own_host, "net", 100, "172.20.0.0/24")
    network.run("web", command=("httpd", "-f", "-p", "80", "-h", "/www"))
    network.run("db", "--stop-timeout", "0")
    own_host.docker("stop", "-t", "0", "db")
    wait_for(lambda: check(own_host)[0] == RIGHT, "all right", 15)
    return own_host, network


def check(host, *options):
    """(exit status, findings)"""
    done = host.bayplan("-o", "json", "check", *options, check=False)
    return done.returncode, json.loads(done.stdout[done.stdout.index("["):]) if "[" in done.stdout else done.stdout


def kinds(findings, repaired=False):
    return {finding["kind"] for finding in findings if finding["repaired"] == repaired}


def find_in_time(host, damage, kind, *options, repaired=False):
    """Damages until a check finds it. Much of it baypland mends by itself, at once or a second after the pass before: so it is
    done twice, the first time for the pass that comes at once."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        damage()
        damage()
        status, findings = check(host, *options)
        if kind in kinds(findings, repaired):
            assert status == (RIGHT if repaired else WRONG), findings
            return findings
    raise AssertionError(f"no check found {kind}")


def test_right_plan_has_no_findings(busy):
    host, _ = busy
    assert check(host) == (RIGHT, [])
    done = host.bayplan("check")
    assert done.stdout == "all right: 2 reservations\n"


def test_flushed_packet_filter_is_found_and_repaired(busy):
    host, _ = busy
    def flush():
        host.run("nft", "delete", "table", "ip", "bayplan", check=False)
        host.run("iptables", "-F", "BAYPLAN")

    findings = find_in_time(host, flush, "firewall_differs")
    assert {f["object"] for f in findings} == {"the table ip bayplan of nftables",
                                               "the rules in iptables' chain DOCKER-USER"}, findings
    assert "flushed" in findings[0]["message"]
    find_in_time(host, flush, "firewall_differs", "--repair", repaired=True)
    assert check(host) == (RIGHT, [])


@pytest.mark.parametrize("damage, kind", [
    (("ip", "link", "set", "bp-100", "down"), "network_device_down"),
    (("ip", "address", "flush", "dev", "bp-100"), "network_gateway_missing"),
    (("ip", "link", "set", "bp-100", "address", "02:00:00:00:00:99"), "network_device_differs"),
])
def test_damaged_bridge_is_found_and_repaired(busy, damage, kind):
    host, network = busy
    find_in_time(host, lambda: host.run(*damage, check=False), kind)
    find_in_time(host, lambda: host.run(*damage, check=False), kind, "--repair", repaired=True)
    assert check(host) == (RIGHT, [])
    wait_for(lambda: network.ping("web", "172.20.0.1"), "an answer of the gateway", 10)


def test_port_that_is_gone_is_found_and_nobody_can_repair_it_but_a_restart(busy):
    host, network = busy
    port = [line.split(":")[1].strip().split("@")[0] for line in host.run("ip", "-o", "link").stdout.splitlines()
            if "alias bayplan vlan100 web" in line][0]
    host.run("ip", "link", "delete", port)
    status, findings = check(host, "--repair")
    assert status == WRONG and kinds(findings) == {"port_missing"}, findings
    assert findings[0]["identity"] == "web" and "docker restart web" in findings[0]["message"]
    host.docker("restart", "-t", "0", "web")
    wait_for(lambda: check(host) == (RIGHT, []), "all right", 15)


def test_containers_changed_while_baypland_was_down(busy):
    host, network = busy
    host.baypland.stop()
    host.docker("rm", "-f", "db")
    host.docker("kill", "web")
    host.baypland.start()
    wait_for(lambda: check(host)[0] == RIGHT, "all right", 15)
    assert {name: row["state"] for name, row in network.plan().items()} == {"web": "held", "db": "removed"}


def test_docker_that_does_not_answer_is_said(busy):
    host, _ = busy
    host.engine.stop()
    done = host.bayplan("check", check=False)
    assert done.returncode == FAILED and "Docker could not be checked" in done.stdout + (done.stderr or ""), done


def test_without_a_daemon_it_is_unreachable(busy):
    host, _ = busy
    host.baypland.stop()
    assert host.bayplan("check", check=False).returncode == 3


def test_only_one_network(busy):
    host, _ = busy
    other = Network(host, "net2", 200, "172.20.1.0/24")
    find_in_time(host, lambda: host.run("ip", "link", "set", "bp-200", "down"), "network_device_down")
    assert check(host, "--network", "vlan100") == (RIGHT, [])
    assert host.bayplan("check", "--network", "vlan9", check=False).returncode == FAILED
    other.remove()


def test_drift_that_is_only_reported(busy):
    host, _ = busy
    host.bayplan("network", "create", "lan", "--subnet", "172.20.7.0/24", "--repair", "report")
    host.docker("run", "-d", "--name", "old", "--net=none", IMAGE)
    host.bayplan("attach", "old", "--network", "lan")
    wait_for(lambda: check(host) == (RIGHT, []), "all right", 15)
    pid = host.client.api.inspect_container("old")["State"]["Pid"]
    host.run("nsenter", f"--net=/proc/{pid}/ns/net", "ip", "address", "flush", "dev", "eth1")
    status, findings = check(host, "--repair")
    assert status == WRONG and kinds(findings) == {"interface_differs"}, findings
    host.bayplan("network", "set", "lan", "--repair", "on")
    status, findings = check(host, "--repair")
    assert status == RIGHT, findings
    assert check(host) == (RIGHT, [])


def test_probes(busy):
    host, network = busy
    assert check(host, "--probe", "arp") == (RIGHT, [])
    assert check(host, "--probe", "tcp:80") == (RIGHT, [])
    status, findings = check(host, "--probe", "tcp:22")
    assert status == WRONG and kinds(findings) == {"probe_refused"}, findings
    host.bayplan("network", "set", "vlan100", "--repair", "report")  # else it is taken from him again
    stolen = network.plan()["db"]["address"]
    pid = host.client.api.inspect_container("web")["State"]["Pid"]
    host.run("nsenter", f"--net=/proc/{pid}/ns/net", "ip", "address", "add", stolen, "dev", "eth0")
    status, findings = check(host, "--probe", "arp")
    assert status == WRONG and "probe_stolen" in kinds(findings), findings
    found = next(finding for finding in findings if finding["kind"] == "probe_stolen")
    assert found["identity"] == "db" and found["found"] == network.card("web").mac
    _, findings = check(host, "--probe", "vlan100=none", "--probe", "arp")
    assert "probe_stolen" not in kinds(findings), findings
    assert host.bayplan("check", "--probe", "ping", check=False).returncode == 2


def test_an_address_that_a_container_of_dockers_lost_or_took_is_found(busy):
    host, network = busy
    host.bayplan("network", "set", "vlan100", "--repair", "report")
    pid = host.client.api.inspect_container("web")["State"]["Pid"]
    host.run("nsenter", f"--net=/proc/{pid}/ns/net", "ip", "address", "flush", "dev", "eth0")
    host.run("nsenter", f"--net=/proc/{pid}/ns/net", "ip", "address", "add", network.plan()["db"]["address"], "dev", "eth0")
    wait_for(lambda: check(host)[0] == WRONG, "a finding, ten seconds after the start", 30)
    status, findings = check(host)
    assert kinds(findings) == {"interface_differs"} and {"address", "foreign_address"} <= {f["found"] for f in findings}, findings
    assert all("eth0" in finding["message"] for finding in findings), findings
    host.bayplan("network", "set", "vlan100", "--repair", "on")
    wait_for(lambda: check(host) == (RIGHT, []), "all right", 15)
    assert network.ping("web", "172.20.0.1")


def test_open_vswitch(own_host):
    host = own_host
    host.baypland.config["repair"]["resync"] = "600s"
    host.add_switch()
    host.start()
    network = Network(host, "net", 100, "172.20.0.0/24", "-o", "datapath=ovs")
    network.run("web")
    wait_for(lambda: check(host) == (RIGHT, []), "all right", 15)
    assert check(host, "--probe", "arp") == (RIGHT, [])
    for damage, kind in (("set port vlan100 tag=7", "network_device_differs"), ("del-port vlan100", "network_device_missing")):
        find_in_time(host, lambda words=damage: host.switch.ctl(*words.split(), check=False), kind)
        assert check(host, "--repair")[0] == RIGHT
        assert check(host) == (RIGHT, [])
