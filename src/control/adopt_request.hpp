// `bayplan adopt`: which containers of the engine's own networks are to be taken over, and what became of each.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace bayplan::control {

struct AdoptRequest {
  std::vector<std::string> containers;      // names, or ids of 12 digits and more
  bool all = false;                         // every container, instead
  std::optional<std::string> from;          // only what they have on this network of the engine's, by name
  std::optional<std::string> move_network;  // move them to this network of ours; none: they stay where they are
  bool dry_run = false;                     // say what would be, and change nothing
};

// One for each network that a container has. Texts are empty where something is unknown or there is none.
struct AdoptOutcome {
  enum class Kind {
    adopted,  // its address is reserved for it; it is still where it was
    moved,    // it is on a network of ours now
    present,  // it was so already: nothing was changed
    nothing,  // it has no address of its own that could be kept
    refused,  // it could not be: `note` says why; it is as it was
    left,     // not tried, because one before it could not be moved
  };
  Kind kind = Kind::refused;
  std::string container;       // its name
  std::string state;           // as the engine calls it
  std::string engine_network;  // the engine's network; "none" with the interface's name in parentheses
  std::string driver;
  std::string address_now;  // with prefix length
  std::string mac_now;
  // What it becomes; of what is refused as far as known.
  std::string network;
  bool network_made = false;  // by this request, in the plan
  std::string identity;
  std::string address;  // with prefix length
  std::string mac;
  std::string note;  // also of what was done, where there is something to be known about it
};
std::string_view to_string(AdoptOutcome::Kind kind);

struct AdoptReport {
  bool dry_run = false;
  std::vector<AdoptOutcome> outcomes;
};

}  // namespace bayplan::control
