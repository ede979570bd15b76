#include "wire/plan_json.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <tuple>

#include "base/text.hpp"
#include "model/names.hpp"
#include "wire/json.hpp"

namespace bayplan::wire {
namespace {

namespace json = boost::json;

template <typename T>
json::value number_or_null(const std::optional<T>& number) {
  return number ? json::value(*number) : json::value(nullptr);
}

json::array range_texts(const std::vector<model::AddressRange>& ranges) {
  json::array out;
  for (const auto& range : ranges) out.emplace_back(range.to_string());
  return out;
}

// Reads `count` digits at `at`.
bool digits(std::string_view text, std::size_t at, std::size_t count, int& number) {
  const auto part = text.substr(at, count);
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
  return error == std::errc{} && end == part.data() + count && part.front() != '-';
}

}  // namespace

json::object network_json(const model::Network& network) {
  return {
      {"name", network.name},
      {"vlan", number_or_null(network.vlan)},
      {"subnet", network.subnet.to_string()},
      {"gateway", network.gateway.to_string()},
      {"ranges", range_texts(network.ranges)},
      {"exclusions", range_texts(network.exclusions)},
      {"datapath", model::to_string(network.datapath)},
      {"uplink", text_or_null(network.uplink)},
      {"host_address", network.host_address ? json::value(network.host_address->to_string()) : json::value(nullptr)},
      {"mtu", number_or_null(network.mtu)},
      {"nat", network.nat},
      {"repair", network.repair ? "on" : "report"},
      {"created", text_or_null(to_rfc3339(network.created))}};
}

json::object reservation_json(const PlacedReservation& placed) {
  const auto& reservation = placed.reservation;
  json::object object{{"network", reservation.network},
                      {"vlan", number_or_null(placed.vlan)},
                      {"identity", reservation.identity},
                      {"address", model::with_prefix(reservation.address, placed.subnet)},
                      {"mac", reservation.mac.to_string()},
                      {"state", model::to_string(reservation.state)},
                      {"host", text_or_null(reservation.host)},
                      {"container", text_or_null(reservation.container_name)},
                      {"created", text_or_null(to_rfc3339(reservation.created))},
                      {"last_seen", text_or_null(to_rfc3339(reservation.last_seen))}};
  if (placed.mark) object["attach"] = attach_json(placed.mark);
  return object;
}

json::value attach_json(const std::optional<model::AttachMark>& mark) {
  if (!mark) return nullptr;
  return json::object{
      {"target", text_or_null(mark->target)}, {"interface", mark->interface}, {"default_route", mark->default_route}};
}

Result<std::optional<model::AttachMark>> parse_attach(const json::value& reservation) {
  const auto* given = reservation.is_object() ? reservation.get_object().if_contains("attach") : nullptr;
  if (given == nullptr || given->is_null()) return std::optional<model::AttachMark>();
  const auto fields = TRY(Fields::of(*given, "'attach'"));
  model::AttachMark mark;
  mark.target = TRY(fields.optional_text("target")).value_or("");
  if (!mark.target.empty() && !mark.target.starts_with('/')) {
    return fail(ErrorCode::invalid, "'target' of 'attach' must be the path of a network namespace, or null");
  }
  mark.interface = TRY(model::parse_interface_name(TRY(fields.text("interface"))));
  mark.default_route = TRY(fields.boolean("default_route", false));
  return std::optional(std::move(mark));
}

json::object export_json(std::vector<model::Network> networks, std::vector<PlacedReservation> reservations) {
  std::ranges::sort(networks, {}, &model::Network::name);
  std::ranges::sort(reservations, {}, [](const PlacedReservation& placed) {
    const auto& reservation = placed.reservation;
    return std::tie(reservation.network, reservation.address, reservation.identity);
  });
  json::array network_list;
  for (const auto& network : networks) {
    auto object = network_json(network);
    object["mac_salt"] = network.mac_salt;
    network_list.emplace_back(std::move(object));
  }
  json::array reservation_list;
  for (const auto& placed : reservations) reservation_list.emplace_back(reservation_json(placed));
  return {{"format", "bayplan-export"},
          {"version", 1},
          {"networks", std::move(network_list)},
          {"reservations", std::move(reservation_list)}};
}

Result<Timestamp> parse_time(std::string_view text) {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int millisecond = 0;
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000Z";
  bool right = text.size() == kForm.size();
  for (std::size_t i = 0; right && i < kForm.size(); ++i) right = kForm[i] == '0' || kForm[i] == text[i];
  right = right && digits(text, 0, 4, year) && digits(text, 5, 2, month) && digits(text, 8, 2, day) &&
          digits(text, 11, 2, hour) && digits(text, 14, 2, minute) && digits(text, 17, 2, second) &&
          digits(text, 20, 3, millisecond);
  const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!right || !date.ok()) return fail(ErrorCode::invalid, "'{}' is not a time like {}", shown(text), kForm);
  return Timestamp(std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hour) +
                   std::chrono::minutes(minute) + std::chrono::seconds(second) +
                   std::chrono::milliseconds(millisecond));
}

}  // namespace bayplan::wire
