"""What scripts/bench runs: Bayplan beside what people use instead, in pairs, on hosts of the lab.

Every figure is a list of pairs that were measured in turn (ours, theirs, ours, theirs …); what counts is the ratio of the
medians. Nothing here fails because something was slow: the report says so.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time

from lab import IMAGE, Host, wait_for

import report

HERE = os.path.dirname(os.path.abspath(__file__))


class Bench:
    """Where the measurements go, and the hosts they are made on."""

    def __init__(self, binaries, quick):
        self.binaries, self.quick = binaries, quick
        self.figures = []

    def host(self, *, switch=False):
        made = Host(binaries=self.binaries)
        made.install(os.path.join(self.binaries, "attach_bench"))
        made.install(os.path.join(HERE, "peers", "pipework_steps"))
        made.baypland.log_level = "info"
        if switch:
            made.add_switch()
        return made

    def add(self, name, ours, theirs, peer, goal, unit):
        figure = report.figure(name, ours, theirs, peer, goal, unit)
        self.figures.append(figure)
        print(report.line(figure), flush=True)

    def few(self, full, quick):
        return quick if self.quick else full


def measured(host, *words):
    """What attach_bench says."""
    return json.loads(host.run("attach_bench", *words, timeout=600).stdout.splitlines()[-1])


def milliseconds(nanoseconds):
    return [value / 1e6 for value in nanoseconds]


def namespaces(host, verb, names):
    batch = "".join(f"netns {verb} {name}\n" for name in names)
    host.run("ip", "-batch", "-", stdin=batch, timeout=300)


def network(host, name, vlan, datapath="bridge", subnet="172.31.0.0/16"):
    host.bayplan("network", "create", name, "--vlan", str(vlan), "--subnet", subnet, "--datapath", datapath)


def attach_and_detach(bench):
    """A namespace, by the control API, against the kernel's own cost."""
    count = bench.few(100, 30)
    with bench.host() as host:
        host.start()
        network(host, "vlan100", 100)
        names = [f"{kind}-{n}" for kind in ("ours", "theirs") for n in range(count)]
        namespaces(host, "add", names)
        taken = measured(host, "direct", str(count))
        bench.add("attach to the bridge: what the kernel is asked to do", milliseconds(taken["ours"]),
                  milliseconds(taken["theirs"]), "bare netlink program", 1.5, "ms")
        namespaces(host, "del", names)
        namespaces(host, "add", names)
        taken = measured(host, "pairs", "/run/bayplan/bayplan.sock", "vlan100", str(count), "/var/lib/bayplan/bench")
        bench.add("attach a namespace: the whole call, stored", milliseconds(taken["ours"]),
                  milliseconds(taken["theirs"]), "bare netlink program and one fdatasync", None, "ms")
        bench.add("detach a namespace: the whole call, stored", milliseconds(taken["ours_detach"]),
                  milliseconds(taken["theirs_detach"]), "bare netlink program and one fdatasync", None, "ms")


def after_a_reboot(bench):
    """All that was attached, made again by a baypland that starts, against the kernel's own cost of as many."""
    count = bench.few(1000, 200)
    names = [f"fill-{n}" for n in range(count)]
    ours, theirs = [], []
    with bench.host() as host:
        host.baypland.start()
        network(host, "vlan100", 100)
        namespaces(host, "add", names)
        measured_nothing(host, "fill", "/run/bayplan/bayplan.sock", "vlan100", str(count))
        for _ in range(bench.few(5, 3)):
            host.baypland.kill()
            reboot(host, names)
            ours.append(time_to_all(host, count))
            host.baypland.kill()
            reboot(host, names)
            theirs.append(measured(host, "floor", str(count))["ns"] / 1e6)
    bench.add(f"{count} attachments after a reboot", ours, theirs, "bare netlink program", 1.5, "ms")


def measured_nothing(host, *words):
    host.run("attach_bench", *words, timeout=600)


def reboot(host, names):
    """The kernel's side is lost; namespaces of the same names are there again."""
    namespaces(host, "del", names)
    for link in ("bp-100", "floorbr"):
        host.run("ip", "link", "del", link, check=False)
    # Namespaces end some time after their names: their links are waited for.
    wait_for(lambda: "bp" not in host.run("ip", "-br", "link").stdout
             and "fl" not in host.run("ip", "-br", "link").stdout, "all links gone", 60)
    namespaces(host, "add", names)


def time_to_all(host, count):
    """From baypland's start until the last address is in place, in ms."""
    process = host.spawn("attach_bench", "await", str(count), stdout=subprocess.PIPE, text=True)
    process.stdout.readline()  # "listening"
    start = time.monotonic_ns()
    host.baypland.start(wait=False)
    output, _ = process.communicate(timeout=150)
    if process.returncode != 0:
        raise RuntimeError("not all addresses came back: " + host.baypland.log[-2000:])
    return (json.loads(output)["ns"] - start) / 1e6


def containers(host, names, *options):
    for name in names:
        host.docker("run", "-d", "--name", name, "--net=none", "--stop-timeout", "0", *options, IMAGE)


def against_commands(bench):
    """The command `bayplan attach CONTAINER` against ovs-docker, and against the steps of pipework."""
    count = bench.few(20, 6)
    with bench.host(switch=True) as host:
        host.start()
        network(host, "vlan100", 100)
        network(host, "vlan200", 200, "ovs", "172.29.0.0/16")
        names = [f"c{n}" for n in range(5 * count)]
        containers(host, names)
        host.run("ip", "link", "add", "peerbr", "type", "bridge")
        host.run("ip", "link", "set", "peerbr", "up")
        host.run("ovs-vsctl", "add-br", "peerovs", "--", "set", "bridge", "peerovs", "datapath_type=netdev")
        spent = {"ovs": [], "ovs-docker": [], "ovs pipework": [], "bridge": [], "pipework": []}
        for n in range(count):
            mine, its, mine_too, its_too, another = names[5 * n:5 * n + 5]
            spent["ovs"].append(measured(host, "time", "bayplan", "attach", mine, "--network", "vlan200")["ns"])
            spent["ovs-docker"].append(measured(host, "time", "ovs-docker", "add-port", "peerovs", "eth1", its,
                                                f"--ipaddress=172.28.0.{n + 2}/16")["ns"])
            spent["ovs pipework"].append(measured(host, "time", "pipework_steps", "peerovs", another,
                                                  f"172.26.0.{n + 2}/16", "172.26.0.1", "300")["ns"])
            spent["bridge"].append(measured(host, "time", "bayplan", "attach", mine_too, "--network", "vlan100")["ns"])
            spent["pipework"].append(measured(host, "time", "pipework_steps", "peerbr", its_too,
                                              f"172.27.0.{n + 2}/16", "172.27.0.1")["ns"])
        bench.add("bayplan attach CONTAINER (Open vSwitch)", milliseconds(spent["ovs"]),
                  milliseconds(spent["ovs-docker"]), "ovs-docker add-port", 0.2, "ms")
        bench.add("bayplan attach CONTAINER (Open vSwitch)", milliseconds(spent["ovs"]),
                  milliseconds(spent["ovs pipework"]), "pipework's steps on Open vSwitch", 0.01, "ms")
        bench.add("bayplan attach CONTAINER (bridge)", milliseconds(spent["bridge"]), milliseconds(spent["pipework"]),
                  "pipework's steps", 0.01, "ms")


def starts(bench):
    """From Docker's `start` event to the address in place, containers restarted one after another, then all at once."""
    count = bench.few(100, 20)
    with bench.host() as host:
        host.start()
        network(host, "vlan100", 100)
        names = [f"c{n}" for n in range(count)]
        containers(host, names)
        for name in names:
            host.bayplan("attach", name, "--network", "vlan100")
        owners = {row["address"].split("/")[0]: row["container"] for row in host.bayplan_json("ls")}
        for what, batches in (("one by one", [[name] for name in names]), ("all at once", [names])):
            lags = lags_of(host, owners, batches)
            goal = [10] * len(lags) if what == "one by one" else None
            bench.add(f"start event to address in place, {what} ({count} containers)", lags, goal, "10 ms" if goal else None,
                      1 if goal else None, "ms")


def lags_of(host, owners, batches):
    """Of each container's restart: ms from the event's own time to the kernel's word that the address is there."""
    started = {}
    events = host.client.events(decode=True, filters={"event": "start", "type": "container"})

    def follow():
        for event in events:
            started[event["Actor"]["Attributes"]["name"]] = event["timeNano"]

    threading.Thread(target=follow, daemon=True).start()
    listener = host.spawn("attach_bench", "starts", "600", stdout=subprocess.PIPE, text=True)
    listener.stdout.readline()  # "listening"
    lags = []
    for batch in batches:
        host.docker("stop", *batch)
        running = [host.spawn("docker", "start", name, stdout=subprocess.DEVNULL) for name in batch]
        there = {}
        while len(there) < len(batch):
            moment, address = listener.stdout.readline().split()
            if owners.get(address) in batch:
                there[owners[address]] = int(moment)
        for process in running:
            process.wait(timeout=60)
        wait_for(lambda: all(name in started for name in batch), "the events", 10)
        lags += [(there[name] - started.pop(name)) / 1e6 for name in batch]
    listener.kill()
    listener.wait()
    events.close()
    return lags


def idle(bench):
    """The daemon's CPU time while nothing happens."""
    count, seconds = bench.few(1000, 100), bench.few(60, 20)
    with bench.host() as host:
        host.start()
        network(host, "vlan100", 100)
        namespaces(host, "add", [f"fill-{n}" for n in range(count)])
        measured_nothing(host, "fill", "/run/bayplan/bayplan.sock", "vlan100", str(count))
        time.sleep(3)  # what the last attachment set off is over
        before = host.baypland.cpu_seconds()
        time.sleep(seconds)
        share = (host.baypland.cpu_seconds() - before) / seconds * 100
    bench.add(f"idle with {count} attachments", [share], None, None, None, "% of a core")


def check(bench):
    """`bayplan check` of 10 000 reservations that are right, and probes of as many addresses."""
    words = [sys.executable, os.path.join(HERE, "check_bench.py"), bench.binaries] + (["--quick"] if bench.quick else [])
    results = json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True, timeout=900).stdout)
    taken = results["check_ms"]["all"]
    bench.add(f"check of {results['reservations']} reservations", taken, [1000] * len(taken), "a second", 1, "ms")
    for name, what in (("probe_arp_silent", "ARP, nobody answers"), ("probe_arp_answered", "ARP, all answer"),
                       ("probe_tcp_silent", "TCP, nobody answers"), ("probe_tcp_refused", "TCP, all refuse")):
        if name in results:
            bench.add(f"probe of {results['reservations']} addresses by {what}", [results[name]["seconds"]], None, None, None,
                      "s")


PARTS = (attach_and_detach, after_a_reboot, against_commands, starts, idle, check)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    model = models[0] if models else "unknown"
    return f"{len(models)} × {model}, Linux {platform.release().split('-')[0]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", help="parts whose name has this in it")
    given = parser.parse_args()
    bench = Bench(given.binaries, given.quick)
    chosen = [part for part in PARTS if not given.only or given.only in part.__name__]
    if not chosen:
        sys.exit(f"there is no part '{given.only}': there are {', '.join(part.__name__ for part in PARTS)}")
    for part in chosen:
        part(bench)
    if not given.only:
        report.write(HERE, bench.figures, machine(), given.quick)


if __name__ == "__main__":
    main()
