#include "store/sqlite/lists.hpp"
#include "store/sqlite/tables.hpp"

namespace bayplan::store {
namespace {

void write_key(RowWriter& row, const model::Record& record) {
  row.text(std::get<model::Network>(record).name);
}

void write_values(RowWriter& row, const model::Record& record) {
  const auto& network = std::get<model::Network>(record);
  if (network.vlan) {
    row.integer(*network.vlan);
  } else {
    row.null();
  }
  row.address(network.subnet.base());
  row.integer(network.subnet.prefix_length());
  row.address(network.gateway);
  row.made_text(write_ranges(network.ranges));
  row.made_text(write_ranges(network.exclusions));
  row.text(to_string(network.datapath));
  row.text(network.uplink);
  if (network.mtu) {
    row.integer(*network.mtu);
  } else {
    row.null();
  }
  row.flag(network.nat);
  row.integer(network.mac_salt);
  row.time(network.created);
  row.flag(network.repair);
  if (network.host_address) {
    row.address(*network.host_address);
  } else {
    row.null();
  }
}

model::Subnet read_subnet(RowReader& row) {
  const model::IpAddress base = row.address();
  const auto length = static_cast<unsigned>(row.integer(0, base.bits()));
  return model::Subnet::around(base, length);
}

model::Record read(RowReader& row) {
  model::Network network;
  network.name = row.text();
  if (!row.skip_null()) network.vlan = static_cast<std::uint16_t>(row.integer(1, 4094));
  network.subnet = read_subnet(row);
  network.gateway = row.address();
  network.ranges = row.parsed(read_ranges);
  network.exclusions = row.parsed(read_ranges);
  network.datapath = row.parsed(model::parse_datapath_kind);
  network.uplink = row.text();
  if (!row.skip_null()) network.mtu = row.number<std::uint32_t>();
  network.nat = row.flag();
  network.mac_salt = row.number<std::uint8_t>();
  network.created = row.time();
  network.repair = row.flag();
  if (!row.skip_null()) network.host_address = row.address();
  return network;
}

}  // namespace

const Table& network_table() {
  static const Table kTable{"networks",
                            {"name"},
                            {"vlan", "subnet", "prefix_length", "gateway", "ranges", "exclusions", "datapath", "uplink",
                             "mtu", "nat", "mac_salt", "created", "repair", "host_address"},
                            write_key,
                            write_values,
                            read};
  return kTable;
}

}  // namespace bayplan::store
