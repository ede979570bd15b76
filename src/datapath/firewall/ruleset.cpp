#include "datapath/firewall/ruleset.hpp"

#include <algorithm>

namespace bayplan::datapath {
namespace {

std::string quoted(std::string_view name) {
  return fmt::format("\"{}\"", name);
}

// A set without elements is declared all the same: nothing matches it.
std::string named_set(std::string_view name, std::string_view type, std::vector<std::string> elements) {
  std::ranges::sort(elements);
  std::string text = fmt::format("  set {} {{\n    {}\n", name, type);
  if (!elements.empty()) text += fmt::format("    elements = {{ {} }}\n", fmt::join(elements, ", "));
  return text + "  }\n";
}

class Writer {
 public:
  Writer(const ports::FirewallRules& rules, const GatewayDevice& device_of) : published_(rules.published) {
    for (const auto& network : rules.networks) {
      if (network.subnet.base().is_v4()) networks_.push_back({&network, device_of(network)});
    }
    std::ranges::sort(networks_, {}, &Entry::device);
  }

  [[nodiscard]] std::string sets(const std::vector<std::string>& lan_bridges) const;
  [[nodiscard]] std::string published() const;
  [[nodiscard]] std::string postrouting() const;

 private:
  struct Entry {
    const model::Network* network;
    std::string device;
  };
  template <typename Describe>
  [[nodiscard]] std::vector<std::string> each(Describe&& describe, bool only_nat = false) const {
    std::vector<std::string> elements;
    for (const auto& entry : networks_) {
      if (entry.network->nat || !only_nat) elements.push_back(describe(entry));
    }
    return elements;
  }

  std::vector<Entry> networks_;
  const std::vector<ports::Publication>& published_;
};

std::string Writer::sets(const std::vector<std::string>& lan_bridges) const {
  const auto device = [](const Entry& e) { return quoted(e.device); };
  const auto same = [](const Entry& e) { return fmt::format("{0} . {0}", quoted(e.device)); };
  const auto gateway = [](const Entry& e) { return e.network->gateway.to_string(); };
  const auto own = [](const Entry& e) { return quoted(e.device) + " . " + e.network->gateway.to_string(); };
  const auto subnet = [](const Entry& e) { return e.network->subnet.to_string(); };
  std::vector<std::string> bridges;
  for (const auto& name : lan_bridges) bridges.push_back(quoted(name));
  return named_set("networks", "type ifname", each(device)) +
         named_set("same_network", "type ifname . ifname", each(same)) +
         named_set("nat_networks", "type ifname", each(device, true)) +
         named_set("nat_subnets", "type ipv4_addr; flags interval", each(subnet, true)) +
         named_set("gateways", "type ipv4_addr", each(gateway)) +
         named_set("own_gateway", "type ifname . ipv4_addr", each(own)) +
         named_set("lan_bridges", "type ifname", bridges);
}

// In the order of the ports, so that the same publications always make the same text.
std::string Writer::published() const {
  std::vector<std::string> rules;
  for (const auto& [network, address, port] : published_) {
    if (!address.is_v4() || !port.host_address.is_v4()) continue;
    const bool any = port.host_address == model::IpAddress{};
    rules.push_back(fmt::format("    {}{} dport {} dnat to {}:{}\n",
                                any ? "" : fmt::format("ip daddr {} ", port.host_address.to_string()), port.protocol,
                                port.host_port, address.to_string(), port.port));
  }
  // An address that is named comes before any address: "ip…" sorts before the protocols.
  std::ranges::sort(rules);
  return fmt::format("  chain published {{\n{}  }}\n", fmt::join(rules, ""));
}

// Its containers' answers to whoever is outside pass this host; on macvlan they go to a router on the wire.
bool is_behind_host(const model::Network& network) {
  return network.datapath != model::DatapathKind::macvlan || network.host_address == network.gateway;
}

// The last rules: without them a neighbour, or where the host is not the gateway anybody, would be answered past the
// host, and an asker at 127.0.0.1 not at all.
std::string Writer::postrouting() const {
  std::string text =
      "  chain postrouting {\n"
      "    type nat hook postrouting priority srcnat; policy accept;\n"
      "    ip saddr @nat_subnets oifname != @networks masquerade\n"
      "    ip saddr 127.0.0.0/8 oifname @networks masquerade\n";
  for (const auto& entry : networks_) {
    const auto subnet = entry.network->subnet.to_string();
    const auto from = is_behind_host(*entry.network) ? fmt::format("ip saddr {} ", subnet) : std::string{};
    text += fmt::format("    {}ip daddr {} ct status dnat masquerade\n", from, subnet);
  }
  return text + "  }\n";
}

// What of the rules does not depend on the networks, once the sets do.
constexpr std::string_view kFixedChains = R"(  chain guard {
    type filter hook prerouting priority raw; policy accept;
    iifname @networks ip daddr 127.0.0.0/8 drop
    iifname @networks ip saddr 127.0.0.0/8 drop
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local jump published
  }
  chain output {
    type nat hook output priority -100; policy accept;
    fib daddr type local jump published
  }
  chain input {
    type filter hook input priority filter; policy accept;
    iifname . ip daddr @own_gateway accept
    iifname @networks ip daddr @gateways drop
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct status dnat accept
    iifname . oifname @same_network accept
    iifname @networks oifname @networks drop
    iifname @networks jump engines_out
    oifname @networks jump engines_in
    ct state established,related accept
    oifname @nat_networks drop
  }
  chain engines_out {
    oifname { "docker0", "docker_gwbridge" } drop
    oifname @lan_bridges return
    oifname "br-*" drop
  }
  chain engines_in {
    iifname { "docker0", "docker_gwbridge" } drop
    iifname @lan_bridges return
    iifname "br-*" drop
  }
)";

}  // namespace

std::string ruleset(const ports::FirewallRules& rules, const GatewayDevice& device_of,
                    const std::vector<std::string>& lan_bridges) {
  const Writer writer(rules, device_of);
  // `published` stands before the chains that jump to it.
  return fmt::format("table ip {} {{\n{}{}{}{}}}\n", kTable, writer.sets(lan_bridges), writer.published(), kFixedChains,
                     writer.postrouting());
}

bool is_lan_bridge(std::string_view name) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  return name.starts_with("br-") && !is_engine_bridge(name) && name.find_first_not_of(plain) == std::string_view::npos;
}

bool is_engine_bridge(std::string_view name) {
  if (name == "docker0" || name == "docker_gwbridge") return true;
  return name.size() == 15 && name.starts_with("br-") &&
         name.substr(3).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace bayplan::datapath
