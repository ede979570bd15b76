#include "imports/etcd_tree.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>

#include "base/text.hpp"
#include "imports/python_literal.hpp"
#include "imports/texts.hpp"
#include "model/names.hpp"
#include "wire/json.hpp"
#include "wire/plan_json.hpp"

namespace bayplan::imports {
namespace {

namespace json = boost::json;

// A key's place in the tree.
struct Place {
  std::string host;
  std::uint16_t vlan = 0;
  std::vector<std::string_view> rest;  // behind vlan<tag>
};

// A text of a container's record; what is None, empty or not there is not told.
Result<std::optional<std::string>> told(const PythonDict& record, std::string_view name) {
  const auto* value = record.find(name);
  if (value == nullptr || std::holds_alternative<std::monostate>(value->value)) return std::optional<std::string>();
  if (const auto* number = std::get_if<PythonNumber>(&value->value)) return std::optional(number->digits);
  const auto* text = std::get_if<std::string>(&value->value);
  if (text == nullptr) return fail(ErrorCode::invalid, "'{}' is no text", name);
  return text->empty() ? std::optional<std::string>() : std::optional(*text);
}

Result<model::ReservationState> state_of(const std::optional<std::string>& status) {
  if (!status || *status == "running" || *status == "stopped") return model::ReservationState::held;
  if (*status == "deleted") return model::ReservationState::removed;
  return fail(ErrorCode::invalid, "the Container_status '{}' is not running, stopped or deleted", shown(*status));
}

// "2015-03-02 14:59:59": the old host's clock, of which no zone is known; taken for UTC.
Timestamp created_of(const std::optional<std::string>& text) {
  if (!text || text->size() != 19) return {};
  const auto time = wire::parse_time(fmt::format("{}T{}.000Z", text->substr(0, 10), text->substr(11)));
  return time ? *time : Timestamp{};
}

// What a record says must be what its key says.
Result<> check_same(const std::optional<std::string>& said, const std::string& key_says, std::string_view field) {
  if (!said || *said == key_says) return {};
  return fail(ErrorCode::invalid, "the key says '{}', its {} says '{}'", shown(key_says), field, shown(*said));
}

Result<ReservationRecord> read_container(const KeyValue& entry, const Place& place) {
  const auto literal = TRY(parse_python_literal(entry.value));
  const auto* record = std::get_if<PythonDict>(&literal.value);
  if (record == nullptr) return fail(ErrorCode::invalid, "it is no Python dictionary");
  const std::string name(place.rest.at(1));
  TRY(check_same(TRY(told(*record, "Container_name")), name, "Container_name"));
  TRY(check_same(TRY(told(*record, "Container_vlan")), std::to_string(place.vlan), "Container_vlan"));
  const auto address = TRY(told(*record, "Container_ip"));
  if (!address) return fail(ErrorCode::invalid, "it has no Container_ip");
  ReservationRecord out;
  out.key = shown_key(entry.key);
  out.vlan = place.vlan;
  out.identity = TRY(model::parse_identity(name, true));
  TRY(read_address(*address, out));
  if (const auto gateway = TRY(told(*record, "Container_vlan_gateway"))) {
    out.gateway = TRY(model::IpAddress::parse(gateway->substr(0, gateway->find('/'))).in("Container_vlan_gateway"));
  }
  out.state = TRY(state_of(TRY(told(*record, "Container_status"))));
  out.host = shown(place.host);
  out.container = name;
  out.created = created_of(TRY(told(*record, "Container_create")));
  return out;
}

Result<NetworkRecord> read_gateway(const KeyValue& entry, const Place& place) {
  const auto [gateway, subnet] = TRY(model::parse_with_prefix(trimmed(entry.value)));
  NetworkRecord out;
  out.key = shown_key(entry.key);
  out.vlan = place.vlan;
  out.subnet = subnet;
  out.gateway = gateway;
  return out;
}

class Reader {
 public:
  // One key's record, or why there is none.
  void read(const KeyValue& entry) {
    if (auto done = sort_in(entry); !done) records_.broken.push_back({shown_key(entry.key), done.error().message()});
  }
  Records finish() {
    derive_networks();
    return std::move(records_);
  }

 private:
  Result<> sort_in(const KeyValue& entry) {
    const auto parts = split(entry.key, '/');  // "", "app", "docker", host, vlan<tag>, …
    if (!is_in_tree(entry.key) || (parts.size() == 4 && parts[3] == "now_vlan_ip")) {
      ++records_.ignored;
      return {};
    }
    if (parts.size() < 6 || !parts[4].starts_with("vlan")) return unknown();
    const auto vlan = TRY(model::parse_vlan(parts[4].substr(4)));
    Place place{std::string(parts[3]), vlan, {parts.begin() + 5, parts.end()}};
    if (place.rest.size() == 1 && place.rest[0] == "nowip") {
      ++records_.ignored;
    } else if (place.rest.size() == 1 && place.rest[0] == "gateway") {
      records_.networks.push_back(TRY(read_gateway(entry, place)));
    } else if (place.rest.size() == 2 && place.rest[0] == "container") {
      records_.reservations.push_back(TRY(read_container(entry, place)));
    } else {
      return unknown();
    }
    return {};
  }
  static bool is_in_tree(std::string_view key) {
    return key.starts_with(kTree) && (key.size() == kTree.size() || key[kTree.size()] == '/');
  }
  static Error unknown() { return fail(ErrorCode::invalid, "the old practice had no such key"); }

  // A VLAN whose gateway's key is gone or broken: its containers' records have it too.
  void derive_networks() {
    std::set<std::uint16_t> known;
    for (const auto& network : records_.networks) known.insert(*network.vlan);
    for (const auto& container : records_.reservations) {
      if (!container.subnet || !container.gateway || !known.insert(*container.vlan).second) continue;
      NetworkRecord network;
      network.key = container.key;
      network.vlan = container.vlan;
      network.subnet = *container.subnet;
      network.gateway = *container.gateway;
      records_.networks.push_back(std::move(network));
    }
  }

  Records records_;
};

// A node of etcd's answer and all below it. The JSON's own bound on nesting ends the recursion.
Result<> flatten(const json::value& node, std::vector<KeyValue>& out) {
  const auto fields = TRY(wire::Fields::of(node, "a node"));
  const auto key = TRY(fields.text("key"));
  if (!TRY(fields.boolean("dir", false))) {
    const auto value = TRY(fields.optional_text("value"));
    out.push_back({key, value.value_or("")});
    return {};
  }
  const auto* nodes = node.get_object().if_contains("nodes");
  if (nodes == nullptr) return {};
  if (!nodes->is_array()) return fail(ErrorCode::invalid, "'nodes' of {} is no array", shown(key));
  for (const auto& child : nodes->get_array()) TRY(flatten(child, out));
  return {};
}

}  // namespace

std::vector<KeyValue> parse_dump(std::string_view text, std::vector<BrokenRecord>& broken) {
  std::vector<KeyValue> out;
  std::size_t number = 0;
  for (auto line : split(text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const auto tab = line.find('\t');
    if (tab == std::string_view::npos || tab == 0) {
      broken.push_back({fmt::format("line {}", number), "it is not a key, a tab and a value: '" + shown(line) + "'"});
      continue;
    }
    out.push_back({std::string(line.substr(0, tab)), std::string(line.substr(tab + 1))});
  }
  return out;
}

Result<std::vector<KeyValue>> parse_etcd_answer(std::string_view text) {
  std::vector<KeyValue> out;
  const auto read = [&]() -> Result<> {
    const auto answer = TRY(wire::parse_json(text));
    TRY(wire::Fields::of(answer, "the answer"));
    const auto* node = answer.get_object().if_contains("node");
    if (node == nullptr) return fail(ErrorCode::invalid, "the answer has no 'node'");
    return flatten(*node, out);
  };
  if (auto done = read(); !done) {
    return fail(ErrorCode::corrupt, "this is no answer of etcd's v2 API: {}", done.error().message());
  }
  return out;
}

Records read_tree(std::vector<KeyValue> keys) {
  // By key, so that the same tree gives the same import, whatever the order it came in.
  std::ranges::stable_sort(keys, {}, &KeyValue::key);
  Reader reader;
  for (const auto& entry : keys) reader.read(entry);
  return reader.finish();
}

}  // namespace bayplan::imports
