"""The namespaces of one host, kept by an init process."""

import ctypes
import os
import signal
import subprocess

from .failure import CommandFailed, LabError
from .processes import children_of, is_alive, send_signal, start_time
from .wait import wait_for

# What the host's process 1 does. /run and /var/lib become the host's own, so that every program can use its default
# paths. Docker's plugin folder in /etc and AppArmor are hidden: dockerd would load a profile into the real kernel.
# An ignored SIGCHLD survives exec, and lets the kernel reap what is orphaned here: a zombie would count as alive.
_INIT = r"""
set -e
hostname "$1"
mount --bind "$2/run" /run
mount --bind "$2/lib" /var/lib
for hidden in /etc/docker /etc/bayplan /sys/kernel/security; do
  if [ -d "$hidden" ]; then mount -t tmpfs none "$hidden"; fi
done
ip link set lo up
: > "$2/run/.up"
exec env --ignore-signal=CHLD sleep infinity
"""
_PR_SET_PDEATHSIG = 1


class Namespaces:
    """Network, mount, PID and UTS namespaces; gone, with everything that runs in them, when `destroy` is called.

    With `keep` they outlive this Python process; otherwise the kernel ends them when it dies, however it dies.
    """

    def __init__(self, hostname, state, keep=False, pids=None):
        self._hostname, self._state, self._keep = hostname, state, keep
        self._outer = None  # Popen of unshare(1), when this process started it
        self.pids = pids  # [unshare, its start time, init]

    @property
    def init(self):
        """PID of the host's process 1, as the real machine numbers it."""
        if not self.pids:
            raise LabError(f"host {self._hostname} is down")
        return self.pids[2]

    @property
    def alive(self):
        return bool(self.pids) and is_alive(self.pids[0], self.pids[1])

    def create(self):
        argv = ["unshare", "--mount", "--net", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc",
                "/bin/sh", "-c", _INIT, "lab-init", self._hostname, self._state]
        log = open(os.path.join(self._state, "log", "init.log"), "ab")
        with log:
            self._outer = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                           start_new_session=True, preexec_fn=None if self._keep else _die_with_parent)
        marker = os.path.join(self._state, "run", ".up")
        wait_for(lambda: os.path.exists(marker) or self._outer.poll() is not None, "the host's namespaces")
        if self._outer.poll() is not None:
            with open(log.name, encoding="utf-8", errors="replace") as file:
                raise LabError(f"no namespaces for host {self._hostname}: {file.read().strip()}")
        outer = self._outer.pid
        self.pids = [outer, start_time(outer), wait_for(lambda: children_of(outer), "the host's process 1")[0]]

    def destroy(self):
        """Kills process 1: the kernel kills all others of the PID namespace before that call is over for us."""
        if self.alive:
            outer, started, init = self.pids
            send_signal(init)
            if self._outer:
                self._outer.wait(30)
            wait_for(lambda: not is_alive(outer, started), f"the end of host {self._hostname}", 30)
        self.pids = None

    def enter(self, argv, namespaces=("--mount", "--root", "--net", "--pid", "--uts")):
        """The command line that runs `argv` on the host."""
        return ["nsenter", f"--target={self.init}", *namespaces, "--", *argv]

    def start(self, argv, **options):
        """Popen of `argv` on the host. Its PID is nsenter's: the program is the only child of that."""
        return subprocess.Popen(self.enter(argv), stdin=subprocess.DEVNULL, cwd="/", **options)

    def run(self, argv, check=True, timeout=120, env=None, stdin=None):
        """Runs `argv` on the host to its end; CompletedProcess with stdout and stderr in `stdout`."""
        done = subprocess.run(self.enter(argv), stdin=None if stdin is not None else subprocess.DEVNULL, input=stdin,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=timeout, env=env, cwd="/", check=False)
        if check and done.returncode != 0:
            raise CommandFailed(argv, done.returncode, done.stdout)
        return done


def _die_with_parent():
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
