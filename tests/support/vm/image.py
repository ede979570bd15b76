"""What a virtual machine starts from: the emulator, Debian's kernel, an initrd and a root disk. Made once and kept.

Everything is in one folder of the checkout (build/vm), each part under a key of what it is made from, so that another run
takes what is there. To have newer packages of Debian's, remove the folder.
"""

import fcntl
import glob
import hashlib
import os
import pathlib
import shutil
import subprocess
from typing import NamedTuple

from lab import LabError

from . import packages

_TOOLS = ("qemu-system-x86", "mmdebstrap", "linux-image-cloud-amd64")
_GUEST = pathlib.Path(__file__).with_name("guest")
# What a host with Docker has, and Open vSwitch; the rest is what the tests look with. Bayplan's libraries come on top.
_PACKAGES = ("systemd-sysv", "dbus", "udev", "kmod", "docker.io", "openvswitch-switch", "iproute2", "iptables", "nftables",
             "busybox-static", "iputils-ping", "procps", "python3", "ca-certificates")
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")
_SIZE = "3G"  # sparse
# In the order in which they need each other.
_DISK_MODULES = ("virtio/virtio_ring", "virtio/virtio", "virtio/virtio_pci_legacy_dev", "virtio/virtio_pci_modern_dev",
                 "virtio/virtio_pci", "block/virtio_blk")
_INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /dev /root
/bin/busybox mount -t devtmpfs none /dev
for module in {modules}; do /bin/busybox insmod /$module.ko; done
until /bin/busybox mount -t ext4 /dev/vda /root; do /bin/busybox usleep 20000; done
/bin/busybox cp -a /guest/. /root/
/bin/busybox umount /dev
exec /bin/busybox switch_root /root /sbin/init
"""
# The emulator has no AppArmor profile compiler in the guest, no console to log in on, and nobody waits for a network.
_PREPARE = """set -e
systemctl --quiet mask serial-getty@ttyS0.service serial-getty@ttyS1.service getty@tty1.service apt-daily.timer \
  apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer motd-news.timer
echo bayplan-vm > /etc/hostname
echo 127.0.0.1 localhost bayplan-vm > /etc/hosts
passwd -d root > /dev/null
rm -f /etc/machine-id && touch /etc/machine-id
"""


class Image(NamedTuple):
    """Paths. `tools` is the root of the unpacked packages."""

    tools: str
    kernel: str
    initrd: str
    disk: str


def image(folder, programs):
    """The image on which `programs` (Bayplan's and its tests') find their libraries, made if it is not there."""
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        tools = f"{folder}/tools-{_key(_TOOLS)}"
        packages.unpack(_TOOLS, tools)
        libraries = packages.owners(packages.libraries(programs))
        disk = f"{folder}/disk-{_key([*_PACKAGES, *_LEFT_OUT, _PREPARE, _SIZE, os.path.basename(tools), *libraries])}"
        if not os.path.exists(disk):
            _make_disk(disk, tools, [*_PACKAGES, *libraries])
            _remove_others(disk)
        initrd = f"{folder}/initrd-{_key([os.path.basename(tools), _INIT, *_DISK_MODULES, *_guest_texts()])}"
        if not os.path.exists(initrd):
            _make_initrd(initrd, tools)
    return Image(tools, glob.glob(f"{tools}/boot/vmlinuz-*")[0], initrd, disk)


def _key(words):
    return hashlib.sha256("\n".join([*words, _release()]).encode()).hexdigest()[:12]


def _guest_texts():
    return [path.name + path.read_text(encoding="utf-8") for path in sorted(_GUEST.iterdir()) if path.is_file()]


def _release():
    with open("/etc/os-release", encoding="utf-8") as file:
        found = dict(line.rstrip().replace('"', "").split("=", 1) for line in file if "=" in line)
    if (found["ID"], found.get("VERSION_CODENAME")) != ("debian", "bookworm"):
        raise LabError(f"the virtual machine is made from the packages of Debian 12, and this is {found.get('PRETTY_NAME')}: "
                       "run scripts/test --vm on Debian 12")
    return found["VERSION_CODENAME"]


def _make_disk(path, tools, names):
    print(f"Making the virtual machine's disk, {path} (a minute or two) ...", flush=True)
    root, parts = path + ".root", path + ".new"
    shutil.rmtree(root, ignore_errors=True)
    try:
        _bootstrap(root, tools, names)
        _add_kernel(root, tools)
        _call(["chroot", root, "sh", "-c", _PREPARE])
        _call(["mkfs.ext4", "-q", "-F", "-d", root, parts, _SIZE])
        os.rename(parts, path)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _remove_others(path):
    """Earlier ones, of other inputs. A machine that runs has a copy of its own."""
    for other in glob.glob(f"{path.rpartition('-')[0]}-*"):
        if other != path:
            os.unlink(other)


def _bootstrap(root, tools, names):
    sources = [path for path in ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list") if os.path.exists(path)]
    # In a mount namespace of its own: what it mounts in the root is gone with it, however it ends.
    _call(["unshare", "--mount", "perl", f"{tools}/usr/bin/mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={','.join(names)}",
           '--aptopt=Apt::Install-Recommends "false"', *(f"--dpkgopt=path-exclude={path}" for path in _LEFT_OUT),
           _release(), root, *sources[:1]], PATH=f"{tools}/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin")


def _add_kernel(root, tools):
    version = os.path.basename(glob.glob(f"{tools}/lib/modules/*")[0])
    shutil.copytree(f"{tools}/lib/modules/{version}", f"{root}/usr/lib/modules/{version}")
    _call(["depmod", "-b", root, version])


def _make_initrd(path, tools):
    """busybox, the modules of the disk, and what is added to the root file system (guest/) before it is gone on with."""
    root = path + ".root"
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(f"{root}/bin")
    shutil.copy(shutil.which("busybox", path="/bin:/usr/bin"), f"{root}/bin/busybox")
    for module in _DISK_MODULES:
        shutil.copy(glob.glob(f"{tools}/lib/modules/*/kernel/drivers/{module}.ko")[0], root)
    with open(f"{root}/init", "w", encoding="utf-8") as file:
        file.write(_INIT.format(modules=" ".join(map(os.path.basename, _DISK_MODULES))))
    os.chmod(file.name, 0o755)
    _add_guest(f"{root}/guest")
    _call(["sh", "-c", f"cd '{root}' && find . | busybox cpio -o -H newc > '{path}.new'"])
    shutil.rmtree(root)
    os.rename(path + ".new", path)


def _add_guest(root):
    units = f"{root}/etc/systemd/system"
    os.makedirs(f"{units}/sysinit.target.wants")
    os.makedirs(f"{root}/usr/lib/bayplan-vm")
    for file in _GUEST.iterdir():
        if file.suffix == ".service":
            shutil.copy(file, units)
            os.symlink(f"../{file.name}", f"{units}/sysinit.target.wants/{file.name}")
        elif file.suffix == ".py":
            shutil.copy(file, f"{root}/usr/lib/bayplan-vm")


def _call(argv, **environment):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "LC_ALL": "C", **environment}, check=False)
    if done.returncode != 0:
        raise LabError(f"the virtual machine's image can't be made: `{' '.join(argv[:3])} …` ended with status "
                       f"{done.returncode}: {done.stdout.strip()[-2000:]}")
