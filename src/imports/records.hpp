// What an import has read, wherever from: networks and reservations to be put into the plan, and what was no use.
//
// Values are checked as far as they can be without the plan (an address is one, a name may be one); whether they fit
// the plan is the daemon's to say. Every record keeps the key that it has where it comes from, so that whatever is said
// about it can be found there. Keys and messages are printable ASCII.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/records.hpp"

namespace bayplan::imports {

struct NetworkRecord {
  std::string key;
  std::string name;  // empty: the plan's network of this VLAN, or a new one named after it
  std::optional<std::uint16_t> vlan;
  model::Subnet subnet;
  model::IpAddress gateway;
  // What only an export tells. `complete`: it tells all of it.
  bool complete = false;
  std::vector<model::AddressRange> ranges;
  std::vector<model::AddressRange> exclusions;
  model::DatapathKind datapath = model::DatapathKind::bridge;
  std::string uplink;
  std::optional<model::IpAddress> host_address;
  std::optional<std::uint32_t> mtu;
  bool nat = true;
  bool repair = true;
  std::uint8_t mac_salt = 0;
  Timestamp created{};
};

struct ReservationRecord {
  std::string key;
  std::string network;                // empty: that of `vlan`
  std::optional<std::uint16_t> vlan;  // told where `network` is empty
  std::string identity;
  model::IpAddress address;
  std::optional<model::Subnet> subnet;      // told with the address; none: only the address was
  std::optional<model::IpAddress> gateway;  // told with the reservation
  std::optional<model::MacAddress> mac;
  model::ReservationState state = model::ReservationState::held;  // never `attached`: only a container makes it that
  std::string host;
  std::string container;
  Timestamp created{};                                     // the epoch: not known
  Timestamp last_seen{};                                   // the epoch: not known
  std::optional<model::AttachMark> attach = std::nullopt;  // marked for attachment: target, interface, default route
};

// A record that could not be read.
struct BrokenRecord {
  std::string key;
  std::string reason;
};

struct Records {
  std::vector<NetworkRecord> networks;
  std::vector<ReservationRecord> reservations;
  std::vector<BrokenRecord> broken;
  std::size_t ignored = 0;  // keys that are understood and need no import, or are not of this practice
};

// No more than this is read from anywhere: 100 000 reservations fit three times.
inline constexpr std::size_t kSizeLimit = 128UL * 1024 * 1024;  // bytes

}  // namespace bayplan::imports
