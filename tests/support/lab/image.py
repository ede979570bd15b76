"""The image of the lab's containers: Debian's busybox-static and its links, made here, from no registry."""

import io
import shutil
import subprocess
import tarfile

from .failure import LabError

IMAGE = "bayplan/lab"

# Process 1 of a container ignores SIGTERM unless it asks for it; then `docker stop` would take its full time-out.
_STAY = b"""#!/bin/sh
trap 'exit 0' TERM INT
while :; do sleep 3600 & wait $!; done
"""


def filesystem_tar():
    """The root file system as the bytes of a tar archive, as `docker import` takes it."""
    busybox = shutil.which("busybox")
    if not busybox:
        raise LabError("no busybox here: install busybox-static (scripts/deps does)")
    with open(busybox, "rb") as file:
        program = file.read()
    applets = subprocess.run([busybox, "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in ("bin", "dev", "etc", "proc", "sys", "tmp", "var", "www"):
            tar.addfile(_entry(folder, tarfile.DIRTYPE, 0o755))
        _add_file(tar, "bin/busybox", program, 0o755)
        _add_file(tar, "bin/stay", _STAY, 0o755)
        _add_file(tar, "etc/passwd", b"root:x:0:0:root:/:/bin/sh\n", 0o644)
        _add_file(tar, "etc/group", b"root:x:0:\n", 0o644)
        _add_file(tar, "www/index.html", b"hello from the lab\n", 0o644)
        for applet in applets:
            if applet != "busybox":
                link = _entry(f"bin/{applet}", tarfile.SYMTYPE, 0o777)
                link.linkname = "busybox"
                tar.addfile(link)
    return buffer.getvalue()


def _entry(name, kind, mode):
    info = tarfile.TarInfo(name)
    info.type, info.mode = kind, mode
    return info


def _add_file(tar, name, content, mode):
    info = _entry(name, tarfile.REGTYPE, mode)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))
