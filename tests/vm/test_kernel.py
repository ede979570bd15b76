"""The kernel tier on Debian's own kernel: it has what the developers' machines may lack (802.1Q, Open vSwitch's module)."""

import re
import subprocess


def test_every_test_of_the_kernel_tier_runs_and_passes(running, build, note, tmp_path_factory):
    program = tmp_path_factory.mktemp("vm") / "kernel_tests"
    subprocess.run(["strip", "-o", program, build / "bin" / "kernel_tests"], check=True)
    running.hand_in({"root/kernel_tests": program})
    done = running.run("/root/kernel_tests --gtest_brief=1 2>&1", check=False, timeout=900)
    said = done.stdout
    (build.parent / "vm" / "kernel_tests.log").write_text(said, encoding="utf-8")
    ran = re.search(r"\[==========\] (\d+) tests from", said)
    note(f"kernel tier on {running.run('uname -r').stdout.strip()}: {said.strip().splitlines()[-1]}")
    assert done.returncode == 0 and "[  FAILED  ]" not in said, said[-6000:]
    assert "SKIPPED" not in said, said
    assert ran and int(ran[1]) > 20, said


def test_the_switch_uses_the_kernels_module(fleet):
    machine = fleet.machine
    fleet.add(2)
    assert machine.run("ovs-vsctl get bridge ovs2 datapath_type").stdout.strip() in ("system", '""')
    assert "system@ovs-system" in machine.run("ovs-appctl dpif/show").stdout
    assert machine.run("ip -d -o link show dev up0.100").stdout.count("802.1Q id 100") == 1
