#include "api/requests.hpp"

#include <boost/json.hpp>

#include "base/text.hpp"
#include "wire/json.hpp"
#include "wire/plan_json.hpp"

namespace bayplan::api {
namespace {

namespace json = boost::json;
using wire::Fields;

constexpr std::string_view kWhat = "the request";

Result<control::NetworkSpec> read_network_spec(const Fields& fields, std::string name) {
  control::NetworkSpec spec;
  spec.name = std::move(name);
  spec.vlan = TRY(fields.optional_number_text("vlan"));
  spec.subnet = TRY(fields.optional_text("subnet"));
  spec.gateway = TRY(fields.optional_text("gateway"));
  spec.ranges = TRY(fields.texts("ranges"));
  spec.exclusions = TRY(fields.texts("exclusions"));
  spec.datapath = TRY(fields.optional_text("datapath"));
  spec.uplink = TRY(fields.optional_text("uplink"));
  spec.host_address = TRY(fields.optional_text("host_address"));
  spec.mtu = TRY(fields.optional_number_text("mtu"));
  spec.nat = TRY(fields.boolean("nat", true));
  spec.repair = TRY(fields.optional_text("repair"));
  return spec;
}

Result<std::optional<Timestamp>> optional_time(const Fields& fields, std::string_view name) {
  const auto text = TRY(fields.optional_text(name));
  if (!text) return std::optional<Timestamp>();
  return std::optional(TRY(wire::parse_time(*text)));
}

Result<control::ImportNetwork> read_import_network(const json::value& value) {
  const auto fields = TRY(Fields::of(value, "a network"));
  TRY(fields.only({"key", "name", "vlan", "subnet", "gateway", "ranges", "exclusions", "datapath", "uplink",
                   "host_address", "mtu", "nat", "repair", "mac_salt", "created"}));
  control::ImportNetwork record;
  record.key = TRY(fields.text("key"));
  record.spec = TRY(read_network_spec(fields, TRY(fields.optional_text("name")).value_or("")));
  if (!record.spec.subnet) return fail(ErrorCode::invalid, "'subnet' of a network must be given");
  record.created = TRY(optional_time(fields, "created"));
  if (const auto* salt = value.get_object().if_contains("mac_salt"); salt != nullptr && !salt->is_null()) {
    boost::system::error_code error;
    const auto number = salt->to_number<std::uint8_t>(error);
    if (error) return fail(ErrorCode::invalid, "'mac_salt' of a network must be a number from 0 to 255");
    record.mac_salt = number;
  }
  return record;
}

Result<control::ImportReservation> read_import_reservation(const json::value& value) {
  const auto fields = TRY(Fields::of(value, "a reservation"));
  TRY(fields.only({"key", "network", "vlan", "identity", "address", "gateway", "mac", "state", "host", "container",
                   "created", "last_seen", "attach"}));
  control::ImportReservation record;
  record.key = TRY(fields.text("key"));
  record.network = TRY(fields.optional_text("network"));
  record.vlan = TRY(fields.optional_number_text("vlan"));
  record.identity = TRY(fields.text("identity"));
  record.address = TRY(fields.text("address"));
  record.gateway = TRY(fields.optional_text("gateway"));
  record.mac = TRY(fields.optional_text("mac"));
  if (record.mac) TRY(model::MacAddress::parse(*record.mac));
  if (const auto state = TRY(fields.optional_text("state"))) {
    record.state = TRY(model::parse_reservation_state(*state));
  }
  record.host = TRY(fields.optional_text("host")).value_or("");
  record.container = TRY(fields.optional_text("container")).value_or("");
  record.created = TRY(optional_time(fields, "created"));
  record.last_seen = TRY(optional_time(fields, "last_seen"));
  record.attach = TRY(wire::parse_attach(value));
  return record;
}

// The elements of an array that may be absent. A record that is no record is the sender's mistake: all is refused.
template <typename Record>
Result<std::vector<Record>> read_records(const json::value& root, std::string_view name,
                                         Result<Record> (*read)(const json::value&)) {
  std::vector<Record> out;
  const auto* list = root.get_object().if_contains(name);
  if (list == nullptr || list->is_null()) return out;
  if (!list->is_array()) return fail(ErrorCode::invalid, "'{}' of {} must be an array", name, kWhat);
  for (const auto& value : list->get_array()) {
    out.push_back(TRY(read(value).in(fmt::format("{}[{}]", name, out.size()))));
  }
  return out;
}

}  // namespace

Result<control::NetworkSpec> parse_network_spec(std::string_view body) {
  const auto value = TRY(wire::parse_json(body));
  const auto fields = TRY(wire::Fields::of(value, kWhat));
  TRY(fields.only({"name", "vlan", "subnet", "gateway", "ranges", "exclusions", "datapath", "uplink", "host_address",
                   "mtu", "nat", "repair"}));
  return read_network_spec(fields, TRY(fields.text("name")));
}

Result<control::ReserveSpec> parse_reserve_spec(std::string_view body) {
  const auto value = TRY(wire::parse_json(body));
  const auto fields = TRY(wire::Fields::of(value, kWhat));
  TRY(fields.only({"network", "identity", "address"}));
  control::ReserveSpec spec;
  spec.network = TRY(fields.text("network"));
  spec.identity = TRY(fields.text("identity"));
  spec.address = TRY(fields.optional_text("address"));
  return spec;
}

Result<control::RunSpec> parse_run_spec(std::string_view body) {
  const auto value = TRY(wire::parse_json(body));
  const auto fields = TRY(wire::Fields::of(value, kWhat));
  TRY(fields.only({"name", "image", "command", "network", "vlan", "address", "restart_policy", "options"}));
  control::RunSpec spec;
  spec.name = TRY(fields.text("name"));
  spec.image = TRY(fields.text("image"));
  spec.command = TRY(fields.texts("command"));
  spec.network = TRY(fields.optional_text("network"));
  spec.vlan = TRY(fields.optional_number_text("vlan"));
  spec.address = TRY(fields.optional_text("address"));
  spec.restart_policy = TRY(fields.optional_text("restart_policy")).value_or(spec.restart_policy);
  spec.options = TRY(fields.texts("options"));
  return spec;
}

Result<control::NetworkChange> parse_network_change(std::string_view body) {
  const auto value = TRY(wire::parse_json(body));
  const auto fields = TRY(wire::Fields::of(value, kWhat));
  TRY(fields.only({"repair"}));
  return control::NetworkChange{TRY(fields.optional_text("repair"))};
}

Result<control::AttachSpec> parse_attach_spec(std::string_view body) {
  const auto value = TRY(wire::parse_json(body));
  const auto fields = TRY(wire::Fields::of(value, kWhat));
  TRY(fields.only({"target", "network", "vlan", "address", "interface", "identity", "default_route"}));
  control::AttachSpec spec;
  spec.target = TRY(fields.text("target"));
  spec.network = TRY(fields.optional_text("network"));
  spec.vlan = TRY(fields.optional_number_text("vlan"));
  spec.address = TRY(fields.optional_text("address"));
  spec.interface = TRY(fields.optional_text("interface"));
  spec.identity = TRY(fields.optional_text("identity"));
  spec.default_route = TRY(fields.boolean("default_route", false));
  return spec;
}

Result<DetachRequest> parse_detach_request(std::string_view body) {
  const auto value = TRY(wire::parse_json(body));
  const auto fields = TRY(wire::Fields::of(value, kWhat));
  TRY(fields.only({"target", "network"}));
  DetachRequest request;
  request.network = TRY(fields.text("network"));
  request.target = TRY(fields.text("target"));
  return request;
}

Result<control::ImportRequest> parse_import_request(std::string_view body) {
  const auto value = TRY(wire::parse_json(body));
  const auto fields = TRY(wire::Fields::of(value, kWhat));
  TRY(fields.only({"dry_run", "networks", "reservations"}));
  control::ImportRequest request;
  request.dry_run = TRY(fields.boolean("dry_run", false));
  request.networks = TRY(read_records(value, "networks", read_import_network));
  request.reservations = TRY(read_records(value, "reservations", read_import_reservation));
  return request;
}

Result<control::AdoptRequest> parse_adopt_request(std::string_view body) {
  const auto value = TRY(wire::parse_json(body));
  const auto fields = TRY(wire::Fields::of(value, kWhat));
  TRY(fields.only({"containers", "all", "from", "move", "dry_run"}));
  control::AdoptRequest request;
  request.containers = TRY(fields.texts("containers"));
  request.all = TRY(fields.boolean("all", false));
  request.from = TRY(fields.optional_text("from"));
  request.move_network = TRY(fields.optional_text("move"));
  request.dry_run = TRY(fields.boolean("dry_run", false));
  return request;
}

Result<control::CheckRequest> parse_check_request(std::string_view body) {
  const auto value = TRY(wire::parse_json(body));
  const auto fields = TRY(wire::Fields::of(value, kWhat));
  TRY(fields.only({"network", "repair", "probe", "progress"}));
  control::CheckRequest request;
  request.network = TRY(fields.optional_text("network"));
  request.repair = TRY(fields.boolean("repair", false));
  request.probes = TRY(fields.texts("probe"));
  request.progress = TRY(fields.optional_text("progress")).value_or("");
  return request;
}

Result<control::ReservationFilter> parse_filter(const std::map<std::string, std::string>& query) {
  control::ReservationFilter filter;
  for (const auto& [key, value] : query) {
    if (key == "network") {
      filter.network = value;
    } else if (key == "state") {
      TRY(model::parse_reservation_state(value));
      filter.state = value;
    } else if (key == "match") {
      filter.identity_or_address = value;
    } else {
      return fail(ErrorCode::invalid, "there is no query parameter '{}': there are network, state and match",
                  shown(key));
    }
  }
  return filter;
}

}  // namespace bayplan::api
