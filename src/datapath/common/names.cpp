#include "datapath/common/names.hpp"

#include <algorithm>

namespace bayplan::datapath {
namespace {

constexpr std::size_t kLongestName = 15;    // IFNAMSIZ less the closing zero
constexpr std::size_t kLongestAlias = 255;  // IFALIASZ less the closing zero
constexpr std::string_view kPrefix = "bp-";
constexpr std::string_view kAliasPrefix = "bayplan ";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f');
}

// FNV-1a, folded to 24 bits: the same on every host and in every version.
std::uint32_t checksum(std::string_view text) {
  std::uint32_t hash = 2166136261U;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619U;
  return (hash >> 24 ^ hash) & 0xffffffU;
}

}  // namespace

std::string bridge_name(const model::Network& network) {
  if (network.vlan) return fmt::format("{}{}", kPrefix, *network.vlan);
  const bool fits = network.name.size() + kPrefix.size() <= kLongestName;
  if (fits && !std::ranges::all_of(network.name, is_digit)) return fmt::format("{}{}", kPrefix, network.name);
  return fmt::format("{}{}-{:06x}", kPrefix, network.name.substr(0, 5), checksum(network.name));
}

std::string vlan_device_name(const std::string& uplink, std::uint16_t vlan) {
  std::string name = fmt::format("{}.{}", uplink, vlan);
  return name.size() <= kLongestName ? name : fmt::format("bpu-{}", vlan);
}

bool is_port_name(std::string_view name) {
  return name.size() == 10 && name.starts_with("bp") && std::ranges::all_of(name.substr(2), is_hex);
}

std::string to_string(const Alias& alias) {
  std::string text = fmt::format("{}{}", kAliasPrefix, alias.network);
  if (!alias.note.empty()) text += ' ' + alias.note;
  return text.substr(0, kLongestAlias);
}

std::optional<Alias> parse_alias(std::string_view text) {
  if (!text.starts_with(kAliasPrefix)) return std::nullopt;
  text.remove_prefix(kAliasPrefix.size());
  const auto space = text.find(' ');
  Alias alias{std::string(text.substr(0, space)), {}};
  if (alias.network.empty()) return std::nullopt;
  if (space != std::string_view::npos) alias.note = text.substr(space + 1);
  return alias;
}

std::string was_down_note(const std::string& uplink) {
  return fmt::format("({} was down)", uplink);
}

}  // namespace bayplan::datapath
