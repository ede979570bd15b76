// A network as somebody asks for it.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace bayplan::control {

// `network create`: texts as the user gave them, validated by the callee, so that every way in says the same.
struct NetworkSpec {
  std::string name;
  std::optional<std::string> vlan;
  std::optional<std::string> subnet;  // none: the next free one of the supernet
  std::optional<std::string> gateway;
  std::vector<std::string> ranges;
  std::vector<std::string> exclusions;
  std::optional<std::string> datapath;
  std::optional<std::string> uplink;
  std::optional<std::string> host_address;
  std::optional<std::string> mtu;
  bool nat = true;
  std::optional<std::string> repair;  // "on" (the default) or "report"
};

}  // namespace bayplan::control
