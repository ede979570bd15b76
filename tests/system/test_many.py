"""Many containers at the same instant."""

import threading
import time

from lab import LabError, wait_for


class Watch:
    """Looks at a Docker network without pause and notes who ever had which address: {name: {addresses}}."""

    def __init__(self, host, network):
        self._client, self._network = host.engine.connect(), network
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.seen, self.doubles, self.looks = {}, [], 0
        self._trouble = None

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self._over.set()
        self._thread.join()
        self._client.close()
        if self._trouble and not kind:
            raise LabError("the watch ended before its time") from self._trouble

    def assert_saw(self, names):
        """That nothing was wrong says something only when it looked, and saw them all."""
        assert self.looks > 10 and set(self.seen) == set(names)

    def strangers(self, cards):
        """Who ever had an address that is another's by `cards`."""
        owner = {card.address: name for name, card in cards.items()}
        return [(name, address) for name, addresses in self.seen.items() for address in addresses
                if owner.get(address, name) != name]

    def _look(self):
        try:
            while not self._over.is_set():
                self._look_once()
            self._look_once()  # what was done just before it was over is seen too
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to who waits for us
            self._trouble = error

    def _look_once(self):
        ends = self._client.api.inspect_network(self._network.name)["Containers"].values()
        holders = {}
        for end in ends:
            address = end["IPv4Address"].split("/")[0]
            if end["Name"] and address:
                self.seen.setdefault(end["Name"], set()).add(address)
                holders.setdefault(address, set()).add(end["Name"])
        self.doubles += [(address, names) for address, names in holders.items() if len(names) > 1]
        self.looks += 1


def seconds_until_back(network, before):
    """How long after the last start all had their card of before; fails when they have not after 15 s."""
    last_start = time.monotonic()
    while True:
        cards = network.cards(before)
        took = time.monotonic() - last_start
        if cards == before:
            return took
        astray = {name: (card, before[name]) for name, card in cards.items() if card != before[name]}
        assert took < 15, f"not at their own address, (has, should have): {astray}"


def test_50_at_once_get_50_addresses_and_keep_them_when_all_restart_at_once(host, network):
    names = [f"c{number}" for number in range(50)]
    with Watch(host, network) as watch:
        network.run_many(names)
        before = network.settled_cards(names)
        assert len({card.address for card in before.values()}) == 50
        network.at_once([("restart", name) for name in names])
        took = seconds_until_back(network, before)
    assert not watch.doubles and not watch.strangers(before)
    watch.assert_saw(names)
    assert took < 5, f"right only after {took:.1f} s"


def test_24_known_names_made_anew_at_once_are_right_within_3_s_and_never_hold_anothers_address(host, network):
    names = [f"c{number}" for number in range(24)]
    network.run_many(names)
    before = network.settled_cards(names)
    host.docker("rm", "-f", *names)
    wait_for(lambda: {row["state"] for row in network.plan().values()} == {"removed"}, "all removed in the plan")
    with Watch(host, network) as watch:
        network.run_many(names)
        took = seconds_until_back(network, before)
    assert not watch.doubles and not watch.strangers(before)
    watch.assert_saw(names)
    assert took < 3, f"right only after {took:.1f} s"


def test_all_stopped_and_started_at_once_are_right_from_the_first_packet(host, network):
    names = [f"c{number}" for number in range(12)]
    network.run_many(names)
    before = network.settled_cards(names)
    host.docker("stop", *names)
    network.wait_pinned(names)
    with Watch(host, network) as watch:
        network.at_once([("start", name) for name in reversed(names)])
    assert network.cards(names) == before
    assert watch.looks > 10
    assert watch.seen == {name: {card.address} for name, card in before.items()}
