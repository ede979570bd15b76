#include "apps/bayplan/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "apps/bayplan/run_words.hpp"
#include "base/text.hpp"

namespace bayplan::cli {
namespace {

constexpr auto kDescription = "Containers get an IP address once and keep it.";
constexpr auto kFooter =
    "Examples:\n"
    "  bayplan network create vlan100 --vlan 100 --subnet 172.16.1.0/24\n"
    "  bayplan run web nginx --vlan 100 -- -v /srv/www:/usr/share/nginx/html:ro\n"
    "  bayplan ls --network vlan100\n"
    "Exit status: 0 done; 1 refused or failed; 2 wrong usage; 3 baypland can't be reached.";

// Optional texts: CLI11 2.1 takes std::optional, but shows its type oddly in the help.
CLI::Option* text_option(CLI::App& app, const std::string& names, std::optional<std::string>& target,
                         const std::string& placeholder, const std::string& description) {
  return app
      .add_option_function<std::string>(
          names, [&target](const std::string& value) { target = value; }, description)
      ->option_text(placeholder);
}

// Texts, one a time the option is given.
void texts_option(CLI::App& app, const std::string& name, std::vector<std::string>& target,
                  const std::string& placeholder, const std::string& description) {
  app.add_option(name, target, description)->option_text(placeholder)->allow_extra_args(false);
}

void network_options(CLI::App& app, std::optional<std::string>& network, std::optional<std::string>& vlan) {
  auto* network_option = text_option(app, "--network", network, "NET", "on this Bayplan network");
  text_option(app, "--vlan", vlan, "N", "on the network of this VLAN, made if there is none; default: VLAN 1")
      ->excludes(network_option);
}

// Holds what the parser fills while it runs; the chosen command is moved into the Invocation at the end.
struct Targets {
  Invocation invocation;
  NetworkCreate network_create;
  NetworkInspect network_inspect;
  NetworkSet network_set;
  NetworkRemove network_remove;
  RunContainer run;
  Attach attach;
  Detach detach;
  List list;
  Show show;
  Reserve reserve;
  Release release;
  Import import_plan;
  Adopt adopt;
  Check check;
  Completion completion;
};

// A subcommand that, when it was given, becomes the invocation's command.
template <typename T>
CLI::App& add_command(CLI::App& parent, Targets& targets, const std::string& name, const std::string& description,
                      T& target) {
  auto* command = parent.add_subcommand(name, description);
  command->callback([&targets, &target] { targets.invocation.command = target; });
  return *command;
}

CLI::Option* repair_option(CLI::App& app, std::optional<std::string>& target) {
  return text_option(app, "--repair", target, "on|report", "drift is put back (the default), or only reported")
      ->check(CLI::IsMember({"on", "report"}));
}

void add_network_create(CLI::App& network, Targets& targets) {
  auto& target = targets.network_create;
  auto& app = add_command(network, targets, "create", "Make a network", target);
  app.add_option("NAME", target.name, "its name")->required()->option_text(" ");
  text_option(app, "--vlan", target.vlan, "N", "VLAN tag, 1 to 4094; without: untagged");
  text_option(app, "--subnet", target.subnet, "CIDR", "e.g. 172.16.1.0/24; without: the next free one");
  text_option(app, "--gateway", target.gateway, "IP",
              "its default gateway: the host, or on macvlan a router on the wire; without: the first address");
  texts_option(app, "--range", target.ranges, "A-B", "give addresses from here only; may be repeated");
  texts_option(app, "--exclude", target.exclusions, "IP|A-B", "never give these; may be repeated");
  text_option(app, "--datapath", target.datapath, "D", "what carries the frames: bridge, ovs or macvlan");
  text_option(app, "--uplink", target.uplink, "IF", "the host's interface that leads outside");
  text_option(app, "--host-address", target.host_address, "IP",
              "macvlan: the host's own address in it; without: the uplink's, or the last free one");
  text_option(app, "--mtu", target.mtu, "BYTES", "without: the uplink's, or 1500");
  app.add_flag("--no-nat", target.no_nat, "do not masquerade what goes out");
  repair_option(app, target.repair);
  app.footer(
      "Example:\n  bayplan network create vlan100 --vlan 100 --subnet 172.16.1.0/24 --exclude "
      "172.16.1.200-172.16.1.254");
}

void add_network(CLI::App& root, Targets& targets) {
  auto* network = root.add_subcommand("network", "Make, list, show and remove networks");
  network->require_subcommand(1);
  add_network_create(*network, targets);
  static constexpr NetworkList kList;
  add_command(*network, targets, "ls", "List the networks", kList);
  add_command(*network, targets, "inspect", "Show a network", targets.network_inspect)
      .add_option("NAME", targets.network_inspect.name, "the network")
      ->required()
      ->option_text(" ");
  auto& set = add_command(*network, targets, "set", "Change a network", targets.network_set);
  set.add_option("NAME", targets.network_set.name, "the network")->required()->option_text(" ");
  repair_option(set, targets.network_set.repair)->required();
  add_command(*network, targets, "rm", "Remove a network that is not in use", targets.network_remove)
      .add_option("NAME", targets.network_remove.name, "the network")
      ->required()
      ->option_text(" ");
}

// CLI11 knows nothing of the words that split_run_words() takes out.
class RunFormatter final : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App*, std::string) const override {
    return "Usage: bayplan run NAME IMAGE [COMMAND...] [--network NET | --vlan N] [--ip IP] [--restart POLICY]\n"
           "                   [-- DOCKER OPTIONS]\n";
  }
};

void add_run(CLI::App& root, Targets& targets) {
  auto& target = targets.run;
  auto& app = add_command(root, targets, "run", "Start a new Docker container with an address that it keeps", target);
  app.formatter(std::make_shared<RunFormatter>());
  app.add_option("NAME", target.name, "the container's name")->required()->option_text(" ");
  app.add_option("IMAGE", target.image, "its image")->required()->option_text(" ");
  network_options(app, target.network, target.vlan);
  text_option(app, "--ip", target.address, "IP", "this address; without: a free one, or the one it had");
  text_option(app, "--restart", target.restart_policy, "POLICY", "as docker run's; default: always");
  app.footer(
      "The words behind IMAGE are the command, except for these options, which may stand between them.\n"
      "What follows -- is for docker run.\n"
      "Examples:\n"
      "  bayplan run test1 debian sleep 1000 --vlan 100\n"
      "  bayplan run db postgres --network vlan100 --ip 172.16.1.5 -- -e POSTGRES_PASSWORD=x -v "
      "db:/var/lib/postgresql/data");
}

void add_attach(CLI::App& root, Targets& targets) {
  auto& target = targets.attach;
  auto& app =
      add_command(root, targets, "attach",
                  "Give a container, or a network namespace, an interface that it gets back at every start", target);
  app.add_option("CONTAINER|NETNS-PATH", target.target, "the container's name or id, or a path as /run/netns/blue")
      ->required()
      ->option_text(" ");
  network_options(app, target.network, target.vlan);
  text_option(app, "--ip", target.address, "IP", "this address; without: a free one, or the one it had");
  text_option(app, "--ifname", target.interface, "NAME",
              "the interface's name inside; without: the next free from eth1 on");
  text_option(app, "--identity", target.identity, "NAME", "of a namespace: whose the address is; without: its name");
  app.add_flag("--default-route", target.default_route,
               "its default route goes by this network; without: only if it has none");
  app.footer(
      "Docker knows nothing of this interface: bayplan ls and show do.\n"
      "Examples:\n"
      "  docker run -d --net=none --name test1 debian sleep infinity && bayplan attach test1 --vlan 100\n"
      "  bayplan attach web --network vlan200 --ip 172.16.2.9 --ifname eth2\n"
      "  bayplan attach /run/netns/blue --vlan 100");
  auto& detach =
      add_command(root, targets, "detach", "Take such an interface away; the address stays reserved", targets.detach);
  detach.add_option("CONTAINER|NETNS-PATH", targets.detach.target, "what it was attached to, or the identity")
      ->required()
      ->option_text(" ");
  detach.add_option("NET", targets.detach.network, "the network")->required()->option_text(" ");
}

void add_reservations(CLI::App& root, Targets& targets) {
  auto& list = add_command(root, targets, "ls", "List the reservations", targets.list);
  text_option(list, "--network", targets.list.network, "NET", "only of this network");
  text_option(list, "--state", targets.list.state, "S", "only attached, held or removed ones");
  auto& show = add_command(root, targets, "show", "Show a reservation", targets.show);
  show.add_option("IDENTITY|IP", targets.show.identity_or_address, "whose, or which address")
      ->required()
      ->option_text(" ");
  auto& reserve = add_command(root, targets, "reserve", "Reserve an address for a container to come", targets.reserve);
  reserve.add_option("NET", targets.reserve.network, "the network")->required()->option_text(" ");
  reserve.add_option("IDENTITY", targets.reserve.identity, "the container's name, or its label bayplan.identity")
      ->required()
      ->option_text(" ");
  text_option(reserve, "--ip", targets.reserve.address, "IP", "this address; without: a free one");
  auto& release = add_command(root, targets, "release", "Give up a reservation that is not attached", targets.release);
  release.add_option("NET", targets.release.network, "the network")->required()->option_text(" ");
  release.add_option("IDENTITY|IP", targets.release.identity_or_address, "whose, or which address")
      ->required()
      ->option_text(" ");
}

void add_import(CLI::App& root, Targets& targets) {
  auto& target = targets.import_plan;
  auto& app = add_command(root, targets, "import", "Take over networks and reservations from elsewhere", target);
  app.add_option("FILE|URL", target.source, "the file, - for standard input, or etcd's address")
      ->required()
      ->option_text(" ");
  text_option(app, "--from", target.kind, "KIND", "etcd-v2, etcd-v2-dump, export or csv; without: found out")
      ->check(CLI::IsMember({"etcd-v2", "etcd-v2-dump", "export", "csv"}));
  app.add_flag("--dry-run", target.dry_run, "say what would be done, and change nothing");
  app.footer(
      "What can't be read or contradicts the plan is reported by its key and skipped; the exit status is 1 then.\n"
      "What is in the plan already stays as it is.\n"
      "Examples:\n"
      "  bayplan import --dry-run http://10.10.17.3:2379\n"
      "  bayplan import --from csv plan.csv\n"
      "  ssh host1 bayplan export | bayplan import -");
}

void add_adopt(CLI::App& root, Targets& targets) {
  auto& target = targets.adopt;
  auto& app = add_command(root, targets, "adopt", "Take over containers of Docker's own networks", target);
  auto* containers = app.add_option("CONTAINER", target.containers, "which, by name or id")->option_text("...");
  auto* all = app.add_flag("--all", target.all, "every container there is")->excludes(containers);
  text_option(app, "--from", target.from, "DOCKERNET", "only what they have on this Docker network");
  text_option(app, "--move", target.move_network, "NET", "move them to this Bayplan network, one by one");
  app.add_flag("--dry-run", target.dry_run, "say what would be done, and change nothing");
  app.callback([&targets, &target, all, containers] {
    if (all->count() + containers->count() == 0) throw CLI::RequiredError("CONTAINER... or --all");
    targets.invocation.command = target;
  });
  app.footer(
      "The address that a container has now is reserved for it; the container itself is not touched. With --move it\n"
      "gets an interface on NET, with the same address where NET has it, and loses the old one.\n"
      "What can't be done is reported, and the exit status is 1 then.\n"
      "Examples:\n"
      "  bayplan adopt --all --dry-run\n"
      "  bayplan adopt web db\n"
      "  bayplan adopt --all --from shop_default --move vlan100");
}

void add_check(CLI::App& root, Targets& targets) {
  auto& target = targets.check;
  auto& app = add_command(root, targets, "check", "Compare the plan with Docker, the kernel and the wire", target);
  text_option(app, "--network", target.network, "NET", "only this network");
  app.add_flag("--repair", target.repair, "have what differs put right, and look again");
  texts_option(app, "--probe", target.probes, "[NET=]PROBE",
               "also ask on the wire who has the addresses: arp, tcp:PORT or none; may be repeated");
  app.footer(
      "Each difference is a line. The exit status is 0 when all is right (or was repaired), 4 when something is "
      "wrong,\n"
      "1 when something could not be looked at.\n"
      "Examples:\n"
      "  bayplan check\n"
      "  bayplan check --repair --network vlan100\n"
      "  bayplan check --probe arp --probe vlan200=tcp:22 --probe vlan300=none");
}

void add_others(CLI::App& root, Targets& targets) {
  static constexpr Export kExport;
  static constexpr Version kVersion;
  add_command(root, targets, "export", "Write the whole plan as JSON", kExport);
  add_command(root, targets, "version", "Tell the versions of bayplan and baypland", kVersion);
  auto& completion = add_command(root, targets, "completion", "Write a completion script", targets.completion);
  completion.add_option("SHELL", targets.completion.shell, "bash, zsh or fish")
      ->required()
      ->option_text(" ")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion.footer(
      "Examples:\n  source <(bayplan completion bash)\n  source <(bayplan completion zsh)\n"
      "  bayplan completion fish | source");
}

void build(CLI::App& root, Targets& targets) {
  root.fallthrough();
  root.require_subcommand(1);
  auto& invocation = targets.invocation;
  invocation.socket = "/run/bayplan/bayplan.sock";
  root.add_option("--socket", invocation.socket, "baypland's socket; default: $BAYPLAN_SOCKET, or " + invocation.socket)
      ->envname("BAYPLAN_SOCKET")
      ->check([](const std::string& path) { return path.empty() ? std::string("give a path, not nothing") : ""; })
      ->option_text("PATH");
  root.add_option_function<std::string>(
          "-o,--output", [&invocation](const std::string& format) { invocation.json = format == "json"; },
          "table (the default) or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->option_text("FORMAT");
  root.add_flag("-q,--quiet", invocation.quiet, "print only the names");
  root.footer(kFooter);
  add_network(root, targets);
  add_run(root, targets);
  add_attach(root, targets);
  add_reservations(root, targets);
  add_import(root, targets);
  add_adopt(root, targets);
  add_check(root, targets);
  add_others(root, targets);
}

// What is wrong with the command line, and where to look. CLI11 calls a command that is not there "required".
std::string complaint(const CLI::App& root, const CLI::ParseError& error) {
  std::string path = "bayplan";
  const auto* app = &root;
  while (!app->get_subcommands().empty()) {
    app = app->get_subcommands().front();
    path += " " + app->get_name();
  }
  const bool group = app->get_require_subcommand_min() > 0;
  const auto left = root.remaining(true);  // a group's unknown words fall through to the root
  const auto what = group && !left.empty() ? fmt::format("{} has no command or option '{}'", path, shown(left.front()))
                    : group && dynamic_cast<const CLI::RequiredError*>(&error) != nullptr ? path + " needs a command"
                                                                                          : std::string(error.what());
  return fmt::format("bayplan: {}. See: {} --help\n", what, path);
}

void describe(const CLI::App& app, const std::vector<std::string>& path, std::vector<CommandHelp>& out) {
  CommandHelp help{path, app.get_description(), {}, {}};
  const auto everything = [](const CLI::App*) { return true; };
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) help.options.push_back("--" + name);
  }
  for (const auto* child : app.get_subcommands(everything)) help.subcommands.push_back(child->get_name());
  out.push_back(std::move(help));
  for (const auto* child : app.get_subcommands(everything)) {
    auto child_path = path;
    child_path.push_back(child->get_name());
    describe(*child, child_path, out);
  }
}

}  // namespace

std::variant<Invocation, Stop> parse(std::vector<std::string> args, const std::string& version) {
  CLI::App root(kDescription, "bayplan");
  Targets targets;
  build(root, targets);
  root.set_version_flag("--version", "bayplan " + version);

  if (const auto at = command_position(args); at < args.size() && args[at] == "run") {
    auto words = split_run_words({args.begin() + static_cast<std::ptrdiff_t>(at) + 1, args.end()});
    targets.run.command = std::move(words.command);
    targets.run.docker_options = std::move(words.docker_options);
    args.resize(at + 1);
    args.insert(args.end(), words.ours.begin(), words.ours.end());
  }
  std::ranges::reverse(args);  // as CLI11 wants a vector
  try {
    root.parse(args);
  } catch (const CLI::CallForVersion& call) {
    return Stop{0, std::string(call.what()) + "\n"};
  } catch (const CLI::Success&) {
    return Stop{0, root.help()};
  } catch (const CLI::ParseError& error) {
    return Stop{2, complaint(root, error)};
  }
  return std::move(targets.invocation);
}

std::vector<CommandHelp> describe_commands() {
  CLI::App root(kDescription, "bayplan");
  Targets targets;
  build(root, targets);
  std::vector<CommandHelp> out;
  describe(root, {}, out);
  return out;
}

}  // namespace bayplan::cli
