"""The process that is the virtual machine's hardware."""

import ctypes
import os
import signal
import socket
import subprocess

from lab import LabError, wait_for

_PR_SET_PDEATHSIG = 1
_COMMAND_LINE = ("console=ttyS0 root=/dev/vda rw panic=-1 mitigations=off apparmor=0 random.trust_cpu=on "
                 "systemd.show_status=0 net.ifnames=0")


class Emulator:
    """One qemu. It has no network device. It dies with this Python process, however that ends.

    `folder` holds its sockets and what it said; `disk` is the machine's, `extra` a second one (a raw file) or None.
    """

    def __init__(self, image, folder, disk, extra=None):
        self._image, self._folder, self._disk, self._extra = image, folder, disk, extra
        self._process = None
        self.console_log = f"{folder}/console.log"

    @property
    def running(self):
        return self._process is not None and self._process.poll() is None

    def start(self):
        """The stream of the second serial line, open."""
        line = f"{self._folder}/agent.sock"
        if os.path.exists(line):
            os.unlink(line)
        with open(f"{self._folder}/emulator.log", "ab") as log:
            self._process = subprocess.Popen(self._command(line), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             env=self._environment(), start_new_session=True, preexec_fn=_die_with_parent)
        wait_for(lambda: os.path.exists(line) or not self.running, "the emulator's sockets")
        if not self.running:
            raise LabError(f"the emulator ended at once: {self._said()}")
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        wait_for(lambda: stream.connect(line) is None, "the emulator's serial line", 10)
        return stream

    def kill(self):
        """The power is cut. Safe to call twice."""
        if self._process:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def wait_end(self, deadline):
        """Waits until the machine has switched itself off."""
        self._process.wait(deadline)
        self._process = None

    def _said(self):
        with open(f"{self._folder}/emulator.log", encoding="utf-8", errors="replace") as file:
            return file.read().strip()[-1000:]

    def _environment(self):
        libraries = ":".join(f"{self._image.tools}{folder}" for folder in
                             ("/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu/pulseaudio"))
        return {**os.environ, "LD_LIBRARY_PATH": libraries}

    def _command(self, line):
        image = self._image
        disks = [self._disk, *([self._extra] if self._extra else [])]
        drives = [word for number, path in enumerate(disks) for word in
                  ("-drive", f"file={path},if=none,id=d{number},format=raw", "-device", f"virtio-blk-pci,drive=d{number}")]
        return ["nice", "-n", "15", f"{image.tools}/usr/bin/qemu-system-x86_64", "-L", f"{image.tools}/usr/share/qemu",
                "-L", f"{image.tools}/usr/share/seabios", "-L", f"{image.tools}/usr/lib/ipxe/qemu",
                "-machine", "q35", "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "qemu64,-svm", "-smp", "2", "-m", "1536", "-nodefaults", "-no-user-config",
                "-display", "none", "-vga", "none", "-nic", "none", "-kernel", image.kernel, "-initrd", image.initrd,
                "-append", _COMMAND_LINE, *drives, "-device", "virtio-rng-pci",
                "-chardev", f"file,id=console,path={self.console_log},append=on", "-serial", "chardev:console",
                "-serial", f"unix:{line},server=on,wait=off"]


def _die_with_parent():
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
