"""Fixtures of the system tier: a host of the lab a test file, a network of its own a test."""

import itertools
import os
import pathlib
import signal
import tempfile

import pytest
from lab import Host, LabError, Miscounted, Network

_vlans = itertools.count(100)

# In these, many containers stop and start at once, and dockerd may lose count of them. Anywhere else it may not.
_MAY_MISCOUNT = ("test_many.py", "test_daemon.py")
_ALL_SKIPPED = 77  # ctest's SKIP_RETURN_CODE in tests/CMakeLists.txt
_miscounted = []


def pytest_configure():
    # So that a test run that is ended from outside still removes its hosts.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)


def _end(number, _frame):
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt(f"signal {number}")  # no Exception, as pytest.exit's is: wait_for would take it for "not yet"


@pytest.fixture
def scratch():
    """An empty folder, gone after the test. (pytest's own tmp_path stays, and is too long for unix sockets.)"""
    with tempfile.TemporaryDirectory(prefix="bp-") as folder:
        yield pathlib.Path(folder)


@pytest.fixture(scope="session")
def binaries():
    """The folder with baypland and bayplan; ctest gives it."""
    folder = os.environ.get("BAYPLAN_BINARIES", "")
    if os.geteuid() != 0:
        pytest.exit("system tests need root: they make network namespaces", 1)
    if not os.path.exists(os.path.join(folder, "baypland")):
        pytest.exit("BAYPLAN_BINARIES names no folder with baypland in it; run system tests through scripts/test", 1)
    return folder


@pytest.fixture(scope="module")
def host(binaries):
    """A host with baypland and dockerd running, shared by the tests of one file."""
    with Host(binaries=binaries) as made:
        made.start()
        yield made
        _assert_clean(made)


@pytest.fixture
def own_host(binaries):
    """A host for one test alone, with nothing running on it yet."""
    with Host(binaries=binaries) as made:
        yield made
        _assert_clean(made)


def pytest_terminal_summary(terminalreporter):
    for note in _miscounted:
        terminalreporter.write_line(f"note: {note}")


def pytest_sessionfinish(session, exitstatus):
    """A file whose tests were all skipped did not run: ctest is told so."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    ran = any(reporter.stats.get(kind) for kind in ("passed", "failed", "error"))
    if exitstatus == pytest.ExitCode.OK and not ran:
        session.exitstatus = _ALL_SKIPPED


@pytest.fixture
def make_network(host, request):
    """Makes networks with a VLAN and a subnet of their own, and removes them after the test."""
    made = []

    def make(*options, prefix=24):
        vlan = next(_vlans)
        made.append(Network(host, f"net{vlan}", vlan, f"172.20.{vlan - 100}.0/{prefix}", *options))
        return made[-1]

    yield make
    if not host.baypland.running:
        host.baypland.start()
    for network in made:
        try:
            network.remove()
        except Miscounted as mistake:
            if request.path.name not in _MAY_MISCOUNT:
                raise
            _miscounted.append(f"{request.node.nodeid}: {mistake}")


@pytest.fixture
def network(make_network):
    return make_network()


def _assert_clean(host):
    host.baypland.stop()
    reports = host.baypland.sanitizer_reports
    if reports:
        raise LabError("a sanitizer spoke:\n" + "\n".join(reports) + "\n" + host.baypland.log[-6000:])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the end of baypland's log with a failed test."""
    outcome = yield
    report = outcome.get_result()
    host = item.funcargs.get("host") or item.funcargs.get("own_host")
    if report.failed and host is not None:
        report.sections.append(("baypland", host.baypland.log[-4000:]))
