// A network of the test's own: nothing in it can reach the machine's interfaces, and it goes with the object.
//
// The constructor moves the calling thread into a fresh network namespace (loopback up), the destructor moves it back;
// what the thread opens or starts in between lives in there. Root only: tests begin with REQUIRE_ROOT().
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "linux/netlink.hpp"
#include "linux/netns.hpp"
#include "linux/process.hpp"

namespace bayplan::test {

#define REQUIRE_ROOT() \
  if (geteuid() != 0) GTEST_SKIP() << "needs root, for network namespaces"

// The value, or an exception that fails the test with the error's message.
template <typename T>
T must(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message());
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

class PrivateNetwork {
 public:
  PrivateNetwork() : outside_(must(kernel::NetworkNamespace::of_this_thread())) {
    must(must(kernel::NetworkNamespace::create()).enter());
    must(must(kernel::NetlinkSocket::open()).change_link("lo", {.up = true}));
  }
  PrivateNetwork(const PrivateNetwork&) = delete;
  PrivateNetwork& operator=(const PrivateNetwork&) = delete;
  ~PrivateNetwork() { static_cast<void>(outside_.enter().ok()); }

 private:
  kernel::NetworkNamespace outside_;
};

// Runs a program in this thread's namespace; its output, standard error behind it.
inline std::pair<int, std::string> run(const std::vector<std::string>& arguments, std::string_view input = {}) {
  auto result = must(kernel::run_process(arguments, input, std::chrono::seconds(30)));
  return {result.status, result.output + result.errors};
}

// A shell line, for what a test arranges: fails the test when the line fails.
inline std::string sh(const std::string& line) {
  const auto [status, output] = run({"sh", "-ec", line});
  if (status != 0) throw std::runtime_error(line + ": " + output);
  return output;
}

// Everything that is to be found of links, addresses, routes and packet filters, but for what runs by itself: timers,
// and the carrier, which the kernel notices some time after a link came up.
inline std::string snapshot() {
  return sh(
      "(ip -d link show; ip addr show | grep -v valid_lft) | sed -E 's/[a-z]+_timer +[0-9.]+//g; s/qdisc [a-z]+//;"
      "s/NO-CARRIER,|,LOWER_UP|,M-DOWN//g; s/ state [A-Z]+//; s/bridge_slave state [a-z]+//; /inet6 fe80::/d';"
      "ip route show table all | sed -E 's/ linkdown//; /fe80::|ff00::/d'; nft list ruleset; iptables -S");
}

// A network namespace on the far end of a port, as a container has it.
class FakeContainer {
 public:
  FakeContainer() : inside_(must(kernel::NetworkNamespace::create())) {}

  // Moves that link in and gives it the address, as Docker would.
  void plug(const std::string& link, const std::string& address, const std::string& gateway = {}) {
    auto netlink = must(kernel::NetlinkSocket::open());
    const auto found = must(netlink.find_link(link));
    if (!found) throw std::runtime_error("no link " + link);
    must(netlink.change_link(found->index, {.namespace_fd = inside_.fd()}));
    must_sh("ip link set " + link + " name eth0 && ip link set lo up && ip link set eth0 up && ip addr add " + address +
            " dev eth0");
    if (!gateway.empty()) must_sh("ip route add default via " + gateway);
  }

  [[nodiscard]] std::pair<int, std::string> run(const std::vector<std::string>& arguments) const {
    return must(inside_.run<std::pair<int, std::string>>([&]() -> Result<std::pair<int, std::string>> {
      auto result = TRY(kernel::run_process(arguments, {}, std::chrono::seconds(30)));
      return std::pair(result.status, result.output + result.errors);
    }));
  }
  [[nodiscard]] std::pair<int, std::string> sh(const std::string& line) const { return run({"sh", "-ec", line}); }
  std::string must_sh(const std::string& line) const {
    const auto [status, output] = sh(line);
    if (status != 0) throw std::runtime_error(line + ": " + output);
    return output;
  }
  // An answer within ten seconds: a bridge forwards to a new port only when the kernel got round to seeing its carrier.
  [[nodiscard]] bool reaches(const std::string& address) const {
    return run({"ping", "-n", "-c", "1", "-w", "10", address}).first == 0;
  }
  // No answer within a second; to be asked after something else was reached.
  [[nodiscard]] bool is_cut_off_from(const std::string& address) const {
    return run({"ping", "-n", "-c", "1", "-W", "1", address}).first != 0;
  }
  [[nodiscard]] const kernel::NetworkNamespace& network() const { return inside_; }

 private:
  kernel::NetworkNamespace inside_;
};

}  // namespace bayplan::test
