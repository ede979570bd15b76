"""Open vSwitch on a host: ovsdb-server and ovs-vswitchd, with the userspace datapath where the kernel has no other."""

import os
import socket

from .service import Service
from .wait import wait_for

_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
_RUN = "/run/openvswitch"


class Database(Service):
    """ovsdb-server; its file is on the host's disk, and so outlives a power cut."""

    name = "ovsdb-server"

    def command(self):
        # It makes its temporary file in /tmp, whatever TMPDIR says, and that is read-only here.
        return ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /tmp && exec "$@"', "sh",
                "ovsdb-server", "/var/lib/openvswitch/conf.db", f"--remote=punix:{_RUN}/db.sock",
                f"--unixctl={_RUN}/db.ctl", "--no-chdir", "-vconsole:info"]

    def ready(self):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(2)
            probe.connect(f"{self.host.state}/run/openvswitch/db.sock")
        return True

    def start(self, wait=True, deadline=30.0):
        for folder in ("run", "lib"):
            os.makedirs(f"{self.host.state}/{folder}/openvswitch", exist_ok=True)
        if not os.path.exists(f"{self.host.state}/lib/openvswitch/conf.db"):
            self.host.run("ovsdb-tool", "create", "/var/lib/openvswitch/conf.db", _SCHEMA)
        super().start(wait, deadline)


class Daemon(Service):
    """ovs-vswitchd; ready when it has carried out what the database wants."""

    name = "ovs-vswitchd"

    def command(self):
        return ["ovs-vswitchd", f"unix:{_RUN}/db.sock", f"--unixctl={_RUN}/sw.ctl", f"--pidfile={_RUN}/sw.pid",
                "--no-chdir", "-vconsole:info"]

    def ready(self):
        # ovs-vsctl without --no-wait waits for ovs-vswitchd itself.
        return self.host.run("ovs-vsctl", "--timeout=2", "init", check=False).returncode == 0


class Switch:
    """Both of them, for a host that has Open vSwitch."""

    def __init__(self, host):
        self.host = host
        self.database = Database(host)
        self.daemon = Daemon(host)

    @property
    def services(self):
        return (self.database, self.daemon)

    def start(self):
        self.database.start()
        self.daemon.start()

    def ctl(self, *args, check=True):
        return self.host.run("ovs-vsctl", "--timeout=20", *args, check=check).stdout

    def ports(self):
        """{port: tag} of all ports that Bayplan marked; an untagged one has "[]"."""
        listed = self.ctl("--format=csv", "--no-headings", "--columns=name,tag,external_ids", "list", "port")
        rows = [line.replace('"', "").split(",") for line in listed.splitlines() if "bayplan=" in line]
        return {row[0]: row[1] for row in rows}

    def wait_applied(self):
        wait_for(self.daemon.ready, "ovs-vswitchd has carried out what is asked of it", 20)
