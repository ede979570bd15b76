// A ports::NetworkDriver that records its calls and answers as a test tells it: for the plugin protocol's tests, and
// for FakeEngine's own.
//
// Left alone it gives addresses in order (.2, .3, …), grants what is asked for, and refuses what is in use.
// Thread-safe.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ports/network_driver.hpp"

namespace bayplan::testing {

class FakeNetworkDriver : public ports::NetworkDriver {
 public:
  // The next call, whichever it is, fails with this.
  void fail_next(Error error) {
    const std::scoped_lock hold(mutex_);
    next_error_ = std::move(error);
  }

  // One line a call, e.g. "request_address vlan100 172.16.1.5 endpoint web".
  [[nodiscard]] std::vector<std::string> calls() const {
    const std::scoped_lock hold(mutex_);
    return calls_;
  }
  void forget_calls() {
    const std::scoped_lock hold(mutex_);
    calls_.clear();
  }
  [[nodiscard]] std::set<model::IpAddress> granted() const {
    const std::scoped_lock hold(mutex_);
    return granted_;
  }

  // The last request of each kind, in full.
  std::optional<ports::PoolRequest> pool_request;
  std::optional<ports::AddressRequest> address_request;
  std::optional<ports::NetworkRequest> network_request;
  std::optional<ports::EndpointRequest> endpoint_request;
  std::vector<model::PublishedPort> published;
  // Called within join, before it answers.
  std::function<void()> on_join;

  Result<ports::PoolAnswer> request_pool(const ports::PoolRequest& request) override {
    const std::scoped_lock hold(mutex_);
    TRY(record(fmt::format("request_pool {} {}{}", request.subnet, request.sub_range, request.v6 ? " v6" : "")));
    pool_request = request;
    const auto subnet = TRY(model::Subnet::parse(request.subnet));
    return ports::PoolAnswer{"p/" + subnet.to_string(), subnet};
  }
  Result<> release_pool(const std::string& pool_id) override {
    const std::scoped_lock hold(mutex_);
    return record("release_pool " + pool_id);
  }
  Result<ports::AddressAnswer> request_address(const ports::AddressRequest& request) override {
    const std::scoped_lock hold(mutex_);
    const bool gateway = request.purpose == ports::AddressRequest::Purpose::gateway;
    TRY(record(fmt::format("request_address {} {} {} {}", request.pool_id, request.address,
                           gateway ? "gateway" : "endpoint", request.container_name)));
    address_request = request;
    if (!request.pool_id.starts_with("p/")) return fail(ErrorCode::not_found, "no pool {}", request.pool_id);
    const auto subnet = TRY(model::Subnet::parse(request.pool_id.substr(2)));
    auto address =
        request.address.empty() ? *subnet.base().plus(gateway ? 1 : 2) : TRY(model::IpAddress::parse(request.address));
    while (request.address.empty() && granted_.contains(address)) address = *address.plus(1);
    if (!granted_.insert(address).second) return fail(ErrorCode::conflict, "{} is in use", address.to_string());
    return ports::AddressAnswer{address, subnet};
  }
  Result<> release_address(const std::string& pool_id, const std::string& address) override {
    const std::scoped_lock hold(mutex_);
    TRY(record(fmt::format("release_address {} {}", pool_id, address)));
    granted_.erase(TRY(model::IpAddress::parse(address)));
    return {};
  }
  Result<> create_network(const ports::NetworkRequest& request) override {
    const std::scoped_lock hold(mutex_);
    TRY(record("create_network " + request.id));
    network_request = request;
    return {};
  }
  Result<> delete_network(const std::string& network_id) override {
    const std::scoped_lock hold(mutex_);
    return record("delete_network " + network_id);
  }
  Result<ports::EndpointAnswer> create_endpoint(const ports::EndpointRequest& request) override {
    const std::scoped_lock hold(mutex_);
    TRY(record(fmt::format("create_endpoint {} {} {} {}", request.network_id, request.endpoint_id, request.address,
                           request.mac)));
    endpoint_request = request;
    if (!request.mac.empty()) return ports::EndpointAnswer{};
    const auto [address, subnet] = TRY(model::parse_with_prefix(request.address));
    return ports::EndpointAnswer{model::mac_of(1, address).to_string()};
  }
  Result<> delete_endpoint(const std::string& network_id, const std::string& endpoint_id) override {
    const std::scoped_lock hold(mutex_);
    return record(fmt::format("delete_endpoint {} {}", network_id, endpoint_id));
  }
  Result<ports::JoinAnswer> join(const std::string& network_id, const std::string& endpoint_id,
                                 const std::string& sandbox) override {
    if (on_join) on_join();
    const std::scoped_lock hold(mutex_);
    TRY(record(fmt::format("join {} {} {}", network_id, endpoint_id, sandbox)));
    return ports::JoinAnswer{"bp" + endpoint_id.substr(0, 8), "eth", "172.16.1.1"};
  }
  Result<> leave(const std::string& network_id, const std::string& endpoint_id) override {
    const std::scoped_lock hold(mutex_);
    return record(fmt::format("leave {} {}", network_id, endpoint_id));
  }
  Result<> publish(const std::string& network_id, const std::string& endpoint_id,
                   const std::vector<model::PublishedPort>& ports) override {
    const std::scoped_lock hold(mutex_);
    TRY(record(fmt::format("publish {} {} {}", network_id, endpoint_id, ports.size())));
    published = ports;
    return {};
  }
  Result<> unpublish(const std::string& network_id, const std::string& endpoint_id) override {
    const std::scoped_lock hold(mutex_);
    return record(fmt::format("unpublish {} {}", network_id, endpoint_id));
  }

 private:
  Result<> record(std::string call) {
    calls_.push_back(std::move(call));
    if (!next_error_) return {};
    auto error = std::move(*next_error_);
    next_error_.reset();
    return error;
  }

  mutable std::mutex mutex_;
  std::vector<std::string> calls_;
  std::optional<Error> next_error_;
  std::set<model::IpAddress> granted_;
};

}  // namespace bayplan::testing
