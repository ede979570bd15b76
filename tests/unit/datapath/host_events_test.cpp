// Which of the kernel's events lead to a look.
#include "datapath/inside/host_events.hpp"

#include <gtest/gtest.h>

namespace bayplan::datapath {
namespace {

using Kind = kernel::HostEvent::Kind;

TEST(HostEvents, what_happens_to_devices_of_every_datapath_calls_for_a_look) {
  EXPECT_TRUE(calls_for_look({Kind::link_down, "bp-100", "bayplan vlan100"}));
  EXPECT_TRUE(calls_for_look({Kind::link_down, "eth0.100", "bayplan vlan100"})) << "an uplink's VLAN device";
  EXPECT_TRUE(calls_for_look({Kind::link_down, "vlan100", "bayplan-ovs vlan100"})) << "a gateway on Open vSwitch";
  EXPECT_TRUE(calls_for_look({Kind::link_gone, "vlan100", "bayplan-ovs vlan100"}));
  EXPECT_TRUE(calls_for_look({Kind::left_bridge, "bp01234567", ""})) << "whose making was cut short";
  EXPECT_TRUE(calls_for_look({Kind::address_gone, "", ""}));
  EXPECT_TRUE(calls_for_look({Kind::route_gone, "", ""}));
}

TEST(HostEvents, what_happens_to_others_devices_does_not) {
  EXPECT_FALSE(calls_for_look({Kind::link_gone, "veth12ab34c", ""}));
  EXPECT_FALSE(calls_for_look({Kind::link_down, "vlan7", "the office"}));
}

}  // namespace
}  // namespace bayplan::datapath
