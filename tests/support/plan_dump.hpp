// All that a plan holds, in an order of its own, for comparing two plans.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "model/plan.hpp"

namespace bayplan::testing {

struct PlanDump {
  std::vector<model::Record> records;
  std::vector<std::string> derived;  // what the plan keeps beside its records: pools and indexes

  friend bool operator==(const PlanDump&, const PlanDump&) = default;
};

inline PlanDump dump(const model::Plan& plan) {
  PlanDump out;
  for (const auto* network : plan.networks()) {
    out.records.emplace_back(*network);
    const auto* pool = plan.pool(network->name);
    const auto lowest = pool->lowest_free({network->subnet.base(), network->subnet.last()});
    out.derived.push_back(
        fmt::format("{} {}/{} {}", network->name, pool->taken(), pool->size(), lowest ? lowest->to_string() : "full"));
    for (const auto* removed : plan.reclaimable(network->name)) {
      out.derived.push_back(fmt::format("reclaimable {} {}", removed->identity, removed->address.to_string()));
    }
  }
  for (const auto* reservation : plan.reservations()) {
    out.records.emplace_back(*reservation);
    const auto* at = plan.reservation_at(reservation->network, reservation->address);
    out.derived.push_back(fmt::format("{} at {}", at ? at->identity : "?", reservation->address.to_string()));
  }
  for (const auto* attachment : plan.attachments()) {
    out.records.emplace_back(*attachment);
    const auto* of = plan.attachment_of(attachment->endpoint);
    out.derived.push_back(fmt::format("{} of {}", of ? of->address.to_string() : "-", attachment->endpoint));
  }
  for (const auto& [key, record] : plan.engine_networks()) out.records.emplace_back(record);
  for (const auto& [key, record] : plan.claims()) out.records.emplace_back(record);
  for (const auto& [key, record] : plan.owed_starts()) out.records.emplace_back(record);
  for (const auto& [key, record] : plan.repins()) out.records.emplace_back(record);
  for (const auto* mark : plan.marks()) out.records.emplace_back(*mark);
  return out;
}

}  // namespace bayplan::testing
