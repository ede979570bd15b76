// Who answers on the wire: the seam for `bayplan check --probe`.
//
// Callable from any thread; blocks until all is asked and waited for, for no longer than `duration` says. Nothing is
// flooded: requests are paced so that a broadcast to many ports stays cheap, and few connections are open at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/records.hpp"

namespace bayplan::ports {

// One network's addresses.
struct ProbeTask {
  model::Network network;
  std::uint16_t tcp_port = 0;  // 0: by ARP
  std::size_t ports = 0;       // how many containers hear a broadcast
  std::vector<model::IpAddress> addresses;
};

struct ProbeAnswer {
  enum class Kind {
    silent,    // nobody answered
    answered,  // by ARP, or the connection was accepted
    refused,   // TCP: somebody has the address, but nobody listens at the port
  };
  std::string network;
  model::IpAddress address;
  Kind kind = Kind::silent;
  std::vector<model::MacAddress> macs;  // ARP: all who answered, each once
};

struct ProbeReport {
  struct Failure {
    std::string network;
    std::string why;
  };
  std::vector<ProbeAnswer> answers;
  std::vector<Failure> failures;  // networks that could not be asked on: none of their addresses has an answer
};

class Prober {
 public:
  virtual ~Prober() = default;

  // How long `probe` takes at most.
  [[nodiscard]] virtual std::chrono::milliseconds duration(const std::vector<ProbeTask>& tasks) const = 0;

  // An answer for every IPv4 address. `done` is told from time to time how many addresses are finished; it must not
  // block. `denied` without the right to send.
  virtual Result<ProbeReport> probe(const std::vector<ProbeTask>& tasks,
                                    const std::function<void(std::size_t)>& done) = 0;
};

}  // namespace bayplan::ports
