#include "datapath/ovs/rows.hpp"

#include "datapath/ovs/names.hpp"

namespace bayplan::datapath::ovs {
namespace {

namespace json = boost::json;
using bayplan::ovs::Row;

json::object select(const char* table, json::array where, json::array columns) {
  return {{"op", "select"}, {"table", table}, {"where", std::move(where)}, {"columns", std::move(columns)}};
}

// Member by member: base/result.hpp, TRY.
Result<BridgeRow> bridge_row(const Row& row) {
  BridgeRow bridge;
  bridge.uuid = TRY(row.uuid("_uuid"));
  bridge.name = TRY(row.text("name"));
  bridge.datapath_type = TRY(row.text("datapath_type"));
  bridge.ids = TRY(row.texts("external_ids"));
  return bridge;
}

Result<PortRow> port_row(const Row& row) {
  PortRow port;
  port.uuid = TRY(row.uuid("_uuid"));
  port.name = TRY(row.text("name"));
  port.tag = TRY(row.optional_number("tag"));
  port.vlan_mode = TRY(row.optional_text("vlan_mode"));
  const auto trunks = TRY(row.numbers("trunks"));
  port.trunks = {trunks.begin(), trunks.end()};
  port.ids = TRY(row.texts("external_ids"));
  return port;
}

Result<InterfaceRow> interface_row(const Row& row) {
  InterfaceRow interface;
  interface.uuid = TRY(row.uuid("_uuid"));
  interface.type = TRY(row.text("type"));
  interface.mac = TRY(row.optional_text("mac"));
  interface.mtu_request = TRY(row.optional_number("mtu_request"));
  interface.error = TRY(row.optional_text("error"));
  return interface;
}

Result<> take_row(Snapshot& snapshot, std::string_view table, const Row& row) {
  if (table == "Open_vSwitch") {
    snapshot.root = TRY(row.uuid("_uuid"));
    snapshot.wanted_config = TRY(row.number("next_cfg"));
    snapshot.current_config = TRY(row.number("cur_cfg"));
  } else if (table == "Bridge") {
    auto bridge = TRY(bridge_row(row));
    for (auto& port : TRY(row.uuids("ports"))) snapshot.homes[std::move(port)] = bridge.name;
    snapshot.bridges[bridge.name] = std::move(bridge);
  } else if (table == "Port") {
    auto port = TRY(port_row(row));
    snapshot.ports[port.name] = std::move(port);
  } else {
    snapshot.interfaces[TRY(row.text("name"))] = TRY(interface_row(row));
  }
  return {};
}

json::value optional_value(const std::optional<std::int64_t>& value) {
  return value ? json::value(*value) : bayplan::ovs::set_value({});
}

json::value trunks_value(const std::set<std::int64_t>& trunks) {
  return bayplan::ovs::set_value(json::array(trunks.begin(), trunks.end()));
}

json::object interface_columns(const WantedPort& wanted) {
  json::object columns{{"name", wanted.name}, {"type", wanted.type}};
  if (wanted.mac) columns["mac"] = *wanted.mac;
  if (wanted.mtu) columns["mtu_request"] = *wanted.mtu;
  return columns;
}

}  // namespace

bool PortRow::is(const std::string& what) const {
  return id(kMark) == what;
}
bool PortRow::is_ours() const {
  return ids.contains(kMark);
}
std::string PortRow::id(const std::string& key) const {
  const auto at = ids.find(key);
  return at == ids.end() ? std::string{} : at->second;
}

const BridgeRow* Snapshot::bridge(const std::string& name) const {
  const auto at = bridges.find(name);
  return at == bridges.end() ? nullptr : &at->second;
}
const PortRow* Snapshot::port(const std::string& name) const {
  const auto at = ports.find(name);
  return at == ports.end() ? nullptr : &at->second;
}
const BridgeRow* Snapshot::bridge_of(const PortRow& port) const {
  const auto home = homes.find(port.uuid);
  return home == homes.end() ? nullptr : bridge(home->second);
}

json::array selects(const std::vector<std::string>& port_names) {
  const json::array port_columns{"_uuid", "name", "tag", "vlan_mode", "trunks", "external_ids"};
  const json::array interface_columns{"_uuid", "name", "type", "mac", "mtu_request", "error"};
  json::array operations{
      select("Open_vSwitch", {}, {"_uuid", "next_cfg", "cur_cfg"}),
      select("Bridge", {}, {"_uuid", "name", "datapath_type", "ports", "external_ids"}),
  };
  const auto add = [&](const json::array& where) {
    operations.push_back(select("Port", where, port_columns));
    operations.push_back(select("Interface", where, interface_columns));
  };
  if (port_names.empty()) add({});
  for (const std::string& name : port_names) {
    json::array where;
    where.push_back(bayplan::ovs::clause("name", "==", json::value(name)));
    add(where);
  }
  return operations;
}

Result<Snapshot> parse_snapshot(const json::array& operations, const json::array& results) {
  Snapshot snapshot;
  for (std::size_t n = 0; n < operations.size() && n < results.size(); ++n) {
    const json::string& table = operations[n].get_object().at("table").get_string();
    const json::object* result = results[n].if_object();
    const json::value* value = result == nullptr ? nullptr : result->if_contains("rows");
    const json::array* rows = value == nullptr ? nullptr : value->if_array();
    if (rows == nullptr) return fail(ErrorCode::corrupt, "Open vSwitch's database answered without rows");
    for (const json::value& row : *rows) {
      if (!row.is_object()) return fail(ErrorCode::corrupt, "Open vSwitch's database sent a row that is none");
      TRY(take_row(snapshot, table, Row(row.get_object())));
    }
  }
  if (snapshot.root.empty()) {
    return fail(ErrorCode::unavailable, "Open vSwitch's database is empty: `ovs-vsctl init` sets it up");
  }
  return snapshot;
}

void Changes::update(const char* table, const std::string& uuid, json::object columns) {
  if (columns.empty()) return;
  json::array where;
  where.push_back(bayplan::ovs::clause("_uuid", "==", bayplan::ovs::uuid_value(uuid)));
  operations_.push_back({{"op", "update"}, {"table", table}, {"where", where}, {"row", std::move(columns)}});
}

void Changes::mutate_ports(const std::string& bridge_uuid, const char* how, json::value port) {
  json::array where;
  where.push_back(bayplan::ovs::clause("_uuid", "==", bayplan::ovs::uuid_value(bridge_uuid)));
  json::array mutations;
  mutations.push_back(bayplan::ovs::clause("ports", how, bayplan::ovs::set_value({std::move(port)})));
  operations_.push_back({{"op", "mutate"}, {"table", "Bridge"}, {"where", where}, {"mutations", mutations}});
}

void Changes::want_bridge(const std::string& datapath_type) {
  if (now_.bridge(bridge_) != nullptr) return;
  json::object local{{"name", bridge_}, {"type", "internal"}};
  operations_.push_back({{"op", "insert"}, {"table", "Interface"}, {"uuid-name", "local_if"}, {"row", local}});
  const json::object port{{"name", bridge_}, {"interfaces", bayplan::ovs::named_uuid("local_if")}};
  operations_.push_back({{"op", "insert"}, {"table", "Port"}, {"uuid-name", "local"}, {"row", port}});
  const json::object bridge{{"name", bridge_},
                            {"datapath_type", datapath_type},
                            {"ports", bayplan::ovs::named_uuid("local")},
                            {"external_ids", bayplan::ovs::map_value({{kMark, kIsBridge}})}};
  operations_.push_back({{"op", "insert"}, {"table", "Bridge"}, {"uuid-name", "bridge"}, {"row", bridge}});
  json::array mutations;
  mutations.push_back(
      bayplan::ovs::clause("bridges", "insert", bayplan::ovs::set_value({bayplan::ovs::named_uuid("bridge")})));
  operations_.push_back(
      {{"op", "mutate"}, {"table", "Open_vSwitch"}, {"where", json::array()}, {"mutations", mutations}});
}

Result<> Changes::want_port(const WantedPort& wanted) {
  const PortRow* port = now_.port(wanted.name);
  if (port == nullptr) {
    insert_port(wanted);
    return {};
  }
  if (!port->is_ours()) {
    return fail(ErrorCode::conflict,
                "Open vSwitch has a port {0} that is not Bayplan's: remove it (ovs-vsctl del-port {0})", wanted.name);
  }
  const auto interface = now_.interfaces.find(wanted.name);
  if (interface == now_.interfaces.end()) {
    drop_port(*port);
    insert_port(wanted);
    return {};
  }
  mend_port(*port, wanted);
  mend_interface(interface->second, wanted);
  return {};
}

void Changes::insert_port(const WantedPort& wanted) {
  const std::string number = std::to_string(++inserted_);
  operations_.push_back({{"op", "insert"},
                         {"table", "Interface"},
                         {"uuid-name", "interface" + number},
                         {"row", interface_columns(wanted)}});
  json::object port{{"name", wanted.name},
                    {"interfaces", bayplan::ovs::named_uuid("interface" + number)},
                    {"external_ids", bayplan::ovs::map_value(wanted.ids)},
                    {"tag", optional_value(wanted.tag)},
                    {"trunks", trunks_value(wanted.trunks)}};
  operations_.push_back(
      {{"op", "insert"}, {"table", "Port"}, {"uuid-name", "port" + number}, {"row", std::move(port)}});
  // By name and not by UUID: the bridge may be made in this very transaction.
  json::array where;
  where.push_back(bayplan::ovs::clause("name", "==", json::value(bridge_)));
  json::array mutations;
  mutations.push_back(
      bayplan::ovs::clause("ports", "insert", bayplan::ovs::set_value({bayplan::ovs::named_uuid("port" + number)})));
  operations_.push_back({{"op", "mutate"}, {"table", "Bridge"}, {"where", where}, {"mutations", mutations}});
}

void Changes::mend_port(const PortRow& port, const WantedPort& wanted) {
  json::object columns;
  if (port.tag != wanted.tag) columns["tag"] = optional_value(wanted.tag);
  if (port.vlan_mode) columns["vlan_mode"] = bayplan::ovs::set_value({});
  if (port.trunks != wanted.trunks) columns["trunks"] = trunks_value(wanted.trunks);
  Texts ids = port.ids;  // what others wrote there stays
  if (!wanted.ids.contains(kIdentityId)) ids.erase(kIdentityId);
  for (const auto& [key, value] : wanted.ids) ids[key] = value;
  if (ids != port.ids) columns["external_ids"] = bayplan::ovs::map_value(ids);
  update("Port", port.uuid, std::move(columns));
  const BridgeRow* at = now_.bridge_of(port);
  if (at != nullptr && at->name == bridge_) return;
  if (at != nullptr) mutate_ports(at->uuid, "delete", bayplan::ovs::uuid_value(port.uuid));
  if (const BridgeRow* bridge = now_.bridge(bridge_)) {
    mutate_ports(bridge->uuid, "insert", bayplan::ovs::uuid_value(port.uuid));
  }
}

void Changes::mend_interface(const InterfaceRow& interface, const WantedPort& wanted) {
  json::object columns;
  if (interface.type != wanted.type) columns["type"] = wanted.type;
  if (wanted.mac && interface.mac != wanted.mac) columns["mac"] = *wanted.mac;
  if (wanted.mtu && interface.mtu_request != wanted.mtu) columns["mtu_request"] = *wanted.mtu;
  update("Interface", interface.uuid, std::move(columns));
}

void Changes::drop_port(const PortRow& port) {
  if (const BridgeRow* at = now_.bridge_of(port)) {
    mutate_ports(at->uuid, "delete", bayplan::ovs::uuid_value(port.uuid));
  }
}

void Changes::drop_bridge(const BridgeRow& bridge) {
  json::array mutations;
  mutations.push_back(
      bayplan::ovs::clause("bridges", "delete", bayplan::ovs::set_value({bayplan::ovs::uuid_value(bridge.uuid)})));
  operations_.push_back(
      {{"op", "mutate"}, {"table", "Open_vSwitch"}, {"where", json::array()}, {"mutations", mutations}});
}

void Changes::set_trunks(const PortRow& port, const std::set<std::int64_t>& trunks) {
  update("Port", port.uuid, {{"trunks", trunks_value(trunks)}});
}

}  // namespace bayplan::datapath::ovs
