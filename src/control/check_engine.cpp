// The plan against Docker's listings.
#include <algorithm>
#include <set>
#include <unordered_map>

#include "control/check.hpp"

namespace bayplan::control {
namespace {

using model::Attachment;
using model::Reservation;
using model::ReservationState;
using enum FindingKind;

// A container that is starting has its address before Docker lists it as running, and on a busy machine long before.
constexpr std::chrono::seconds kStarting{10};
constexpr std::size_t kShortId = 12;  // as docker ps shows it
constexpr std::string_view kDriver = "bayplan";

bool is_going(const ports::Container& container) {
  return container.state == ports::ContainerState::removing || container.state == ports::ContainerState::dead;
}

class EngineCheck {
 public:
  EngineCheck(const model::Plan& plan, const EngineLook& look, const CheckScope& scope, Timestamp now)
      : plan_(plan), look_(look), scope_(scope), now_(now) {
    for (const ports::Container& container : look.facts.containers) {
      by_id_[container.id] = &container;
      if (is_going(container)) continue;
      const ports::Container*& known = by_identity_[container.identity()];
      if (!known || container.is_up()) known = &container;
    }
  }

  std::vector<Finding> run() {
    look_at_engine_networks();
    for (const model::Network* network : plan_.networks()) {
      if (!in_scope(network->name)) continue;
      for (const Reservation* reservation : plan_.reservations(network->name)) look_at(*network, *reservation);
    }
    for (const Membership& place : memberships(plan_, look_.facts)) {
      if (in_scope(place.network)) look_at(place);
    }
    look_at_marks();
    return std::move(findings_);
  }

 private:
  [[nodiscard]] bool in_scope(const std::string& network) const { return !scope_ || *scope_ == network; }

  void look_at_engine_networks() {
    std::set<std::string> listed;
    for (const ports::EngineNetworkInfo& network : look_.networks) {
      listed.insert(network.id);
      const model::EngineNetwork* known = plan_.engine_network(network.id);
      if (known && in_scope(known->network)) look_at(network, *plan_.network(known->network));
      if (!known && network.driver == kDriver && !scope_) say_unknown(network);
    }
    for (const auto& [id, carried] : plan_.engine_networks()) {
      if (listed.contains(id) || !in_scope(carried.network)) continue;
      const std::string name = id.substr(0, kShortId);
      findings_.push_back(
          {engine_network_missing,
           carried.network,
           {},
           {},
           name,
           "missing",
           "a Docker network",
           fmt::format("the plan has the Docker network {} on {}, but Docker has none of that id: baypland forgets it "
                       "when Docker has not listed it for half a minute",
                       name, carried.network)});
    }
  }

  void say_unknown(const ports::EngineNetworkInfo& network) {
    findings_.push_back({engine_network_unknown,
                         {},
                         {},
                         {},
                         network.name,
                         network.id.substr(0, kShortId),
                         {},
                         fmt::format("Docker has a network '{0}' of the driver bayplan that the plan does not know: "
                                     "make it anew (docker network rm {0}, docker network create -d bayplan …)",
                                     network.name)});
  }

  void look_at(const ports::EngineNetworkInfo& found, const model::Network& wanted) {
    const bool same = std::ranges::find(found.subnets, wanted.subnet) != found.subnets.end();
    if (same || found.subnets.empty()) return;
    const std::string has = found.subnets.front().to_string();
    findings_.push_back({engine_network_differs,
                         wanted.name,
                         {},
                         {},
                         found.name,
                         has,
                         wanted.subnet.to_string(),
                         fmt::format("Docker's network '{0}' has the subnet {1}, but its network {2} in the plan has "
                                     "{3}: make it anew (docker network rm {0}, docker network create -d bayplan …)",
                                     found.name, has, wanted.name, wanted.subnet.to_string())});
  }

  void look_at(const model::Network& network, const Reservation& reservation) {
    const Attachment* attachment = plan_.attachment(network.name, reservation.address);
    const bool in_use = attachment && attachment->stage != Attachment::Stage::granted;
    if (!in_use) return look_at_rest(reservation);
    if (!has_passed(attachment->since, now_, kStarting)) return;
    if (reservation.state != ReservationState::attached && attachment->identity == reservation.identity) {
      add(state_differs, reservation, {}, model::to_string(reservation.state), "attached",
          "'{}' has {} on {} in use, but the plan says it is {}", reservation.identity, reservation.address.to_string(),
          reservation.network, model::to_string(reservation.state));
    }
    if (attachment->container_id.empty()) return;  // a namespace, or not known yet
    const auto container = by_id_.find(attachment->container_id);
    if (container == by_id_.end()) return say_gone(reservation, attachment->container_id);
    if (!container->second->is_up()) return say_not_running(reservation, *container->second);
    if (!attachment->is_by_hand()) look_at_connection(reservation, *attachment, *container->second);
  }

  void say_gone(const Reservation& reservation, const std::string& id) {
    const std::string& name = reservation.container_name.empty() ? id : reservation.container_name;
    add(container_gone, reservation, name, "deleted", "running",
        "{} is attached to '{}' on {}, but Docker has its container {} no more", reservation.address.to_string(),
        reservation.identity, reservation.network, id.substr(0, kShortId));
  }

  void say_not_running(const Reservation& reservation, const ports::Container& container) {
    add(container_not_running, reservation, container.name, ports::to_string(container.state), "running",
        "{} is attached to '{}' on {}, but its container '{}' is {}", reservation.address.to_string(),
        reservation.identity, reservation.network, container.name, ports::to_string(container.state));
  }

  void look_at_connection(const Reservation& reservation, const Attachment& attachment,
                          const ports::Container& container) {
    const auto entry = std::ranges::find(container.networks, attachment.endpoint, &ports::ContainerNetwork::endpoint);
    if (entry == container.networks.end()) {
      return add(container_not_connected, reservation, container.name, "not connected", reservation.address.to_string(),
                 "the container '{}' runs and should have {} on {}, but Docker has it without that endpoint: "
                 "docker network disconnect and connect it, or restart it",
                 container.name, reservation.address.to_string(), reservation.network);
    }
    if (entry->address && *entry->address != attachment.address) {
      say_address(reservation, container, *entry->address);
    }
    if (entry->mac && *entry->mac != reservation.mac && *entry->mac != model::MacAddress{}) {
      add(mac_differs, reservation, container.name, entry->mac->to_string(), reservation.mac.to_string(),
          "the container '{}' has the MAC {} on {}, but {} belongs to {}: start it without --mac-address",
          container.name, entry->mac->to_string(), reservation.network, reservation.mac.to_string(),
          reservation.address.to_string());
    }
  }

  void say_address(const Reservation& reservation, const ports::Container& container, const model::IpAddress& has) {
    add(address_differs, reservation, container.name, has.to_string(), reservation.address.to_string(),
        "the container '{}' runs with {} on {}, but {} is reserved for it", container.name, has.to_string(),
        reservation.network, reservation.address.to_string());
  }

  // engine_sync's update_states: held while a container of that identity is there, removed when none is.
  void look_at_rest(const Reservation& reservation) {
    const bool by_hand = reservation.container_id.empty() && reservation.state == ReservationState::held;
    const auto wanted = is_there(reservation) || by_hand ? ReservationState::held : ReservationState::removed;
    if (reservation.state == wanted) return;
    if (wanted == ReservationState::removed && reservation.state == ReservationState::held) {
      return add(container_gone, reservation, reservation.container_name, "deleted", "held",
                 "{} is held for '{}' on {}, but Docker has its container no more", reservation.address.to_string(),
                 reservation.identity, reservation.network);
    }
    add(state_differs, reservation, reservation.container_name, model::to_string(wanted),
        model::to_string(reservation.state), "{} of '{}' on {} is {} in the plan, but by what Docker lists it is {}",
        reservation.address.to_string(), reservation.identity, reservation.network, model::to_string(reservation.state),
        model::to_string(wanted));
  }

  [[nodiscard]] bool is_there(const Reservation& reservation) const {
    if (by_identity_.contains(reservation.identity)) return true;
    const auto user = by_id_.find(reservation.container_id);
    if (user == by_id_.end() || is_going(*user->second)) return false;
    const std::string identity = user->second->identity();
    const bool has_left = identity != reservation.identity && plan_.reservation(reservation.network, identity);
    return !has_left;
  }

  // A container that is up on a network of ours, as Docker lists it.
  void look_at(const Membership& place) {
    const ports::Container& container = *place.container;
    if (!container.is_up() || place.entry->endpoint.empty() || !place.entry->address) return;
    const Reservation* own = plan_.reservation(place.network, container.identity());
    const Attachment* attachment = plan_.attachment_of(place.entry->endpoint);
    if (!own) return say_without_reservation(place);
    if (attachment) {
      const bool other = attachment->address != own->address && has_passed(attachment->since, now_, kStarting);
      if (other) say_address(*own, container, attachment->address);
      return;
    }
    add(container_not_recorded, *own, container.name, place.entry->address->to_string(), "not in use",
        "the container '{0}' runs with {1} on {2}, but baypland does not know of it (the plan says {3}): restart it "
        "(docker restart {0})",
        container.name, place.entry->address->to_string(), place.network, model::to_string(own->state));
  }

  void say_without_reservation(const Membership& place) {
    const std::string address = place.entry->address->to_string();
    findings_.push_back(
        {container_without_reservation,
         place.network,
         place.container->identity(),
         address,
         place.container->name,
         "running",
         {},
         fmt::format("the container '{}' runs with {} on {}, which nobody has reserved: bayplan reserve {} {} --ip {}",
                     place.container->name, address, place.network, place.network, place.container->identity(),
                     address)});
  }

  // Marked for attachment, and its container runs without the interface.
  void look_at_marks() {
    for (const model::AttachMark* mark : plan_.marks()) {
      const auto container = by_identity_.find(mark->identity);
      const bool due = mark->target.empty() && container != by_identity_.end() && container->second->is_up();
      const Reservation* own = plan_.reservation(mark->network, mark->identity);
      if (!due || !own || !in_scope(mark->network) || plan_.attachment(mark->network, own->address)) continue;
      add(container_not_attached, *own, container->second->name, "missing", mark->interface,
          "the container '{0}' runs without its interface {1} on {2}: baypland's log (attach_failed) says why",
          container->second->name, mark->interface, mark->network);
    }
  }

  template <typename... Args>
  void add(FindingKind kind, const Reservation& reservation, const std::string& object, std::string_view found,
           std::string_view wanted, fmt::format_string<Args...> format, Args&&... args) {
    findings_.push_back({kind, reservation.network, reservation.identity, reservation.address.to_string(), object,
                         std::string(found), std::string(wanted), fmt::format(format, std::forward<Args>(args)...)});
  }

  const model::Plan& plan_;
  const EngineLook& look_;
  const CheckScope& scope_;
  Timestamp now_;
  std::unordered_map<std::string, const ports::Container*> by_id_;
  std::unordered_map<std::string, const ports::Container*> by_identity_;  // one that is up before one that is not
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> check_engine(const model::Plan& plan, const EngineLook& look, const CheckScope& scope,
                                  Timestamp now) {
  return EngineCheck(plan, look, scope, now).run();
}

}  // namespace bayplan::control
