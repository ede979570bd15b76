// The small tables about the engine: its networks, the addresses its containers are configured with, and what is
// being done with it.
#include "store/sqlite/tables.hpp"

namespace bayplan::store {
namespace {

void write_engine_network_key(RowWriter& row, const model::Record& record) {
  row.text(std::get<model::EngineNetwork>(record).id);
}
void write_engine_network(RowWriter& row, const model::Record& record) {
  row.text(std::get<model::EngineNetwork>(record).network);
}
model::Record read_engine_network(RowReader& row) {
  model::EngineNetwork network;
  network.id = row.text();
  network.network = row.text();
  return network;
}

void write_claim_key(RowWriter& row, const model::Record& record) {
  const auto& claim = std::get<model::Claim>(record);
  row.text(claim.container_id);
  row.text(claim.engine_network);
}
void write_claim(RowWriter& row, const model::Record& record) {
  const auto& claim = std::get<model::Claim>(record);
  row.address(claim.address);
  row.text(claim.identity);
  row.flag(claim.pinned_by_us);
}
model::Record read_claim(RowReader& row) {
  model::Claim claim;
  claim.container_id = row.text();
  claim.engine_network = row.text();
  claim.address = row.address();
  claim.identity = row.text();
  claim.pinned_by_us = row.flag();
  return claim;
}

void write_owed_start_key(RowWriter& row, const model::Record& record) {
  row.text(std::get<model::OwedStart>(record).token);
}
void write_owed_start(RowWriter& row, const model::Record& record) {
  const auto& owed = std::get<model::OwedStart>(record);
  row.text(owed.network);
  row.time(owed.since);
}
model::Record read_owed_start(RowReader& row) {
  model::OwedStart owed;
  owed.token = row.text();
  owed.network = row.text();
  owed.since = row.time();
  return owed;
}

void write_repin_key(RowWriter& row, const model::Record& record) {
  const auto& repin = std::get<model::Repin>(record);
  row.text(repin.container_id);
  row.text(repin.engine_network);
}
void write_address(RowWriter& row, const std::optional<model::IpAddress>& address) {
  if (address) {
    row.address(*address);
  } else {
    row.null();
  }
}
void write_repin(RowWriter& row, const model::Record& record) {
  const auto& repin = std::get<model::Repin>(record);
  row.text(repin.settings);
  write_address(row, repin.address);
  row.text(repin.from_network);
  row.text(repin.from_settings);
  write_address(row, repin.from_address);
}
model::Record read_repin(RowReader& row) {
  model::Repin repin;
  repin.container_id = row.text();
  repin.engine_network = row.text();
  repin.settings = row.text();
  if (!row.skip_null()) repin.address = row.address();
  repin.from_network = row.text();
  repin.from_settings = row.text();
  if (!row.skip_null()) repin.from_address = row.address();
  return repin;
}

}  // namespace

const Table& engine_network_table() {
  static const Table kTable{"engine_networks",  {"id"}, {"network"}, write_engine_network_key, write_engine_network,
                            read_engine_network};
  return kTable;
}

const Table& claim_table() {
  static const Table kTable{"claims",
                            {"container_id", "engine_network"},
                            {"address", "identity", "pinned_by_us"},
                            write_claim_key,
                            write_claim,
                            read_claim};
  return kTable;
}

const Table& owed_start_table() {
  static const Table kTable{"owed_starts",        {"token"},        {"network", "since"},
                            write_owed_start_key, write_owed_start, read_owed_start};
  return kTable;
}

const Table& repin_table() {
  static const Table kTable{"repins",
                            {"container_id", "engine_network"},
                            {"settings", "address", "from_network", "from_settings", "from_address"},
                            write_repin_key,
                            write_repin,
                            read_repin};
  return kTable;
}

}  // namespace bayplan::store
