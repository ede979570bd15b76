// The least that the kernel asks of anybody who connects a network namespace to a bridge: raw netlink, nothing else. What
// Bayplan is measured against.
//
// Not a part of Bayplan and shares no code with it. One object an address family of calls; throws std::runtime_error with
// the kernel's words, for a bench has nobody to tell.
#pragma once

#include <cstdint>
#include <string>

namespace bench {

class Floor {
 public:
  Floor();
  ~Floor();
  Floor(const Floor&) = delete;
  Floor& operator=(const Floor&) = delete;

  // A veth pair with one end on the bridge and the other in the namespace as eth1, both up, the address and a default
  // route: what `ip` would be asked for in eight commands. Addresses are in host byte order.
  void attach(const std::string& host_name, int bridge, const std::string& netns, std::uint32_t address, unsigned prefix,
              std::uint32_t gateway);
  void detach(const std::string& host_name);

  void make_bridge(const std::string& name, std::uint32_t address, unsigned prefix);
  void remove_link(const std::string& name) { detach(name); }

 private:
  int socket_;
  int next_index_ = 1000000;  // nobody else's
};

int index_of(const std::string& link);

}  // namespace bench
