"""Runs in the virtual machine: does what the serial line says, one command after the other.

A request and an answer are a line of JSON each: {"id", "script", "stdin", "timeout"} and {"id", "status", "output"}, where
output is stdout and stderr as they came. Before the first request a line {"ready": <the kernel's boot id>} is said again
and again: nobody may write before it, because the line is not raw yet then.
"""

import json
import os
import select
import signal
import subprocess
import sys
import tty


def run(request):
    """Status 124 when the time is up, as timeout(1) has it."""
    process = subprocess.Popen(["/bin/sh", "-c", request["script"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True, cwd="/root")
    stdin = request.get("stdin", "").encode("utf-8", "surrogateescape")
    try:
        output, _ = process.communicate(stdin, request["timeout"])
        status = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        status = 124
    return {"id": request["id"], "status": status, "output": output.decode("utf-8", "replace")}


def main(path):
    os.environ.update(PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", HOME="/root", LANG="C.UTF-8")
    line = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(line)
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        ready = json.dumps({"ready": file.read().strip()}).encode() + b"\n"
    pending = b""
    while True:
        if not pending and not select.select([line], [], [], 0.5)[0]:
            write(line, ready)
            continue
        pending += os.read(line, 65536)
        *requests, pending = pending.split(b"\n")
        for request in requests:
            write(line, json.dumps(run(json.loads(request))).encode() + b"\n")


def write(line, data):
    while data:
        data = data[os.write(line, data):]


if __name__ == "__main__":
    main(sys.argv[1])
