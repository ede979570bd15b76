#include "model/plan.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace bayplan::model {
namespace {

Change putting(Record record) {
  return {Change::Kind::put, std::move(record)};
}
Change erasing(Record record) {
  return {Change::Kind::erase, std::move(record)};
}

// For records that stand in a plain map: put and erase with their inverse.
template <typename Map, typename T>
Change put_in(Map& map, const typename Map::key_type& key, const T& record) {
  const auto found = map.find(key);
  if (found == map.end()) {
    map.emplace(key, record);
    return erasing(record);
  }
  return putting(std::exchange(found->second, record));
}

template <typename Map, typename T>
Change erase_from(Map& map, const typename Map::key_type& key, const T& record) {
  const auto found = map.find(key);
  if (found == map.end()) return erasing(record);
  auto node = map.extract(found);
  return putting(std::move(node.mapped()));
}

Plan::PairKey pair_key(const auto& record) {
  return {record.container_id, record.engine_network};
}

// Networks first, so that what stands in a network finds it whatever order the store gave; then reservations, for their
// marks.
int load_order(const Record& record) {
  if (std::holds_alternative<Network>(record)) return 0;
  return std::holds_alternative<AttachMark>(record) ? 2 : 1;
}

}  // namespace

Result<Plan> Plan::from(const std::vector<Record>& records) {
  Plan plan;
  for (const int pass : {0, 1, 2}) {
    for (const Record& record : records) {
      if (load_order(record) != pass) continue;
      if (auto applied = plan.apply(putting(record)); !applied) {
        return fail(ErrorCode::corrupt, "the stored plan contradicts itself: {}", applied.error().message());
      }
    }
  }
  return plan;
}

Result<Change> Plan::apply(const Change& change) {
  return std::visit([&](const auto& record) { return change.kind == Change::Kind::put ? put(record) : erase(record); },
                    change.record);
}

// --- networks

Result<Change> Plan::put(const Network& record) {
  for (const auto& [name, other] : networks_) {
    if (name == record.name) continue;
    if (other.network.subnet.overlaps(record.subnet)) {
      return fail(ErrorCode::conflict, "{} overlaps {} of the network '{}'", record.subnet.to_string(),
                  other.network.subnet.to_string(), name);
    }
    if (record.vlan && other.network.vlan == record.vlan) {
      return fail(ErrorCode::conflict, "VLAN {} belongs to the network '{}'", *record.vlan, name);
    }
  }
  if (NetworkState* known = state(record.name)) {
    Change inverse = putting(std::exchange(known->network, record));
    rebuild_pool(*known);
    return inverse;
  }
  NetworkState& fresh = networks_[record.name];
  fresh.network = record;
  fresh.pool = Pool(record);
  return erasing(record);
}

Result<Change> Plan::erase(const Network& record) {
  const auto found = networks_.find(record.name);
  if (found == networks_.end()) return erasing(record);
  if (!found->second.reservations.empty() || !found->second.attachments.empty()) {
    return fail(ErrorCode::in_use, "the network '{}' still has reservations", record.name);
  }
  const auto carries = [&](const auto& carried) { return carried.second.network == record.name; };
  if (std::ranges::any_of(engine_networks_, carries)) {
    return fail(ErrorCode::in_use, "the network '{}' still carries one of the engine's", record.name);
  }
  auto node = networks_.extract(found);
  return putting(std::move(node.mapped().network));
}

void Plan::rebuild_pool(NetworkState& state) {
  state.pool = Pool(state.network);
  for (const auto& [address, reservation] : state.by_address) state.pool.take(address);
  for (const auto& [address, attachment] : state.attachments) state.pool.take(address);
}

const Plan::NetworkState* Plan::state(std::string_view network) const {
  const auto found = networks_.find(network);
  return found == networks_.end() ? nullptr : &found->second;
}

Plan::NetworkState* Plan::state(std::string_view network) {
  const auto found = networks_.find(network);
  return found == networks_.end() ? nullptr : &found->second;
}

Result<Plan::NetworkState*> Plan::need_state(std::string_view network) {
  if (NetworkState* found = state(network)) return found;
  return fail(ErrorCode::not_found, "there is no network '{}'", shown(network));
}

std::vector<const Network*> Plan::networks() const {
  std::vector<const Network*> all;
  for (const auto& [name, state] : networks_) all.push_back(&state.network);
  return all;
}

const Network* Plan::network(std::string_view name) const {
  const NetworkState* found = state(name);
  return found ? &found->network : nullptr;
}

const Network* Plan::network_of_vlan(std::uint16_t vlan) const {
  for (const auto& [name, state] : networks_) {
    if (state.network.vlan == vlan) return &state.network;
  }
  return nullptr;
}

const Network* Plan::network_of_subnet(const Subnet& subnet) const {
  for (const auto& [name, state] : networks_) {
    if (state.network.subnet == subnet) return &state.network;
  }
  return nullptr;
}

const Network* Plan::network_overlapping(const Subnet& subnet) const {
  for (const auto& [name, state] : networks_) {
    if (state.network.subnet.overlaps(subnet)) return &state.network;
  }
  return nullptr;
}

// --- reservations

std::pair<std::string, Plan::Family> Plan::key_of(const Reservation& record) {
  return {record.identity, record.address.is_v4() ? Family::v4 : Family::v6};
}

void Plan::index(NetworkState& state, const Reservation& stored) {
  state.by_address[stored.address] = &stored;
  state.pool.take(stored.address);
  if (stored.state == ReservationState::removed) state.removed.emplace(stored.last_seen, stored.address);
}

void Plan::unindex(NetworkState& state, const Reservation& stored) {
  state.by_address.erase(stored.address);
  state.removed.erase({stored.last_seen, stored.address});
  if (!state.attachments.contains(stored.address)) state.pool.give_back(stored.address);
}

Result<Change> Plan::put(const Reservation& record) {
  NetworkState& in = *TRY(need_state(record.network));
  const auto holder = in.by_address.find(record.address);
  if (holder != in.by_address.end() && holder->second->identity != record.identity) {
    return fail(ErrorCode::conflict, "{} belongs to '{}' on {}", record.address.to_string(), holder->second->identity,
                record.network);
  }
  const auto [stored, fresh] = in.reservations.try_emplace(key_of(record), record);
  if (fresh) {
    index(in, stored->second);
    return erasing(record);
  }
  unindex(in, stored->second);
  Change inverse = putting(std::exchange(stored->second, record));
  index(in, stored->second);
  return inverse;
}

Result<Change> Plan::erase(const Reservation& record) {
  NetworkState* in = state(record.network);
  if (!in) return erasing(record);
  const auto found = in->reservations.find(key_of(record));
  if (found == in->reservations.end()) return erasing(record);
  if (record.address.is_v4() && in->marks.contains(record.identity)) {
    return fail(ErrorCode::in_use, "'{}' on {} is marked for attachment: bayplan detach {} {} first", record.identity,
                record.network, record.identity, record.network);
  }
  unindex(*in, found->second);
  auto node = in->reservations.extract(found);
  return putting(std::move(node.mapped()));
}

const Reservation* Plan::reservation(std::string_view network, const std::string& identity, Family family) const {
  const NetworkState* in = state(network);
  if (!in) return nullptr;
  const auto found = in->reservations.find({identity, family});
  return found == in->reservations.end() ? nullptr : &found->second;
}

const Reservation* Plan::reservation_at(std::string_view network, const IpAddress& address) const {
  const NetworkState* in = state(network);
  if (!in) return nullptr;
  const auto found = in->by_address.find(address);
  return found == in->by_address.end() ? nullptr : found->second;
}

std::vector<const Reservation*> Plan::reservations(std::string_view network) const {
  std::vector<const Reservation*> all;
  if (const NetworkState* in = state(network)) {
    for (const auto& [key, reservation] : in->reservations) all.push_back(&reservation);
  }
  return all;
}

std::vector<const Reservation*> Plan::reservations() const {
  std::vector<const Reservation*> all;
  for (const auto& [name, in] : networks_) {
    for (const auto& [key, reservation] : in.reservations) all.push_back(&reservation);
  }
  return all;
}

std::vector<const Reservation*> Plan::reclaimable(std::string_view network) const {
  std::vector<const Reservation*> all;
  const NetworkState* in = state(network);
  if (!in) return all;
  for (const auto& [since, address] : in->removed) {
    if (!in->attachments.contains(address)) all.push_back(in->by_address.at(address));
  }
  return all;
}

// --- attachments

Result<Change> Plan::put(const Attachment& record) {
  NetworkState& in = *TRY(need_state(record.network));
  const std::pair place{record.network, record.address};
  if (!record.endpoint.empty()) {
    const auto [known, fresh] = endpoints_.try_emplace(record.endpoint, place);
    if (!fresh && known->second != place) {
      return fail(ErrorCode::conflict, "the endpoint {} already has {}", record.endpoint,
                  known->second.second.to_string());
    }
  }
  const auto [stored, fresh] = in.attachments.try_emplace(record.address, record);
  if (fresh) {
    in.pool.take(record.address);
    return erasing(record);
  }
  if (!stored->second.endpoint.empty() && stored->second.endpoint != record.endpoint) {
    endpoints_.erase(stored->second.endpoint);
  }
  return putting(std::exchange(stored->second, record));
}

Result<Change> Plan::erase(const Attachment& record) {
  NetworkState* in = state(record.network);
  if (!in) return erasing(record);
  const auto found = in->attachments.find(record.address);
  if (found == in->attachments.end()) return erasing(record);
  endpoints_.erase(found->second.endpoint);
  auto node = in->attachments.extract(found);
  if (!in->by_address.contains(record.address)) in->pool.give_back(record.address);
  return putting(std::move(node.mapped()));
}

const Attachment* Plan::attachment(std::string_view network, const IpAddress& address) const {
  const NetworkState* in = state(network);
  if (!in) return nullptr;
  const auto found = in->attachments.find(address);
  return found == in->attachments.end() ? nullptr : &found->second;
}

const Attachment* Plan::attachment_of(const std::string& endpoint) const {
  const auto found = endpoints_.find(endpoint);
  return found == endpoints_.end() ? nullptr : attachment(found->second.first, found->second.second);
}

std::vector<const Attachment*> Plan::attachments() const {
  std::vector<const Attachment*> all;
  for (const auto& [name, in] : networks_) {
    for (const auto& [address, attachment] : in.attachments) all.push_back(&attachment);
  }
  return all;
}

std::vector<const Attachment*> Plan::attachments(std::string_view network) const {
  std::vector<const Attachment*> all;
  if (const NetworkState* in = state(network)) {
    for (const auto& [address, attachment] : in->attachments) all.push_back(&attachment);
  }
  return all;
}

// --- marks for attachment

Result<Change> Plan::put(const AttachMark& record) {
  NetworkState& in = *TRY(need_state(record.network));
  if (!reservation(record.network, record.identity)) {
    return fail(ErrorCode::not_found, "nothing is reserved for '{}' on {}", shown(record.identity), record.network);
  }
  return put_in(in.marks, record.identity, record);
}

Result<Change> Plan::erase(const AttachMark& record) {
  NetworkState* in = state(record.network);
  return in ? erase_from(in->marks, record.identity, record) : erasing(record);
}

const AttachMark* Plan::mark(std::string_view network, const std::string& identity) const {
  const NetworkState* in = state(network);
  if (!in) return nullptr;
  const auto found = in->marks.find(identity);
  return found == in->marks.end() ? nullptr : &found->second;
}

std::vector<const AttachMark*> Plan::marks() const {
  std::vector<const AttachMark*> all;
  for (const auto& [name, in] : networks_) {
    for (const auto& [identity, mark] : in.marks) all.push_back(&mark);
  }
  return all;
}

// --- the engine's records

Result<Change> Plan::put(const EngineNetwork& record) {
  TRY(need_state(record.network));
  return put_in(engine_networks_, record.id, record);
}
Result<Change> Plan::put(const Claim& record) {
  return put_in(claims_, pair_key(record), record);
}
Result<Change> Plan::put(const OwedStart& record) {
  return put_in(owed_, record.token, record);
}
Result<Change> Plan::put(const Repin& record) {
  return put_in(repins_, pair_key(record), record);
}
Result<Change> Plan::erase(const EngineNetwork& record) {
  return erase_from(engine_networks_, record.id, record);
}
Result<Change> Plan::erase(const Claim& record) {
  return erase_from(claims_, pair_key(record), record);
}
Result<Change> Plan::erase(const OwedStart& record) {
  return erase_from(owed_, record.token, record);
}
Result<Change> Plan::erase(const Repin& record) {
  return erase_from(repins_, pair_key(record), record);
}

const EngineNetwork* Plan::engine_network(const std::string& id) const {
  const auto found = engine_networks_.find(id);
  return found == engine_networks_.end() ? nullptr : &found->second;
}

Pool* Plan::pool(std::string_view network) {
  NetworkState* found = state(network);
  return found ? &found->pool : nullptr;
}

const Pool* Plan::pool(std::string_view network) const {
  const NetworkState* found = state(network);
  return found ? &found->pool : nullptr;
}

}  // namespace bayplan::model
