"""docker-compose projects on a Bayplan network."""

import pytest
from lab import Card, IMAGE, wait_for

PROJECT = f"""
version: "3.5"
services:
  db:
    image: {IMAGE}
  web:
    image: {IMAGE}
    depends_on: [db]
  cache:
    image: {IMAGE}
networks:
  default:
    driver: bayplan
    driver_opts:
      vlan: "210"
    ipam:
      driver: bayplan
      config:
        - subnet: 172.24.10.0/24
"""


class Project:
    def __init__(self, host):
        self.host, self.folder = host, f"{host.state}/home/shop"
        host.run("mkdir", "-p", self.folder)
        with open(f"{self.folder}/docker-compose.yml", "w", encoding="utf-8") as file:
            file.write(PROJECT)

    def compose(self, *args):
        return self.host.run("env", "COMPOSE_API_VERSION=auto", "docker-compose", "--project-directory", self.folder,
                             "-f", f"{self.folder}/docker-compose.yml", "-p", "shop", *args, timeout=180)

    def settled_cards(self, count):
        """`cards` when so many have the address that the plan has for them (lab.network.Network.settled_cards)."""
        def settled():
            cards = self.cards()
            planned = {row["container"]: row["address"].split("/")[0] for row in self.host.bayplan_json("ls")}
            at_home = all(card.address and card.address == planned.get(name) for name, card in cards.items())
            return len(cards) == count and at_home and cards

        return wait_for(settled, f"{count} containers with their own address", 5)

    def cards(self):
        cards = {}
        for container in self.host.client.containers.list(filters={"label": "com.docker.compose.project=shop"}):
            end = container.attrs["NetworkSettings"]["Networks"].get("shop_default") or {"IPAddress": "", "MacAddress": ""}
            cards[container.name] = Card(end["IPAddress"], end["MacAddress"])
        return cards


@pytest.fixture
def project(host):
    made = Project(host)
    made.compose("up", "-d")
    yield made
    made.compose("down", "-t", "1")


def test_down_and_up_keeps_all_addresses(project):
    before = project.settled_cards(3)
    assert len({card.address for card in before.values()}) == 3
    for _ in range(2):
        project.compose("down", "-t", "1")
        project.compose("up", "-d")
        settle(project, before)


def test_force_recreate_keeps_all_addresses(project):
    before = project.settled_cards(3)
    project.compose("up", "-d", "--force-recreate", "-t", "1")
    settle(project, before)


def test_scaled_up_down_and_up_again(project):
    project.compose("up", "-d", "--scale", "web=4")
    before = project.settled_cards(6)
    assert len({card.address for card in before.values()}) == 6
    project.compose("up", "-d", "--scale", "web=1", "-t", "1")
    project.compose("up", "-d", "--scale", "web=4")
    settle(project, before)


def test_services_reach_each_other_by_name(host, project):
    web = next(name for name in project.settled_cards(3) if "web" in name)
    host.docker("exec", web, "ping", "-c", "1", "-W", "1", "db")


def settle(project, before):
    wait_for(lambda: project.cards() == before, f"the addresses of before, {before}; now {project.cards()}", 3)
