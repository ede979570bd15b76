"""Taking Bayplan out of a host: nothing of it stays, whatever state the plan is in."""

import os

from lab import Network


def plan_path(host):
    return f"{host.state}/lib/bayplan/plan.db"


def tear_down(host, *options):
    return host.run("baypland", *(options or ("--config", host.baypland.config_path)), "--tear-down", check=False)


def leftovers(host):
    """Interfaces, tables, chains and sockets of Bayplan that are there."""
    found = [line for line in host.run("ip", "-o", "link").stdout.splitlines() if "bayplan" in line or ": bp" in line]
    found += [line for line in host.run("nft", "list", "tables").stdout.splitlines() if "bayplan" in line]
    found += [line for line in host.run("iptables", "-S").stdout.splitlines() if "BAYPLAN" in line]
    sockets = ("run/bayplan/bayplan.sock", "run/docker/plugins/bayplan.sock")
    return found + [path for path in sockets if os.path.exists(f"{host.state}/{path}")]


def test_nothing_stays_of_a_killed_baypland_with_a_damaged_plan_and_an_unreadable_disk(own_host):
    own_host.start()
    network = Network(own_host, "net", 100, "172.20.0.0/24")
    network.run("web")
    assert len(leftovers(own_host)) > 5
    own_host.baypland.kill()
    damage = b"this is no database" * 100
    with open(plan_path(own_host), "wb") as file:
        file.write(damage)
    folder = os.path.dirname(plan_path(own_host))
    own_host.run("mount", "--bind", "/var/lib/bayplan", "/var/lib/bayplan")
    own_host.run("mount", "-o", "remount,bind,ro", "/var/lib/bayplan")
    before = sorted(os.listdir(folder))
    done = tear_down(own_host)
    assert done.returncode == 0, done.stdout
    assert leftovers(own_host) == []
    assert sorted(os.listdir(folder)) == before
    with open(plan_path(own_host), "rb") as file:
        assert file.read() == damage
    assert tear_down(own_host).returncode == 0, "nothing to do is no error"


def test_refused_beside_a_live_baypland_which_goes_on(own_host):
    own_host.start()
    network = Network(own_host, "net", 100, "172.20.0.0/24")
    network.run("web")
    before = leftovers(own_host)
    done = tear_down(own_host)
    assert done.returncode == 1 and "in use by process" in done.stdout, done.stdout
    # With another plan in the configuration the sockets tell.
    other = f"{own_host.state}/other.toml"
    with open(other, "w", encoding="utf-8") as file:
        file.write('[store]\nurl = "sqlite:/var/lib/other/plan.db"\n')
    done = tear_down(own_host, "--config", other)
    assert done.returncode == 1 and "is listening on" in done.stdout, done.stdout
    assert leftovers(own_host) == before
    network.run("db")
    assert network.ping("web", network.card("db").address)


def test_makes_nothing_where_no_baypland_ever_was(own_host):
    done = tear_down(own_host, "--config", "/dev/null")
    assert done.returncode == 0, done.stdout
    assert not os.path.exists(f"{own_host.state}/lib/bayplan")
    assert not os.path.exists(f"{own_host.state}/run/docker")
