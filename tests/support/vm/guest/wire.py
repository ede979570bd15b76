"""Runs in the virtual machine: the wire that its uplinks are plugged into, and a witness who sees every frame on it.

    up0 ──── far0, a trunk ─┬─ VLAN 100: host h100, 172.16.1.250      (what the datapath bridge uses)
                            └─ VLAN 200: host h200, 172.16.2.250
    up1 ──── far1, a trunk ─┬─ VLAN 300: host h300, 172.16.3.250      (what the datapath ovs uses)
                            └─ VLAN 400: host h400, 172.16.4.250

Each host also has x.251 of the other VLAN's subnet on the same trunk: who reaches that has got into a VLAN that is not its
own. All of it is there, and watched, before baypland and dockerd start.

/run/bayplan-vm/frames.json has every kind of frame that came out of an uplink since boot, once:
[trunk, VLAN tag or 0, source MAC, "arp" or "ip", the sender's address, length of the ICMP echo's data or 0].
"""

import ctypes
import json
import os
import select
import signal
import socket
import struct
import subprocess

FRAMES = "/run/bayplan-vm/frames.json"
TRUNKS = {"far0": ("up0", {100: 1, 200: 2}), "far1": ("up1", {300: 3, 400: 4})}
_SOL_PACKET, _PACKET_AUXDATA, _ETH_P_ALL, _PACKET_OUTGOING = 263, 8, 0x0003, 4
_VLAN_VALID = 0x10  # TP_STATUS_VLAN_VALID of linux/if_packet.h


def ip(line):
    subprocess.run(["ip", *line.split()], check=True)


def make():
    ip("netns add far")
    for trunk, (uplink, vlans) in TRUNKS.items():
        ip(f"link add {uplink} type veth peer name {trunk} netns far")
        ip(f"link set {uplink} up")
        ip(f"-n far link set {trunk} up")
        for vlan in vlans:
            make_host(trunk, vlan, vlans)


def make_host(trunk, vlan, vlans):
    """Another machine of that VLAN."""
    ip(f"netns add h{vlan}")
    ip(f"-n far link add link {trunk} name {trunk}.{vlan} type vlan id {vlan}")
    ip(f"-n far link set {trunk}.{vlan} netns h{vlan}")
    for other, subnet in vlans.items():
        ip(f"-n h{vlan} address add 172.16.{subnet}.{250 if other == vlan else 251}/24 dev {trunk}.{vlan}")
    ip(f"-n h{vlan} link set {trunk}.{vlan} up")


def listen(trunk):
    """A socket that gets every frame which arrives at the trunk, tags told apart."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    sock.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    sock.bind((trunk, 0))
    return sock


def receive(trunk, sock):
    """The next frame as a line of frames.json, or None when it says nothing about addresses."""
    data, extra, _, address = sock.recvmsg(2048, 256)
    if address[2] == _PACKET_OUTGOING:
        return None
    tag = 0
    for level, kind, value in extra:
        if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA):
            status, _, _, _, _, tci, _ = struct.unpack("IIIHHHH", value[:20])
            tag = tci & 0xFFF if status & _VLAN_VALID else 0
    found = parse(data)
    return found and (trunk, tag, *found)


def parse(frame):
    mac, kind, payload = frame[6:12].hex(":"), frame[12:14], frame[14:]
    if kind == b"\x08\x06":
        return mac, "arp", socket.inet_ntoa(payload[14:18]), 0
    if kind == b"\x08\x00":
        header, echo = 4 * (payload[0] & 15), 0
        if payload[9] == socket.IPPROTO_ICMP and payload[header] == 8:
            echo = int.from_bytes(payload[2:4], "big") - header - 8
        return mac, "ip", socket.inet_ntoa(payload[12:16]), echo
    return None


def save(seen):
    with open(FRAMES + ".new", "w", encoding="utf-8") as file:
        json.dump(sorted(seen), file)
    os.rename(FRAMES + ".new", FRAMES)


def enter(namespace):
    with open(f"/run/netns/{namespace}", "rb") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")


def say_ready():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))


def main():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.makedirs(os.path.dirname(FRAMES), exist_ok=True)
    make()
    enter("far")
    sockets = {listen(trunk): trunk for trunk in TRUNKS}
    seen = set()
    save(seen)
    say_ready()
    while True:
        for sock in select.select(list(sockets), [], [])[0]:
            line = receive(sockets[sock], sock)
            if line and line not in seen:
                seen.add(line)
                save(seen)


if __name__ == "__main__":
    main()
