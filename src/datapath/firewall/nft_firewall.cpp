#include "datapath/firewall/nft_firewall.hpp"

#include <algorithm>

#include "datapath/firewall/docker_user.hpp"
#include "linux/sysctl.hpp"

namespace bayplan::datapath {
namespace {

constexpr std::string_view kFamily = "ip";
constexpr std::string_view kDigest = "\tchain digest_";

// FNV-1a, 64 bits: against accidents, not against anybody who may change the rules anyway.
std::uint64_t checksum(std::string_view text) {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 1099511628211U;
  return hash;
}

std::string digest(std::string_view wanted, std::string_view listing) {
  return fmt::format("digest_{:016x}_{:016x}", checksum(wanted), checksum(listing));
}

struct Listing {
  std::string rules;   // without the chain that is named after the digest
  std::string digest;  // that name; empty when there is none
};

// nft prints a blank line between chains; whichever it puts around ours goes too, so only the text's lines count.
Listing split(const std::string& listing) {
  Listing result;
  std::string_view rest = listing;
  bool inside = false;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const bool starts = line.starts_with(kDigest);
    if (starts) result.digest = line.substr(7, line.find(' ', 7) - 7);
    inside = inside || starts;
    if (!inside && !line.empty()) result.rules.append(line).append("\n");
    if (line == "\t}") inside = false;
  }
  return result;
}

std::string localnet_of(const std::string& device) {
  return fmt::format("net/ipv4/conf/{}/route_localnet", device);
}

std::string_view wanted_localnet(const ports::FirewallRules& rules, const model::Network& network) {
  return std::ranges::count(rules.published, network.name, &ports::Publication::network) > 0 ? "1" : "0";
}

}  // namespace

NftFirewall::NftFirewall(GatewayDevice device_of, kernel::Nftables nftables, kernel::NetlinkSocket netlink)
    : device_of_(std::move(device_of)), nftables_(std::move(nftables)), netlink_(std::move(netlink)) {
}

Result<std::unique_ptr<NftFirewall>> NftFirewall::open(GatewayDevice device_of) {
  auto nftables = TRY(kernel::Nftables::open());
  auto netlink = TRY(kernel::NetlinkSocket::open());
  return std::unique_ptr<NftFirewall>(new NftFirewall(std::move(device_of), std::move(nftables), std::move(netlink)));
}

// What must not be is forbidden before Docker's chain is told to let our networks through.
Result<bool> NftFirewall::ensure(const ports::FirewallRules& rules) {
  if (rules.networks.empty()) return remove().in("remove the packet filter's rules");
  const auto devices = devices_of(rules);
  const bool table = TRY(ensure_table(rules).in("set the packet filter's rules"));
  const bool docker = TRY(ensure_docker_user(devices).in("set the rules in Docker's chain DOCKER-USER"));
  const bool forwarding =
      rules.may_forward && TRY(kernel::ensure_sysctl("net/ipv4/ip_forward", "1").in("turn forwarding on"));
  const bool localnet = TRY(ensure_localnet(rules).in("let the host reach published ports at 127.0.0.1"));
  return table || docker || forwarding || localnet;
}

std::vector<std::string> NftFirewall::devices_of(const ports::FirewallRules& rules) const {
  std::vector<std::string> devices;
  for (const auto& network : rules.networks) devices.push_back(device_of_(network));
  return devices;
}

Result<std::vector<std::string>> NftFirewall::differences(const ports::FirewallRules& rules) {
  std::vector<std::string> found;
  const bool wanted = !rules.networks.empty();
  const bool table = wanted ? TRY(table_is_right(ruleset(rules, device_of_, TRY(lan_bridges()))))
                            : !TRY(nftables_.list_table(std::string(kFamily), std::string(kTable))).has_value();
  if (!table) found.push_back(fmt::format("the table {} {} of nftables", kFamily, kTable));
  if (TRY(docker_user_differs(devices_of(rules)))) found.emplace_back("the rules in iptables' chain DOCKER-USER");
  if (!wanted) return found;
  for (auto& setting : TRY(settings_that_differ(rules))) found.push_back(std::move(setting));
  return found;
}

Result<std::vector<std::string>> NftFirewall::settings_that_differ(const ports::FirewallRules& rules) const {
  std::vector<std::string> found;
  if (rules.may_forward && TRY(kernel::read_sysctl("net/ipv4/ip_forward")) != "1") {
    found.emplace_back("the kernel setting net.ipv4.ip_forward");
  }
  for (const auto& network : rules.networks) {
    const auto is = kernel::read_sysctl(localnet_of(device_of_(network)));
    if (is.ok() && *is != wanted_localnet(rules, network)) {
      found.push_back(fmt::format("the kernel setting {}", localnet_of(device_of_(network))));
    }
  }
  return found;
}

// Each whether the other is there or not: somebody may have flushed one of them, and each may fail.
Result<bool> NftFirewall::remove() {
  auto docker = ensure_docker_user({});
  const bool table = TRY(nftables_.list_table(std::string(kFamily), std::string(kTable))).has_value();
  if (table) TRY(nftables_.apply(fmt::format("delete table {} {}", kFamily, kTable)));
  return TRY(std::move(docker)) || table;
}

Result<bool> NftFirewall::ensure_table(const ports::FirewallRules& rules) {
  const std::string wanted = ruleset(rules, device_of_, TRY(lan_bridges()));
  const std::string family(kFamily);
  const std::string table(kTable);
  if (TRY(table_is_right(wanted))) return false;
  // Added first, so that deleting it is no error where there is none.
  TRY(nftables_.apply(fmt::format("add table {0} {1}\ndelete table {0} {1}\n{2}", family, table, wanted)));
  const auto made = TRY(nftables_.list_table(family, table));
  if (!made) return fail(ErrorCode::kernel, "the table {} {} went away while it was made", family, table);
  TRY(nftables_.apply(fmt::format("add chain {} {} {}", family, table, digest(wanted, split(*made).rules))));
  return true;
}

Result<bool> NftFirewall::table_is_right(const std::string& wanted) {
  const auto found = TRY(nftables_.list_table(std::string(kFamily), std::string(kTable)));
  if (!found) return false;
  const Listing listing = split(*found);
  return listing.digest == digest(wanted, listing.rules);
}

Result<bool> NftFirewall::ensure_localnet(const ports::FirewallRules& rules) {
  bool changed = false;
  for (const auto& network : rules.networks) {
    auto set = kernel::ensure_sysctl(localnet_of(device_of_(network)), wanted_localnet(rules, network));
    // The device is still to be made, and the rules are ensured again when it is.
    if (!set.ok() && set.error().code == ErrorCode::not_found) continue;
    changed = TRY(std::move(set)) || changed;
  }
  return changed;
}

Result<std::vector<std::string>> NftFirewall::lan_bridges() {
  std::vector<std::string> names;
  for (const auto& link : TRY(netlink_.links())) {
    if (link.kind == "bridge" && is_lan_bridge(link.name)) names.push_back(link.name);
  }
  return names;
}

}  // namespace bayplan::datapath
