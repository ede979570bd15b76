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

    def restart_daemon_abruptly(self, report):
        report.say("(there is no baypland to kill here)")
