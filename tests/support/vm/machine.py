"""A virtual machine with Debian's kernel, systemd, Docker and Open vSwitch."""

import os
import shutil
import subprocess
import tarfile
import tempfile

from lab import CommandFailed, LabError, wait_for

from .console import Console
from .emulator import Emulator

# Times three of what software emulation took on two busy cores.
BOOT = 600.0


class Machine:
    """Made from an image; `folder` is where its state is, and everything there is gone after `close`.

    As a context manager it is closed on the way out, whatever the way; the emulator dies with this process at the latest.
    """

    def __init__(self, image, folder):
        os.makedirs(folder, exist_ok=True)
        self.state = tempfile.mkdtemp(prefix="machine-", dir=folder)
        with open(f"{self.state}/owner", "w", encoding="utf-8") as file:
            file.write(str(os.getpid()))
        self._disk = f"{self.state}/disk"
        self._extra = f"{self.state}/handed-in"
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", image.disk, self._disk], check=True)
        with open(self._extra, "wb") as file:
            file.truncate(64 << 20)
        self._emulator = Emulator(image, self.state, self._disk, self._extra)
        self._console = None
        self.boot_id = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._emulator.kill()
        if self._console:
            self._console.close()
        shutil.rmtree(self.state, ignore_errors=True)

    # --- what runs on it -------------------------------------------------------------------------------------------

    def run(self, script, check=True, timeout=180.0, stdin=""):
        """Runs a shell script to its end; a CompletedProcess whose `stdout` holds stderr too."""
        status, output = self._console.ask(script, timeout, stdin)
        if check and status != 0:
            raise CommandFailed([script], status, output)
        return subprocess.CompletedProcess([script], status, output)

    def hand_in(self, files, to="/"):
        """Unpacks {path there: path here} below `to`: over the second disk, as the line is slow."""
        with tarfile.open(self._extra, "w") as tar:
            for there, here in files.items():
                tar.add(here, there)
        size = os.path.getsize(self._extra)
        if size > 64 << 20:
            raise LabError("more than 64 MiB to hand in")
        os.truncate(self._extra, 64 << 20)
        self.run(f"mkdir -p {to} && blockdev --flushbufs /dev/vdb && tar -x -C {to} -f /dev/vdb")

    # --- its life --------------------------------------------------------------------------------------------------

    def start(self):
        """Switches it on, and waits until systemd has started everything."""
        self._console = Console(self._emulator.start())
        self.boot_id = self._console.wait_boot(BOOT)
        self.wait_started()

    def wait_started(self):
        """Every unit is up: Docker's `restart: always` containers, too, but for those that baypland owes."""
        done = self.run("systemctl is-system-running --wait", check=False, timeout=BOOT)
        if done.stdout.strip() != "running":
            raise LabError(f"systemd says {done.stdout.strip()}: {self.run('systemctl --failed --no-legend').stdout}")

    def reboot(self):
        """As an administrator does it."""
        self._again("systemctl reboot")

    def crash(self):
        """The kernel reboots in the middle of everything: nothing is written, nobody is told."""
        self._again("echo b > /proc/sysrq-trigger")

    def power_cut(self, script=None, marker=None):
        """The power goes, and comes back. With a script: in its middle, as soon as it has written `marker` to the console."""
        if script:
            self._console.tell(script)
            wait_for(lambda: marker in self.console_log, f"`{marker}` on the console", 120)
        self.cut()
        self.start()

    def cut(self):
        self._emulator.kill()
        self._console.close()

    def _again(self, script):
        self._console.tell(script)
        self.boot_id = self._console.wait_boot(BOOT, other_than=self.boot_id)
        self.wait_started()

    @property
    def console_log(self):
        """What the kernel said since the machine was made."""
        with open(self._emulator.console_log, encoding="utf-8", errors="replace") as file:
            return file.read()
