// Where the containers' interfaces are: on this host for a moment, then in namespaces.
//
// A macvlan port has no end that stays on the host. But every namespace that a link was moved to has a number here, and
// the kernel lists the links of a namespace by that number. So a port is found wherever it is: by its alias, and by its
// second name (ip-link(8) `altname`), which is the port's name on other datapaths, bp<8 hex digits>, and stays whatever
// the engine calls it. Nothing has to be remembered.
//
// Part of MacvlanDatapath and used by its thread only. Cost of a look: a listing of links for every namespace with a
// number, some 30 microseconds each. Somebody inside a container who has the right to (CAP_NET_ADMIN) can give links
// of his own such names: all of a name count as one port, so that he can't make another's look like nobody's.
#pragma once

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
  // `everywhere` false: this namespace only.
  static Result<Inventory> look(kernel::NetlinkSocket& netlink, bool everywhere = true);

  // The links of this namespace, all of them.
  [[nodiscard]] const std::vector<kernel::Link>& host() const { return host_; }
  [[nodiscard]] const std::vector<PlacedPort>& ports() const { return ports_; }
  [[nodiscard]] std::vector<PlacedPort> ports_of(const std::string& network) const;
  [[nodiscard]] std::vector<PlacedPort> named(std::string_view host_name) const;
  // Of a network; nothing while there is none.
  [[nodiscard]] const kernel::Link* shim_of(const std::string& network) const;

 private:
  std::vector<kernel::Link> host_;
  std::vector<PlacedPort> ports_;
};

}  // namespace bayplan::datapath
