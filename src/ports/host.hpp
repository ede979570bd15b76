// What the plan has to know of the host it runs on.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/address.hpp"
#include "model/records.hpp"

namespace bayplan::ports {

struct Route {
  model::Subnet destination;
  std::string device;
  std::optional<model::IpAddress> source = std::nullopt;  // the host's own address there, where the route tells it
};

// An IPv4 address of an interface in a container's network namespace.
struct InsideAddress {
  std::string interface;
  model::IpAddress address;
  model::Subnet subnet;  // by its prefix length
  std::optional<model::MacAddress> mac;
  std::optional<model::IpAddress> gateway;  // where the default route leads by this interface
};

// A port of the host that no program of it can have while this lives.
class HeldPort {
 public:
  virtual ~HeldPort() = default;
};

// Callable from any thread.
class Host {
 public:
  virtual ~Host() = default;
  // The host's IPv4 and IPv6 unicast routes of the main table, the default route left out; ours included (their
  // device tells them).
  virtual Result<std::vector<Route>> routes() = 0;
  // An interface of that name is there.
  virtual Result<bool> has_interface(const std::string& name) = 0;
  // What the interfaces in another network namespace have, loopback left out. `not_found` when there is no such
  // namespace, `invalid` for the host's own.
  virtual Result<std::vector<InsideAddress>> addresses_inside(const std::string& netns) = 0;
  // Makes way inside for another interface of that name and address: the old one is down and goes by another name until
  // it is put back, with its name, address and default route, or removed. Once more is success. `not_found` when there
  // is neither.
  virtual Result<> put_aside(const std::string& netns, const InsideAddress& interface) = 0;
  virtual Result<> put_back(const std::string& netns, const InsideAddress& interface) = 0;
  virtual Result<> remove_aside(const std::string& netns, const InsideAddress& interface) = 0;
  // Takes the host's side of a published port, so that nobody else is given it: neither a program nor a port that the
  // engine publishes for networks of its own. `conflict` when somebody has it already, `invalid` when the address is
  // not this host's.
  virtual Result<std::unique_ptr<HeldPort>> hold_port(const model::PublishedPort& port) = 0;
};

}  // namespace bayplan::ports
