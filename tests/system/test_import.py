"""`bayplan import` from the old practice's etcd, the real one with its v2 API, to containers that keep their addresses."""

import json
import shutil

import pytest
from lab import IMAGE
from lab.service import Service

HOST = "/app/docker/10.10.17.3"
URL = "http://127.0.0.1:2379"
# The four containers of the old article, and where they were.
OLD = {"test1": (100, "172.16.1.2"), "test2": (100, "172.16.1.3"), "test3": (300, "172.16.2.2"), "test4": (300, "172.16.2.3")}
STATUS = {"test1": "running", "test2": "stopped", "test3": "deleted", "test4": "running"}
STATE = {"running": "held", "stopped": "held", "deleted": "removed"}
SUBNET = {100: "172.16.1", 300: "172.16.2"}


class Etcd(Service):
    """etcd on the lab host's loopback, with the v2 API that the old practice spoke."""

    name = "etcd"

    def command(self):
        peer = "http://127.0.0.1:2380"
        return ["etcd", "--enable-v2", "--data-dir", f"{self.host.state}/lib/etcd", "--listen-client-urls", URL,
                "--advertise-client-urls", URL, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", f"default={peer}"]

    def ready(self):
        return self.ctl("cluster-health", check=False).returncode == 0

    def ctl(self, *words, check=True):
        return self.host.run("env", "ETCDCTL_API=2", "etcdctl", "--endpoints", URL, *words, check=check)


def record(name, quote="'", prefix=""):
    """As the old script wrote it: a Python dictionary's text."""
    vlan, address = OLD[name]
    fields = {"Physics_ip": "10.10.17.3", "Container_name": name, "Container_ip": f"{address}/24", "Container_vlan": str(vlan),
              "Container_vlan_gateway": f"{SUBNET[vlan]}.1/24", "Container_create": "2015-03-02 14:59:59",
              "Container_status": STATUS[name]}
    text = [f"{prefix}{quote}{key}{quote}:{prefix}{quote}{value}{quote}" for key, value in fields.items()]
    return "{" + ",".join(text) + "}"


@pytest.fixture
def etcd(own_host):
    """The old practice's tree, on a host with baypland and dockerd."""
    if not shutil.which("etcd") or not shutil.which("etcdctl"):
        pytest.skip("no etcd: scripts/deps installs it")
    made = Etcd(own_host)
    made.start()
    own_host.start()
    made.ctl("set", "/app/docker/now_vlan_ip", "172.16.2.1/24")
    for vlan, subnet in SUBNET.items():
        made.ctl("set", f"{HOST}/vlan{vlan}/gateway", f"{subnet}.1/24")
        made.ctl("set", f"{HOST}/vlan{vlan}/nowip", f"{subnet}.3")
    for name, quote, prefix in (("test1", "'", ""), ("test2", '"', ""), ("test3", "'", "u"), ("test4", "'", "")):
        made.ctl("set", f"{HOST}/vlan{OLD[name][0]}/container/{name}", record(name, quote, prefix))
    yield made
    made.stop()


def plan(host):
    return {row["identity"]: row for row in host.bayplan_json("ls")}


def run_on_old_networks(host, vlans):
    """`docker run` of the containers {name: VLAN} in this order; {name: the address it got}."""
    for vlan, subnet in SUBNET.items():
        host.docker("network", "create", "-d", "bayplan", "--ipam-driver", "bayplan", "--subnet", f"{subnet}.0/24",
                    "-o", f"vlan={vlan}", f"old{vlan}")
    for name, vlan in vlans.items():
        host.docker("run", "-d", "--name", name, "--network", f"old{vlan}", IMAGE)
    return {name: host.client.api.inspect_container(name)["NetworkSettings"]["Networks"][f"old{vlan}"]["IPAddress"]
            for name, vlan in vlans.items()}


def test_the_old_containers_come_over_and_docker_run_gives_them_their_addresses(etcd):
    host = etcd.host
    dry = host.bayplan("import", "--from", "etcd-v2", "--dry-run", URL).stdout
    assert "172.16.2.3/24" in dry and "dry run" in dry and plan(host) == {}
    said = host.bayplan("import", "--from", "etcd-v2", URL).stdout
    assert "networks:     2 imported" in said and "reservations: 4 imported" in said
    rows = plan(host)
    assert {name: (row["vlan"], row["address"], row["state"]) for name, row in rows.items()} == {
        name: (vlan, f"{address}/24", STATE[STATUS[name]]) for name, (vlan, address) in OLD.items()}
    exported = host.bayplan("export").stdout
    assert "Nothing was changed" in host.bayplan("import", URL).stdout
    assert host.bayplan("export").stdout == exported

    # In another order than they were made, the stranger first: nobody takes anybody's address.
    for vlan, subnet in SUBNET.items():
        assert host.bayplan_json("network", "inspect", f"vlan{vlan}")["gateway"] == f"{subnet}.1"
    order = ["test4", "test2", "test3", "test1"]
    got = run_on_old_networks(host, {"stranger": 100} | {name: OLD[name][0] for name in order})
    assert {name: got[name] for name in OLD} == {name: address for name, (_, address) in OLD.items()}
    assert got["stranger"] not in [address for _, address in OLD.values()]
    assert all(plan(host)[name]["state"] == "attached" for name in OLD)
    # All the same once more, now that they run.
    assert "Nothing was changed" in host.bayplan("import", URL).stdout
    assert host.docker("exec", "test1", "ping", "-c", "1", "-W", "2", "172.16.1.3").returncode == 0


def test_a_dump_made_as_the_docs_say_is_the_same_import_and_broken_keys_are_named(etcd):
    host = etcd.host
    etcd.ctl("set", f"{HOST}/vlan100/container/bad", "{'Container_ip':")
    etcd.ctl("set", f"{HOST}/vlan100/container/twin", "{'Container_ip':'172.16.1.2/24'}")
    loop = ("export ETCDCTL_API=2; etcdctl --endpoints " + URL + " ls --recursive -p /app/docker | grep -v '/$' | "
            "while read -r key; do printf '%s\\t%s\\n' \"$key\" \"$(etcdctl --endpoints " + URL + " get \"$key\")\"; done")
    dump = host.run("sh", "-c", loop).stdout
    path = f"{host.state}/home/dump"
    with open(path, "w", encoding="utf-8") as file:
        file.write(dump)
    live = host.bayplan("-o", "json", "import", "--dry-run", URL, check=False)
    done = host.bayplan("import", path, check=False)
    assert done.returncode == 1
    assert f"{HOST}/vlan100/container/bad: it is no Python literal" in done.stdout
    assert f"{HOST}/vlan100/container/twin: 172.16.1.2 is held for 'test1' on vlan100" in done.stdout
    assert sorted(plan(host)) == sorted(OLD)
    report = json.loads(live.stdout[:live.stdout.rindex("}") + 1])
    assert (report["imported"], report["skipped"]) == (6, 2)


def test_an_etcd_without_the_v2_api_is_named_as_such(own_host):
    class New(Etcd):
        def command(self):
            return [word for word in super().command() if word != "--enable-v2"]

        def ready(self):
            return self.host.run("env", "ETCDCTL_API=3", "etcdctl", "--endpoints", URL, "endpoint", "health",
                                 check=False).returncode == 0

    if not shutil.which("etcd"):
        pytest.skip("no etcd: scripts/deps installs it")
    own_host.baypland.start()
    etcd = New(own_host)
    etcd.start()
    try:
        done = own_host.bayplan("import", URL, check=False)
        assert done.returncode == 1 and "--enable-v2" in done.stdout
    finally:
        etcd.stop()


def test_networks_that_were_made_first_stay_on_open_vswitch(etcd, own_host):
    own_host.add_switch().start()
    for vlan, subnet in SUBNET.items():
        own_host.bayplan("network", "create", f"vlan{vlan}", "--vlan", str(vlan), "--subnet", f"{subnet}.0/24", "--gateway",
                         f"{subnet}.1", "--datapath", "ovs")
    said = own_host.bayplan("import", URL).stdout
    assert "networks:     0 imported, 2 there already, 0 skipped" in said, said
    assert "reservations: 4 imported" in said, said
    own_host.docker("run", "-d", "--name", "test1", "--net=none", IMAGE)
    own_host.bayplan("attach", "test1", "--vlan", "100")
    assert plan(own_host)["test1"]["address"] == "172.16.1.2/24"
    assert own_host.switch.ctl("get", "port", "vlan100", "tag").strip() == "100"
