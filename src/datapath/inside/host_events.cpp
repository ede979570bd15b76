#include "datapath/inside/host_events.hpp"

namespace bayplan::datapath {

bool calls_for_look(const kernel::HostEvent& event) {
  using Kind = kernel::HostEvent::Kind;
  if (event.kind == Kind::address_gone || event.kind == Kind::route_gone) return true;
  // Each datapath's: "bayplan ", and on Open vSwitch "bayplan-ovs ", whose gateways have names of no pattern of ours.
  return event.alias.starts_with("bayplan") || event.link.starts_with("bp");
}

}  // namespace bayplan::datapath
