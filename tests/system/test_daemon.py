"""What happens to addresses and packets when baypland restarts, is killed, is missing, or cannot store."""

import re

import pytest
from lab import Network, wait_for

NAMES = [f"c{number}" for number in range(6)]


def pinging(host, network, source, target):
    """A stream of 200 pings over some 4 s from inside `source`, already answered once when this returns."""
    pid = host.client.api.inspect_container(source)["State"]["Pid"]
    stream = host.spawn("nsenter", f"--target={pid}", "--net", "ping", "-i", "0.02", "-c", "200", "-W", "1",
                        network.card(target).address, stdout=-1, stderr=-2, text=True)
    stream.stdout.readline()  # "PING …"
    stream.stdout.readline()  # the first answer
    return stream


def lost(stream):
    output, _ = stream.communicate(timeout=30)
    return re.search(r"(\d+) received", output).group(0), re.search(r"([\d.]+)% packet loss", output).group(1)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_restart_of_baypland_disturbs_no_packet(host, network, end):
    network.run("aa")
    network.run("bb")
    stream = pinging(host, network, "aa", "bb")
    getattr(host.baypland, end)()
    host.baypland.start()
    assert stream.poll() is None, "the stream ended before the restart did"
    assert lost(stream) == ("200 received", "0")


def test_clean_stop_has_exit_status_0(host, network):
    network.run("aa")
    assert host.baypland.stop() == 0
    host.baypland.start()


@pytest.mark.parametrize("after", [0, 1, 3, 5])
def test_kill_while_containers_start_loses_and_doubles_no_address(host, network, after):
    for name in NAMES:
        network.run(name)
    before = network.cards(NAMES)
    host.docker("stop", *NAMES)
    starting = host.spawn("docker", "start", *reversed(NAMES), stdout=-1, stderr=-2, text=True)
    wait_for(lambda: len(running(host)) >= after, f"{after} containers running")
    host.baypland.kill()
    host.baypland.start()
    starting.communicate(timeout=120)
    for name in set(NAMES) - set(running(host)):
        host.docker("start", name)
    assert network.settled_cards(NAMES) == before
    assert network.ping("c0", before["c5"].address)
    assert {name: row["address"].split("/")[0] for name, row in network.plan().items()} == {
        name: card.address for name, card in before.items()}


def test_kill_while_new_containers_start_leaves_no_duplicate_and_no_dead_interface(host, network):
    starting = [host.spawn("docker", "run", "-d", "--name", name, "--network", network.name, "bayplan/lab",
                           stdout=-1, stderr=-2, text=True) for name in NAMES]
    wait_for(lambda: running(host), "the first of them running")
    host.baypland.kill()
    host.baypland.start()
    for process in starting:
        process.communicate(timeout=120)
    for name in set(NAMES) - set(running(host)):
        host.docker("rm", "-f", name, check=False)
        network.run(name)
    cards = network.settled_cards(NAMES)
    assert len({card.address for card in cards.values()}) == len(NAMES)
    host.docker("stop", *NAMES)
    bridge = f"bp-{network.vlan}"
    wait_for(lambda: not host.run("ip", "-o", "link", "show", "master", bridge).stdout.strip(),
             "no port left on the bridge", 10)


def test_start_without_baypland_fails_and_works_when_it_is_back(host, network):
    network.run("web")
    before = network.card("web")
    host.docker("stop", "web")
    host.baypland.stop()
    done = host.docker("start", "web", check=False, timeout=120)
    assert done.returncode != 0
    host.baypland.start()
    host.docker("start", "web")
    assert network.settled_card("web") == before


def test_container_that_stopped_and_vanished_while_baypland_was_down_is_noticed(host, network):
    network.run("stopped")
    network.run("removed")
    host.baypland.kill()
    host.kill(*(host.client.api.inspect_container(name)["State"]["Pid"] for name in ("stopped", "removed")))
    host.baypland.start()
    wait_for(lambda: {row["state"] for row in network.plan().values()} == {"held"}, "both held", 10)
    host.docker("rm", "removed")
    wait_for(lambda: network.plan()["removed"]["state"] == "removed", "one removed", 10)


def test_second_daemon_on_the_same_store_is_told_so_and_the_first_goes_on(host, network):
    other = f"{host.state}/second.toml"
    with open(other, "w", encoding="utf-8") as file:
        file.write('[api]\nsocket = "/run/second.sock"\n[docker]\nplugin_socket = "/run/second-plugin.sock"\n')
    done = host.run("baypland", "--config", other, check=False, timeout=20)
    assert done.returncode != 0 and "plan.db" in done.stdout, done.stdout
    network.run("web")


def test_second_daemon_on_the_same_sockets_is_told_so(host, network):
    other = f"{host.state}/third.toml"
    with open(other, "w", encoding="utf-8") as file:
        file.write('[store]\nurl = "sqlite:/var/lib/bayplan/other.db"\n')
    done = host.run("baypland", "--config", other, check=False, timeout=20)
    assert done.returncode != 0 and ".sock" in done.stdout, done.stdout
    network.run("web")


def test_not_root_is_refused_in_words(host):
    done = host.run("setpriv", "--reuid", "65534", "--clear-groups", f"{host.state}/bin/baypland", "--config",
                    host.baypland.config_path, check=False, timeout=20)
    assert done.returncode != 0 and "root" in done.stdout, done.stdout


def test_corrupt_store_is_refused_untouched(own_host):
    own_host.baypland.start()
    own_host.baypland.stop()
    path = f"{own_host.state}/lib/bayplan/plan.db"
    with open(path, "wb") as file:
        file.write(b"this is no database" * 100)
    done = own_host.run("baypland", "--config", own_host.baypland.config_path, check=False, timeout=20)
    assert done.returncode != 0 and "plan.db" in done.stdout, done.stdout
    with open(path, "rb") as file:
        assert file.read() == b"this is no database" * 100


def test_what_a_full_disk_could_not_store_was_not_granted(own_host):
    own_host.run("mkdir", "-p", "/var/lib/bayplan")
    own_host.run("mount", "-t", "tmpfs", "-o", "size=1m", "none", "/var/lib/bayplan")
    own_host.start()
    network = Network(own_host, "net", 100, "172.20.0.0/24")
    network.run("first")
    own_host.run("dd", "if=/dev/zero", "of=/var/lib/bayplan/filler", "bs=1k", check=False)
    granted, refusal = ["first"], None
    for number in range(60):
        done = network.run(f"c{number}", check=False)
        if done.returncode != 0:
            refusal = done.stdout
            own_host.docker("rm", "-f", f"c{number}", check=False)
            break
        granted.append(f"c{number}")
    assert refusal and "bayplan" in refusal, f"never refused: {granted}"
    cards = network.cards(granted)
    own_host.baypland.kill()
    own_host.run("rm", "/var/lib/bayplan/filler")
    own_host.baypland.start()
    kept = {name: row["address"].split("/")[0] for name, row in network.plan().items()}
    assert {name: kept.get(name) for name in granted} == {name: card.address for name, card in cards.items()}
    network.run("later")
    assert network.card("later").address not in {card.address for card in cards.values()}


def running(host):
    return [name for name in host.docker("ps", "--format", "{{.Names}}").stdout.split() if name in NAMES]
