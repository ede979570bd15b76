"""python3 -m demo: see scripts/demo, which is how it is called."""

import argparse
import contextlib
import fcntl
import os
import shutil
import signal
import sys

from lab import Host, LabError

from .networks import BayplanNetworks, DockerBridges, OvsNetworks
from .report import Report
from .story import Story

_FOLDER = os.environ.get("BAYPLAN_DEMO_FOLDER", "/run/bayplan-demo")  # another one: for tests beside a demo that is up
_SAVED = f"{_FOLDER}/host.json"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main():
    options = _parse()
    for number in _SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup and the like
            signal.signal(number, _interrupt)
    if options.action == "shell":
        return _shell()
    if options.down:
        return _down()
    if options.refuse_if_up:
        return _refuse_if_up()
    if options.check or options.with_docker_bridge:
        host = Host(binaries=None if options.with_docker_bridge else options.binaries)
        with _closing(host.close):
            networks = DockerBridges(host) if options.with_docker_bridge else _networks(host, options)
            return _tell(host, networks, options.chapters)
    return _tell_and_keep(options)


def _parse():
    parser = argparse.ArgumentParser(prog="scripts/demo")
    parser.add_argument("action", nargs="?", choices=["shell"], help="open a shell on the host that was left up")
    parser.add_argument("--binaries", default="", help=argparse.SUPPRESS)
    parser.add_argument("--chapters", type=int, help=argparse.SUPPRESS)  # only the first so many
    parser.add_argument("--refuse-if-up", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--datapath", choices=["bridge", "ovs"], default="bridge",
                        help="what carries the frames: a Linux bridge a network, or Open vSwitch")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--check", action="store_true", help="run and remove everything")
    group.add_argument("--down", action="store_true", help="remove the host that was left up")
    group.add_argument("--with-docker-bridge", action="store_true",
                       help="the same story with Docker's own bridge networks: it fails where they lose addresses")
    return parser.parse_args()


def _networks(host, options):
    """Bayplan's networks on the datapath that was asked for."""
    if options.datapath == "bridge":
        return BayplanNetworks(host)
    host.add_switch()
    return OvsNetworks(host)


def _interrupt(number, _frame):
    _ignore_signals()
    sys.exit(128 + number)  # as an exception, so that the host is removed on the way out


def _ignore_signals():
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def _closing(close):
    """Calls `close` in the end, and lets no second signal come between."""
    try:
        yield
    finally:
        _ignore_signals()
        close()


def _tell(host, networks, chapters=None):
    report = Report()
    report.say(f"A host of its own: {host.name}, in {host.state}")
    host.start()
    Story(host, networks, report).tell(chapters)
    report.summary()
    return 0 if report.failed == 0 and report.passed > 0 else 1


def _refuse_if_up():
    """So that nobody waits for a build only to hear this."""
    if not _kept_host():
        return 0
    print("The demo's host is up already. On it: scripts/demo shell. Remove it: scripts/demo --down", file=sys.stderr)
    return 1


def _tell_and_keep(options):
    with _only_one():
        if _refuse_if_up():
            return 1
        host = Host("bayplan-demo", options.binaries, keep=_SAVED)
        try:
            status = _tell(host, _networks(host, options), options.chapters)
        except BaseException:
            with _closing(lambda: _remove(host)):
                raise
    print("""
The host is still up. To look around on it:
  scripts/demo shell                      a shell there; then, for example:
    bayplan ls                            who has which address
    bayplan show test1
    docker run -d --name mine --network vlan100 bayplan/lab
    docker stop mine && docker start mine && bayplan ls
    bayplan run web bayplan/lab --vlan 100
  scripts/demo --down                     removes it and all it made""")
    return status


def _kept_host():
    """The host that was left up. One that died since (a real reboot, a kill) is removed, and None."""
    host = Host.load(_SAVED)
    if host and not host.namespaces.alive:
        _remove(host)
        return None
    return host


@contextlib.contextmanager
def _only_one():
    """Two demos at the same time: the second waits, and then finds the first one's host."""
    os.makedirs(_FOLDER, exist_ok=True)
    folder = os.open(_FOLDER, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _remove(host):
    host.close()
    shutil.rmtree(_FOLDER, ignore_errors=True)


def _shell():
    host = _kept_host()
    if not host:
        print("No demo host is up. Make one: scripts/demo", file=sys.stderr)
        return 1
    environment = {**host.environment, "PS1": "bayplan-demo# "}
    argv = host.namespaces.enter(["bash", "--norc", "-i"] if sys.stdin.isatty() else ["bash", "--norc"])
    os.chdir("/")
    os.execvpe(argv[0], argv, environment)
    return 1


def _down():
    host = _kept_host()
    if not host:
        print("No demo host is up.")
        return 0
    with _closing(lambda: _remove(host)):
        pass
    print("The demo's host and all it made are removed.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        print(f"demo: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
