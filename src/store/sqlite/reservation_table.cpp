#include "store/sqlite/tables.hpp"

namespace bayplan::store {
namespace {

void write_key(RowWriter& row, const model::Record& record) {
  const auto& reservation = std::get<model::Reservation>(record);
  row.text(reservation.network);
  row.text(reservation.identity);
  row.integer(reservation.address.is_v4() ? 4 : 6);
}

void write_values(RowWriter& row, const model::Record& record) {
  const auto& reservation = std::get<model::Reservation>(record);
  row.address(reservation.address);
  row.blob(reservation.mac.bytes);
  row.text(to_string(reservation.state));
  row.text(reservation.host);
  row.text(reservation.container_id);
  row.text(reservation.container_name);
  row.time(reservation.created);
  row.time(reservation.last_seen);
}

model::Record read(RowReader& row) {
  model::Reservation reservation;
  reservation.network = row.text();
  reservation.identity = row.text();
  row.integer(4, 6);  // the family, which the address has
  reservation.address = row.address();
  reservation.mac = row.mac();
  reservation.state = row.parsed(model::parse_reservation_state);
  reservation.host = row.text();
  reservation.container_id = row.text();
  reservation.container_name = row.text();
  reservation.created = row.time();
  reservation.last_seen = row.time();
  return reservation;
}

}  // namespace

const Table& reservation_table() {
  static const Table kTable{
      "reservations",
      {"network", "identity", "family"},
      {"address", "mac", "state", "host", "container_id", "container_name", "created", "last_seen"},
      write_key,
      write_values,
      read};
  return kTable;
}

}  // namespace bayplan::store
