// Errors of the Open vSwitch datapath that several of its parts make or look at. Pure.
#pragma once

#include <string>

#include "base/result.hpp"
#include "model/records.hpp"

namespace bayplan::datapath::ovs {

// The database is of no use, whoever asks: not there, not answering, not ours to use, or what it says makes no sense.
// What the kernel knows must do, and who wants something made is told.
inline bool is_away(const Error& error) {
  using enum ErrorCode;
  return error.code == unavailable || error.code == timeout || error.code == denied || error.code == corrupt;
}

inline Result<> check_tag(const model::Network& network) {
  if (network.vlan) return {};
  return fail(ErrorCode::invalid, "network {} has no VLAN tag, which the datapath 'ovs' needs", network.name);
}

inline Error foreign(const std::string& name, const std::string& what) {
  return fail(ErrorCode::conflict, "{} exists and is not {}: remove it (ip link delete {}) or rename it", name, what,
              name);
}

// "Gone already" is what a deletion wants.
inline Result<> unless_gone(Result<> result) {
  if (!result.ok() && result.error().code == ErrorCode::not_found) return {};
  return result;
}

}  // namespace bayplan::datapath::ovs
