"""The story itself. Every chapter is a method of Story; CHAPTERS is their order.

All commands are the ones a user would type; they are printed as they run. A chapter may fail without ending the story.
"""

import subprocess

from lab import IMAGE, CommandFailed, LabError, wait_for

SETTLE = 3.0  # seconds within which containers that were re-created by their names have their addresses back
PLUG = 1.0  # a container that is started just while it is being pinned is plugged in a moment after its start


class Story:
    """Tells the story on `host`, with networks of the kind `networks`, to `report`."""

    def __init__(self, host, networks, report):
        self.host, self.networks, self.report = host, networks, report
        self.cards = {}  # container -> (address, MAC) that it must have from now on

    def tell(self, chapters=None):
        """All chapters, or only the first so many."""
        for title, chapter in CHAPTERS[:chapters]:
            self.report.chapter(title)
            try:
                chapter(self)
            except Exception as error:  # noqa: BLE001 - Docker's, the lab's, a surprise: the story goes on and is counted
                found = str(error) if isinstance(error, LabError) else f"{type(error).__name__}: {error}"
                self.report.check("the chapter could be told to its end", False, found)

    # --- chapters --------------------------------------------------------------------------------------------------

    def two_vlans(self):
        self.report.say(self.networks.intro)
        self.docker(*self.networks.create_command("vlan100", 100, "172.16.1.0/24"))
        self.docker(*self.networks.create_command("vlan300", 300, "172.16.3.0/24"))
        self.run("test1", "vlan100")
        self.run("test2", "vlan100")
        self.run("test3", "vlan300")
        self.run("test4", "vlan300", "--restart", "always")
        self.remember("test1", "test2", "test3", "test4")
        self.show_plan()
        self.networks.proof(self)
        self.report.check("four containers, four addresses", len({ip for ip, _ in self.cards.values()}) == 4)
        self.check_subnet("test1", "172.16.1.")
        self.check_subnet("test3", "172.16.3.")

    def who_reaches_whom(self):
        self.check_reach("test1", "test2", True)
        self.check_reach("test3", "test4", True)
        self.report.check("test1 reaches its gateway 172.16.1.1", self.ping("test1", "172.16.1.1"))
        self.report.check("test3 reaches its gateway 172.16.3.1", self.ping("test3", "172.16.3.1"))
        self.report.check("test1 reaches test2 by its name", self.ping("test1", "test2"))
        self.check_reach("test1", "test3", False)
        self.check_reach("test4", "test2", False)

    def another_order(self):
        self.docker("stop", "test1", "test2", "test3", "test4")
        for name in ("test4", "test2", "test3", "test1"):
            self.docker("start", name)
        self.check_cards("test1", "test2", "test3", "test4", settle=PLUG)
        self.check_reach("test1", "test2", True)

    def newcomer(self):
        self.docker("stop", "test1")
        self.run("test5", "vlan100")
        self.remember("test5")
        own = self.cards["test1"][0]
        self.report.check(f"test5 did not get {own}, which is test1's", self.cards["test5"][0] != own)
        self.docker("start", "test1", check=False)
        self.check_cards("test1", "test5")

    def recreated(self):
        self.docker("rm", "-f", "test2")
        self.run("test6", "vlan100")
        self.run("test2", "vlan100")
        self.remember("test6")
        self.check_cards("test2", "test6")
        self.show_plan()

    def restarted(self):
        self.docker("restart", "test3")
        self.check_cards("test3")

    def crashed(self):
        before = self.inspect("test4")["State"]["Pid"]
        self.docker("stop", "test3")
        self.report.command("kill -9", str(before), "   # process 1 of test4, --restart always")
        self.host.kill(before)
        wait_for(lambda: self.inspect("test4")["State"]["Pid"] not in (0, before), "test4 running again")
        self.docker("start", "test3")
        self.check_cards("test3", "test4")

    def composed(self):
        network = self.networks.create_command("shop_default", 200, "172.16.2.0/24")
        self.docker(*network)
        self.run("shop_db_1", "shop_default")
        self.run("shop_web_1", "shop_default")
        self.remember("shop_db_1", "shop_web_1")
        self.report.say("down:")
        self.docker("rm", "-f", "shop_db_1", "shop_web_1")
        self.docker("network", "rm", "shop_default")
        self.report.say("up, in another order, on a new Docker network:")
        self.docker(*network)
        self.docker("create", "--name", "shop_web_1", "--network", "shop_default", IMAGE)
        self.docker("create", "--name", "shop_db_1", "--network", "shop_default", IMAGE)
        self.docker("start", "shop_web_1", "shop_db_1")
        self.check_cards("shop_db_1", "shop_web_1", settle=SETTLE)

    def daemon_killed(self):
        names = ("shop_web_1", "test6", "test5", "test3", "test2", "test1", "shop_db_1")
        self.docker("stop", *names)
        self.report.command("docker start", *names, "&")
        starting = self.host.spawn("docker", "start", *names, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.running(names), "the first of them running")
        self.networks.restart_daemon_abruptly(self.report)
        starting.wait(90)
        for name in set(names) - set(self.running(names)):
            self.docker("start", name, check=False)
        self.check_cards(*names, settle=PLUG)

    def engine_restarted(self):
        names = self.restless("bay", 6, "vlan300")
        self.report.command("kill", str(self.host.engine.pids[0]), "   # dockerd ends, and is started again")
        self.host.engine.stop()
        self.host.engine.start()
        self.wait_running([*names, "test4"])
        self.check_cards(*names, "test4")
        self.networks.check_pinned(self, names)

    def engine_power_cut(self):
        names = self.restless("noon", 4, "vlan100")
        bays = [f"bay{number}" for number in range(1, 7)]
        self.report.command("kill -9", "   # dockerd, containerd, its shims and all containers at once; interfaces stay")
        self.host.engine.power_cut()
        self.report.command("dockerd &")
        self.host.engine.start()
        self.wait_running([*names, *bays, "test4"])
        self.check_cards(*names, *bays, "test4")
        self.networks.check_owed(self, names)
        self.networks.check_pinned(self, names)
        self.start_others()

    def power_cut(self):
        names = self.restless("night", 4, "vlan100")
        others = [f"bay{number}" for number in range(1, 7)] + [f"noon{number}" for number in range(1, 5)]
        self.report.say("the power is gone: no process and no interface survives")
        self.host.power_cut()
        self.report.say("the machine boots")
        self.host.start()
        self.wait_running([*names, *others, "test4"])
        self.check_cards(*names, *others, "test4")
        self.networks.check_owed(self, names)
        self.networks.check_pinned(self, names)
        self.check_reach("night1", "night2", True)
        self.start_others()

    def not_yours(self):
        self.docker("stop", "test2")
        address = self.cards["test2"][0]
        done = self.docker("run", "-d", "--name", "thief", "--network", "vlan100", "--ip", address, IMAGE, check=False)
        self.report.table(done.stdout)
        self.report.check(f"a container with --ip {address} was refused", done.returncode != 0, "it was started")
        self.report.check("and told that the address is test2's", "test2" in done.stdout and address in done.stdout)
        self.docker("start", "test2", check=False)
        self.check_cards("test2")
        self.docker("rm", "-f", "thief", check=False)
        self.show_plan()
        self.report.command("docker ps")
        self.report.table(self.host.docker("ps", "--format", "table {{.Names}}\t{{.Status}}\t{{.Networks}}").stdout)

    # --- doing -----------------------------------------------------------------------------------------------------

    def docker(self, *args, check=True):
        self.report.command("docker", *args)
        return self.host.docker(*args, check=check)

    def run(self, name, network, *options):
        self.docker("run", "-d", "--name", name, "--network", network, *options, IMAGE)

    def restless(self, start, count, network):
        """Containers that Docker starts at its boot and that were never at rest; their names."""
        names = [f"{start}{number}" for number in range(1, count + 1)]
        self.report.say("containers with --restart always, each from a plain docker run, none of which ever rested:")
        for name in names:
            self.run(name, network, "--restart", "always")
        self.remember(*names)
        self.networks.check_not_pinned(self, names)
        return names

    def start_others(self):
        """Those without a restart policy, after Docker's death."""
        names = ("test1", "test2", "test3", "test5", "test6", "shop_db_1", "shop_web_1")
        self.docker("start", *names, check=False)
        self.check_cards(*names, settle=PLUG)

    def remember(self, *names):
        """Notes the addresses they have now, or in a moment."""
        wait_for(lambda: all(self.card(name)[0] for name in names), f"an address for each of {', '.join(names)}", PLUG)
        self.cards.update({name: self.card(name) for name in names})

    def show_plan(self):
        command, text = self.networks.plan()
        self.report.command(*command)
        self.report.table(text)

    # --- looking ---------------------------------------------------------------------------------------------------

    def inspect(self, name):
        return self.host.client.api.inspect_container(name)

    def card(self, name):
        """(address, MAC) that the container has now; empty strings when it does not run or has no network."""
        for network in self.inspect(name)["NetworkSettings"]["Networks"].values():
            return network["IPAddress"], network["MacAddress"]
        return "", ""

    def pinned(self, name):
        """The address that the container's own settings ask Docker for; empty when they ask for none."""
        for network in self.inspect(name)["NetworkSettings"]["Networks"].values():
            return (network["IPAMConfig"] or {}).get("IPv4Address", "")
        return ""

    def running(self, names):
        return [name for name in names if self.inspect(name)["State"]["Running"]]

    def wait_running(self, names):
        wait_for(lambda: len(self.running(names)) == len(names), f"running: {', '.join(names)}", 60)

    def ping(self, name, target):
        """True when there was an answer, False when ping waited for one in vain; an error when it could not even ask."""
        done = self.host.docker("exec", name, "ping", "-c", "1", "-W", "1", target, check=False)
        if done.returncode == 0:
            return True
        if done.returncode == 1 and "0 packets received" in done.stdout:
            return False
        raise CommandFailed(done.args, done.returncode, done.stdout)

    # --- checking --------------------------------------------------------------------------------------------------

    def check_cards(self, *names, settle=0.0):
        """Each has the address and the MAC that it had; within `settle` seconds."""
        try:
            wait_for(lambda: all(self.card(name) == self.cards[name] for name in names), "their addresses", settle)
        except LabError:
            pass  # the lines below say which
        for name in names:
            found, (address, mac) = self.card(name), self.cards[name]
            self.report.check(f"{name} has {address} and {mac}, as before", found == (address, mac),
                              f"it has {found[0] or 'no address'} {found[1]}".rstrip())
            if found[0]:
                self.cards[name] = found  # so that the next chapter tells what it did, not what this one had done

    def check_subnet(self, name, start):
        address = self.cards[name][0]
        self.report.check(f"{name} has an address of its VLAN: {address}", address.startswith(start))

    def check_reach(self, source, target, wanted):
        address = self.cards[target][0]
        verb = "reaches" if wanted else "does not reach"
        self.report.check(f"{source} {verb} {target} ({address})", self.ping(source, address) == wanted)


CHAPTERS = (
    ("Two containers on VLAN 100, two on VLAN 300", Story.two_vlans),
    ("Who reaches whom", Story.who_reaches_whom),
    ("All stopped, and started in another order", Story.another_order),
    ("A fifth container comes while test1 is down", Story.newcomer),
    ("test2 is removed, a newcomer comes, test2 is made anew", Story.recreated),
    ("docker restart", Story.restarted),
    ("A container crashes while its neighbour is down", Story.crashed),
    ("A compose project goes down and comes up with a new Docker network", Story.composed),
    ("baypland is killed while containers start", Story.daemon_killed),
    ("dockerd is stopped and started", Story.engine_restarted),
    ("The engine dies with all its containers, at once", Story.engine_power_cut),
    ("Power cut", Story.power_cut),
    ("Somebody wants another's address", Story.not_yours),
)
