// The two ways of asking, for KernelProber; each runs on the calling thread until its end.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "datapath/probe/kernel_prober.hpp"

namespace bayplan::datapath {

// A network's addresses, with the device that leads to them.
struct ProbeRoute {
  const ports::ProbeTask* task = nullptr;
  kernel::Link device;
};

// Told how many are finished; an error ends the scan with it.
using ProbeDone = std::function<Result<>(std::size_t)>;

// Requests a second on a network with so many containers.
double arp_rate(const ProbePace& pace, std::size_t ports);

Result<std::vector<ports::ProbeAnswer>> scan_by_arp(const std::vector<ProbeRoute>& routes, const ProbePace& pace,
                                                    const ProbeDone& done);
// `netlink`: for what the kernel learned of neighbours meanwhile, which is taken away again.
Result<std::vector<ports::ProbeAnswer>> scan_by_tcp(const std::vector<ProbeRoute>& routes, const ProbePace& pace,
                                                    const ProbeDone& done, kernel::NetlinkSocket& netlink);

}  // namespace bayplan::datapath
