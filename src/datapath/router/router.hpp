// Several datapaths as one: each network is carried by the one that its record names.
//
// Called by the datapath thread only, like the datapaths, which it does not own and which must outlive it. What is
// asked for a network goes to its datapath (`unsupported` when there is none of that kind); what is asked by name goes
// to the one whose listing has it, and to the first when none has. So trouble with one datapath keeps no network of
// another from being made or removed; only a listing needs them all.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ports/datapath.hpp"

namespace bayplan::datapath {

class Router final : public ports::Datapath {
 public:
  using Parts = std::vector<std::pair<model::DatapathKind, ports::Datapath*>>;
  explicit Router(Parts parts) : parts_(std::move(parts)) {}

  Result<> validate(const model::Network& network) override;
  Result<bool> ensure_network(const model::Network& network) override;
  std::vector<Result<bool>> ensure_networks(const std::vector<model::Network>& networks) override;
  Result<std::vector<ports::NetworkFault>> inspect_network(const model::Network& network) override;
  std::vector<Result<std::vector<ports::NetworkFault>>> inspect_networks(
      const std::vector<model::Network>& networks) override;
  Result<> remove_network(const std::string& network) override;
  Result<std::vector<std::string>> list_networks() override;
  Result<> add_port(const model::Network& network, const ports::PortSpec& port) override;
  Result<> mend_port(const model::Network& network, const ports::PortSpec& port) override;
  Result<> remove_ports(const std::vector<std::string>& host_names) override;
  Result<std::vector<ports::FoundPort>> list_ports() override;
  Result<> announce(const model::Network& network, const model::IpAddress& address,
                    const model::MacAddress& mac) override;

 private:
  template <typename T>
  using ForAll = std::vector<Result<T>> (ports::Datapath::*)(const std::vector<model::Network>&);
  Result<ports::Datapath*> of(const model::Network& network) const;
  template <typename T>
  std::vector<Result<T>> by_part(const std::vector<model::Network>& networks, ForAll<T> work) const;

  Parts parts_;
};

}  // namespace bayplan::datapath
