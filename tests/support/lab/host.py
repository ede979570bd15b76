"""One machine of the lab."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import tempfile

from . import cgroups
from .baypland import Baypland
from .engine import Engine
from .failure import LabError
from .namespaces import Namespaces
from .switch import Switch

_PREFIX = "bayplan-lab-"
_FOLDERS = ("run", "lib", "log", "bin", "home", "over")

# dockerd loads br_netfilter where it is missing; from then on the frames of the real machine's own bridges would go
# through its iptables rules. The lab does without it. Everything else goes to the real modprobe.
_MODPROBE = """#!/bin/sh
echo "modprobe $*" >> "{state}/log/modprobe.log"
for word; do
  shift
  [ "$word" = br_netfilter ] || set -- "$@" "$word"
done
PATH=${{PATH#{state}/bin:}}
command -v modprobe > /dev/null || exit 1
exec modprobe "$@"
"""


class Host:
    """Namespaces, a dockerd and a baypland, with all their state in one temporary folder.

    `binaries` is the folder with baypland and bayplan (they are copied); without it the host has only Docker.
    With `keep`, a file's path, the host outlives this process: the file says what `load` needs to find it again. It is
    written before anything of the host is up, so that no interruption leaves one that can't be found.
    As a context manager it is closed on the way out, whatever the way. A host whose owner was killed before it could
    close is removed when the next one is made.
    """

    def __init__(self, name=None, binaries=None, keep=None, dockerd_options=(), _state=None):
        _collect_left_behind()
        self.state = _state or make_state(bool(keep))
        self.name = name or "lab-" + re.sub("[^a-z0-9]", "x", os.path.basename(self.state)[len(_PREFIX):].lower())
        self.cgroup = "/" + os.path.basename(self.state)
        self.dockerd_options = list(dockerd_options)
        self._lock = None if keep else _lock(self.state)
        self.namespaces = Namespaces(self.name, self.state, bool(keep))
        self.engine = Engine(self)
        self.baypland = Baypland(self)
        self.switch = None  # Open vSwitch, on a host that has it: add_switch
        self._client = None
        if _state:
            self.namespaces.find()
        else:
            self._make(binaries, keep)

    def _make(self, binaries, keep):
        try:
            if keep:
                self._save(keep)
            for program in ("baypland", "bayplan") if binaries else ():
                self.install(os.path.join(binaries, program))
            self._write_modprobe()
            self.namespaces.create()
        except BaseException:
            self.close()
            raise

    def _write_modprobe(self):
        path = f"{self.state}/bin/modprobe"
        with open(path, "w", encoding="utf-8") as file:
            file.write(_MODPROBE.format(state=self.state))
        os.chmod(path, 0o755)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- what runs on it -------------------------------------------------------------------------------------------

    @property
    def environment(self):
        """The environment of every program on the host: its own tools first, and nothing of the caller's Docker."""
        path = f"{self.state}/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
        kept = {key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")}
        return {"PATH": path, "HOME": f"{self.state}/home", "TMPDIR": f"{self.state}/home",
                "TERM": os.environ.get("TERM", "dumb"), "LANG": "C.UTF-8",
                **kept}

    def install(self, program):
        """Copies a program of the real machine to where the host finds it, wherever it was."""
        shutil.copy2(program, f"{self.state}/bin/")

    def run(self, *argv, check=True, timeout=120, stdin=None):
        """Runs a program on the host to its end; a CompletedProcess whose `stdout` holds stderr too."""
        return self.namespaces.run(argv, check, timeout, self.environment, stdin)

    def docker(self, *args, check=True, timeout=120):
        """The docker CLI: Debian's where there is one."""
        return self.run("docker", *args, check=check, timeout=timeout)

    def bayplan(self, *args, check=True, timeout=60):
        """The bayplan CLI."""
        return self.run("bayplan", *args, check=check, timeout=timeout)

    def bayplan_json(self, *args):
        return json.loads(self.bayplan("-o", "json", *args).stdout)

    def spawn(self, *argv, **options):
        """Popen of a program on the host; the caller ends it."""
        return self.namespaces.start(argv, env=self.environment, **options)

    def fetch(self, address, port):
        """The page that a web server answers to this host; empty when there is none. (busybox's static wget crashes.)"""
        done = self.run("busybox", "nc", "-w", "2", address, str(port), check=False, stdin="GET / HTTP/1.0\r\n\r\n")
        return done.stdout if done.returncode == 0 else ""

    def kill(self, *pids):
        """kill -9 of processes by the numbers that the host (its Docker, for one) knows them by."""
        self.run("sh", "-c", 'kill -9 "$@"', "sh", *map(str, pids))

    @property
    def client(self):
        """A Docker SDK client of this host's dockerd, the same one until the host loses its power."""
        if self._client is None:
            self._client = self.engine.connect()
        return self._client

    # --- its life --------------------------------------------------------------------------------------------------

    def add_switch(self):
        """Makes it a host with Open vSwitch, which starts before everything else."""
        self.switch = Switch(self)
        return self.switch

    def start(self):
        """Open vSwitch and baypland (where the host has them), then dockerd: the order of a boot."""
        if self.switch:
            self.switch.start()
        if os.path.exists(f"{self.state}/bin/baypland"):
            self.baypland.start()
        self.engine.start()

    def power_cut(self):
        """Everything dies at once, and the kernel's side and /run are lost; disks stay. Then the host is up, bare.

        What it writes after the cut begins with `start`. Interfaces of a Wire are gone: plug it in again.
        """
        self._forget_client()
        self.namespaces.destroy()
        for service in (self.engine, self.baypland, *(self.switch.services if self.switch else ())):
            service.pids = None
        cgroups.remove(self.cgroup)
        shutil.rmtree(f"{self.state}/run")
        os.mkdir(f"{self.state}/run")
        self.namespaces.create()

    def kill_all(self, spare=()):
        """kill -9 of every process on the host but its process 1 and those in `spare` (PIDs of the real machine)."""
        kept = " ".join(["1", *(_inner_pid(pid) for pid in spare)])
        script = (f'kept=" {kept} $$ "; for p in /proc/[0-9]*; do p=${{p#/proc/}}; '
                  'case "$kept" in *" $p "*) ;; *) kill -9 $p 2>/dev/null && found=1 ;; esac; done; test -z "$found"')
        for _ in range(50):  # what was forked while we looked is seen the next time
            if self.run("sh", "-c", script, check=False).returncode == 0:
                return
        raise LabError(f"processes on host {self.name} do not die")

    def close(self):
        """Ends everything on the host and removes its state. Safe to call twice."""
        self._forget_client()
        self.namespaces.destroy()
        cgroups.remove(self.cgroup)
        shutil.rmtree(self.state, ignore_errors=True)
        if self._lock:
            self._lock.close()
            self._lock = None

    def _forget_client(self):
        if self._client:
            self._client.close()
            self._client = None

    # --- finding it again ------------------------------------------------------------------------------------------

    def _save(self, path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump({"name": self.name, "state": self.state, "options": self.dockerd_options}, file)
        os.rename(path + ".new", path)  # a file that is there is whole

    @classmethod
    def load(cls, path):
        """The kept host that was saved there, up or not, or None. Its services can't be told from here if they run."""
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8") as file:
            saved = json.load(file)
        return cls(saved["name"], keep=path, dockerd_options=saved["options"], _state=saved["state"])


def make_state(keep=False):
    """A new folder for the state of a host or a wire, with its subfolders."""
    state = tempfile.mkdtemp(prefix=_PREFIX + ("kept-" if keep else ""))
    if os.path.realpath(state).startswith(("/run/", "/var/lib/", "/etc/", "/opt/")):
        os.rmdir(state)
        raise LabError(f"the lab hides /run, /var/lib, /etc and /opt: TMPDIR={tempfile.gettempdir()} can't be there; "
                       "unset TMPDIR")
    os.chmod(state, 0o755)
    for folder in _FOLDERS:
        os.mkdir(f"{state}/{folder}")
    return state


def _lock(state):
    """An open, locked file: free again when this process ends, however it ends."""
    file = open(f"{state}/owner.new", "w", encoding="utf-8")
    fcntl.flock(file, fcntl.LOCK_EX)
    os.rename(file.name, f"{state}/owner")  # never there unlocked: another process would take it for left behind
    return file


def _collect_left_behind():
    """Removes hosts whose owner was killed: their processes are dead already (PR_SET_PDEATHSIG).

    One that can't be removed now, or that another process of ours is just removing, does not keep a new host from being
    made: the next one tries again.
    """
    folder = tempfile.gettempdir()
    for entry in os.listdir(folder):
        if entry.startswith(_PREFIX):
            with contextlib.suppress(OSError, LabError):
                _collect(os.path.join(folder, entry))


def _collect(state):
    with open(f"{state}/owner", encoding="utf-8") as file:  # a kept host has none
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        cgroups.remove("/" + os.path.basename(state), 2)
        shutil.rmtree(state, ignore_errors=True)


def _inner_pid(pid):
    """The number that a process has inside its own PID namespace."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(line.split()[-1] for line in status if line.startswith("NSpid:"))
