"""Real reboots: every container has its own address from its first packet, and nothing of a former life is left."""

import pytest
from lab import wait_for

KINDS = {"reboot": lambda machine: machine.reboot(), "crash": lambda machine: machine.crash(),
         "power cut": lambda machine: machine.power_cut()}


def assert_all_right(fleet, before):
    took = fleet.wait_all_back(before)
    assert fleet.wrong_frames(before) == []
    assert {name: (row["state"], row["address"].split("/")[0]) for name, row in fleet.plan().items()} == {
        name: ("attached", card.address) for name, card in before.items()}
    return took


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [3, 20])
def test_every_container_has_its_address_from_its_first_packet_and_nothing_is_dead(fleet, note, count, kind):
    if len(fleet.names) < count:
        fleet.add(count - len(fleet.names))
        fleet.wait_all_back(fleet.cards())
    before, around = fleet.cards(), fleet.settled_leftovers()
    assert len(before) == count
    KINDS[kind](fleet.machine)
    took = assert_all_right(fleet, before)
    note(f"{kind}, {count} containers: all back and heard outside {took:.0f} s after the kernel's start")
    assert fleet.settled_leftovers() == around


def test_containers_made_in_the_moments_before_a_power_cut(fleet, note):
    """What Docker itself lost, or had not started yet, is nobody's fault; an address that was given is kept."""
    machine, old = fleet.machine, fleet.cards()
    fleet.add(2)
    new = {name: row["address"] for name, row in fleet.plan().items() if name in fleet.names[-2:]}
    last = f"c{len(fleet.names)}"
    machine.power_cut(f"echo vm: {last} is being made > /dev/ttyS0; {fleet.command(last)}", marker=f"vm: {last} is being made")
    known = set(machine.run("docker ps -a --format '{{.Names}}'").stdout.split())
    note(f"made just before a power cut: Docker still knew {sorted(known - set(old))} of {sorted(new)} and {last}")
    fleet.names = sorted(known, key=lambda name: int(name[1:]))
    machine.run("docker start " + " ".join(known))  # some may only be "created"
    wait_for(lambda: set(fleet.cards()) == known, "all running", 240, 1)
    after = fleet.cards()
    fleet.wait_all_back(after)
    assert {name: card for name, card in after.items() if name in old} == old
    assert {name: f"{card.address}/24" for name, card in after.items() if name in new} == {
        name: address for name, address in new.items() if name in known}
    assert len({card.address for card in after.values()}) == len(after)
    assert fleet.wrong_frames(after) == []
    fleet.settled_leftovers()
