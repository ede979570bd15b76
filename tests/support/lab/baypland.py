"""baypland on a host."""

import os
import socket

from .service import Service

DEFAULTS = {"repair": {"resync": "60s"}}


class Baypland(Service):
    """The host's baypland; ready when its control socket accepts and its plugin socket is there."""

    name = "baypland"

    def __init__(self, host, pids=None):
        super().__init__(host, pids)
        self.log_level = "debug"
        self.config = {section: dict(keys) for section, keys in DEFAULTS.items()}

    @property
    def config_path(self):
        return f"{self.host.state}/bayplan.toml"

    @property
    def socket_path(self):
        """The control socket, as this process (outside the host) can reach it."""
        return f"{self.host.state}/run/bayplan/bayplan.sock"

    def command(self):
        self.write_config()
        return [f"{self.host.state}/bin/baypland", "--config", self.config_path, "--log-level", self.log_level]

    def ready(self):
        if not os.path.exists(f"{self.host.state}/run/docker/plugins/bayplan.sock"):
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(2)
            probe.connect(self.socket_path)
        return True

    def start(self, wait=True, deadline=30.0):
        # What the systemd unit's StateDirectory= and RuntimeDirectory= do.
        for folder in ("lib/bayplan", "run/bayplan"):
            os.makedirs(f"{self.host.state}/{folder}", exist_ok=True)
        super().start(wait, deadline)

    def write_config(self):
        lines = []
        for section, keys in self.config.items():
            lines.append(f"[{section}]")
            for key, value in keys.items():
                lines.append(f"{key} = {value}" if isinstance(value, int) else f'{key} = "{value}"')
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def cpu_seconds(self):
        """How long it has kept a core busy so far."""
        with open(f"/proc/{self.pids[0]}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def sanitizer_reports(self):
        """What a sanitizer said in the log; empty when all is well."""
        marks = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:")
        return [line for line in self.log.splitlines() if any(mark in line for mark in marks)]
