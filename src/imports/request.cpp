#include "imports/request.hpp"

#include <boost/json.hpp>

#include "wire/json.hpp"
#include "wire/plan_json.hpp"

namespace bayplan::imports {
namespace {

namespace json = boost::json;

template <typename T>
json::value or_null(const std::optional<T>& value) {
  if (!value) return nullptr;
  if constexpr (std::is_integral_v<T>) {
    return *value;
  } else {
    return json::value(value->to_string());
  }
}

json::object network_of(const NetworkRecord& record) {
  model::Network network;
  network.name = record.name;
  network.vlan = record.vlan;
  network.subnet = record.subnet;
  network.gateway = record.gateway;
  if (!record.complete) {
    return {{"key", record.key},
            {"name", wire::text_or_null(record.name)},
            {"vlan", or_null(record.vlan)},
            {"subnet", record.subnet.to_string()},
            {"gateway", record.gateway.to_string()}};
  }
  network.ranges = record.ranges;
  network.exclusions = record.exclusions;
  network.datapath = record.datapath;
  network.uplink = record.uplink;
  network.host_address = record.host_address;
  network.mtu = record.mtu;
  network.nat = record.nat;
  network.repair = record.repair;
  network.created = record.created;
  auto object = wire::network_json(network);
  object["mac_salt"] = record.mac_salt;
  object["key"] = record.key;
  return object;
}

json::object reservation_of(const ReservationRecord& record) {
  return {{"key", record.key},
          {"network", wire::text_or_null(record.network)},
          {"vlan", or_null(record.vlan)},
          {"identity", record.identity},
          {"address", record.subnet ? model::with_prefix(record.address, *record.subnet) : record.address.to_string()},
          {"gateway", or_null(record.gateway)},
          {"mac", or_null(record.mac)},
          {"state", model::to_string(record.state)},
          {"host", wire::text_or_null(record.host)},
          {"container", wire::text_or_null(record.container)},
          {"created", wire::text_or_null(to_rfc3339(record.created))},
          {"last_seen", wire::text_or_null(to_rfc3339(record.last_seen))},
          {"attach", wire::attach_json(record.attach)}};
}

}  // namespace

json::object to_request(const Records& records, bool dry_run) {
  json::array networks;
  for (const auto& record : records.networks) networks.emplace_back(network_of(record));
  json::array reservations;
  for (const auto& record : records.reservations) reservations.emplace_back(reservation_of(record));
  return {{"dry_run", dry_run}, {"networks", std::move(networks)}, {"reservations", std::move(reservations)}};
}

}  // namespace bayplan::imports
