#include "datapath/firewall/docker_user.hpp"

#include <algorithm>
#include <chrono>

#include "linux/process.hpp"

namespace bayplan::datapath {
namespace {

constexpr std::string_view kOurJump = "-j BAYPLAN";
constexpr std::chrono::seconds kBound{10};

struct Chains {
  bool docker_user = false;
  bool bayplan = false;
  std::vector<std::string> user_rules;  // of DOCKER-USER, without "-A DOCKER-USER "
  std::vector<std::string> our_rules;   // of BAYPLAN, likewise
};

Chains read(std::string_view listing) {
  Chains chains;
  while (!listing.empty()) {
    const std::string_view line = listing.substr(0, listing.find('\n'));
    listing.remove_prefix(std::min(line.size() + 1, listing.size()));
    constexpr std::string_view user = "-A DOCKER-USER ";
    constexpr std::string_view ours = "-A BAYPLAN ";
    chains.docker_user = chains.docker_user || line == "-N DOCKER-USER";
    chains.bayplan = chains.bayplan || line == "-N BAYPLAN";
    if (line.starts_with(user)) chains.user_rules.emplace_back(line.substr(user.size()));
    if (line.starts_with(ours)) chains.our_rules.emplace_back(line.substr(ours.size()));
  }
  return chains;
}

std::vector<std::string> wanted_rules(std::vector<std::string> devices) {
  std::ranges::sort(devices);
  std::vector<std::string> rules;
  for (const auto& device : devices) {
    rules.push_back(fmt::format("-i {} -j ACCEPT", device));
    rules.push_back(fmt::format("-o {} -j ACCEPT", device));
  }
  return rules;
}

// One jump, and before the RETURN that ends the chain.
bool jump_is_right(const std::vector<std::string>& rules) {
  const auto jump = std::ranges::find(rules, kOurJump);
  const auto end = std::ranges::find(rules, "-j RETURN");
  return std::ranges::count(rules, kOurJump) == 1 && jump < end;
}

std::string without_jumps(const Chains& chains) {
  std::string text;
  const auto jumps = std::ranges::count(chains.user_rules, kOurJump);
  for (auto i = jumps; i > 0; --i) text += fmt::format("-D DOCKER-USER {}\n", kOurJump);
  return text;
}

std::string with_jump(const Chains& chains) {
  auto others = chains.user_rules;
  std::erase(others, kOurJump);
  const auto place = std::ranges::find(others, "-j RETURN") - others.begin() + 1;
  return fmt::format("{}-I DOCKER-USER {} {}\n", without_jumps(chains), place, kOurJump);
}

std::string commands(const Chains& chains, const std::vector<std::string>& devices) {
  if (!chains.docker_user || devices.empty()) {
    return chains.bayplan ? without_jumps(chains) + "-F BAYPLAN\n-X BAYPLAN\n" : std::string{};
  }
  std::string text;
  if (const auto wanted = wanted_rules(devices); !chains.bayplan || wanted != chains.our_rules) {
    text += ":BAYPLAN - [0:0]\n";  // makes the chain, or empties it
    for (const auto& rule : wanted) text += fmt::format("-A BAYPLAN {}\n", rule);
  }
  if (!jump_is_right(chains.user_rules)) text += with_jump(chains);
  return text;
}

Error refused(const kernel::ProcessResult& result, std::string_view program) {
  std::string words = result.errors;
  while (!words.empty() && words.back() == '\n') words.pop_back();
  const bool denied = words.find("ermission denied") != std::string::npos;
  return fail(denied ? ErrorCode::denied : ErrorCode::kernel, "{} failed: {}", program, words);
}

}  // namespace

std::string docker_user_changes(std::string_view listing, const std::vector<std::string>& devices) {
  const std::string text = commands(read(listing), devices);
  return text.empty() ? text : fmt::format("*filter\n{}COMMIT\n", text);
}

namespace {

// What is to be changed; empty: nothing, or there can be no DOCKER-USER.
Result<std::string> changes_now(const std::vector<std::string>& devices) {
  auto listing = kernel::run_process({"iptables", "-w", "5", "-S"}, {}, kBound);
  if (!listing.ok() && listing.error().code == ErrorCode::not_found) return std::string();
  const auto found = TRY(std::move(listing));
  // "table `filter' is incompatible, use 'nft' tool": then Docker can't have put anything there either.
  if (found.status != 0 && found.errors.find("incompatible") != std::string::npos) return std::string();
  if (found.status != 0) return refused(found, "iptables -S");
  return docker_user_changes(found.output, devices);
}

}  // namespace

Result<bool> docker_user_differs(const std::vector<std::string>& devices) {
  return !TRY(changes_now(devices)).empty();
}

Result<bool> ensure_docker_user(const std::vector<std::string>& devices) {
  const std::string changes = TRY(changes_now(devices));
  if (changes.empty()) return false;
  const auto done = TRY(kernel::run_process({"iptables-restore", "-w", "5", "--noflush"}, changes, kBound));
  if (done.status != 0) return refused(done, "iptables-restore");
  return true;
}

}  // namespace bayplan::datapath
