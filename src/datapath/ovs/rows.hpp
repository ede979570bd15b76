// What Open vSwitch's database says of bridges and ports, as plain values; and the operations that make it say what is
// wanted. Pure. Source: ovs-vswitchd.conf.db(5), RFC 7047.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "ovs/values.hpp"

namespace bayplan::datapath::ovs {

using bayplan::ovs::Texts;

struct BridgeRow {
  std::string uuid;
  std::string name;
  std::string datapath_type;  // "system", "netdev", or empty, which is "system"
  Texts ids;
};

struct InterfaceRow {
  std::string uuid;
  std::string type;
  std::optional<std::string> mac;
  std::optional<std::int64_t> mtu_request;
  std::optional<std::string> error;  // why ovs-vswitchd can't make it
};

struct PortRow {
  std::string uuid;
  std::string name;
  std::optional<std::int64_t> tag;
  std::optional<std::string> vlan_mode;
  std::set<std::int64_t> trunks;  // empty: all
  Texts ids;

  [[nodiscard]] bool is(const std::string& what) const;
  [[nodiscard]] bool is_ours() const;
  [[nodiscard]] std::string id(const std::string& key) const;
};

// What was asked of the database, at one moment.
struct Snapshot {
  std::string root;                 // the Open_vSwitch row's UUID
  std::int64_t wanted_config = 0;   // next_cfg
  std::int64_t current_config = 0;  // cur_cfg: what ovs-vswitchd has carried out
  std::map<std::string, BridgeRow> bridges;
  std::map<std::string, PortRow> ports;
  std::map<std::string, InterfaceRow> interfaces;
  std::unordered_map<std::string, std::string> homes;  // of ports, by UUID: the name of the bridge they are on

  [[nodiscard]] const BridgeRow* bridge(const std::string& name) const;
  [[nodiscard]] const PortRow* port(const std::string& name) const;
  [[nodiscard]] const BridgeRow* bridge_of(const PortRow& port) const;
};

// The selects that make a Snapshot: of all ports, or of those with these names only; bridges always.
boost::json::array selects(const std::vector<std::string>& port_names);
Result<Snapshot> parse_snapshot(const boost::json::array& operations, const boost::json::array& results);

struct WantedPort {
  std::string name;
  std::optional<std::int64_t> tag;
  std::set<std::int64_t> trunks;
  std::string type;  // of its interface: "internal", or empty
  std::optional<std::string> mac;
  std::optional<std::int64_t> mtu;
  Texts ids;
};

// Collects the operations of one transaction.
class Changes {
 public:
  Changes(const Snapshot& now, std::string bridge) : now_(now), bridge_(std::move(bridge)) {}

  // The bridge, if it is not there; with its local port.
  void want_bridge(const std::string& datapath_type);
  // The port on the bridge. `conflict` for a port of that name that is not ours.
  Result<> want_port(const WantedPort& wanted);
  // Off whatever bridge it is on; it goes with its interface.
  void drop_port(const PortRow& port);
  void drop_bridge(const BridgeRow& bridge);
  void set_trunks(const PortRow& port, const std::set<std::int64_t>& trunks);

  [[nodiscard]] bool empty() const { return operations_.empty(); }
  [[nodiscard]] const boost::json::array& operations() const { return operations_; }

 private:
  void insert_port(const WantedPort& wanted);
  void mend_port(const PortRow& port, const WantedPort& wanted);
  void mend_interface(const InterfaceRow& interface, const WantedPort& wanted);
  void update(const char* table, const std::string& uuid, boost::json::object columns);
  void mutate_ports(const std::string& bridge_uuid, const char* how, boost::json::value port);

  const Snapshot& now_;
  std::string bridge_;
  int inserted_ = 0;
  boost::json::array operations_;
};

}  // namespace bayplan::datapath::ovs
