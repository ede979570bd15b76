"""What `bayplan check` costs: bench/check_bench.py BINARIES [--quick]

The whole call of the command, against a store with 10 000 reservations and a Docker that lists as many containers (a stand-in
that answers with what was prepared, since no machine at hand runs ten thousand). And probes of 10 000 addresses, all silent and
all answered for. Everything runs in a network and mount namespace of its own, with no way out.

Prints one JSON object: medians in milliseconds, and the CPU time that baypland and the kernel took for a probe.
"""

import argparse
import http.server
import json
import os
import socketserver
import statistics
import subprocess
import sys
import tempfile
import threading
import time

NETWORKS, EACH = 40, 250
WIDE = "172.24.0.0/18"  # 10 000 addresses on one wire


def names():
    return [(f"net{n}", f"c{n}-{k}", f"172.20.{n}.{k + 2}") for n in range(NETWORKS) for k in range(EACH)]


def container(number, name):
    """As Docker 20.10 lists one that is at rest on its own bridge."""
    return {"Id": f"{number:064x}", "Names": [f"/{name}"], "Image": "debian", "ImageID": "sha256:" + "0" * 64,
            "Command": "sleep infinity", "Created": 1700000000, "Ports": [], "State": "exited",
            "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": name},
            "Status": "Exited (0) 3 days ago", "HostConfig": {"NetworkMode": "default"}, "Mounts": [],
            "NetworkSettings": {"Networks": {"bridge": {
                "IPAMConfig": None, "Links": None, "Aliases": None, "NetworkID": "b" * 64, "EndpointID": "",
                "Gateway": "", "IPAddress": "", "IPPrefixLen": 0, "IPv6Gateway": "", "GlobalIPv6Address": "",
                "GlobalIPv6PrefixLen": 0, "MacAddress": "", "DriverOpts": None}}}}


class Docker(socketserver.ThreadingUnixStreamServer):
    """Answers baypland's questions; its event stream stands and is silent."""

    daemon_threads = True

    def __init__(self, path, containers):
        self.answers = {"/version": {"ApiVersion": "1.52"}, "/networks": [], "/containers/json": containers}
        self.answers = {path: json.dumps(value).encode() for path, value in self.answers.items()}
        super().__init__(path, Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = "/" + self.path.split("?")[0].split("/", 2)[-1] if self.path.startswith("/v1") else self.path.split("?")[0]
        if path == "/events":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.flush()
            threading.Event().wait()
        body = self.server.answers.get(path)
        self.send_response(200 if body else 404)
        body = body or b'{"message":"not here"}'
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

    def address_string(self):
        return "unix"


class Daemon:
    def __init__(self, folder, binaries):
        self.binaries, self.socket = binaries, f"{folder}/api.sock"
        config = f"{folder}/bayplan.toml"
        with open(config, "w", encoding="utf-8") as file:
            file.write(f'[store]\nurl = "sqlite:{folder}/plan.db"\n[api]\nsocket = "{self.socket}"\n'
                       f'[docker]\nsocket = "{folder}/docker.sock"\nplugin_socket = "{folder}/plugin.sock"\n')
        self.log = open(f"{folder}/log", "w", encoding="utf-8")
        self.process = subprocess.Popen([f"{binaries}/baypland", "--config", config, "--log-level", "info"], stderr=self.log)
        deadline = time.monotonic() + 60
        while self.call("version", check=False).returncode != 0:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"baypland does not start: see {folder}/log")
            time.sleep(0.05)

    def call(self, *words, check=True, stdin=None):
        done = subprocess.run([f"{self.binaries}/bayplan", "--socket", self.socket, *words], text=True, input=stdin,
                              capture_output=True, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"bayplan {' '.join(words)}: {done.returncode} {done.stdout[:500]} {done.stderr}")
        return done

    def cpu(self):
        """Seconds of this process so far."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


def fill(daemon):
    for n in range(NETWORKS):
        daemon.call("network", "create", f"net{n}", "--subnet", f"172.20.{n}.0/24")
    lines = "\n".join(f"{network},{identity},{address}," for network, identity, address in names())
    daemon.call("import", "--from", "csv", "-", stdin=f"network,identity,address,mac\n{lines}\n")


def fill_wide(daemon):
    daemon.call("network", "create", "wide", "--subnet", WIDE)
    addresses = [f"172.24.{1 + k // 250}.{1 + k % 250}" for k in range(NETWORKS * EACH)]
    lines = "\n".join(f"wide,w{k},{address}," for k, address in enumerate(addresses))
    daemon.call("import", "--from", "csv", "-", stdin=f"network,identity,address,mac\n{lines}\n")
    # One namespace on the wire: so the network's device is made.
    subprocess.run(["ip", "netns", "add", "wire"], check=True)
    daemon.call("attach", "/run/netns/wire", "--network", "wide")


def timed(count, work):
    took = []
    for _ in range(count):
        start = time.monotonic()
        work()
        took.append((time.monotonic() - start) * 1000)
    return {"median": round(statistics.median(took)), "slowest": round(max(took)), "all": [round(ms, 1) for ms in took]}


def probe(daemon, *words):
    before = daemon.cpu()
    start = time.monotonic()
    done = daemon.call("-q", "check", "--network", "wide", "--probe", *words, check=False)
    seconds = time.monotonic() - start
    return {"seconds": round(seconds, 1), "daemon_cpu_seconds": round(daemon.cpu() - before, 2), "status": done.returncode,
            "findings": len(done.stdout.splitlines()), "said": done.stderr.strip()}


def measure(binaries, folder, quick):
    listed = Docker(f"{folder}/docker.sock", [container(k, name) for k, (_, name, _) in enumerate(names())])
    daemon = Daemon(folder, binaries)
    try:
        fill(daemon)
        first = daemon.call("check")
        results = {"reservations": NETWORKS * EACH, "docker_listing_bytes": len(listed.answers["/containers/json"]),
                   "said": first.stdout.strip(), "check_ms": timed(3 if quick else 15, lambda: daemon.call("check"))}
        fill_wide(daemon)
        if not quick:
            results["probe_arp_silent"] = probe(daemon, "arp")
            results["probe_tcp_silent"] = probe(daemon, "tcp:22")
        for third in range(1, NETWORKS + 1):  # all but the gateway's part: it answers for them all
            subprocess.run(["ip", "netns", "exec", "wire", "ip", "route", "add", "local", f"172.24.{third}.0/24", "dev", "lo"],
                           check=True)
        results["probe_arp_answered"] = probe(daemon, "arp")
        if not quick:
            results["probe_tcp_refused"] = probe(daemon, "tcp:22")
        return results
    finally:
        daemon.stop()
        subprocess.run(["ip", "netns", "delete", "wire"], check=False, capture_output=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binaries")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not args.inside:
        os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, *sys.argv, "--inside"])
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory(prefix="bp-check-") as folder:
        print(json.dumps(measure(os.path.abspath(args.binaries), folder, args.quick), indent=1))


if __name__ == "__main__":
    main()
