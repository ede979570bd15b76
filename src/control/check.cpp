#include "control/check.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <tuple>

namespace bayplan::control {
namespace {

constexpr auto kNames = std::to_array<std::pair<FindingKind, std::string_view>>({
    {FindingKind::engine_network_missing, "engine_network_missing"},
    {FindingKind::engine_network_unknown, "engine_network_unknown"},
    {FindingKind::engine_network_differs, "engine_network_differs"},
    {FindingKind::container_gone, "container_gone"},
    {FindingKind::container_not_running, "container_not_running"},
    {FindingKind::container_not_connected, "container_not_connected"},
    {FindingKind::container_not_recorded, "container_not_recorded"},
    {FindingKind::container_without_reservation, "container_without_reservation"},
    {FindingKind::container_not_attached, "container_not_attached"},
    {FindingKind::state_differs, "state_differs"},
    {FindingKind::address_differs, "address_differs"},
    {FindingKind::mac_differs, "mac_differs"},
    {FindingKind::network_device_missing, "network_device_missing"},
    {FindingKind::network_device_differs, "network_device_differs"},
    {FindingKind::network_device_down, "network_device_down"},
    {FindingKind::network_gateway_missing, "network_gateway_missing"},
    {FindingKind::network_route_missing, "network_route_missing"},
    {FindingKind::network_uplink_missing, "network_uplink_missing"},
    {FindingKind::network_blocked, "network_blocked"},
    {FindingKind::network_left_over, "network_left_over"},
    {FindingKind::port_missing, "port_missing"},
    {FindingKind::port_misplaced, "port_misplaced"},
    {FindingKind::port_down, "port_down"},
    {FindingKind::port_alias_differs, "port_alias_differs"},
    {FindingKind::port_left_over, "port_left_over"},
    {FindingKind::interface_differs, "interface_differs"},
    {FindingKind::firewall_differs, "firewall_differs"},
    {FindingKind::probe_silent, "probe_silent"},
    {FindingKind::probe_refused, "probe_refused"},
    {FindingKind::probe_stolen, "probe_stolen"},
    {FindingKind::probe_foreign_mac, "probe_foreign_mac"},
    {FindingKind::probe_duplicate, "probe_duplicate"},
});

auto key_of(const Finding& finding) {
  return std::tie(finding.network, finding.address, finding.identity, finding.kind, finding.object);
}

struct ByKey {
  bool operator()(const Finding& a, const Finding& b) const { return key_of(a) < key_of(b); }
};

}  // namespace

std::string_view to_string(FindingKind kind) {
  const auto found = std::ranges::find(kNames, kind, [](const auto& entry) { return entry.first; });
  return found == kNames.end() ? "unknown" : found->second;
}

bool Finding::is_same(const Finding& other) const {
  return key_of(*this) == key_of(other);
}

std::vector<Finding> confirmed(const std::vector<Finding>& before, std::vector<Finding> now) {
  const std::set<Finding, ByKey> known(before.begin(), before.end());
  std::erase_if(now, [&](const Finding& finding) { return !known.contains(finding); });
  return now;
}

std::vector<Finding> after_repair(std::vector<Finding> before, std::vector<Finding> now, bool saw_all) {
  const std::set<Finding, ByKey> left(now.begin(), now.end());
  std::erase_if(before, [&](const Finding& finding) { return left.contains(finding); });
  for (Finding& finding : before) finding.repaired = saw_all;
  std::ranges::move(now, std::back_inserter(before));
  return before;
}

}  // namespace bayplan::control
