"""`bayplan adopt` with a real dockerd: its own bridge and macvlan networks, and what pipework did."""

import json

import pytest
from lab import IMAGE, wait_for

NET = "vlan100"


@pytest.fixture
def host(own_host):
    """A host with a Bayplan network to move to, which no Docker network carries yet."""
    own_host.start()
    own_host.bayplan("network", "create", NET, "--vlan", "100", "--subnet", "172.20.0.0/24")
    return own_host


def run(host, name, *options):
    host.docker("run", "-d", "--stop-timeout", "1", "--name", name, *options, IMAGE)


def adopt(host, *args, status=0):
    """{container: record} of the report."""
    done = host.bayplan("-o", "json", "adopt", *args, check=False)
    assert done.returncode == status, done.stdout
    report = json.loads(done.stdout[:done.stdout.rindex("}") + 1])
    return {record["container"]: record for record in report["containers"]}


def plan(host):
    """{identity: (network, address, state)}"""
    return {row["identity"]: (row["network"], row["address"].split("/")[0], row["state"])
            for row in host.bayplan_json("ls")}


def address(host, name, network):
    """Its address on that Docker network; empty when it is not on it, or stopped."""
    networks = host.client.api.inspect_container(name)["NetworkSettings"]["Networks"]
    return networks.get(network, {}).get("IPAddress", "")


def networks(host, name):
    return sorted(host.client.api.inspect_container(name)["NetworkSettings"]["Networks"])


def started(host, name):
    return host.client.api.inspect_container(name)["State"]["StartedAt"]


def reaches(host, name, target):
    return host.docker("exec", name, "ping", "-c", "1", "-W", "2", target, check=False).returncode == 0


def inside(host, name, *argv):
    pid = host.client.api.inspect_container(name)["State"]["Pid"]
    return host.run("nsenter", "-t", str(pid), "-n", *argv).stdout


def pipework(host, name, card, gateway, bridge=None):
    """What pipework does: a veth pair, one end into the container as eth1, the other on the host."""
    pid = host.client.api.inspect_container(name)["State"]["Pid"]
    host.run("ip", "link", "add", f"pl-{name}", "type", "veth", "peer", "name", f"pg-{name}")
    host.run("ip", "link", "set", f"pg-{name}", "netns", str(pid))
    inside(host, name, "ip", "link", "set", f"pg-{name}", "name", "eth1")
    inside(host, name, "ip", "addr", "add", card, "dev", "eth1")
    inside(host, name, "ip", "link", "set", "eth1", "up")
    host.run("ip", "link", "set", f"pl-{name}", "up", *(("master", bridge) if bridge else ()))
    inside(host, name, "ip", "route", "add", "default", "via", gateway)


def macvlan(host, name, subnet):
    """A Docker macvlan network on one end of a veth pair."""
    host.run("ip", "link", "add", "wire0", "type", "veth", "peer", "name", "wire1")
    for end in ("wire0", "wire1"):
        host.run("ip", "link", "set", end, "up")
    host.docker("network", "create", "-d", "macvlan", "--subnet", subnet, "-o", "parent=wire0", name)


# --- in place -----------------------------------------------------------------------------------------------------------


def test_every_kind_of_container_is_reported_and_what_has_an_address_is_reserved(host):
    host.docker("network", "create", "--subnet", "10.9.0.0/24", "--ip-range", "10.9.0.64/26", "--aux-address", "r=10.9.0.70",
                "shop")
    macvlan(host, "wire", "172.20.0.0/24")
    run(host, "web", "-p", "8080:80")
    run(host, "db", "--network", "shop", "--ip", "10.9.0.77")
    run(host, "fixed", "--network", "shop", "--ip", "10.9.0.78")
    run(host, "loose", "--network", "shop")
    host.docker("stop", "fixed", "loose")
    run(host, "wired", "--network", "wire", "--ip", "172.20.0.33")
    run(host, "onhost", "--network", "host")
    run(host, "beside", "--network", "container:web")
    run(host, "bare", "--network", "none")
    run(host, "old", "--network", "none")
    pipework(host, "old", "172.16.5.9/24", "172.16.5.1")

    before = host.bayplan("export").stdout
    dry = adopt(host, "--all", "--dry-run", status=1)
    assert host.bayplan("export").stdout == before
    links = host.run("ip", "-o", "link").stdout
    done = adopt(host, "--all", status=1)
    for name, record in dry.items():
        assert record == done[name], name
    assert {name: record["outcome"] for name, record in done.items()} == {
        "web": "adopted", "db": "adopted", "fixed": "adopted", "loose": "refused", "wired": "adopted", "onhost": "nothing",
        "beside": "nothing", "bare": "nothing", "old": "adopted"}
    assert "Docker keeps no address for it" in done["loose"]["note"]
    assert plan(host) == {
        "web": ("bridge", address(host, "web", "bridge"), "held"), "db": ("shop", "10.9.0.77", "held"),
        "fixed": ("shop", "10.9.0.78", "held"), "wired": (NET, "172.20.0.33", "held"),
        "old": ("net-172.16.5.0-24", "172.16.5.9", "held")}
    shop = host.bayplan_json("network", "inspect", "shop")
    assert (shop["ranges"], shop["exclusions"]) == (["10.9.0.64-10.9.0.127"], ["10.9.0.70"])
    assert shop["gateway"] == "10.9.0.64"  # Docker's choice: the first of the range
    assert host.run("ip", "-o", "link").stdout == links, "nothing is made in the kernel"
    # Once more: nothing is changed.
    exported = host.bayplan("export").stdout
    again = adopt(host, "--all", status=1)
    assert {record["outcome"] for record in again.values()} == {"present", "nothing", "refused"}
    assert host.bayplan("export").stdout == exported


def test_containers_made_anew_on_the_bayplan_network_have_the_addresses_of_before(host):
    """docs/migrating.md, "From Docker's own networks": Docker's network goes, ours comes in its place."""
    host.docker("network", "create", "--subnet", "10.9.0.0/24", "shop")
    run(host, "db", "--network", "shop", "--ip", "10.9.0.77")
    run(host, "web", "--network", "shop")
    old = address(host, "web", "shop")
    adopt(host, "--all")
    made = ("network", "create", "-d", "bayplan", "--ipam-driver", "bayplan", "--subnet", "10.9.0.0/24", "-o", "network=shop")
    refused = host.docker(*made, "shop-new", check=False)
    assert refused.returncode != 0 and "docker network rm" in refused.stdout
    host.docker("rm", "-f", "web", "db")
    host.docker("network", "rm", "shop")
    host.docker(*made, "shop")
    for name in ("stranger", "web", "db"):
        run(host, name, "--network", "shop")
    assert (address(host, "web", "shop"), address(host, "db", "shop")) == (old, "10.9.0.77")
    assert reaches(host, "web", "db")


# --- moving -------------------------------------------------------------------------------------------------------------


def test_running_containers_move_without_a_restart_and_take_ports_and_aliases_along(host):
    host.docker("network", "create", "shop")
    run(host, "web", "-p", "8080:80")
    run(host, "db", "--network", "shop", "--network-alias", "store")
    since = {name: started(host, name) for name in ("web", "db")}
    dry = adopt(host, "web", "db", "--move", NET, "--dry-run")
    assert networks(host, "web") == ["bridge"] and plan(host) == {}
    done = adopt(host, "web", "db", "--move", NET)
    assert [done[name]["address"] for name in ("web", "db")] == [dry[name]["address"] for name in ("web", "db")]
    assert {name: started(host, name) for name in ("web", "db")} == since
    assert networks(host, "web") == networks(host, "db") == [NET]
    assert reaches(host, "web", "store") and reaches(host, "db", "web") and reaches(host, "db", "172.20.0.1")
    published = host.run("nft", "list", "chain", "ip", "bayplan", "published").stdout
    assert f"dport 8080 dnat to {address(host, 'web', NET)}:80" in published
    # Docker's network is not needed any more, and its name in HostConfig.NetworkMode does no harm.
    host.docker("network", "rm", "shop")
    cards = {name: address(host, name, NET) for name in ("web", "db")}
    for name in cards:
        host.docker("restart", name)
    assert {name: address(host, name, NET) for name in cards} == cards
    assert {record["outcome"] for record in adopt(host, "--all", "--move", NET).values()} == {"present"}


def test_addresses_of_a_macvlan_network_are_kept_through_the_move_and_a_boot(host):
    macvlan(host, "wire", "172.20.0.0/24")
    run(host, "other")
    for name, options in (("one", ()), ("two", ("--ip", "172.20.0.40")), ("off", ("--ip", "172.20.0.41"))):
        run(host, name, "--network", "wire", "--restart", "always", *options)
    host.docker("stop", "off")
    kept = {"one": address(host, "one", "wire"), "two": "172.20.0.40", "off": "172.20.0.41"}
    assert kept["one"] == "172.20.0.2"
    # One that needs a new address gets none of theirs, though it comes first.
    done = adopt(host, "other", "one", "two", "off", "--move", NET)
    assert {record["outcome"] for record in done.values()} == {"moved"}, done
    assert {name: done[name]["address"].split("/")[0] for name in kept} == kept
    assert reaches(host, "one", "172.20.0.40") and reaches(host, "one", "172.20.0.1")
    host.docker("network", "rm", "wire")
    host.engine.stop()
    host.engine.start()
    host.docker("start", "off", "other")
    wait_for(lambda: all(plan(host)[name] == (NET, kept[name], "attached") for name in kept), "all as before", 20)
    assert {name: address(host, name, NET) for name in kept} == kept
    assert reaches(host, "two", kept["one"])


def test_an_interface_of_pipeworks_is_replaced_and_comes_back_at_every_start(host):
    run(host, "old", "--network", "none")
    pipework(host, "old", "172.20.0.9/24", "172.20.0.1")
    run(host, "web")
    done = adopt(host, "old", "web", "--move", NET)
    assert {record["outcome"] for record in done.values()} == {"moved"}, done
    assert "pl-old" not in host.run("ip", "-o", "link").stdout, "pipework's pair is gone"
    shown = inside(host, "old", "ip", "-4", "-o", "addr")
    assert "eth1    inet 172.20.0.9/24" in shown and "bpold" not in shown, shown
    assert reaches(host, "web", "172.20.0.9") and reaches(host, "old", "172.20.0.1")
    host.docker("restart", "old")
    wait_for(lambda: reaches(host, "web", "172.20.0.9"), "the interface after a restart", 5)
    assert adopt(host, "old", "--move", NET)["old"]["outcome"] == "present"


def test_one_that_fails_is_undone_and_the_rest_is_left(host):
    macvlan(host, "wire", "172.20.0.0/24")
    run(host, "first")
    run(host, "second", "--network", "wire")
    run(host, "third")
    run(host, "old", "--network", "none")
    pipework(host, "old", "172.20.0.9/24", "172.20.0.1")
    before = address(host, "second", "wire")
    adopt(host, "first", "--move", NET)
    # From here on the kernel refuses every new interface: somebody's own has the bridge's name.
    host.docker("network", "disconnect", NET, "first")
    host.run("ip", "link", "del", "bp-100")
    wait_for(lambda: host.run("ip", "link", "add", "bp-100", "type", "veth", "peer", "name", "in-the-way", check=False)
             .returncode == 0 or host.run("ip", "link", "del", "bp-100", check=False) and False, "a bridge of somebody else's", 10)
    done = adopt(host, "second", "third", "--move", NET, status=1)
    assert (done["second"]["outcome"], done["third"]["outcome"]) == ("refused", "left")
    assert "bp-100" in done["second"]["note"]
    assert networks(host, "second") == ["wire"] and address(host, "second", "wire") == before
    assert networks(host, "third") == ["bridge"]
    assert adopt(host, "old", "--move", NET, status=1)["old"]["outcome"] == "refused"
    shown = inside(host, "old", "ip", "-4", "-o", "addr") + inside(host, "old", "ip", "route")
    assert "eth1    inet 172.20.0.9/24" in shown and "default via 172.20.0.1 dev eth1" in shown
    assert sorted(plan(host)) == ["first"]
    # When it is out of the way, all goes on.
    host.run("ip", "link", "del", "bp-100")
    done = adopt(host, "second", "third", "old", "--move", NET)
    assert {record["outcome"] for record in done.values()} == {"moved"}, done
    assert address(host, "second", NET) == before and reaches(host, "third", before)


def test_what_docker_refuses_half_way_is_undone_for_good(host):
    """It had to leave its network first, and Docker keeps what a connect in vain asked for: not for the next start."""
    macvlan(host, "wire", "172.20.0.0/24")
    run(host, "holder", "-p", "8081:80")
    run(host, "db", "--network", "wire", "-p", "8081:80")  # macvlan publishes nothing; a network of ours does
    before = address(host, "db", "wire")
    done = adopt(host, "db", "--move", NET, status=1)
    assert done["db"]["outcome"] == "refused" and "8081" in done["db"]["note"]
    assert networks(host, "db") == ["wire"] and address(host, "db", "wire") == before
    host.docker("restart", "db")
    assert networks(host, "db") == ["wire"] and address(host, "db", "wire") == before
    assert plan(host) == {}
    host.docker("rm", "-f", "holder")
    assert adopt(host, "db", "--move", NET)["db"]["outcome"] == "moved"
    assert address(host, "db", NET) == before


@pytest.mark.parametrize("driver", ["bridge", "macvlan"])
def test_baypland_killed_in_the_middle_leaves_nobody_without_a_network(host, driver):
    if driver == "macvlan":
        macvlan(host, "wire", "172.20.0.0/24")
    else:
        host.docker("network", "create", "wire")
    names = [f"c{number}" for number in range(4)]
    for name in names:
        run(host, name, "--network", "wire")
    for name in names[:3]:
        # In the middle of a move: Docker is just connecting it, or (where it had to leave first) has disconnected it.
        sign = f"identity={name} " if driver == "bridge" else "type=network action=disconnect"
        seen = host.baypland.log.count(sign)
        moving = host.spawn("bayplan", "adopt", "--all", "--move", NET, stdout=-1, stderr=-2)
        wait_for(lambda: host.baypland.log.count(sign) > seen, f"the move of {name}", 10, 0.002)
        host.baypland.kill()
        moving.communicate(timeout=30)
        host.baypland.start()
        wait_for(lambda: all(len(networks(host, each)) == 1 for each in names), f"one network each, after {name}", 30)
    adopt(host, "--all", "--move", NET)
    for name in names:
        assert networks(host, name) == [NET]
        assert plan(host)[name] == (NET, address(host, name, NET), "attached")
    assert all(reaches(host, names[0], address(host, name, NET)) for name in names)
