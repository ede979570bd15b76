"""Fixtures of the vm tier: one virtual machine for all tests, with Bayplan installed on it as README has it."""

import os
import pathlib
import shutil
import signal
import subprocess

import pytest
from fleet import Fleet, wipe
from lab import IMAGE
from lab.image import filesystem_tar
from vm import Machine, image

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "vm"
_notes = []
# What is shown with a failed test. Docker may be what hangs.
_EVIDENCE = {
    "baypland": "journalctl -b -u baypland --no-pager -o short-monotonic | tail -n 80",
    "docker": "journalctl -b -u docker --no-pager -o short-monotonic | tail -n 40",
    "what there is": "timeout 20 docker ps -a; timeout 20 bayplan ls; ip -o link; ovs-vsctl --timeout=20 show; nft list ruleset | head -n 150",
    "who waits": "ps -eo pid,stat,etimes,wchan:20,args | grep -v ']$'; systemctl list-jobs",
}


def pytest_configure():
    # So that a test run that is ended from outside still removes its machine.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)


def _end(number, _frame):
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt(f"signal {number}")  # no Exception, as pytest.exit's is: wait_for would take it for "not yet"


@pytest.fixture(scope="session")
def build():
    """The folder of the release build; scripts/test --vm gives it."""
    folder = pathlib.Path(os.environ.get("BAYPLAN_BUILD", ROOT / "build" / "release"))
    if os.geteuid() != 0 or not (folder / "bin" / "kernel_tests").exists():
        pytest.exit("the vm tier needs root and a release build: sudo scripts/test --vm", 1)
    return folder


@pytest.fixture(scope="session")
def bare(build):
    """A machine that runs, with Debian's Docker and Open vSwitch, and an image for containers: `bayplan/lab`, also called
    nginx, because that is what README starts."""
    _collect_left_behind()
    programs = [build / "bin" / name for name in ("baypland", "bayplan", "kernel_tests")]
    with Machine(image(str(FOLDER), programs), str(FOLDER)) as machine:
        machine.start()
        picture = pathlib.Path(machine.state) / "image.tar"
        picture.write_bytes(filesystem_tar())
        machine.hand_in({"root/image.tar": picture})
        machine.run(f"docker import -c 'CMD [\"/bin/stay\"]' /root/image.tar {IMAGE} && docker tag {IMAGE} nginx && sync")
        yield machine


@pytest.fixture(scope="session")
def machine(bare, build):
    """The same with Bayplan's files on it, put there by `cmake --install`; nothing is started."""
    into = pathlib.Path(bare.state) / "installed"
    subprocess.run(["cmake", "--install", build, "--strip"], env={**os.environ, "DESTDIR": str(into)}, check=True,
                   stdout=subprocess.DEVNULL)
    bare.hand_in({folder: into / folder for folder in os.listdir(into)})
    shutil.rmtree(into)
    return bare


@pytest.fixture(scope="session")
def running(machine):
    """The same with Bayplan running."""
    machine.run("systemctl daemon-reload && systemctl enable --now baypland docker")
    return machine


@pytest.fixture(scope="module")
def fleet(running):
    """Four networks, two VLANs on each uplink, and no container yet; all of it is gone after the file's tests."""
    yield Fleet(running)
    wipe(running)


@pytest.fixture
def note():
    """Says something in the run's last lines: a figure, for one."""
    return _notes.append


def pytest_terminal_summary(terminalreporter):
    for line in _notes:
        terminalreporter.write_line(f"note: {line}")


def _collect_left_behind():
    """Machines of runs that were killed: their emulators died with them."""
    for left in FOLDER.glob("machine-*"):
        owner = left / "owner"
        if not owner.exists() or not pathlib.Path(f"/proc/{owner.read_text()}").exists():
            shutil.rmtree(left, ignore_errors=True)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows with a failed test what there is, and keeps it in build/vm/failed.log, for who can't wait for the end."""
    outcome = yield
    report = outcome.get_result()
    machine = item.funcargs.get("bare")
    if not report.failed or machine is None:
        return
    report.sections += [(title, evidence(machine, script)) for title, script in _EVIDENCE.items()]
    with open(FOLDER / "failed.log", "a", encoding="utf-8") as log:
        log.write("\n".join([item.nodeid, str(report.longrepr), *(f"--- {title}\n{text}" for title, text in report.sections), ""]))


def evidence(machine, script):
    try:
        return machine.run(script, check=False, timeout=60).stdout
    except Exception as error:  # noqa: BLE001 - the machine may be what is broken
        return f"{error}\n{machine.console_log[-3000:]}"
