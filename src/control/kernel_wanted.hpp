// What should be in the kernel and what is there, as values; and what to do about the difference. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/plan.hpp"
#include "ports/datapath.hpp"
#include "ports/firewall.hpp"
#include "ports/namespaces.hpp"

namespace bayplan::control {

// What should be in the kernel.
struct KernelWanted {
  struct Port {
    std::string network;
    ports::PortSpec spec;
    std::optional<ports::InsideSpec>
        inside;  // how it is to be kept inside; of wanted_of: of one that we attach ourselves
    model::IpAddress address = {};
    bool by_engine = false;  // the engine made its inside: it is kept as it is, but only the engine makes it anew
  };
  std::vector<model::Network> networks;  // those in use here
  std::vector<Port> ports;
  std::vector<ports::Publication> published;
};

// What is there.
struct KernelFound {
  std::vector<std::string> networks;
  std::vector<ports::FoundPort> ports;
};

// What to do about the difference. Ensuring a network is idempotent and always done.
struct KernelSteps {
  std::vector<std::string> remove_networks;
  std::vector<std::string> remove_ports;       // host names
  std::vector<KernelWanted::Port> make_ports;  // attached ones whose link is gone
  std::vector<KernelWanted::Port> mend_ports;
  std::vector<std::string> missing_ports;  // host names of running containers whose link is gone
  std::set<std::string> suspects;          // ports of nobody's, to be removed if the next pass agrees
};

KernelWanted wanted_of(const model::Plan& plan);
// Of an attachment that is joined.
KernelWanted::Port port_of(const model::Plan& plan, const model::Attachment& attachment);

// With its inside, whoever made that. Nothing where it is not to be looked into: while the engine may still be at work
// there, which is for some seconds after it was told to go ahead.
std::optional<KernelWanted::Port> kept_port_of(const model::Plan& plan, const model::Attachment& attachment,
                                               Timestamp now);
// For so long.
inline constexpr std::chrono::seconds kEngineAtWork{10};

// A port that belongs to nothing is removed only when `suspects` of the pass before has it, too: a listing may be a
// moment older than the plan.
KernelSteps diff(const KernelWanted& wanted, const KernelFound& found, const std::set<std::string>& suspects);

// The alias of a port says that it is this identity's.
bool is_alias_of(const std::string& alias, const std::string& identity);

// The names of an endpoint's two interfaces.
std::string host_port_name(const std::string& endpoint);
std::string peer_port_name(const std::string& endpoint);

}  // namespace bayplan::control
