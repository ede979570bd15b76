"""A wire: a layer-2 segment between hosts, as a switch port of the real world would be for their uplinks."""

import itertools
import subprocess

from .failure import CommandFailed
from .host import Host


class Wire:
    """A bridge in a network namespace; every host plugged in gets an interface on it. No way out of it either."""

    def __init__(self):
        self._home = Host()
        self._ports = (f"p{number}" for number in itertools.count())
        self._run("ip", "link", "add", "br0", "type", "bridge")
        self._run("ip", "link", "set", "br0", "up")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def plug(self, host, interface="up0"):
        """Gives `host` the interface, up, with no address. It is gone when the host or the wire is."""
        port = next(self._ports)
        self._run("ip", "link", "add", port, "master", "br0", "type", "veth",
                  "peer", "name", interface, "netns", str(host.namespaces.init))
        self._run("ip", "link", "set", port, "up")
        host.run("ip", "link", "set", interface, "up")
        return interface

    def address(self, cidr):
        """An address for the wire's own end: a machine on the segment that is no lab host."""
        self._run("ip", "address", "add", cidr, "dev", "br0")

    def route(self, subnet, gateway):
        """The machine on the wire learns where a network is."""
        self._run("ip", "route", "add", subnet, "via", gateway)

    def ping(self, address):
        """True when `address` answers the machine on the wire."""
        return self._run("ping", "-c", "1", "-W", "1", address, check=False).returncode == 0

    def fetch(self, address, port):
        """The page that a web server answers to the machine on the wire; empty when there is none."""
        argv = ("busybox", "nc", "-w", "2", address, str(port))
        return self._run(*argv, check=False, stdin="GET / HTTP/1.0\r\n\r\n").stdout

    def close(self):
        self._home.close()

    def _run(self, *argv, check=True, stdin=""):
        # Only --net: /proc stays the real machine's, so that the PID of a host's process 1 means here what it means there.
        done = subprocess.run(self._home.namespaces.enter(argv, ("--net",)), input=stdin, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30, check=False)
        if check and done.returncode != 0:
            raise CommandFailed(argv, done.returncode, done.stdout)
        return done
