"""A Docker network of the driver bayplan, and the containers on it, for tests."""

from typing import NamedTuple

from .failure import CommandFailed, LabError
from .image import IMAGE
from .wait import wait_for


class Miscounted(LabError):
    """dockerd keeps a Docker network for endpoints that it does not have: its own mistake, see docs/docker.md."""


class Card(NamedTuple):
    """What a container must keep. Both empty: it is not connected now."""

    address: str
    mac: str


class Network:
    """Made with the docker CLI, as a user would. `vlan` may be None: then the Bayplan network is untagged and called
    as the Docker network is."""

    def __init__(self, host, name, vlan, subnet, *options):
        self.host, self.name, self.vlan, self.subnet = host, name, vlan, subnet
        self.bayplan_name = f"vlan{vlan}" if vlan else name
        self._options = options
        self.create()

    def create(self):
        tag = ("-o", f"vlan={self.vlan}" if self.vlan else f"network={self.name}")
        self.host.docker("network", "create", "-d", "bayplan", "--ipam-driver", "bayplan", "--subnet", self.subnet, *tag,
                         *self._options, self.name)

    def run(self, name, *options, command=(), check=True):
        """`docker run -d`; the CompletedProcess."""
        return self.host.docker("run", "-d", "--name", name, "--network", self.name, *options, IMAGE, *command, check=check)

    def run_many(self, names, *options):
        """`docker run -d` for all of them at the same instant; fails when one of them did."""
        self.at_once([("run", "-d", "--name", name, "--network", self.name, *options, IMAGE) for name in names])

    def at_once(self, commands):
        """Runs docker commands (without the word docker) side by side; returns when all are done."""
        running = [(args, self.host.spawn("docker", *args, stdout=-1, stderr=-2, text=True)) for args in commands]
        failures = []
        for args, process in running:
            output, _ = process.communicate(timeout=120)
            if process.returncode != 0:
                failures.append(f"docker {' '.join(args)}: {output.strip()}")
        if failures:
            raise LabError("\n".join(failures))

    def card(self, name):
        networks = self.host.client.api.inspect_container(name)["NetworkSettings"]["Networks"]
        end = networks.get(self.name) or {"IPAddress": "", "MacAddress": ""}
        return Card(end["IPAddress"], end["MacAddress"])

    def settled_card(self, name):
        return self.settled_cards([name])[name]

    def cards(self, names):
        return {name: self.card(name) for name in names}

    def settled_cards(self, names):
        """`cards` when all have the address that the plan has for them: before Docker 29 one that is pinned just while it
        starts is plugged in a moment later, and of several that start at the same instant one may have to be put right."""
        def settled():
            planned = {row["container"]: row["address"].split("/")[0] for row in self.plan().values()}
            cards = self.cards(names)
            return all(card.address and card.address == planned.get(name) for name, card in cards.items()) and cards

        return wait_for(settled, f"its own address for each of {', '.join(names)}", 5)

    def pinned(self, name):
        """The address that the container's settings ask Docker for on this network; empty when they ask for none."""
        end = self.host.client.api.inspect_container(name)["NetworkSettings"]["Networks"].get(self.name) or {}
        return (end.get("IPAMConfig") or {}).get("IPv4Address", "")

    def wait_pinned(self, names):
        """Waits until the containers, which are at rest, are pinned: nobody gets in the way of their start any more."""
        if not self.host.engine.says_who_asks:
            wait_for(lambda: all(self.pinned(name) for name in names), f"pinned: {', '.join(names)}", 10)

    def plan(self):
        """{identity: row of `bayplan ls`} of this network."""
        return {row["identity"]: row for row in self.host.bayplan_json("ls", "--network", self.bayplan_name)}

    def wait_running(self, names, deadline=60):
        wait_for(lambda: all(self.host.client.api.inspect_container(name)["State"]["Running"] for name in names),
                 f"running: {', '.join(names)}", deadline)

    def ping(self, name, target, count=1):
        """True when the container gets an answer from `target` (an address or a name), False when it waits for one in
        vain; an error when it could not even ask."""
        done = self.host.docker("exec", name, "ping", "-c", str(count), "-W", "1", target, check=False)
        if done.returncode != 0 and not (done.returncode == 1 and "0 packets received" in done.stdout):
            raise CommandFailed(done.args, done.returncode, done.stdout)
        return done.returncode == 0

    def containers(self):
        """Names of all containers that have this network, running or not."""
        return self.host.docker("ps", "-a", "--filter", f"network={self.name}", "--format", "{{.Names}}").stdout.split()

    def _is_miscounted(self, error):
        """dockerd 20.10 loses count of a network's endpoints when many containers stop and start at once, its own bridge
        networks' too (docs/docker.md): it lists none and speaks of active ones. Such a network stays until dockerd is
        started again."""
        inspected = self.host.client.api.inspect_network(self.name)
        return "has active endpoints" in str(error) and not inspected["Containers"]

    def remove(self):
        """Containers, Docker network, reservations and Bayplan network: nothing is left of it. Or Miscounted."""
        names = self.containers()
        if names:
            self.host.docker("rm", "-f", *names)
        if self.name in self.host.docker("network", "ls", "--format", "{{.Name}}").stdout.split():
            try:
                wait_for(lambda: self.host.docker("network", "rm", self.name), f"Docker removes {self.name}", 10)
            except LabError as error:
                if self._is_miscounted(error):
                    raise Miscounted(f"dockerd lost count of the endpoints of {self.name}: {error}") from error
                raise
        wait_for(lambda: all(row["state"] != "attached" for row in self.plan().values()),
                 f"nothing attached on {self.bayplan_name} any more", 10)
        for row in self.host.bayplan_json("ls", "--network", self.bayplan_name):
            self.host.bayplan("release", self.bayplan_name, row["identity"], check=False)
        self.host.bayplan("network", "rm", self.bayplan_name)
