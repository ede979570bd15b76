// Probes of `bayplan check`: what is to be asked, and what the answers mean. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "control/check.hpp"
#include "model/plan.hpp"
#include "ports/prober.hpp"

namespace bayplan::control {

struct ProbeMethod {
  enum class Kind { none, arp, tcp };
  Kind kind = Kind::none;
  std::uint16_t port = 0;  // of tcp
};

struct ProbeWishes {
  ProbeMethod all;                           // of every network in use here that is not named
  std::map<std::string, ProbeMethod> named;  // by network
  [[nodiscard]] bool empty() const { return all.kind == ProbeMethod::Kind::none && named.empty(); }
};

// "arp", "tcp:22", "vlan100=arp", "vlan200=none". `invalid` names the word that can't be meant; `not_found` a network
// that is not there.
Result<ProbeWishes> parse_probes(const std::vector<std::string>& words, const model::Plan& plan);

// What is asked for, by network and address; IPv4.
struct ProbeSubjects {
  std::vector<ports::ProbeTask> tasks;
  std::map<std::pair<std::string, model::IpAddress>, model::Reservation> reservations;
};
ProbeSubjects probe_subjects(const model::Plan& plan, const ProbeWishes& wishes, const CheckScope& scope);

// An attached address must answer, from its own MAC alone; a held or removed one must not. What is not in the plan as
// it was any more has no finding.
std::vector<Finding> judge_answers(const model::Plan& plan, const ProbeSubjects& subjects,
                                   const std::vector<ports::ProbeAnswer>& answers);

}  // namespace bayplan::control
