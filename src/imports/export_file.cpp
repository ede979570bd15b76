#include "imports/export_file.hpp"

#include <boost/json.hpp>
#include <charconv>

#include "base/text.hpp"
#include "imports/texts.hpp"
#include "model/names.hpp"
#include "wire/json.hpp"
#include "wire/plan_json.hpp"

namespace bayplan::imports {
namespace {

namespace json = boost::json;
using wire::Fields;

Result<Timestamp> time(const Fields& fields, std::string_view name) {
  const auto text = TRY(fields.optional_text(name));
  return text ? wire::parse_time(*text) : Result<Timestamp>(Timestamp{});
}

Result<std::vector<model::AddressRange>> ranges(const Fields& fields, std::string_view name) {
  std::vector<model::AddressRange> out;
  for (const auto& text : TRY(fields.texts(name))) out.push_back(TRY(model::AddressRange::parse(text)));
  return out;
}

Result<std::uint8_t> salt(const Fields& fields) {
  const auto text = TRY(fields.optional_number_text("mac_salt"));
  int number = -1;
  if (text) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error != std::errc{} || end != text->data() + text->size()) number = -1;
  }
  if (number < 0 || number > 255) return fail(ErrorCode::invalid, "'mac_salt' must be a number from 0 to 255");
  return static_cast<std::uint8_t>(number);
}

Result<NetworkRecord> read_network(const json::value& value) {
  const auto fields = TRY(Fields::of(value, "a network"));
  NetworkRecord out;
  out.complete = true;
  out.name = TRY(model::parse_network_name(TRY(fields.text("name"))));
  out.key = "network " + out.name;
  if (const auto vlan = TRY(fields.optional_number_text("vlan"))) out.vlan = TRY(model::parse_vlan(*vlan));
  out.subnet = TRY(model::Subnet::parse(TRY(fields.text("subnet"))));
  out.gateway = TRY(model::IpAddress::parse(TRY(fields.text("gateway"))));
  out.ranges = TRY(ranges(fields, "ranges"));
  out.exclusions = TRY(ranges(fields, "exclusions"));
  out.datapath = TRY(model::parse_datapath_kind(TRY(fields.text("datapath"))));
  const auto uplink = TRY(fields.optional_text("uplink"));
  if (uplink) out.uplink = TRY(model::parse_interface_name(*uplink));
  if (const auto host = TRY(fields.optional_text("host_address"))) {
    out.host_address = TRY(model::IpAddress::parse(*host));
  }
  if (const auto mtu = TRY(fields.optional_number_text("mtu"))) out.mtu = TRY(model::parse_mtu(*mtu));
  out.nat = TRY(fields.boolean("nat", true));
  const auto repair = TRY(fields.optional_text("repair")).value_or("on");
  if (repair != "on" && repair != "report") return fail(ErrorCode::invalid, "'repair' must be on or report");
  out.repair = repair == "on";
  out.mac_salt = TRY(salt(fields));
  out.created = TRY(time(fields, "created"));
  return out;
}

Result<ReservationRecord> read_reservation(const json::value& value) {
  const auto fields = TRY(Fields::of(value, "a reservation"));
  ReservationRecord out;
  out.network = TRY(model::parse_network_name(TRY(fields.text("network"))));
  out.identity = TRY(model::parse_identity(TRY(fields.text("identity")), true));
  out.key = fmt::format("reservation {} {}", out.network, out.identity);
  TRY(read_address(TRY(fields.text("address")), out));
  if (const auto mac = TRY(fields.optional_text("mac"))) out.mac = TRY(model::MacAddress::parse(*mac));
  const auto state = TRY(model::parse_reservation_state(TRY(fields.text("state"))));
  out.state = state == model::ReservationState::attached ? model::ReservationState::held : state;
  out.host = shown(TRY(fields.optional_text("host")).value_or(""), 255);
  out.container = shown(TRY(fields.optional_text("container")).value_or(""), 255);
  out.created = TRY(time(fields, "created"));
  out.last_seen = TRY(time(fields, "last_seen"));
  out.attach = TRY(wire::parse_attach(value));
  return out;
}

// The records of one array of the export.
template <typename Record>
Result<> read_all(const json::value& root, std::string_view name, Result<Record> (*read)(const json::value&),
                  std::vector<Record>& out, std::vector<BrokenRecord>& broken) {
  const auto* list = root.get_object().if_contains(name);
  if (list == nullptr || !list->is_array()) return fail(ErrorCode::invalid, "the export has no array '{}'", name);
  std::size_t number = 0;
  for (const auto& value : list->get_array()) {
    auto record = read(value);
    if (record) {
      out.push_back(std::move(record).value());
    } else {
      broken.push_back({fmt::format("{}[{}]", name, number), record.error().message()});
    }
    ++number;
  }
  return {};
}

}  // namespace

Result<Records> read_export(std::string_view text) {
  const auto root = TRY(wire::parse_json(text));
  const auto fields = TRY(Fields::of(root, "an export"));
  const auto* format = root.get_object().if_contains("format");
  if (format == nullptr || *format != "bayplan-export") {
    return fail(ErrorCode::invalid, "this is not what `bayplan export` writes: its format is not bayplan-export");
  }
  const auto version = TRY(fields.optional_number_text("version"));
  if (!version || *version != "1") {
    return fail(ErrorCode::newer, "the export is of version {}, and this program reads version 1: use a newer bayplan",
                shown(version.value_or("unknown")));
  }
  Records records;
  TRY(read_all(root, "networks", read_network, records.networks, records.broken));
  TRY(read_all(root, "reservations", read_reservation, records.reservations, records.broken));
  return records;
}

}  // namespace bayplan::imports
