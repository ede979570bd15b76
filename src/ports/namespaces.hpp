// What is inside containers' network namespaces: the seam for interfaces that we put there ourselves (`bayplan
// attach`).
//
// Called by the datapath thread only. Errors: `not_found` (there is no such namespace), `invalid` (the path is no
// network namespace, or is the host's own, which is never touched), `denied`, `kernel`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "model/records.hpp"

namespace bayplan::ports {

// How an attached interface should be.
struct InsideSpec {
  std::string netns;      // path of the network namespace
  std::string host_name;  // the port's end on the host: its far end is ours, whatever its name is by now
  std::string interface;  // its name inside; empty: the engine's choice, as is its alias
  std::string identity;   // for the ifalias `bayplan <network> <identity>`
  model::MacAddress mac;
  model::IpAddress address;
  model::Network network;
  bool default_route =
      false;  // by the network's gateway, whatever default route there is; false: only where there is none
};

// How it differs.
enum class Drift {
  link,             // it is not there: the port has to be made anew
  name,             // it was renamed
  mac,              // it has another MAC
  down,             // it is down
  address,          // the address is gone, or has another prefix length
  foreign_address,  // it has another address that the network gives to others, or the gateway's
  route,            // the subnet's route is gone, or there is no default route
};
std::string_view to_string(Drift drift);

class Namespaces {
 public:
  virtual ~Namespaces() = default;

  // It is a network namespace, and not the host's own.
  virtual Result<> check(const std::string& netns) = 0;
  // Names of the interfaces in there.
  virtual Result<std::vector<std::string>> interfaces(const std::string& netns) = 0;
  // How the interface differs; empty: not at all. Changes nothing.
  virtual Result<std::vector<Drift>> compare(const InsideSpec& wanted) = 0;
  // The name that it has inside now; empty: it is not there.
  virtual Result<std::string> interface_name(const InsideSpec& wanted) = 0;
  // Puts right what differs, but for `link`; gives what it was. From now on changes in there are told (see the
  // implementation's constructor).
  virtual Result<std::vector<Drift>> furnish(const InsideSpec& wanted) = 0;
  // As `furnish`, for a port that has just been made: quicker.
  virtual Result<> finish(const InsideSpec& wanted) = 0;
};

// An address that must not be on an attached interface beside its own: one that the network may give to somebody else,
// or its gateway's or the host's. What the network excludes is free for virtual addresses that move about.
bool is_foreign_address(const model::Network& network, const model::IpAddress& own, const model::IpAddress& found);

}  // namespace bayplan::ports
