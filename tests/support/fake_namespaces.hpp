// ports::Namespaces in memory, on the ports of a FakeDatapath; refuses what the real one refuses.
//
// Thread-safe: a test damages what the datapath thread mends.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "ports/namespaces.hpp"
#include "support/fake_datapath.hpp"

namespace bayplan::test {

class FakeNamespaces final : public ports::Namespaces {
 public:
  explicit FakeNamespaces(FakeDatapath& datapath) : datapath_(datapath) {}

  // Somebody who is root inside does that to the port's interface.
  void damage(const std::string& host_name, ports::Drift drift) {
    const std::lock_guard lock(mutex_);
    known_[host_name].drifts.push_back(drift);
  }
  [[nodiscard]] bool is_furnished(const std::string& host_name) {
    const std::lock_guard lock(mutex_);
    return drifts_of(host_name).empty();
  }
  [[nodiscard]] unsigned looks() const {
    const std::lock_guard lock(mutex_);
    return looks_;
  }

  Result<> check(const std::string& netns) override {
    if (netns == "/proc/self/ns/net") return fail(ErrorCode::invalid, "{} is the host's own network namespace", netns);
    if (datapath_.has_namespace(netns)) return {};
    return fail(ErrorCode::not_found, "open network namespace {}: No such file or directory", netns);
  }
  Result<std::vector<std::string>> interfaces(const std::string& netns) override {
    TRY(check(netns));
    auto names = datapath_.names_inside(netns);
    names.insert(names.begin(), "lo");
    return names;
  }
  Result<std::vector<ports::Drift>> compare(const ports::InsideSpec& wanted) override {
    TRY(check(wanted.netns));
    const std::lock_guard lock(mutex_);
    ++looks_;
    return drifts_of(wanted.host_name);
  }
  Result<std::string> interface_name(const ports::InsideSpec& wanted) override {
    TRY(check(wanted.netns));
    return wanted.interface.empty() ? std::string("eth0") : wanted.interface;
  }
  Result<std::vector<ports::Drift>> furnish(const ports::InsideSpec& wanted) override {
    TRY(check(wanted.netns));
    const std::lock_guard lock(mutex_);
    auto drifts = drifts_of(wanted.host_name);
    if (drifts.empty() || drifts.front() != ports::Drift::link) known_[wanted.host_name].drifts.clear();
    return drifts;
  }
  Result<> finish(const ports::InsideSpec& wanted) override {
    TRY(furnish(wanted));
    return {};
  }

 private:
  struct Known {
    unsigned made = 0;  // of the port that this is about
    std::vector<ports::Drift> drifts;
  };
  std::vector<ports::Drift> drifts_of(const std::string& host_name) {
    const auto ports = datapath_.ports();
    const auto port = ports.find(host_name);
    if (port == ports.end()) return {ports::Drift::link};
    Known& known = known_[host_name];
    // What the engine makes it finishes itself.
    if (known.made != port->second.made && !port->second.spec.netns.empty()) {
      known = {port->second.made, {ports::Drift::down, ports::Drift::address, ports::Drift::route}};
    }
    return known.drifts;
  }

  FakeDatapath& datapath_;
  mutable std::mutex mutex_;
  std::map<std::string, Known> known_;  // by host name
  unsigned looks_ = 0;
};

}  // namespace bayplan::test
