// A Firewall in memory: keeps the rules that it was last given, as the kernel would.
//
// Looking at it is safe while another thread calls it.
#pragma once

#include <mutex>
#include <optional>

#include "ports/firewall.hpp"

namespace bayplan::test {

class FakeFirewall final : public ports::Firewall {
 public:
  Result<bool> ensure(const ports::FirewallRules& rules) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return *failure_;
    const bool same = rules.networks == rules_.networks && rules.published == rules_.published &&
                      rules.may_forward == rules_.may_forward;
    if (same && !flushed_) return false;
    rules_ = rules;
    flushed_ = false;
    ++changes_;
    return true;
  }

  Result<std::vector<std::string>> differences(const ports::FirewallRules& rules) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return *failure_;
    const bool same = rules.networks == rules_.networks && rules.published == rules_.published &&
                      rules.may_forward == rules_.may_forward;
    if (same && !flushed_) return std::vector<std::string>{};
    return std::vector<std::string>{"the table ip bayplan"};
  }

  // Somebody flushed the rules; a network-less set has none to lose.
  void flush() {
    const std::lock_guard lock(mutex_);
    flushed_ = !rules_.networks.empty();
  }
  // Every call fails with this and changes nothing, until it is called with nothing.
  void fail_with(std::optional<Error> error) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(error);
  }
  [[nodiscard]] ports::FirewallRules rules() const {
    const std::lock_guard lock(mutex_);
    return flushed_ ? ports::FirewallRules{} : rules_;
  }
  [[nodiscard]] unsigned changes() const {
    const std::lock_guard lock(mutex_);
    return changes_;
  }

 private:
  mutable std::mutex mutex_;
  ports::FirewallRules rules_;
  std::optional<Error> failure_;
  bool flushed_ = false;
  unsigned changes_ = 0;
};

}  // namespace bayplan::test
