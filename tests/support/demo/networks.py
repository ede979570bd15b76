"""The kinds of networks the story can be told with."""


class BayplanNetworks:
    """Bayplan's, made the way any user of Docker makes a network."""

    intro = "Docker networks of the driver bayplan: a VLAN each"

    def __init__(self, host):
        self._host = host

    def create_command(self, name, vlan, subnet):
        return ("network", "create", "-d", "bayplan", "--ipam-driver", "bayplan", "--subnet", subnet,
                "-o", f"vlan={vlan}", name)

    def plan(self):
        """The command that shows who has which address, and what it says."""
        return ("bayplan", "ls"), self._host.bayplan("ls").stdout

    def proof(self, story):
        pass

    def check_not_pinned(self, story, names):
        """So that what follows shows what baypland does, not what Docker has noted: nothing asks for these addresses."""
        pinned = [name for name in names if story.pinned(name)]
        story.report.check("Docker itself has none of these addresses noted (IPAMConfig)", not pinned, ", ".join(pinned))

    def check_owed(self, story, names):
        """Before Docker 29: nobody could tell whose starts they were; they were refused, and then done by baypland."""
        if self._host.engine.says_who_asks:
            story.report.say("(this Docker says who asks: no start had to be refused)")
            return
        log = self._host.baypland.log
        without = [name for name in names if f"owed_start_done container={name}\n" not in log]
        story.report.check("baypland started them itself, when Docker answered again (owed_start_done)", not without,
                           f"not {', '.join(without)}")

    def check_pinned(self, story, names):
        if self._host.engine.says_who_asks:
            story.report.say("(this Docker says who asks: nothing is pinned)")
            return
        unpinned = [name for name in names if story.pinned(name) != story.cards[name][0]]
        story.report.check("and from now on Docker asks for their addresses itself (IPAMConfig)", not unpinned,
                           f"not for those of {', '.join(unpinned)}")

    def restart_daemon_abruptly(self, report):
        report.command("kill -9", str(self._host.baypland.pids[0]), "   # baypland")
        self._host.baypland.kill()
        report.command("baypland &")
        self._host.baypland.start()


class OvsNetworks(BayplanNetworks):
    """Bayplan's on Open vSwitch: access ports of one bridge."""

    intro = "Docker networks of the driver bayplan on Open vSwitch: a VLAN each, all on one bridge"

    def create_command(self, name, vlan, subnet):
        *words, last = super().create_command(name, vlan, subnet)
        return (*words, "-o", "datapath=ovs", last)

    def proof(self, story):
        """What carries the frames, as Open vSwitch itself says it."""
        story.report.command("ovs-vsctl show")
        story.report.table(self._host.switch.ctl("show"))
        ports = self._host.switch.ports()
        tags = sorted(tag for name, tag in ports.items() if name.startswith("bp"))
        story.report.check("two access ports with tag 100 and two with tag 300", tags == ["100", "100", "300", "300"],
                           " ".join(tags))
        story.report.check("the gateways are the internal ports vlan100 and vlan300",
                           (ports.get("vlan100"), ports.get("vlan300")) == ("100", "300"), str(ports))


class DockerBridges:
    """Docker's own user-defined bridge networks: what a host without Bayplan has."""

    intro = "Docker's own user-defined bridge networks, without Bayplan"

    def __init__(self, host):
        self._host = host

    def create_command(self, name, vlan, subnet):
        return ("network", "create", "--subnet", subnet, name)

    def plan(self):
        names = self._host.docker("network", "ls", "--filter", "type=custom", "--format", "{{.Name}}").stdout.split()
        rows = "{{range .Containers}}{{$.Name}}  {{.Name}}  {{.IPv4Address}}  {{.MacAddress}}{{println}}{{end}}"
        return ("docker", "network", "inspect", *names), self._host.docker("network", "inspect", "-f", rows, *names).stdout

    def proof(self, story):
        pass

    def check_not_pinned(self, story, names):
        pass

    def check_owed(self, story, names):
        pass

    def check_pinned(self, story, names):
        pass

    def restart_daemon_abruptly(self, report):
        report.say("(there is no baypland to kill here)")
