#include "datapath/inside/room.hpp"

#include <algorithm>

namespace bayplan::datapath {

using ports::Drift;

namespace {

// The kernel keeps so much of an alias.
constexpr std::size_t kLongestAlias = 255;

std::string alias_of(const ports::InsideSpec& wanted) {
  return fmt::format("bayplan {} {}", wanted.network.name, wanted.identity).substr(0, kLongestAlias);
}

Result<> unless_there(Result<> done) {
  if (!done.ok() && done.error().code == ErrorCode::exists) return {};
  return done;
}

// The container may have been quicker.
Result<> unless_gone(Result<> done) {
  if (!done.ok() && done.error().code == ErrorCode::not_found) return {};
  return done;
}

}  // namespace

Result<Room> Room::enter(const ports::InsideSpec& wanted, std::optional<kernel::Link> host_end) {
  Room room(wanted, std::move(host_end), TRY(kernel::NetlinkSocket::open()));
  TRY(room.look());
  return room;
}

Result<> Room::look() {
  link_.reset();
  for (const kernel::Link& link : TRY(netlink_.links())) {
    if (is_it(link)) link_ = link;
  }
  addresses_.clear();
  if (!link_) return {};
  for (const kernel::InterfaceAddress& address : TRY(netlink_.addresses())) {
    if (address.link == link_->index) addresses_.push_back(address);
  }
  routes_ = TRY(netlink_.ipv4_routes());
  return {};
}

bool Room::is_it(const kernel::Link& link) const {
  if (host_end_) return link.lower_elsewhere && link.lower == host_end_->index && link.index == host_end_->lower;
  const bool is_named = !is_by_engine() && link.name == wanted_.interface;
  const bool is_known =
      std::ranges::find(link.alt_names, wanted_.host_name) != link.alt_names.end();  // also after a rename of its owner
  return is_known || link.alias == alias_of(wanted_) || (is_named && link.mac == wanted_.mac);
}

bool Room::is_by_engine() const {
  return wanted_.interface.empty();
}

bool Room::is_renamed() const {
  return !is_by_engine() && link_->name != wanted_.interface;
}

bool Room::has_address() const {
  return std::ranges::any_of(addresses_, [&](const kernel::InterfaceAddress& address) {
    return address.address == wanted_.address && address.prefix_length == wanted_.network.subnet.prefix_length();
  });
}

std::vector<kernel::InterfaceAddress> Room::foreign_addresses() const {
  std::vector<kernel::InterfaceAddress> found;
  for (const kernel::InterfaceAddress& address : addresses_) {
    const bool misfit =
        address.address == wanted_.address && address.prefix_length != wanted_.network.subnet.prefix_length();
    if (misfit || ports::is_foreign_address(wanted_.network, wanted_.address, address.address)) {
      found.push_back(address);
    }
  }
  return found;
}

bool Room::has_subnet_route() const {
  const model::Subnet& subnet = wanted_.network.subnet;
  return std::ranges::any_of(routes_.subnets, [&](const kernel::RouteEntry& route) {
    return route.destination == subnet && route.link == link_->index;
  });
}

bool Room::is_by_us(const kernel::DefaultRoute& route) const {
  return route.link == link_->index && route.gateway == wanted_.network.gateway;
}

bool Room::has_default_route() const {
  // Of a container of the engine's it is the engine's, or somebody's inside who has another way, or wants none.
  if (is_by_engine()) return true;
  if (!wanted_.default_route) return !routes_.defaults.empty() || routes_.refuses_default;
  // The one that is taken: of the lowest metric.
  const auto taken = std::ranges::min_element(routes_.defaults, {}, &kernel::DefaultRoute::metric);
  return taken != routes_.defaults.end() && is_by_us(*taken);
}

std::vector<Drift> Room::drifts() const {
  if (!link_) return {Drift::link};
  std::vector<Drift> found;
  // A port of a bridge inside: address and MAC may well be those of a virtual machine behind it.
  if (is_by_engine() && link_->master != 0) {
    if (!link_->is_up()) found.push_back(Drift::down);
    return found;
  }
  if (is_renamed()) found.push_back(Drift::name);
  if (link_->mac != wanted_.mac) found.push_back(Drift::mac);
  if (!link_->is_up()) found.push_back(Drift::down);
  if (!has_address()) found.push_back(Drift::address);
  const auto foreign = foreign_addresses();
  const bool of_others = std::ranges::any_of(
      foreign, [&](const kernel::InterfaceAddress& address) { return address.address != wanted_.address; });
  if (of_others) found.push_back(Drift::foreign_address);
  if (!has_subnet_route() || !has_default_route()) found.push_back(Drift::route);
  return found;
}

// The subnet's route comes by itself with the address, or when the link comes up: what was seen before holds, unless
// something went away on the way.
Result<> Room::mend() {
  if (!link_) return {};
  if (is_by_engine() && link_->master != 0) {
    return link_->is_up() ? Result<>{} : netlink_.change_link(link_->index, {.up = true}).in(link_->name);
  }
  const bool had_all = has_address() && link_->is_up();
  const bool link_lost_routes = TRY(mend_link());
  const bool addresses_lost_routes = TRY(mend_addresses());
  const bool look_again = link_lost_routes || addresses_lost_routes;
  if (look_again) TRY(look());
  if (!link_) return {};
  if ((had_all || look_again) && !has_subnet_route()) {
    TRY(unless_there(netlink_.add_route(wanted_.network.subnet, link_->index, wanted_.address)));
  }
  return mend_routes();
}

Result<bool> Room::mend_link() {
  const bool went_down = is_renamed() && TRY(rename());
  kernel::LinkChange change;
  if (!is_by_engine() && link_->alias != alias_of(wanted_)) change.alias = alias_of(wanted_);
  if (link_->mac != wanted_.mac) change.mac = wanted_.mac;
  // A new one: without an IPv6 address of its own, as Docker makes them for IPv4 networks. (Each would ask all the
  // others whether they have it.) The kernel takes that only before the link comes up.
  change.no_ipv6_autoconf = change.alias && !link_->is_up();
  if (change.alias || change.mac) TRY(netlink_.change_link(link_->index, change).in(link_->name));
  if (!link_->is_up()) TRY(netlink_.change_link(link_->index, {.up = true}).in(link_->name));
  return went_down;
}

// Kernels before 6.2 rename only what is down.
Result<bool> Room::rename() {
  const kernel::LinkChange change{.name = wanted_.interface};
  if (netlink_.change_link(link_->index, change).ok()) return false;
  TRY(netlink_.change_link(link_->index, {.up = false}).in(link_->name));
  link_->flags = 0;
  TRY(netlink_.change_link(link_->index, change).in(fmt::format("rename {} {}", link_->name, wanted_.interface)));
  return true;
}

// Foreign ones first: the right one may be there as a secondary of one of them, and goes with it.
Result<bool> Room::mend_addresses() {
  const auto foreign = foreign_addresses();
  for (const kernel::InterfaceAddress& address : foreign) {
    TRY(unless_gone(netlink_.remove_address(link_->index, address.address, address.prefix_length)));
  }
  if (has_address() && foreign.empty()) return false;
  const unsigned prefix = wanted_.network.subnet.prefix_length();
  TRY(unless_there(netlink_.add_address(link_->index, wanted_.address, prefix)).in(link_->name));
  return !foreign.empty();
}

Result<> Room::mend_routes() {
  if (has_default_route()) return {};
  for (const kernel::DefaultRoute& route : routes_.defaults) {
    if (wanted_.default_route && route.metric == 0 && !is_by_us(route)) {
      TRY(unless_gone(netlink_.remove_default_route(route)));
    }
  }
  return unless_there(netlink_.add_default_route(wanted_.network.gateway, link_->index));
}

}  // namespace bayplan::datapath
