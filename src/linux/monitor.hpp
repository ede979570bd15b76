// What the kernel tells by itself: that links, IPv4 addresses or routes changed, in this network namespace or in any
// that has a number here (NETLINK_LISTEN_ALL_NSID), and that something was mounted (a named namespace is a mount).
//
// A thread waits for it all and calls the handlers, which must return soon; a burst is told at once. Its own namespace
// is that of the thread that opened it. Where more changed than the kernel can keep for us (ENOBUFS), `lost` is called:
// everything has to be looked at. What comes within 3 ms is told at once, so that somebody who changes things in a loop
// costs little.
//
// Source: linux/netlink.h; netlink(7) on NETLINK_LISTEN_ALL_NSID (needs CAP_NET_BROADCAST); proc(5) on polling
// mountinfo.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

struct nlmsghdr;

namespace bayplan::kernel {

// A change in this namespace that may have undone something.
struct HostEvent {
  enum class Kind { link_gone, link_down, left_bridge, address_gone, route_gone };
  Kind kind = Kind::link_gone;
  std::string link;  // name and alias; empty for addresses and routes
  std::string alias;
  friend bool operator==(const HostEvent&, const HostEvent&) = default;
};

// Nothing for what undoes nothing, and for what is malformed.
std::optional<HostEvent> parse_host_event(const nlmsghdr* message);

class Monitor {
 public:
  struct Handlers {
    std::function<void(const std::set<int>&)> namespaces;  // something changed in those with these numbers
    std::function<void(const std::vector<HostEvent>&)> host;
    std::function<void()> mounts;
    std::function<void()> lost;
  };
  // `denied` without CAP_NET_BROADCAST.
  static Result<std::unique_ptr<Monitor>> open(Handlers handlers);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

 private:
  struct Burst {
    std::set<int> namespaces;
    std::vector<HostEvent> host;
    bool lost = false;
  };
  Monitor(UniqueFd netlink, UniqueFd mounts, UniqueFd stop, Handlers handlers);
  void loop();
  Burst drain();
  void tell(const Burst& burst);

  UniqueFd netlink_;
  UniqueFd mounts_;
  UniqueFd stop_;  // an eventfd
  Handlers handlers_;
  std::thread thread_;
};

}  // namespace bayplan::kernel
