#include "datapath/firewall/docker_user.hpp"

#include <gtest/gtest.h>

namespace bayplan::datapath {
namespace {

const std::vector<std::string> kDevices{"bp-100"};
constexpr const char* kOurs = "-A BAYPLAN -i bp-100 -j ACCEPT\n-A BAYPLAN -o bp-100 -j ACCEPT\n";

std::string listing(const std::string& user_rules, const std::string& our_rules = {}) {
  return "-P FORWARD DROP\n-N BAYPLAN\n-N DOCKER-USER\n-A FORWARD -j DOCKER-USER\n" + our_rules + user_rules;
}

TEST(DockerUser, nothing_is_done_where_docker_is_not) {
  EXPECT_EQ(docker_user_changes("-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n", kDevices), "");
  EXPECT_EQ(docker_user_changes("", kDevices), "");
}

TEST(DockerUser, rules_that_are_right_are_left_alone) {
  EXPECT_EQ(docker_user_changes(listing("-A DOCKER-USER -j BAYPLAN\n-A DOCKER-USER -j RETURN\n", kOurs), kDevices), "");
  EXPECT_EQ(docker_user_changes(listing("-A DOCKER-USER -j BAYPLAN\n", kOurs), kDevices), "") << "Docker 28: no RETURN";
}

TEST(DockerUser, jump_goes_before_docker_s_return_and_after_the_user_s_rules) {
  EXPECT_EQ(docker_user_changes("-N DOCKER-USER\n-A DOCKER-USER -s 10.0.0.9/32 -j DROP\n-A DOCKER-USER -j RETURN\n",
                                kDevices),
            fmt::format("*filter\n:BAYPLAN - [0:0]\n{}-I DOCKER-USER 2 -j BAYPLAN\nCOMMIT\n", kOurs));
}

TEST(DockerUser, jump_that_is_never_reached_is_moved) {
  EXPECT_EQ(docker_user_changes(listing("-A DOCKER-USER -j RETURN\n-A DOCKER-USER -j BAYPLAN\n", kOurs), kDevices),
            "*filter\n-D DOCKER-USER -j BAYPLAN\n-I DOCKER-USER 1 -j BAYPLAN\nCOMMIT\n");
}

TEST(DockerUser, several_jumps_become_one) {
  EXPECT_EQ(docker_user_changes(listing("-A DOCKER-USER -j BAYPLAN\n-A DOCKER-USER -j BAYPLAN\n", kOurs), kDevices),
            "*filter\n-D DOCKER-USER -j BAYPLAN\n-D DOCKER-USER -j BAYPLAN\n-I DOCKER-USER 1 -j BAYPLAN\nCOMMIT\n");
}

TEST(DockerUser, other_devices_replace_the_chain_at_once) {
  EXPECT_EQ(docker_user_changes(listing("-A DOCKER-USER -j BAYPLAN\n", kOurs), {"bp-300"}),
            "*filter\n:BAYPLAN - [0:0]\n-A BAYPLAN -i bp-300 -j ACCEPT\n-A BAYPLAN -o bp-300 -j ACCEPT\nCOMMIT\n");
}

TEST(DockerUser, without_devices_nothing_of_ours_is_left) {
  EXPECT_EQ(docker_user_changes(listing("-A DOCKER-USER -j BAYPLAN\n-A DOCKER-USER -j RETURN\n", kOurs), {}),
            "*filter\n-D DOCKER-USER -j BAYPLAN\n-F BAYPLAN\n-X BAYPLAN\nCOMMIT\n");
  EXPECT_EQ(docker_user_changes("-N DOCKER-USER\n-A DOCKER-USER -j RETURN\n", {}), "");
}

}  // namespace
}  // namespace bayplan::datapath
