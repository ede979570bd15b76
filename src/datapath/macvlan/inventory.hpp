// Where the containers' interfaces are: on this host for a moment, then in namespaces.
//
// A macvlan port has no end that stays on the host. But every namespace that a link was moved to has a number here, and
// the kernel lists the links of a namespace by that number. So a port is found wherever it is: by its alias, and by its
// second name (ip-link(8) `altname`), which is the port's name on other datapaths, bp<8 hex digits>, and stays whatever
// the engine calls it. Nothing has to be remembered.
//
// Part of MacvlanDatapath and used by its thread only. Cost of a look everywhere: a listing of links for every
// namespace with a number (measured: 15 microseconds each where there are ten, 45 where there are a thousand), or where
// names are looked for a question for each of them (4 to 8). Somebody inside a container who has the right to
// (CAP_NET_ADMIN) can give links of his own such names: all of a name count as one port, so that he can't make
// another's look like nobody's.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "linux/netlink.hpp"

namespace bayplan::datapath {

// A network's device on the host.
bool is_shim(const kernel::Link& link);

// A device of ours that was made and not finished, because of a crash in between.
bool is_half_made(const kernel::Link& link);

struct PlacedPort {
  std::string host_name;  // bp<8 hex digits>; of one whose making was cut short the link's name
  std::string network;    // from its alias; empty of one whose making was cut short
  std::string identity;   // likewise
  kernel::Link link;
  std::optional<int> netns = {};  // the number of its namespace; none: this one
};

class Inventory {
 public:
  // Everywhere.
  static Result<Inventory> look(kernel::NetlinkSocket& netlink);
  // Everywhere, but elsewhere than here only ports of these names: a question for each instead of a listing.
  static Result<Inventory> look_for(kernel::NetlinkSocket& netlink, const std::vector<std::string>& host_names);
  // This namespace, and the one with that number.
  static Result<Inventory> look_at(kernel::NetlinkSocket& netlink, std::optional<int> netns);

  // The links of this namespace, all of them.
  [[nodiscard]] const std::vector<kernel::Link>& host() const { return host_; }
  [[nodiscard]] const std::vector<PlacedPort>& ports() const { return ports_; }
  [[nodiscard]] std::vector<PlacedPort> ports_of(const std::string& network) const;
  [[nodiscard]] std::vector<PlacedPort> named(std::string_view host_name) const;
  // Of a network; nothing while there is none.
  [[nodiscard]] const kernel::Link* shim_of(const std::string& network) const;
  // A link of this namespace has that name, or it is the second one of one.
  [[nodiscard]] bool knows(std::string_view name) const;

 private:
  using LinksIn = std::function<Result<std::vector<kernel::Link>>(int netns)>;
  static Result<Inventory> look_at_all(kernel::NetlinkSocket& netlink, const std::vector<int>& namespaces,
                                       const LinksIn& links_in);

  std::vector<kernel::Link> host_;
  std::vector<PlacedPort> ports_;
};

}  // namespace bayplan::datapath
