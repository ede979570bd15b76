#include "datapath/router/router.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace bayplan::datapath {

Result<ports::Datapath*> Router::of(const model::Network& network) const {
  const auto part = std::ranges::find(parts_, network.datapath, &Parts::value_type::first);
  if (part != parts_.end()) return part->second;
  return fail(ErrorCode::unsupported, "this version of baypland has no datapath '{}', which network {} wants",
              model::to_string(network.datapath), network.name);
}

// Each datapath gets all of its own at once; what came of them stands in the order of `networks`.
template <typename T>
std::vector<Result<T>> Router::by_part(const std::vector<model::Network>& networks, ForAll<T> work) const {
  std::vector<Result<T>> done;
  std::map<ports::Datapath*, std::vector<std::size_t>> theirs;
  for (std::size_t n = 0; n < networks.size(); ++n) {
    const auto part = of(networks[n]);
    done.push_back(part.ok() ? fail(ErrorCode::internal, "network {} was left out", networks[n].name) : part.error());
    if (part.ok()) theirs[*part].push_back(n);
  }
  for (const auto& [part, numbers] : theirs) {
    std::vector<model::Network> its;
    for (const std::size_t n : numbers) its.push_back(networks[n]);
    auto results = (part->*work)(its);
    for (std::size_t n = 0; n < numbers.size() && n < results.size(); ++n) done[numbers[n]] = std::move(results[n]);
  }
  return done;
}

Result<> Router::validate(const model::Network& network) {
  return TRY(of(network))->validate(network);
}
Result<bool> Router::ensure_network(const model::Network& network) {
  return TRY(of(network))->ensure_network(network);
}
std::vector<Result<bool>> Router::ensure_networks(const std::vector<model::Network>& networks) {
  return by_part<bool>(networks, &ports::Datapath::ensure_networks);
}
Result<std::vector<ports::NetworkFault>> Router::inspect_network(const model::Network& network) {
  return TRY(of(network))->inspect_network(network);
}
std::vector<Result<std::vector<ports::NetworkFault>>> Router::inspect_networks(
    const std::vector<model::Network>& networks) {
  return by_part<std::vector<ports::NetworkFault>>(networks, &ports::Datapath::inspect_networks);
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
  std::vector<std::string> left = host_names;
  std::vector<Error> errors;
  for (std::size_t n = 1; n < parts_.size() && !left.empty(); ++n) {
    auto others = parts_[n].second->remove_own_ports(left);
    if (!others.ok())
      errors.push_back(std::move(others).error());
    else
      left = *std::move(others);
  }
  if (!parts_.empty() && !left.empty()) {
    auto removed = parts_.front().second->remove_ports(left);
    if (!removed.ok()) errors.push_back(std::move(removed).error());
  }
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
