// The command line of `bayplan`, parsed (CLI11): a contract that scripts depend on (docs/cli.md).
//
// Values stay as the user wrote them; the daemon judges them, so that every way in says the same.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace bayplan::cli {

struct NetworkCreate {
  std::string name;
  std::optional<std::string> vlan;
  std::optional<std::string> subnet;
  std::optional<std::string> gateway;
  std::vector<std::string> ranges;
  std::vector<std::string> exclusions;
  std::optional<std::string> datapath;
  std::optional<std::string> uplink;
  std::optional<std::string> host_address;
  std::optional<std::string> mtu;
  bool no_nat = false;
  std::optional<std::string> repair;
};
struct NetworkSet {
  std::string name;
  std::optional<std::string> repair;
};
struct NetworkList {};
struct NetworkInspect {
  std::string name;
};
struct NetworkRemove {
  std::string name;
};
struct RunContainer {
  std::string name;
  std::string image;
  std::vector<std::string> command;
  std::optional<std::string> network;
  std::optional<std::string> vlan;
  std::optional<std::string> address;
  std::optional<std::string> restart_policy;
  std::vector<std::string> docker_options;  // behind `--`
};
struct Attach {
  std::string target;
  std::optional<std::string> network;
  std::optional<std::string> vlan;
  std::optional<std::string> address;
  std::optional<std::string> interface;
  std::optional<std::string> identity;
  bool default_route = false;
};
struct Detach {
  std::string target;
  std::string network;
};
struct List {
  std::optional<std::string> network;
  std::optional<std::string> state;
};
struct Show {
  std::string identity_or_address;
};
struct Reserve {
  std::string network;
  std::string identity;
  std::optional<std::string> address;
};
struct Release {
  std::string network;
  std::string identity_or_address;
};
struct Export {};
struct Import {
  std::string source;               // a file, "-" for standard input, or a URL
  std::optional<std::string> kind;  // none: to be found out
  bool dry_run = false;
};
struct Adopt {
  std::vector<std::string> containers;
  bool all = false;
  std::optional<std::string> from;
  std::optional<std::string> move_network;
  bool dry_run = false;
};
struct Check {
  std::optional<std::string> network;
  bool repair = false;
  std::vector<std::string> probes;
};
struct Version {};
struct Completion {
  std::string shell;
};

using Command =
    std::variant<std::monostate, NetworkCreate, NetworkList, NetworkInspect, NetworkSet, NetworkRemove, RunContainer,
                 Attach, Detach, List, Show, Reserve, Release, Export, Import, Adopt, Check, Version, Completion>;

struct Invocation {
  std::string socket;
  bool json = false;
  bool quiet = false;  // only the key columns
  Command command;
};

// There is nothing to be done but to say `text`: help (status 0) or what is wrong with the command line (status 2).
struct Stop {
  int status = 0;
  std::string text;
};

// `args` without the program's name. BAYPLAN_SOCKET of the environment is the default of --socket.
std::variant<Invocation, Stop> parse(std::vector<std::string> args, const std::string& version);

// A command or group of commands, for the shells' completion.
struct CommandHelp {
  std::vector<std::string> path;  // {"network", "create"}; empty: bayplan itself
  std::string description;
  std::vector<std::string> subcommands;
  std::vector<std::string> options;  // with their dashes
};
std::vector<CommandHelp> describe_commands();

}  // namespace bayplan::cli
