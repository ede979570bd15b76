// Several datapaths as one: what is asked for one network concerns no other datapath than its own.
#include "datapath/router/router.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fake_datapath.hpp"
#include "support/networks.hpp"

namespace bayplan::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class RouterTest : public ::testing::Test {
 protected:
  static model::Network network_of(std::uint16_t tag, model::DatapathKind kind) {
    auto network = vlan_network(tag);
    network.datapath = kind;
    return network;
  }
  const model::Network bridged_ = network_of(100, model::DatapathKind::bridge);
  const model::Network switched_ = network_of(300, model::DatapathKind::ovs);
  FakeDatapath bridge_;
  FakeDatapath ovs_;
  datapath::Router router_{{{model::DatapathKind::bridge, &bridge_}, {model::DatapathKind::ovs, &ovs_}}};
};

TEST_F(RouterTest, each_network_is_made_on_its_own_datapath_and_all_are_listed) {
  ASSERT_TRUE(router_.ensure_network(bridged_).ok());
  ASSERT_TRUE(router_.ensure_network(switched_).ok());
  ASSERT_TRUE(router_.add_port(bridged_, port_spec(bridged_, 2)).ok());
  ASSERT_TRUE(router_.add_port(switched_, port_spec(switched_, 2)).ok());
  EXPECT_THAT(*bridge_.list_networks(), ElementsAre("vlan100"));
  EXPECT_THAT(*ovs_.list_networks(), ElementsAre("vlan300"));
  EXPECT_THAT(*router_.list_networks(), UnorderedElementsAre("vlan100", "vlan300"));
  EXPECT_EQ(router_.list_ports()->size(), 2U);
}

TEST_F(RouterTest, ports_are_removed_where_they_are) {
  ASSERT_TRUE(router_.ensure_network(bridged_).ok());
  ASSERT_TRUE(router_.ensure_network(switched_).ok());
  ASSERT_TRUE(router_.add_port(bridged_, port_spec(bridged_, 2)).ok());
  ASSERT_TRUE(router_.add_port(switched_, port_spec(switched_, 2)).ok());
  ASSERT_TRUE(router_.add_port(switched_, port_spec(switched_, 3)).ok());
  const std::vector<std::string> names{port_spec(bridged_, 2).host_name, port_spec(switched_, 2).host_name};
  ASSERT_TRUE(router_.remove_ports(names).ok());
  EXPECT_THAT(bridge_.ports(), IsEmpty());
  EXPECT_EQ(ovs_.ports().size(), 1U);
}

TEST_F(RouterTest, trouble_with_one_datapath_does_not_keep_the_other_from_being_used) {
  ASSERT_TRUE(router_.ensure_network(bridged_).ok());
  ovs_.fail_next(fail(ErrorCode::unavailable, "Open vSwitch is down"), 100);
  EXPECT_FALSE(router_.ensure_network(switched_).ok());
  EXPECT_TRUE(router_.add_port(bridged_, port_spec(bridged_, 2)).ok());
  EXPECT_TRUE(router_.remove_ports({port_spec(bridged_, 2).host_name}).ok());
  EXPECT_TRUE(router_.remove_network("vlan100").ok());
  EXPECT_THAT(*router_.list_networks(), IsEmpty());
}

TEST_F(RouterTest, networks_of_all_datapaths_are_ensured_together_and_answered_in_their_order) {
  const auto third = network_of(5, model::DatapathKind::macvlan);
  const auto fourth = network_of(101, model::DatapathKind::bridge);
  ASSERT_TRUE(router_.ensure_network(fourth).ok());
  ovs_.fail_next(fail(ErrorCode::unavailable, "Open vSwitch is down"));
  const auto ensured = router_.ensure_networks({switched_, bridged_, third, fourth});
  ASSERT_EQ(ensured.size(), 4U);
  EXPECT_EQ(to_string(ensured[0].error().code), "unavailable");
  EXPECT_TRUE(*ensured[1]) << "made";
  EXPECT_EQ(to_string(ensured[2].error().code), "unsupported");
  EXPECT_FALSE(*ensured[3]) << "was there";
  const auto faults = router_.inspect_networks({switched_, fourth});
  EXPECT_EQ(faults[0]->at(0).what, ports::NetworkFault::What::device);
  EXPECT_THAT(*faults[1], IsEmpty());
}

TEST_F(RouterTest, network_of_a_datapath_that_is_not_there_is_refused) {
  const auto made = router_.ensure_network(network_of(5, model::DatapathKind::macvlan));
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(to_string(made.error().code), "unsupported");
}

}  // namespace
}  // namespace bayplan::test
