#include "api/views.hpp"

#include <boost/json.hpp>

#include "wire/json.hpp"
#include "wire/plan_json.hpp"

namespace bayplan::api {
namespace {

namespace json = boost::json;

constexpr Metric kReservations{"bayplan_reservations", "Reservations by network and state."};
constexpr Metric kSize{"bayplan_network_addresses", "Addresses that a network may give."};
constexpr Metric kDrifts{
    "bayplan_drifts_found",
    "What was found to differ since the start, by what it was: network, port, or something inside."};
constexpr Metric kRepairs{"bayplan_drifts_repaired", "How many of them were put right."};
constexpr Metric kFree{"bayplan_network_free_addresses", "Addresses of a network that are nobody's."};

wire::PlacedReservation placed(const control::ReservationView& view) {
  return {view.reservation, view.vlan, view.subnet, view.mark};
}

template <typename T>
json::value array_of(const std::vector<T>& views) {
  json::array out;
  for (const auto& view : views) out.emplace_back(to_json(view));
  return out;
}

}  // namespace

json::value to_json(const control::NetworkView& view) {
  auto object = wire::network_json(view.network);
  object["addresses"] = {{"size", view.size},
                         {"attached", view.attached},
                         {"held", view.held},
                         {"removed", view.removed},
                         {"free", view.free}};
  object["engine_networks"] = json::array(view.engine_networks.begin(), view.engine_networks.end());
  return object;
}

json::value to_json(const std::vector<control::NetworkView>& views) {
  return array_of(views);
}

json::value to_json(const control::ReservationView& view) {
  return wire::reservation_json(placed(view));
}

json::value to_json(const std::vector<control::ReservationView>& views) {
  return array_of(views);
}

json::value to_json(const control::PlanExport& plan) {
  std::vector<wire::PlacedReservation> reservations;
  for (const auto& view : plan.reservations) reservations.push_back(placed(view));
  return wire::export_json(plan.networks, std::move(reservations));
}

json::value to_json(const control::ImportReport& report) {
  json::array records;
  const auto add = [&](const control::ImportOutcome& outcome, bool is_network) {
    records.push_back({{"key", outcome.key},
                       {"outcome", to_string(outcome.kind)},
                       {"kind", is_network ? "network" : "reservation"},
                       {"network", wire::text_or_null(outcome.network)},
                       {"identity", wire::text_or_null(outcome.identity)},
                       {"address", wire::text_or_null(outcome.address)},
                       {"state", wire::text_or_null(outcome.state)},
                       {"note", wire::text_or_null(outcome.note)}});
  };
  for (const auto& outcome : report.networks) add(outcome, true);
  for (const auto& outcome : report.reservations) add(outcome, false);
  return {{"dry_run", report.dry_run}, {"records", std::move(records)}};
}

json::value to_json(const control::CheckReport& report) {
  json::array findings;
  for (const auto& finding : report.findings) {
    findings.push_back({{"network", wire::text_or_null(finding.network)},
                        {"identity", wire::text_or_null(finding.identity)},
                        {"address", wire::text_or_null(finding.address)},
                        {"kind", to_string(finding.kind)},
                        {"object", wire::text_or_null(finding.object)},
                        {"found", wire::text_or_null(finding.found)},
                        {"wanted", wire::text_or_null(finding.wanted)},
                        {"repaired", finding.repaired},
                        {"message", finding.message}});
  }
  json::array unchecked;
  for (const auto& part : report.unchecked) unchecked.push_back({{"part", part.part}, {"why", part.why}});
  return {{"reservations", report.reservations},
          {"probed", report.probed},
          {"findings", std::move(findings)},
          {"unchecked", std::move(unchecked)}};
}

json::value to_json(const control::CheckProgress& progress) {
  return {{"step", progress.step}, {"done", progress.done}, {"total", progress.total}, {"seconds", progress.seconds}};
}

json::value to_json(const control::AdoptReport& report) {
  json::array containers;
  for (const auto& outcome : report.outcomes) {
    containers.push_back({{"container", outcome.container},
                          {"state", wire::text_or_null(outcome.state)},
                          {"engine_network", wire::text_or_null(outcome.engine_network)},
                          {"driver", wire::text_or_null(outcome.driver)},
                          {"address_now", wire::text_or_null(outcome.address_now)},
                          {"mac_now", wire::text_or_null(outcome.mac_now)},
                          {"outcome", to_string(outcome.kind)},
                          {"network", wire::text_or_null(outcome.network)},
                          {"network_made", outcome.network_made},
                          {"identity", wire::text_or_null(outcome.identity)},
                          {"address", wire::text_or_null(outcome.address)},
                          {"mac", wire::text_or_null(outcome.mac)},
                          {"note", wire::text_or_null(outcome.note)}});
  }
  return {{"dry_run", report.dry_run}, {"containers", std::move(containers)}};
}

json::value to_json(const control::DaemonStatus& status) {
  return {{"version", status.version},
          {"store", status.store},
          {"engine_ready", status.engine_ready},
          {"engine", wire::text_or_null(status.engine)}};
}

void measure(Metrics& metrics, const std::vector<control::RepairCount>& counts) {
  for (const auto& count : counts) {
    const Labels labels{{"network", count.network}, {"what", count.what}};
    metrics.set(kDrifts, labels, static_cast<double>(count.found));
    metrics.set(kRepairs, labels, static_cast<double>(count.repaired));
  }
}

void measure(Metrics& metrics, const std::vector<control::NetworkView>& views) {
  for (const auto& view : views) {
    const auto& name = view.network.name;
    metrics.set(kReservations, {{"network", name}, {"state", "attached"}}, static_cast<double>(view.attached));
    metrics.set(kReservations, {{"network", name}, {"state", "held"}}, static_cast<double>(view.held));
    metrics.set(kReservations, {{"network", name}, {"state", "removed"}}, static_cast<double>(view.removed));
    metrics.set(kSize, {{"network", name}}, static_cast<double>(view.size));
    metrics.set(kFree, {{"network", name}}, static_cast<double>(view.free));
  }
}

}  // namespace bayplan::api
