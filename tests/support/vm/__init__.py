"""A virtual machine for what the lab can't act: another kernel, with 802.1Q and Open vSwitch's module, under systemd; and
reboots for real.

    with Machine(image(folder, programs), folder) as machine:
        machine.start()
        machine.run("docker ps")
        machine.power_cut()

The emulator and the kernel are Debian's packages, unpacked and not installed. The machine has no network device.
"""

from .image import image
from .machine import Machine

__all__ = ["Machine", "image"]
