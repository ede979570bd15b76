#include "apps/bayplan/completion.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/bayplan/options.hpp"

namespace bayplan::cli {
namespace {

// Walks the words before the cursor to find the command they name, then offers what that command knows.
constexpr auto kBashHead = R"sh(_bayplan() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command="" words="" options="" i
  case $previous in
    --network|--move) COMPREPLY=($(compgen -W "$(bayplan network ls -q 2>/dev/null)" -- "$current")); return ;;
    --state) COMPREPLY=($(compgen -W "attached held removed" -- "$current")); return ;;
    -o|--output) COMPREPLY=($(compgen -W "table json" -- "$current")); return ;;
    --from) words="etcd-v2 etcd-v2-dump export csv"
      [[ " ${COMP_WORDS[*]} " == *" adopt "* ]] && words=$(docker network ls --format '{{.Name}}' 2>/dev/null)
      COMPREPLY=($(compgen -W "$words" -- "$current")); return ;;
    --probe) COMPREPLY=($(compgen -W "arp tcp:22 none" -- "$current")); return ;;
    --socket) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command ${COMP_WORDS[i]}" in
      COMMANDS) command="$command ${COMP_WORDS[i]}" ;;
    esac
  done
  case "$command" in
)sh";
constexpr auto kBashTail = R"sh(  esac
  case "$command" in
    " network inspect"|" network rm"|" reserve"|" release") words=$(bayplan network ls -q 2>/dev/null) ;;
    " completion") words="bash zsh fish" ;;
    " adopt") words=$(docker ps -a --format '{{.Names}}' 2>/dev/null) ;;
    " import") [[ $current == -* ]] || { COMPREPLY=($(compgen -f -- "$current")); return; } ;;
  esac
  [[ $current == -* ]] && words="$options GLOBAL"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _bayplan bayplan
)sh";

std::string key_of(const CommandHelp& help) {
  std::string key;
  for (const auto& word : help.path) key += " " + word;
  return key;
}

// Every command has --help; it is offered with the global options.
std::string own_options(const CommandHelp& help) {
  std::string out;
  for (const auto& option : help.options) {
    if (option != "--help") out += (out.empty() ? "" : " ") + option;
  }
  return out;
}

void fill_in(std::string& script, std::string_view placeholder, const std::string& text) {
  script.replace(script.find(placeholder), placeholder.size(), text);
}

std::string bash_script() {
  const auto all = describe_commands();
  std::string commands;
  std::string cases;
  for (const auto& help : all) {
    const auto key = key_of(help);
    if (!key.empty()) commands += fmt::format("{}\"{}\"", commands.empty() ? "" : "|", key);
    cases += fmt::format("    \"{}\") words=\"{}\" options=\"{}\" ;;\n", key, fmt::join(help.subcommands, " "),
                         key.empty() ? "" : own_options(help));
  }
  std::string head = kBashHead;
  fill_in(head, "COMMANDS", commands);
  std::string tail = kBashTail;
  fill_in(tail, "GLOBAL", fmt::format("{}", fmt::join(all.front().options, " ")));  // those of bayplan itself
  return head + cases + tail;
}

std::string zsh_script() {
  return "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n" + bash_script();
}

std::string description_of(const std::vector<CommandHelp>& all, std::vector<std::string> path,
                           const std::string& last) {
  path.push_back(last);
  for (const auto& help : all) {
    if (help.path == path) return help.description;
  }
  return {};
}

std::string_view fish_values(const CommandHelp& help, std::string_view option) {
  const bool adopts = !help.path.empty() && help.path.front() == "adopt";
  if (option == "--network" || option == "--move") return " -x -a '(bayplan network ls -q 2>/dev/null)'";
  if (option == "--state") return " -x -a 'attached held removed'";
  if (option == "--output") return " -x -a 'table json'";
  if (option == "--probe") return " -x -a 'arp tcp:22 none'";
  if (option != "--from") return "";
  return adopts ? " -x -a '(docker network ls --format \"{{.Name}}\" 2>/dev/null)'"
                : " -x -a 'etcd-v2 etcd-v2-dump export csv'";
}

std::string fish_script() {
  const auto all = describe_commands();
  std::string out = "complete -c bayplan -f\n";
  for (const auto& help : all) {
    std::string condition = "__fish_use_subcommand";
    if (!help.path.empty()) {
      condition =
          fmt::format("__fish_seen_subcommand_from {}", fmt::join(help.path, "; and __fish_seen_subcommand_from "));
      for (const auto& name : help.subcommands) condition += "; and not __fish_seen_subcommand_from " + name;
    }
    for (const auto& name : help.subcommands) {
      out += fmt::format("complete -c bayplan -n '{}' -a {} -d '{}'\n", condition, name,
                         description_of(all, help.path, name));
    }
    for (const auto& option : help.options) {
      const bool of_all = help.path.empty();
      const auto when = of_all ? std::string() : fmt::format(" -n '{}'", condition);
      out += fmt::format("complete -c bayplan{} -l {}{}\n", when, option.substr(2), fish_values(help, option));
    }
  }
  out += "complete -c bayplan -n '__fish_seen_subcommand_from import' -F\n";
  out +=
      "complete -c bayplan -n '__fish_seen_subcommand_from adopt' -a "
      "'(docker ps -a --format \"{{.Names}}\" 2>/dev/null)'\n";
  out += "complete -c bayplan -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'\n";
  out +=
      "complete -c bayplan -n '__fish_seen_subcommand_from inspect rm reserve release' -a "
      "'(bayplan network ls -q 2>/dev/null)'\n";
  return out;
}

}  // namespace

std::string completion_script(std::string_view shell) {
  if (shell == "bash") return bash_script();
  return shell == "zsh" ? zsh_script() : fish_script();
}

}  // namespace bayplan::cli
