"""A container keeps its address and MAC through what happens to containers on a running engine."""

from lab import IMAGE, wait_for


def test_each_container_gets_an_address_of_the_subnet_and_a_mac_made_of_it(host, network):
    network.run("web")
    network.run("db")
    web, db = network.card("web"), network.card("db")
    assert web.address != db.address
    assert web.address.startswith("172.20.") and db.address.startswith("172.20.")
    octets = [f"{int(part):02x}" for part in web.address.split(".")]
    assert web.mac.split(":")[0] == "02" and web.mac.split(":")[2:] == octets
    inside = host.docker("exec", "web", "ip", "address").stdout
    assert f"inet {web.address}/24" in inside and web.mac in inside


def test_gateway_network_and_broadcast_address_are_never_given(network):
    network.run("web")
    prefix = network.subnet.rpartition(".")[0]
    assert network.card("web").address not in (f"{prefix}.0", f"{prefix}.1", f"{prefix}.255")
    assert network.ping("web", f"{prefix}.1")


def test_addresses_survive_stop_and_start_in_another_order(host, network):
    names = ["web", "db", "cache", "queue"]
    for name in names:
        network.run(name)
    before = network.cards(names)
    host.docker("stop", *names)
    for name in reversed(names):
        host.docker("start", name)
    assert network.settled_cards(names) == before


def test_newcomer_does_not_get_the_address_of_a_stopped_container(host, network):
    network.run("web")
    before = network.card("web")
    host.docker("stop", "web")
    network.run("newcomer")
    host.docker("start", "web")
    assert network.settled_card("web") == before
    assert network.card("newcomer").address != before.address


def test_removed_and_recreated_container_has_its_address_back(host, network):
    network.run("web")
    before = network.card("web")
    host.docker("rm", "-f", "web")
    network.run("newcomer")
    network.run("web")
    assert network.card("web") == before


def test_docker_restart_keeps_the_address(host, network):
    network.run("web")
    before = network.card("web")
    host.docker("restart", "web")
    assert network.settled_card("web") == before


def test_crash_with_restart_policy_keeps_the_address_also_while_a_neighbour_is_down(host, network):
    network.run("neighbour")
    network.run("web", "--restart", "always")
    before = network.card("web")
    host.docker("stop", "neighbour")
    pid = host.client.api.inspect_container("web")["State"]["Pid"]
    host.kill(pid)
    wait_for(lambda: host.client.api.inspect_container("web")["State"]["Pid"] not in (0, pid), "web running again")
    assert network.settled_card("web") == before


def test_several_crashes_at_once_are_right_within_3_s(host, network):
    names = [f"c{number}" for number in range(6)]
    network.run_many(names, "--restart", "always")
    before = network.settled_cards(names)
    pids = {name: host.client.api.inspect_container(name)["State"]["Pid"] for name in names}
    host.kill(*pids.values())
    for name in names:
        wait_for(lambda name=name: host.client.api.inspect_container(name)["State"]["Pid"] not in (0, pids[name]),
                 f"{name} running again")
    wait_for(lambda: network.cards(names) == before, "all at their own address", 3)


def test_renamed_container_keeps_its_address_and_its_old_name_gets_another(host, network):
    network.run("old")
    before = network.card("old")
    host.docker("rename", "old", "new")
    host.docker("stop", "new")
    network.run("old")
    host.docker("start", "new")
    assert network.settled_card("new") == before
    assert network.card("old").address != before.address


def test_label_names_the_identity_whatever_the_container_is_called(host, network):
    network.run("blue", "--label", "bayplan.identity=shop")
    before = network.card("blue")
    assert network.plan()["shop"]["address"].startswith(before.address + "/")
    host.docker("rm", "-f", "blue")
    network.run("other")
    network.run("green", "--label", "bayplan.identity=shop")
    assert network.card("green") == before


def test_asked_for_address_is_given_when_it_is_free(host, network):
    wanted = network.subnet.replace(".0/24", ".77")
    network.run("web", "--ip", wanted)
    assert network.card("web").address == wanted
    host.docker("rm", "-f", "web")
    network.run("web")
    assert network.card("web").address == wanted


def test_asking_for_the_address_of_a_stopped_container_is_refused_with_the_owners_name(host, network):
    network.run("owner")
    before = network.card("owner")
    host.docker("stop", "owner")
    done = network.run("thief", "--ip", before.address, check=False)
    assert done.returncode != 0
    assert "owner" in done.stdout and before.address in done.stdout
    host.docker("start", "owner")
    assert network.settled_card("owner") == before


def test_asking_for_the_address_of_a_running_container_is_refused_and_disturbs_it_not(network):
    network.run("owner")
    before = network.card("owner")
    done = network.run("thief", "--ip", before.address, check=False)
    assert done.returncode != 0 and before.address in done.stdout
    network.run("witness")
    assert network.card("owner") == before
    assert network.ping("witness", before.address)


def test_asking_for_the_address_of_a_removed_container_is_refused_too(host, network):
    network.run("gone")
    address = network.card("gone").address
    host.docker("rm", "-f", "gone")
    done = network.run("thief", "--ip", address, check=False)
    assert done.returncode != 0 and "gone" in done.stdout


def test_asking_for_the_gateway_or_an_address_outside_is_refused(network):
    for bad in (network.subnet.replace(".0/24", ".1"), network.subnet.replace(".0/24", ".255"), "10.9.8.7"):
        done = network.run(f"bad-{bad}", "--ip", bad, check=False)
        assert done.returncode != 0, bad
    network.run("good")


def test_full_pool_says_so_and_a_release_makes_room(host, make_network):
    network = make_network(prefix=29)
    names = [f"c{number}" for number in range(5)]
    for name in names:
        network.run(name)
    done = network.run("one-too-many", check=False)
    assert done.returncode != 0
    assert "full" in done.stdout or "no free address" in done.stdout, done.stdout
    host.docker("rm", "-f", "one-too-many")
    freed = network.card("c0").address
    host.docker("rm", "-f", "c0")
    host.bayplan("release", network.bayplan_name, "c0")
    network.run("newcomer")
    assert network.card("newcomer").address == freed


def test_in_a_full_pool_the_longest_removed_address_is_given_and_never_a_stopped_containers(host, make_network):
    network = make_network(prefix=29)
    names = [f"c{number}" for number in range(5)]
    for name in names:
        network.run(name)
    before = network.cards(names)
    host.docker("stop", "c0")
    host.docker("rm", "-f", "c3")
    wait_for(lambda: network.plan()["c3"]["state"] == "removed", "c3 removed in the plan")
    host.docker("rm", "-f", "c1")
    wait_for(lambda: network.plan()["c1"]["state"] == "removed", "c1 removed in the plan")
    network.run("newcomer")
    assert network.card("newcomer").address == before["c3"].address
    host.docker("start", "c0")
    assert network.settled_card("c0") == before["c0"]


def test_states_in_the_plan_follow_the_container(host, network):
    network.run("web")
    assert network.plan()["web"]["state"] == "attached"
    host.docker("stop", "web")
    wait_for(lambda: network.plan()["web"]["state"] == "held", "held after the stop", 5)
    host.docker("rm", "web")
    wait_for(lambda: network.plan()["web"]["state"] == "removed", "removed after the rm", 5)


def test_created_but_never_started_container_gets_its_address_at_the_first_start(host, network):
    host.docker("create", "--name", "later", "--network", network.name, IMAGE)
    network.run("sooner")
    host.docker("start", "later")
    cards = network.settled_cards(["later", "sooner"])
    assert cards["later"].address and cards["later"].address != cards["sooner"].address
