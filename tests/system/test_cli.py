"""The CLI against a real engine: the contract that scripts depend on."""

import pytest
from lab import IMAGE

COLUMNS = {"network", "vlan", "identity", "address", "mac", "state", "host", "container", "created", "last_seen"}


@pytest.fixture
def vlan(host):
    """A VLAN tag nobody uses, whose network is removed after the test."""
    tag = "2100"
    yield tag
    names = host.docker("ps", "-aq", "--filter", f"network=vlan{tag}").stdout.split()
    if names:
        host.docker("rm", "-f", *names)
    host.docker("network", "rm", f"vlan{tag}", check=False)
    for row in host.bayplan_json("ls", "--network", f"vlan{tag}"):
        host.bayplan("release", f"vlan{tag}", row["identity"])
    host.bayplan("network", "rm", f"vlan{tag}")


def test_run_makes_the_vlans_network_starts_the_container_and_prints_its_record(host, vlan):
    said = host.bayplan("run", "web", IMAGE, "--vlan", vlan).stdout
    container = host.client.api.inspect_container("web")
    (end,) = container["NetworkSettings"]["Networks"].values()
    assert container["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert container["State"]["Running"]
    assert end["IPAddress"].startswith("172.") and end["IPAddress"] in said and "web" in said
    host.bayplan("run", "db", IMAGE, "--vlan", vlan)
    assert host.docker("exec", "db", "ping", "-c", "1", "-W", "1", end["IPAddress"]).returncode == 0


def test_run_takes_a_command_and_docker_options(host, vlan):
    host.bayplan("run", "web", IMAGE, "sleep", "1000", "--vlan", vlan, "--restart", "no", "--", "-e", "COLOUR=red")
    container = host.client.api.inspect_container("web")
    assert container["Config"]["Cmd"] == ["sleep", "1000"]
    assert "COLOUR=red" in container["Config"]["Env"]
    assert container["HostConfig"]["RestartPolicy"]["Name"] in ("no", "")


def test_run_with_ip_gives_that_address(host, vlan):
    host.bayplan("run", "first", IMAGE, "--vlan", vlan)
    address = host.bayplan_json("show", "first")[0]["address"].split("/")[0]
    wanted = address.rpartition(".")[0] + ".99"
    host.bayplan("run", "second", IMAGE, "--vlan", vlan, "--ip", wanted)
    assert host.bayplan_json("show", "second")[0]["address"].split("/")[0] == wanted


def test_run_refuses_a_name_that_exists_and_leaves_it_alone(host, vlan):
    host.bayplan("run", "web", IMAGE, "--vlan", vlan)
    before = host.client.api.inspect_container("web")["Id"]
    done = host.bayplan("run", "web", IMAGE, "--vlan", vlan, check=False)
    assert done.returncode == 1 and "web" in done.stdout
    assert host.client.api.inspect_container("web")["Id"] == before


def test_run_keeps_its_address_over_a_restart_of_everything(host, vlan):
    host.bayplan("run", "web", IMAGE, "--vlan", vlan)
    before = host.bayplan_json("show", "web")[0]["address"]
    host.docker("stop", "web")
    host.bayplan("run", "db", IMAGE, "--vlan", vlan)
    host.docker("start", "web")
    row = host.bayplan_json("show", "web")[0]
    assert (row["address"], row["state"]) == (before, "attached")


@pytest.mark.parametrize("bad", ["0", "4095", "abc"])
def test_run_refuses_a_bad_vlan_and_makes_nothing(host, bad):
    before = host.bayplan_json("network", "ls")
    done = host.bayplan("run", "bad", IMAGE, "--vlan", bad, check=False)
    assert done.returncode == 2 and f"'{bad}'" in done.stdout and "4094" in done.stdout
    assert host.bayplan_json("network", "ls") == before
    assert "bad" not in host.docker("ps", "-a", "--format", "{{.Names}}").stdout.split()


def test_ls_as_json_has_the_columns_of_the_contract(host, network):
    network.run("web")
    (row,) = host.bayplan_json("ls", "--network", network.bayplan_name)
    assert set(row) == COLUMNS
    assert row["identity"] == "web" and row["vlan"] == network.vlan and row["network"] == network.bayplan_name
    assert row["address"] == f"{network.card('web').address}/24" and row["mac"] == network.card("web").mac
    assert row["state"] == "attached" and row["host"] == host.name


def test_ls_as_a_table_shows_the_same(host, network):
    network.run("web")
    lines = host.bayplan("ls", "--network", network.bayplan_name).stdout.splitlines()
    assert any("web" in line and network.card("web").address in line and "attached" in line for line in lines)


def test_reserved_address_is_the_containers_when_it_comes(host, network):
    wanted = network.subnet.replace(".0/24", ".200")
    host.bayplan("reserve", network.bayplan_name, "db", "--ip", wanted)
    network.run("web")
    network.run("db")
    assert network.card("db").address == wanted


def test_release_of_a_running_containers_address_is_refused(host, network):
    network.run("web")
    done = host.bayplan("release", network.bayplan_name, "web", check=False)
    assert done.returncode == 1 and "web" in done.stdout
    assert network.ping("web", network.card("web").address)


def test_export_has_networks_and_reservations(host, network):
    network.run("web")
    exported = host.bayplan("export").stdout
    assert network.bayplan_name in exported and network.card("web").address in exported


def test_exit_status_tells_what_kind_of_failure(own_host):
    own_host.baypland.start()
    assert own_host.bayplan("version", check=False).returncode == 0
    assert own_host.bayplan("show", "nobody", check=False).returncode == 1
    assert own_host.bayplan("no-such-command", check=False).returncode == 2
    own_host.baypland.stop()
    done = own_host.bayplan("ls", check=False)
    assert done.returncode == 3 and "baypland" in done.stdout
