// The Prober on the kernel: ARP by one packet socket for all networks, TCP by connections out of the network's device.
//
// Every call opens its sockets anew, in the namespace of the calling thread. ARP: three rounds, the later ones only for
// those who have not answered. A broadcast is carried to every container of its network, so the rate falls as their
// number grows. TCP: a connection takes a place in the kernel's neighbour table, which by default has room for 1024,
// for all namespaces together (arp(7), gc_thresh3); so few are in flight, and each entry is removed again at once.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "linux/netlink.hpp"
#include "ports/prober.hpp"

namespace bayplan::datapath {

// How quick, in units a second; tests shorten the waits.
struct ProbePace {
  double requests = 1000;      // ARP requests a second, all networks together
  double broadcasts = 100000;  // copies of them that are made for containers
  double least = 50;           // requests, however many containers there are
  int rounds = 3;
  std::chrono::milliseconds settle{600};  // for answers, after each round
  double connections = 500;               // begun a second
  std::size_t in_flight = 256;
  std::chrono::milliseconds patience{3000};  // for a connection: the kernel asks three times for its MAC
};

class KernelProber final : public ports::Prober {
 public:
  using DeviceOf = std::string (*)(const model::Network&);  // the host's device with the gateway
  explicit KernelProber(DeviceOf device_of) : KernelProber(device_of, ProbePace()) {}
  KernelProber(DeviceOf device_of, ProbePace pace) : device_of_(device_of), pace_(pace) {}

  // Any thread: what is under way ends within moments, with `unavailable`, and so does what comes.
  void stop() { stopped_ = true; }

  [[nodiscard]] std::chrono::milliseconds duration(const std::vector<ports::ProbeTask>& tasks) const override;
  Result<ports::ProbeReport> probe(const std::vector<ports::ProbeTask>& tasks,
                                   const std::function<void(std::size_t)>& done) override;

 private:
  DeviceOf device_of_;
  ProbePace pace_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace bayplan::datapath
