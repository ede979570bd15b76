"""The two kinds of networks the story can be told with."""


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

    def check_not_pinned(self, story, names):
        pass

    def check_owed(self, story, names):
        pass

    def check_pinned(self, story, names):
        pass

    def restart_daemon_abruptly(self, report):
        report.say("(there is no baypland to kill here)")
