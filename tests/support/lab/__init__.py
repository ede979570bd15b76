"""The lab: machines of their own on this machine, each with its own dockerd and its own baypland.

A `Host` is a set of namespaces (network, mount, process, name) under one init process. Inside it every program uses
its default paths, /run and /var/lib are the host's own, and there is no way out of its network. Nothing of the real
machine changes: no route, rule, interface, mount or running Docker. When the init process ends, everything that ran
on the host ends with it, which is also how a power cut is acted.

    with Host() as host:
        host.engine.start()
        host.docker("run", "-d", "--name", "web", IMAGE)

Needs root. Runs on Debian's /usr/bin/python3 with python3-docker.
"""

from .failure import CommandFailed, LabError
from .host import Host
from .image import IMAGE
from .machine import machine
from .network import Card, Miscounted, Network
from .wait import wait_for
from .wire import Wire

__all__ = ["Card", "CommandFailed", "Host", "IMAGE", "LabError", "Miscounted", "Network", "Wire", "machine",
           "wait_for"]
