// Records with every field set to something that is not its default, for tests of stores.
#pragma once

#include <string>
#include <vector>

#include "model/records.hpp"

namespace bayplan::testing {

inline model::IpAddress ip(const std::string& text) {
  return model::IpAddress::parse(text).value();
}
inline Timestamp at(long milliseconds) {
  return Timestamp(std::chrono::milliseconds(milliseconds));
}

inline model::Network sample_network(const std::string& name = "vlan100", int number = 1) {
  model::Network network;
  network.name = name;
  network.vlan = static_cast<std::uint16_t>(99 + number);
  network.subnet = model::Subnet::around(model::IpAddress::v4(0xac100000U + (static_cast<unsigned>(number) << 8)), 24);
  network.gateway = *network.subnet.base().plus(1);
  network.ranges = {{*network.subnet.base().plus(10), *network.subnet.base().plus(99)}};
  network.exclusions = {{*network.subnet.base().plus(20), *network.subnet.base().plus(20)},
                        {*network.subnet.base().plus(30), *network.subnet.base().plus(39)}};
  network.datapath = model::DatapathKind::ovs;
  network.uplink = "eth1";
  network.mtu = 1400;
  network.nat = false;
  network.repair = false;
  network.host_address = *network.subnet.base().plus(254);
  network.mac_salt = 255;
  network.created = at(1'700'000'000'123);
  return network;
}

inline model::Network sample_network_v6() {
  model::Network network;
  network.name = "six";
  network.subnet = model::Subnet::parse("2001:db8:1::/64").value();
  network.gateway = ip("2001:db8:1::1");
  network.ranges = {{ip("2001:db8:1::10"), ip("2001:db8:1::ffff")}};
  return network;
}

inline model::Reservation sample_reservation(const std::string& identity = "web",
                                             const std::string& address = "172.16.1.12",
                                             const std::string& network = "vlan100") {
  model::Reservation reservation;
  reservation.network = network;
  reservation.identity = identity;
  reservation.address = ip(address);
  reservation.mac = model::mac_of(7, reservation.address);
  reservation.state = model::ReservationState::removed;
  reservation.host = "host-1.example";
  reservation.container_id = std::string(64, 'c');
  reservation.container_name = "stack_web_1";
  reservation.created = at(1'700'000'000'001);
  reservation.last_seen = at(1'700'000'100'999);
  return reservation;
}

inline model::Attachment sample_attachment(const std::string& address = "172.16.1.12",
                                           const std::string& endpoint = std::string(64, 'e'),
                                           const std::string& network = "vlan100") {
  model::Attachment attachment;
  attachment.network = network;
  attachment.address = ip(address);
  attachment.stage = model::Attachment::Stage::joined;
  attachment.asked = true;
  attachment.engine_network = std::string(64, 'a');
  attachment.endpoint = endpoint;
  attachment.sandbox = "/var/run/docker/netns/0123456789ab";
  attachment.identity = "web";
  attachment.container_id = std::string(64, 'c');
  attachment.verified = true;
  attachment.published = {{"tcp", 80, ip("0.0.0.0"), 8080}, {"sctp", 65535, ip("2001:db8::1"), 1}};
  attachment.since = at(1'700'000'000'002);
  return attachment;
}

inline model::EngineNetwork sample_engine_network(const std::string& id = std::string(64, 'a'),
                                                  const std::string& network = "vlan100") {
  return {id, network};
}
inline model::Claim sample_claim() {
  return {std::string(64, 'c'), std::string(64, 'a'), ip("172.16.1.12"), "web", true};
}
inline model::OwedStart sample_owed_start() {
  return {"b7f3", "vlan100", at(1'700'000'000'003)};
}
inline model::Repin sample_repin() {
  return {std::string(64, 'c'), std::string(64, 'a'), R"({"Aliases":["web","it's"],"Links":null})",
          ip("172.16.1.12"),    std::string(64, 'b'), R"({"Aliases":["web"]})",
          ip("10.9.0.12")};
}
inline model::AttachMark sample_mark(const std::string& identity = "web", const std::string& network = "vlan100") {
  return {network, identity, "/run/netns/blue", "eth1", true, std::string(64, 'd')};
}

inline std::vector<model::Record> one_of_each() {
  return {sample_network(), sample_reservation(), sample_attachment(), sample_engine_network(),
          sample_claim(),   sample_owed_start(),  sample_repin(),      sample_mark()};
}

inline model::Change put(model::Record record) {
  return {model::Change::Kind::put, std::move(record)};
}
inline model::Change erase(model::Record record) {
  return {model::Change::Kind::erase, std::move(record)};
}
inline model::ChangeSet put_all(const std::vector<model::Record>& records) {
  model::ChangeSet changes;
  for (const model::Record& record : records) changes.push_back(put(record));
  return changes;
}

}  // namespace bayplan::testing
