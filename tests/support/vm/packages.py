"""Debian's packages, fetched by apt and unpacked in a folder: nothing of this machine is installed or changed."""

import os
import re
import shutil
import subprocess

from lab import LabError

_APT = ("-o", "APT::Sandbox::User=root", "-o", "APT::Install-Recommends=false")


def unpack(names, folder):
    """Unpacks the packages, and those that they need and this machine lacks, into `folder`, which is then whole or not
    there. Raises LabError with apt's words when they can't be had."""
    if os.path.isdir(folder):
        return
    parts = folder + ".new"
    shutil.rmtree(parts, ignore_errors=True)
    os.makedirs(parts + "/archives")
    _run(["apt-get", *_APT, "download", "-q", *_missing(names)], cwd=parts + "/archives")
    for archive in sorted(os.listdir(parts + "/archives")):
        _run(["dpkg", "-x", f"archives/{archive}", "."], cwd=parts)
    shutil.rmtree(parts + "/archives")
    os.rename(parts, folder)


def owners(files):
    """The names of the installed packages that these files are from. By the last two parts of the path: of one that is in
    /usr/lib/x86_64-linux-gnu dpkg may know that it put it in /lib/x86_64-linux-gnu, which is the same folder."""
    ends = {"/".join(["*", *os.path.realpath(file).split("/")[-2:]]) for file in files}
    return sorted({line.split(":")[0] for line in _run(["dpkg-query", "-S", *sorted(ends)]).splitlines()})


def libraries(programs):
    """The shared libraries that the programs load here."""
    lines = "".join(_run(["ldd", program]) for program in programs)
    return sorted(set(re.findall(r"=> (/\S+)", lines)))


def _missing(names):
    """What `apt-get install` would fetch. One of `names` that is installed is fetched again all the same: it must be in
    the folder, and this machine's may be another's."""
    lists = ["apt-get", *_APT, "install", "-s", *names]
    try:
        said = _run(lists)
    except LabError:  # no package lists yet, or old ones
        _run(["apt-get", "update", "-qq"])
        said = _run(lists)
    return sorted({line.split()[1] for line in said.splitlines() if line.startswith("Inst ")} | set(names))


def _run(argv, cwd=None):
    done = subprocess.run(argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env={**os.environ, "LC_ALL": "C"}, check=False)
    if done.returncode != 0:
        raise LabError(f"the virtual machine's packages can't be had: `{' '.join(argv[:4])} …` said: {done.stderr.strip()[-800:]}")
    return done.stdout
