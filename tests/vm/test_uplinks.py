"""Tagged uplinks on both datapaths: each VLAN reaches its own outside, and no other, both ways."""

import pytest
from fleet import VLANS
from lab import wait_for

PAIRS = [(f"c{number}", vlan) for number, vlan in enumerate(VLANS)]


@pytest.fixture(scope="module")
def talking(fleet):
    """A container on each VLAN, that pings out."""
    fleet.add(4)
    fleet.wait_all_back(fleet.cards())
    return fleet


def sibling(vlan):
    return next(other for other in VLANS if other.trunk == vlan.trunk and other != vlan)


@pytest.mark.parametrize(("name", "vlan"), PAIRS)
def test_a_container_reaches_its_own_vlan_outside_and_is_reached(talking, name, vlan):
    card = talking.cards()[name]
    assert talking.ping(name, vlan.peer)
    assert talking.machine.run(f"ip netns exec h{vlan.tag} ping -c 2 -W 3 {card.address}", check=False).returncode == 0


@pytest.mark.parametrize(("name", "vlan"), PAIRS)
def test_it_does_not_reach_the_other_vlan_and_is_not_reached_from_there(talking, name, vlan):
    other = sibling(vlan)
    stranger = f"{vlan.subnet}.251"  # has this subnet's address, and is on the other VLAN
    assert not talking.ping(name, stranger)
    assert not talking.ping(name, other.peer)  # by way of the gateways
    address = talking.cards()[name].address
    script = f"ip netns exec h{other.tag} ping -c 2 -W 3 -I {stranger} {address}"
    assert talking.machine.run(script, check=False).returncode != 0


def test_its_frames_are_on_the_wire_with_its_tag_and_no_other(talking):
    cards = talking.cards()
    assert talking.wrong_frames(cards) == []
    for name, vlan in PAIRS:
        card = cards[name]
        seen = {frame[:2] for frame in talking.frames() if frame[2] == card.mac}
        assert seen == {(vlan.trunk, vlan.tag)}, f"{name}: {seen}"


def test_neighbours_on_a_vlan_reach_each_other_and_not_the_others(talking):
    talking.add(1)  # a second one on the first VLAN
    cards = talking.cards()
    wait_for(lambda: talking.ping("c0", cards["c4"].address), "the neighbour", 30)
    assert not talking.ping("c0", cards["c2"].address) and not talking.ping("c0", cards["c1"].address)
