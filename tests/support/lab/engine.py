"""dockerd on a host."""

import contextlib
import os
import shutil
import subprocess

import docker

from .failure import LabError
from .image import IMAGE, filesystem_tar
from .service import Service


class Engine(Service):
    """The host's dockerd, with the containerd that it starts itself."""

    name = "dockerd"

    def command(self):
        return [dockerd := self._program(), *_oom_options(dockerd), "--exec-opt", "native.cgroupdriver=cgroupfs",
                "--cgroup-parent", self.host.cgroup, *self.host.dockerd_options]

    def _program(self):
        path = self.host.environment["PATH"]
        found = shutil.which("dockerd", path=path)
        if not found:
            raise LabError(f"no dockerd here (scripts/deps installs docker.io, unless a Docker runs already): not in {path}")
        return found

    @property
    def says_who_asks(self):
        """Docker 29 and later name the container when they ask for an address: nothing is pinned, no start is owed."""
        version = self.host.client.version()["ApiVersion"]
        return tuple(map(int, version.split("."))) >= (1, 52)

    def ready(self):
        client = self.connect(timeout=5)
        try:
            return client.ping()
        finally:
            client.close()

    def connect(self, timeout=60):
        """A new Docker SDK client; the caller closes it."""
        return docker.DockerClient(base_url=f"unix://{self.host.state}/run/docker.sock", version="auto", timeout=timeout)

    def start(self, wait=True, deadline=60.0):
        # A pid file left by a killed dockerd stops the next one when its number is in use again.
        if not self.running and os.path.exists(f"{self.host.state}/run/docker.pid"):
            os.unlink(f"{self.host.state}/run/docker.pid")
        super().start(wait, deadline)
        if wait:
            self.load_image()

    def load_image(self):
        client = self.connect()
        try:
            if not client.images.list(IMAGE):
                client.api.import_image_from_data(filesystem_tar(), repository=IMAGE, tag="latest",
                                                  changes=['CMD ["/bin/stay"]'])
        finally:
            client.close()

    def power_cut(self):
        """dockerd, its containerd, the shims and all containers die at once; the kernel's side stays.

        `Host.power_cut` is the one that loses the kernel's side (interfaces, rules, mounts) as well.
        """
        others = (self.host.baypland, *(self.host.switch.services if self.host.switch else ()))
        self.host.kill_all(spare=[service.pids[0] for service in others if service.running])
        self.pids = None
        # The next dockerd would wait in vain for the containerd that the file names. The rest of /run/docker stays:
        # containerd cleans up by it what runc left.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self.host.state}/run/docker/containerd/containerd.pid")


def _oom_options(dockerd):
    """Without CAP_SYS_RESOURCE a lower oom score is refused, and up to Docker 24 dockerd's own was lower."""
    known = subprocess.run([dockerd, "--help"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return ["--oom-score-adjust", "0"] if "--oom-score-adjust" in known.stdout else []
