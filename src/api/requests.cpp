#include "api/requests.hpp"

#include "base/text.hpp"
#include "wire/json.hpp"

namespace bayplan::api {
namespace {

constexpr std::string_view kWhat = "the request";

}  // namespace

Result<control::NetworkSpec> parse_network_spec(std::string_view body) {
  const auto value = TRY(wire::parse_json(body));
  const auto fields = TRY(wire::Fields::of(value, kWhat));
  TRY(fields.only({"name", "vlan", "subnet", "gateway", "ranges", "exclusions", "datapath", "uplink", "mtu", "nat"}));
  control::NetworkSpec spec;
  spec.name = TRY(fields.text("name"));
  spec.vlan = TRY(fields.optional_number_text("vlan"));
  spec.subnet = TRY(fields.optional_text("subnet"));
  spec.gateway = TRY(fields.optional_text("gateway"));
  spec.ranges = TRY(fields.texts("ranges"));
  spec.exclusions = TRY(fields.texts("exclusions"));
  spec.datapath = TRY(fields.optional_text("datapath"));
  spec.uplink = TRY(fields.optional_text("uplink"));
  spec.mtu = TRY(fields.optional_number_text("mtu"));
  spec.nat = TRY(fields.boolean("nat", true));
  return spec;
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
