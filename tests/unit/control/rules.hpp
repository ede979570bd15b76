// A plan with one network and made-up facts of an engine, for tests of the rules.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "control/addresses.hpp"
#include "control/engine_sync.hpp"
#include "control/joins.hpp"
#include "support/sample_records.hpp"

namespace bayplan::testing {

// 172.16.1.0/24, or what `subnet` says, carried by the engine's network "net-id" called "net".
inline model::Plan plan_with_network(const std::string& subnet = "172.16.1.0/24") {
  auto network = sample_network("vlan100", 1);
  network.subnet = model::Subnet::parse(subnet).value();
  network.gateway = network.subnet.first_host();
  network.ranges.clear();
  network.exclusions.clear();
  return model::Plan::from({network, model::EngineNetwork{"net-id", "vlan100"}}).value();
}

inline ports::Container container(const std::string& name, ports::ContainerState state,
                                  const std::string& configured = "", const std::string& endpoint = "") {
  ports::Container made;
  made.id = "id-" + name;
  made.name = name;
  made.state = state;
  ports::ContainerNetwork entry;
  entry.key = "net";
  if (!configured.empty()) entry.configured = ip(configured);
  entry.endpoint = endpoint;
  if (!endpoint.empty()) entry.network_id = "net-id";
  made.networks.push_back(entry);
  return made;
}

inline control::EngineFacts facts_of(std::vector<ports::Container> containers) {
  control::EngineFacts facts;
  facts.containers = std::move(containers);
  facts.network_names = {{"net-id", "net"}};
  return facts;
}

class Rules : public ::testing::Test {
 protected:
  using State = ports::ContainerState;

  model::Reservation have(const std::string& identity, const std::string& address,
                          model::ReservationState state = model::ReservationState::held) {
    auto made = control::make_reservation(*plan.network("vlan100"), identity, ip(address), now);
    made.state = state;
    made.container_name = identity;
    made.container_id = "id-" + identity;
    EXPECT_TRUE(edit.put(made).ok());
    return made;
  }
  model::Attachment have_attachment(const std::string& address, const std::string& endpoint,
                                    const std::string& identity = "") {
    model::Attachment made;
    made.network = "vlan100";
    made.address = ip(address);
    made.endpoint = endpoint;
    made.stage = endpoint.empty() ? model::Attachment::Stage::granted : model::Attachment::Stage::joined;
    made.engine_network = endpoint.empty() ? "" : "net-id";
    made.identity = identity;
    made.container_id = identity.empty() ? "" : "id-" + identity;
    made.verified = !identity.empty() && !endpoint.empty();
    made.since = now;
    EXPECT_TRUE(edit.put(made).ok());
    return made;
  }
  control::GrantRequest asking(std::optional<control::EngineFacts> facts, const std::string& address = "") {
    control::GrantRequest request;
    request.network = "vlan100";
    if (!address.empty()) request.address = ip(address);
    request.facts = std::move(facts);
    request.owed_token = "owed-1";
    request.now = now;
    return request;
  }
  // The address that is granted, or the error's code in words, or "owed".
  std::string granted(const control::GrantRequest& request) {
    const std::size_t mark = edit.changes().size();
    const auto outcome = control::grant(edit, request);
    if (!outcome) {
      edit.rollback(mark);
      last_error = outcome.error().detail;
      return std::string(to_string(outcome.error().code));
    }
    if (outcome->owed) last_error = outcome->owed->detail;
    return outcome->owed ? "owed" : outcome->address->to_string();
  }
  const model::Attachment* attachment(const std::string& address) { return plan.attachment("vlan100", ip(address)); }
  const model::Reservation* reservation(const std::string& identity) { return plan.reservation("vlan100", identity); }

  Timestamp now = at(1'000'000'000);
  model::Plan plan = plan_with_network();
  model::PlanEdit edit{plan};
  std::string last_error;
};

}  // namespace bayplan::testing
