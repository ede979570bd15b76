"""scripts/demo as people call it: what it says, how it ends, and what it leaves."""

import glob
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest
from lab import machine, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Where Docker's own networks lose addresses, whatever the order in which it happens to start containers.
DOCKER_LOSES = ("All stopped", "A fifth container", "test2 is removed", "A compose project", "dockerd is stopped",
                "The engine dies", "Power cut", "Somebody wants")


@pytest.fixture
def demo(scratch, monkeypatch, binaries):
    """Starts the demo, beside one that may be up on this machine; nothing of it may be left when the test is over."""
    monkeypatch.setenv("BAYPLAN_DEMO_FOLDER", str(scratch / "demo"))
    monkeypatch.setenv("TMPDIR", str(scratch / "tmp"))
    (scratch / "tmp").mkdir()
    before, running = machine(), []

    def start(*words):
        running.append(Demo(binaries, words))
        return running[-1]

    yield start
    for process in running:
        process.kill()
    assert script("--down").returncode == 0
    assert os.listdir(scratch) == ["tmp"] and os.listdir(scratch / "tmp") == []
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and bytes(scratch) in command_line(pid)]
    for process in running:
        assert process.state and not glob.glob(f"/sys/fs/cgroup/*/{process.state}") + glob.glob(
            f"/sys/fs/cgroup/{process.state}")
    assert machine() == before


class Demo:
    """A running demo. `state` is the name of its host's folder and control group, as soon as it was said."""

    def __init__(self, binaries, words):
        self.process = subprocess.Popen([sys.executable, "-m", "demo", "--binaries", binaries, *words], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.said = ""

    @property
    def state(self):
        found = re.search(r"A host of its own: .*/(bayplan-lab-\S+)", self.said)
        return found and found.group(1)

    def read_to(self, words):
        """Reads what it says up to a line that has these words."""
        for line in self.process.stdout:
            self.said += line
            if words in line:
                return
        raise AssertionError(f"the demo ended without saying {words!r}: {self.said}")

    def end(self, deadline=60):
        """Its exit status."""
        rest, _ = self.process.communicate(timeout=deadline)
        self.said += rest
        return self.process.returncode

    def kill(self):
        self.process.kill()
        self.process.wait()


def script(*words, stdin=None):
    return subprocess.run([ROOT / "scripts" / "demo", *words], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, check=False)


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def test_with_dockers_own_networks_it_fails_where_docker_loses_addresses_and_is_told_to_its_end(demo):
    told = demo("--with-docker-bridge")
    assert told.end(300) == 1
    said = told.said
    chapters = {title: text for title, text in re.findall(r"^\d+\. (.*)\n((?:   .*\n)*)", said, re.MULTILINE)}
    for start in DOCKER_LOSES:
        (text,) = [text for title, text in chapters.items() if title.startswith(start)]
        assert "   FAIL  " in text, said
    assert "could be told to its end" not in said, said
    passed, failed = re.fullmatch(r"demo: (\d+) passed, (\d+) failed", said.splitlines()[-1]).groups()
    assert int(passed) == said.count("\n   ok    ") > 0 and int(failed) == said.count("\n   FAIL  ")


def test_on_open_vswitch_it_shows_the_ports_and_who_reaches_whom(demo):
    told = demo("--check", "--datapath", "ovs", "--chapters", "2")
    assert told.end(120) == 0, told.said
    assert "Port vlan100" in told.said and "tag: 300" in told.said, told.said
    assert "ok    two access ports with tag 100 and two with tag 300" in told.said
    assert "ok    test1 does not reach test3" in told.said and "ok    test4 does not reach test2" in told.said


def test_its_host_is_left_up_has_a_shell_is_alone_and_goes_with_down(demo):
    told = demo("--chapters", "1")
    assert told.end(120) == 0, told.said
    assert re.search(r"^demo: [1-9]\d* passed, 0 failed$", told.said, re.MULTILINE), told.said
    shell = script("shell", stdin="bayplan ls\ndocker ps --format '{{.Names}}'\n")
    assert shell.returncode == 0 and "172.16.1.2/24" in shell.stdout and "test4" in shell.stdout, shell.stdout
    second = script()
    assert second.returncode == 1 and "up already" in second.stdout and "Building" not in second.stdout, second.stdout
    down = script("--down")
    assert down.returncode == 0 and "removed" in down.stdout
    assert script("shell").returncode == 1
    assert script("--down").returncode == 0


@pytest.mark.parametrize("number, words", [(signal.SIGINT, ["--check"]), (signal.SIGTERM, ["--check"]),
                                           (signal.SIGTERM, []), (signal.SIGHUP, [])])
def test_signal_in_the_middle_leaves_nothing(demo, number, words):
    told = demo(*words)
    told.read_to("ok    four containers")
    def impatient():
        told.process.send_signal(number)
        return told.process.poll() is not None

    wait_for(impatient, "the end of the demo, told to end again and again", 60, 0.01)
    assert told.end() == 128 + number


def test_killed_in_the_middle_its_host_goes_with_down(demo):
    told = demo()
    told.read_to("docker run")
    told.kill()
    done = script("--down")
    assert done.returncode == 0 and "removed" in done.stdout


def test_words_it_does_not_know_are_refused_before_anything_is_built():
    for words in (["--typo"], ["--check", "--down"], ["shell", "please"]):
        done = script(*words)
        assert done.returncode == 2 and "--help" in done.stdout and "Building" not in done.stdout, done.stdout
