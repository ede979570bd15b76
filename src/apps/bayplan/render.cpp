#include "apps/bayplan/render.hpp"

#include <boost/json.hpp>

#include "wire/plan_json.hpp"

namespace bayplan::cli {
namespace {

namespace json = boost::json;
using Cells = std::vector<std::string>;

// What a member is, as a text; "-" when it is absent, null or empty.
std::string text(const json::value& value) {
  if (const auto* string = value.if_string()) return string->empty() ? "-" : std::string(*string);
  if (const auto* array = value.if_array()) {
    std::string all;
    for (const auto& element : *array) all += (all.empty() ? "" : ", ") + text(element);
    return all.empty() ? "-" : all;
  }
  if (value.is_null()) return "-";
  if (value.is_bool()) return value.get_bool() ? "yes" : "no";
  return json::serialize(value);
}

std::string member(const json::value& object, std::string_view name) {
  const auto* found = object.is_object() ? object.get_object().if_contains(name) : nullptr;
  return found == nullptr ? "-" : text(*found);
}

// What a reservation is marked for; null: it is not.
const json::value* attach_of(const json::value& reservation) {
  const auto* found = reservation.is_object() ? reservation.get_object().if_contains("attach") : nullptr;
  return found == nullptr || found->is_null() ? nullptr : found;
}

// A count of `network inspect`.
std::string count(const json::value& network, std::string_view name) {
  const auto* counts = network.is_object() ? network.get_object().if_contains("addresses") : nullptr;
  return counts == nullptr ? "-" : member(*counts, name);
}

// "3 days ago"; the time itself when it is no time we know.
std::string ago(const std::string& time, Timestamp now) {
  const auto then = wire::parse_time(time);
  return then.ok() ? age(*then, now) + " ago" : time;
}

std::string last_seen(const json::value& reservation, Timestamp now) {
  if (member(reservation, "state") == "attached") return "now";
  const auto time = member(reservation, "last_seen");
  return time == "-" ? "never" : ago(time, now);
}

std::string time_with_age(const std::string& time, Timestamp now) {
  return time == "-" ? time : fmt::format("{} ({})", time, ago(time, now));
}

std::size_t elements(const json::value& value) {
  return value.is_array() ? value.get_array().size() : 1;
}
const json::value& element(const json::value& value, std::size_t i) {
  return value.is_array() ? value.get_array()[i] : value;
}

}  // namespace

std::string table(const std::vector<Cells>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += i + 1 == row.size() ? row[i] + "\n" : fmt::format("{:<{}}   ", row[i], widths[i]);
    }
  }
  return out;
}

std::string block(const std::vector<std::pair<std::string, std::string>>& lines) {
  std::size_t width = 0;
  for (const auto& [key, value] : lines) width = std::max(width, key.size());
  std::string out;
  for (const auto& [key, value] : lines) out += fmt::format("{:<{}} {}\n", key + ":", width + 1, value);
  return out;
}

std::string networks_table(const json::value& networks) {
  std::vector<Cells> rows{
      {"NETWORK", "VLAN", "SUBNET", "GATEWAY", "DATAPATH", "UPLINK", "ATTACHED", "HELD", "REMOVED", "FREE"}};
  for (std::size_t i = 0; i < elements(networks); ++i) {
    const auto& network = element(networks, i);
    Cells row;
    for (const auto* name : {"name", "vlan", "subnet", "gateway", "datapath", "uplink"}) {
      row.push_back(member(network, name));
    }
    for (const auto* name : {"attached", "held", "removed", "free"}) row.push_back(count(network, name));
    rows.push_back(std::move(row));
  }
  return table(rows);
}

std::string network_block(const json::value& network) {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const auto* name : {"name", "vlan", "subnet", "gateway", "ranges", "exclusions", "datapath", "uplink",
                           "host_address", "mtu", "nat", "repair", "created"}) {
    lines.emplace_back(name, member(network, name));
  }
  lines.emplace_back("addresses", fmt::format("{}: {} attached, {} held, {} removed, {} free", count(network, "size"),
                                              count(network, "attached"), count(network, "held"),
                                              count(network, "removed"), count(network, "free")));
  lines.emplace_back("engine networks", member(network, "engine_networks"));
  return block(lines);
}

std::string reservations_table(const json::value& reservations, Timestamp now) {
  std::vector<Cells> rows{{"NETWORK", "VLAN", "IDENTITY", "ADDRESS", "MAC", "STATE", "CONTAINER", "LAST SEEN"}};
  for (std::size_t i = 0; i < elements(reservations); ++i) {
    const auto& reservation = element(reservations, i);
    Cells row;
    for (const auto* name : {"network", "vlan", "identity", "address", "mac", "state", "container"}) {
      row.push_back(member(reservation, name));
    }
    row.push_back(last_seen(reservation, now));
    rows.push_back(std::move(row));
  }
  return table(rows);
}

std::string reservation_block(const json::value& reservation, Timestamp now) {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const auto* name : {"identity", "network", "vlan", "address", "mac", "state", "host", "container"}) {
    lines.emplace_back(name, member(reservation, name));
  }
  if (const auto* attach = attach_of(reservation)) {
    const auto target = member(*attach, "target");
    lines.emplace_back("attached as", member(*attach, "interface") + (target == "-" ? "" : " in " + target));
  }
  lines.emplace_back("created", time_with_age(member(reservation, "created"), now));
  lines.emplace_back("last seen", member(reservation, "state") == "attached"
                                      ? "now"
                                      : time_with_age(member(reservation, "last_seen"), now));
  return block(lines);
}

std::string network_keys(const json::value& networks) {
  std::string out;
  for (std::size_t i = 0; i < elements(networks); ++i) out += member(element(networks, i), "name") + "\n";
  return out;
}

std::string reservation_keys(const json::value& reservations) {
  std::string out;
  for (std::size_t i = 0; i < elements(reservations); ++i) {
    const auto& reservation = element(reservations, i);
    out += member(reservation, "network") + " " + member(reservation, "identity") + "\n";
  }
  return out;
}

}  // namespace bayplan::cli
