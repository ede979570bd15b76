// The plan in memory: all networks and reservations, and what engines hold of them now.
//
// Pure and single-threaded: owned by the planner thread. It is changed by Changes only, the same that the store gets,
// and each change can be taken back, so that what could not be stored is undone to the letter.
//
// Invariants, which `apply` keeps or refuses (`conflict`): subnets don't overlap; a VLAN, a subnet, an address of a
// network and an (identity, family) of a network have one owner each; an endpoint has one attachment; a network stays
// while anything stands in it, a reservation while it is marked for attachment (`in_use`).
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/pool.hpp"
#include "model/records.hpp"

namespace bayplan::model {

class Plan {
 public:
  Plan() = default;
  // `corrupt` when the records contradict each other.
  static Result<Plan> from(const std::vector<Record>& records);

  // Applies a change and gives the one that takes it back.
  Result<Change> apply(const Change& change);

  // Look-ups: pointers are valid until the next `apply`; null when there is none.
  [[nodiscard]] std::vector<const Network*> networks() const;
  [[nodiscard]] const Network* network(std::string_view name) const;
  [[nodiscard]] const Network* network_of_vlan(std::uint16_t vlan) const;
  [[nodiscard]] const Network* network_of_subnet(const Subnet& subnet) const;
  [[nodiscard]] const Network* network_overlapping(const Subnet& subnet) const;

  // The identity's IPv4 reservation, or its IPv6 one.
  enum class Family { v4, v6 };
  [[nodiscard]] const Reservation* reservation(std::string_view network, const std::string& identity,
                                               Family family = Family::v4) const;
  [[nodiscard]] const Reservation* reservation_at(std::string_view network, const IpAddress& address) const;
  // By identity.
  [[nodiscard]] std::vector<const Reservation*> reservations(std::string_view network) const;
  [[nodiscard]] std::vector<const Reservation*> reservations() const;
  // The `removed` reservations whose address nobody uses, longest-removed first.
  [[nodiscard]] std::vector<const Reservation*> reclaimable(std::string_view network) const;

  [[nodiscard]] const Attachment* attachment(std::string_view network, const IpAddress& address) const;
  [[nodiscard]] const Attachment* attachment_of(const std::string& endpoint) const;
  [[nodiscard]] std::vector<const Attachment*> attachments() const;
  [[nodiscard]] std::vector<const Attachment*> attachments(std::string_view network) const;

  // The identity's mark for attachment on that network.
  [[nodiscard]] const AttachMark* mark(std::string_view network, const std::string& identity) const;
  [[nodiscard]] std::vector<const AttachMark*> marks() const;

  [[nodiscard]] const EngineNetwork* engine_network(const std::string& id) const;
  [[nodiscard]] const std::map<std::string, EngineNetwork>& engine_networks() const { return engine_networks_; }
  using PairKey = std::pair<std::string, std::string>;  // container_id, engine_network
  [[nodiscard]] const std::map<PairKey, Claim>& claims() const { return claims_; }
  [[nodiscard]] const std::map<std::string, OwedStart>& owed_starts() const { return owed_; }
  [[nodiscard]] const std::map<PairKey, Repin>& repins() const { return repins_; }

  // The network's pool; null when there is no such network. Not const: a look-up moves its frontier.
  [[nodiscard]] Pool* pool(std::string_view network);
  [[nodiscard]] const Pool* pool(std::string_view network) const;

 private:
  struct NetworkState {
    Network network;
    Pool pool;
    std::map<std::pair<std::string, Family>, Reservation> reservations;  // by identity; a node never moves
    std::unordered_map<IpAddress, const Reservation*> by_address;
    std::map<IpAddress, Attachment> attachments;
    std::map<std::string, AttachMark> marks;            // by identity
    std::set<std::pair<Timestamp, IpAddress>> removed;  // since when
  };

  [[nodiscard]] const NetworkState* state(std::string_view network) const;
  [[nodiscard]] NetworkState* state(std::string_view network);
  Result<NetworkState*> need_state(std::string_view network);

  Result<Change> put(const Network& record);
  Result<Change> put(const Reservation& record);
  Result<Change> put(const Attachment& record);
  Result<Change> put(const EngineNetwork& record);
  Result<Change> put(const Claim& record);
  Result<Change> put(const OwedStart& record);
  Result<Change> put(const Repin& record);
  Result<Change> put(const AttachMark& record);
  Result<Change> erase(const Network& record);
  Result<Change> erase(const Reservation& record);
  Result<Change> erase(const Attachment& record);
  Result<Change> erase(const EngineNetwork& record);
  Result<Change> erase(const Claim& record);
  Result<Change> erase(const OwedStart& record);
  Result<Change> erase(const Repin& record);
  Result<Change> erase(const AttachMark& record);

  static std::pair<std::string, Family> key_of(const Reservation& record);
  static void index(NetworkState& state, const Reservation& stored);
  static void unindex(NetworkState& state, const Reservation& stored);
  static void rebuild_pool(NetworkState& state);

  std::map<std::string, NetworkState, std::less<>> networks_;
  std::unordered_map<std::string, std::pair<std::string, IpAddress>> endpoints_;  // → network, address
  std::map<std::string, EngineNetwork> engine_networks_;
  std::map<PairKey, Claim> claims_;
  std::map<std::string, OwedStart> owed_;
  std::map<PairKey, Repin> repins_;
};

}  // namespace bayplan::model
