// Our rules in Docker's DOCKER-USER chain, which Docker keeps for its users.
//
// Why: Docker sets the policy of iptables' FORWARD chain to DROP, which also hits frames between two ports of a bridge
// of ours (br_netfilter), and an accept in a table of our own can't overrule it. Where there is no DOCKER-USER, there
// is nothing to do.
//
// DOCKER-USER gets one rule, a jump to the chain BAYPLAN, which accepts what comes from or goes to our networks'
// devices (what must not be is dropped in our own table all the same). The jump stands last, before Docker's final
// RETURN, so that rules that the user put there are asked first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace bayplan::datapath {

// Pure: from what `iptables -S` prints, the input for `iptables-restore --noflush` that makes the rules right; empty
// when they are. Without devices nothing of ours is left.
std::string docker_user_changes(std::string_view listing, const std::vector<std::string>& devices);

// Makes them so, in the calling thread's network namespace; true if anything had to be changed. Runs iptables (the same
// that Docker runs), bounded to seconds; a host without iptables has no DOCKER-USER either.
Result<bool> ensure_docker_user(const std::vector<std::string>& devices);

// Whether that would change anything.
Result<bool> docker_user_differs(const std::vector<std::string>& devices);

}  // namespace bayplan::datapath
