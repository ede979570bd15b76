#include "datapath/ovs/names.hpp"

#include <algorithm>

namespace bayplan::datapath::ovs {
namespace {

constexpr std::size_t kLongestAlias = 255;  // IFALIASZ less the closing zero
constexpr std::string_view kPrefix = "bayplan-ovs ";

bool is_port_name(std::string_view name) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return name.size() == 10 && name.starts_with("bp") && std::ranges::all_of(name.substr(2), is_hex);
}

}  // namespace

std::string device_name(const model::Network& network) {
  return fmt::format("vlan{}", network.vlan.value_or(0));
}

std::string to_string(const Alias& alias) {
  std::string text = fmt::format("{}{}", kPrefix, alias.network);
  if (!alias.identity.empty()) text += ' ' + alias.identity;
  return text.substr(0, kLongestAlias);
}

std::optional<Alias> parse_alias(std::string_view text) {
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  const auto space = text.find(' ');
  Alias alias{std::string(text.substr(0, space)), {}};
  if (alias.network.empty()) return std::nullopt;
  if (space != std::string_view::npos) alias.identity = text.substr(space + 1);
  return alias;
}

std::string tag_text(const std::optional<std::int64_t>& tag) {
  return tag ? fmt::format("tag {}", *tag) : std::string("no tag");
}

bool is_port(const kernel::Link& link) {
  return link.kind == "veth" && (parse_alias(link.alias) || (link.alias.empty() && is_port_name(link.name)));
}

bool is_gateway(const kernel::Link& link) {
  return link.kind != "veth" && parse_alias(link.alias).has_value();
}

}  // namespace bayplan::datapath::ovs
