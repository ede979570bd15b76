#include "datapath/router/router.hpp"

#include <algorithm>
#include <set>

namespace bayplan::datapath {

Result<ports::Datapath*> Router::of(const model::Network& network) const {
  const auto part = std::ranges::find(parts_, network.datapath, &Parts::value_type::first);
  if (part != parts_.end()) return part->second;
  return fail(ErrorCode::unsupported, "this version of baypland has no datapath '{}', which network {} wants",
              model::to_string(network.datapath), network.name);
}

Result<> Router::validate(const model::Network& network) {
  return TRY(of(network))->validate(network);
}
Result<bool> Router::ensure_network(const model::Network& network) {
  return TRY(of(network))->ensure_network(network);
}
Result<std::vector<ports::NetworkFault>> Router::inspect_network(const model::Network& network) {
  return TRY(of(network))->inspect_network(network);
}
Result<> Router::add_port(const model::Network& network, const ports::PortSpec& port) {
  return TRY(of(network))->add_port(network, port);
}
Result<> Router::mend_port(const model::Network& network, const ports::PortSpec& port) {
  return TRY(of(network))->mend_port(network, port);
}
Result<> Router::announce(const model::Network& network, const model::IpAddress& address,
                          const model::MacAddress& mac) {
  return TRY(of(network))->announce(network, address, mac);
}

Result<> Router::remove_network(const std::string& network) {
  std::vector<Error> errors;
  for (const auto& [kind, part] : parts_) {
    const auto names = TRY(part->list_networks());
    if (std::ranges::find(names, network) == names.end()) continue;
    auto removed = part->remove_network(network);
    if (!removed.ok()) errors.push_back(std::move(removed).error());
  }
  if (!errors.empty()) return joined(errors);
  return {};
}

Result<> Router::remove_ports(const std::vector<std::string>& host_names) {
  std::set<std::string> left(host_names.begin(), host_names.end());
  std::vector<Error> errors;
  const auto remove = [&](ports::Datapath& part, const std::vector<std::string>& names) {
    auto removed = names.empty() ? Result<>{} : part.remove_ports(names);
    if (!removed.ok()) errors.push_back(std::move(removed).error());
  };
  for (std::size_t n = 1; n < parts_.size() && !left.empty(); ++n) {
    std::vector<std::string> its;
    for (const auto& port : TRY(parts_[n].second->list_ports())) {
      if (left.erase(port.host_name) > 0) its.push_back(port.host_name);
    }
    remove(*parts_[n].second, its);
  }
  if (!parts_.empty()) remove(*parts_.front().second, {left.begin(), left.end()});
  if (!errors.empty()) return joined(errors);
  return {};
}

Result<std::vector<std::string>> Router::list_networks() {
  std::set<std::string> all;
  for (const auto& [kind, part] : parts_) {
    const auto names = TRY(part->list_networks());
    all.insert(names.begin(), names.end());
  }
  return std::vector<std::string>(all.begin(), all.end());
}

Result<std::vector<ports::FoundPort>> Router::list_ports() {
  std::vector<ports::FoundPort> all;
  for (const auto& [kind, part] : parts_) {
    auto found = TRY(part->list_ports());
    all.insert(all.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  }
  return all;
}

}  // namespace bayplan::datapath
