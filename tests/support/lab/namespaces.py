"""The namespaces of one host, kept by an init process."""

import ctypes
import os
import signal
import subprocess

from .failure import CommandFailed, LabError
from .processes import children_of, command_line, is_alive, pids, send_signal, start_time
from .wait import wait_for

# What the host's process 1 does. /run and /var/lib become the host's own, so that every program can use its default
# paths. Of the real machine's disk nothing can be changed: its root is read-only here, and what is written to /etc and
# /opt (dockerd and containerd do) lies over it in memory. The machine's own settings of Docker and Bayplan are hidden,
# and AppArmor: dockerd would load a profile into the real kernel. Sysctls that no namespace has to itself are read-only.
# An ignored SIGCHLD survives exec, and lets the kernel reap what is orphaned here: a zombie would count as alive.
_INIT = r"""
set -e
hostname "$1"
mount --bind "$2" "$2"
mount --bind "$2/run" /run
mount --bind "$2/lib" /var/lib
mount -t tmpfs -o mode=755 none "$2/over"
for folder in etc opt; do
  if [ -d "/$folder" ]; then
    mkdir "$2/over/$folder" "$2/over/$folder.work"
    mount -t overlay -o "lowerdir=/$folder,upperdir=$2/over/$folder,workdir=$2/over/$folder.work" none "/$folder"
  fi
done
for hidden in /etc/docker /etc/bayplan /sys/kernel/security; do
  if [ -d "$hidden" ]; then mount -t tmpfs none "$hidden"; fi
done
for shared in kernel fs vm; do
  mount --bind "/proc/sys/$shared" "/proc/sys/$shared"
  mount -o remount,bind,ro "/proc/sys/$shared"
done
mount -o remount,bind,ro /
ip link set lo up
: > "$2/run/.up"
exec env --ignore-signal=CHLD sleep infinity
"""
_PR_SET_PDEATHSIG = 1


class Namespaces:
    """Network, mount, PID and UTS namespaces; gone, with everything that runs in them, when `destroy` is called.

    With `keep` they outlive this Python process; otherwise the kernel ends them when it dies, however it dies.
    """

    def __init__(self, hostname, state, keep=False):
        self._hostname, self._state, self._keep = hostname, state, keep
        self._outer = None  # Popen of unshare(1), when this process started it
        self.pids = None  # [unshare, its start time, init]

    @property
    def init(self):
        """PID of the host's process 1, as the real machine numbers it."""
        if not self.pids or len(self.pids) < 3:
            raise LabError(f"host {self._hostname} is down")
        return self.pids[2]

    @property
    def alive(self):
        return bool(self.pids) and is_alive(self.pids[0], self.pids[1])

    def find(self):
        """Takes over the namespaces that another Python process made for the same state, if they are up: unshare(1)
        has the state's folder in its command line, whatever happened to who started it."""
        for pid in pids():
            argv = command_line(pid)
            if argv[:1] == ["unshare"] and argv[-2:] == [self._hostname, self._state]:
                self.pids = [pid, start_time(pid), *children_of(pid)[:1]]

    def create(self):
        argv = ["unshare", "--mount", "--net", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc",
                "/bin/sh", "-c", _INIT, "lab-init", self._hostname, self._state]
        log = open(os.path.join(self._state, "log", "init.log"), "ab")
        with log:
            self._outer = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                           start_new_session=True, preexec_fn=None if self._keep else _die_with_parent)
        outer = self._outer.pid
        self.pids = [outer, start_time(outer)]  # at once: whoever is interrupted from here on can destroy it
        marker = os.path.join(self._state, "run", ".up")
        wait_for(lambda: os.path.exists(marker) or self._outer.poll() is not None, "the host's namespaces")
        if self._outer.poll() is not None:
            with open(log.name, encoding="utf-8", errors="replace") as file:
                raise LabError(f"no namespaces for host {self._hostname}: {file.read().strip()}")
        self.pids.append(wait_for(lambda: children_of(outer), "the host's process 1")[0])

    def destroy(self):
        """Kills process 1: the kernel kills all others of the PID namespace before that call is over for us."""
        if not self.pids:
            self.find()
        if self.alive:
            outer, started, *init = self.pids
            send_signal(init[0] if init else outer)  # unshare takes its child with it (--kill-child)
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
