#include "datapath/probe/kernel_prober.hpp"

#include <algorithm>
#include <cmath>

#include "datapath/probe/scans.hpp"

namespace bayplan::datapath {
namespace {

using std::chrono::milliseconds;

milliseconds seconds(double count) {
  return milliseconds(static_cast<std::int64_t>(std::ceil(count * 1000)));
}

// Every round asks for all, in the worst case.
milliseconds arp_duration(const ProbePace& pace, const std::vector<ports::ProbeTask>& tasks) {
  double sending = 0;
  for (const auto& task : tasks) {
    if (task.tcp_port == 0) sending += static_cast<double>(task.addresses.size()) / arp_rate(pace, task.ports);
  }
  return sending == 0 ? milliseconds(0) : (seconds(sending) + pace.settle) * pace.rounds;
}

// Nobody answers, and each place is taken for as long as one is waited for.
milliseconds tcp_duration(const ProbePace& pace, const std::vector<ports::ProbeTask>& tasks) {
  std::size_t count = 0;
  for (const auto& task : tasks) count += task.tcp_port != 0 ? task.addresses.size() : 0;
  if (count == 0) return milliseconds(0);
  const double patience = std::chrono::duration<double>(pace.patience).count();
  const double rate = std::min(pace.connections, static_cast<double>(pace.in_flight) / patience);
  return seconds(static_cast<double>(count) / rate) + pace.patience;
}

// Why the network can't be asked on; empty: it can.
std::string trouble(const ports::ProbeTask& task, const std::string& name, const std::optional<kernel::Link>& device,
                    const std::vector<kernel::InterfaceAddress>& addresses) {
  if (!device || !device->mac) return name + " is not there";
  if (!device->is_up()) return name + " is down";
  const bool has_address = std::ranges::any_of(addresses, [&](const kernel::InterfaceAddress& entry) {
    return entry.link == device->index && task.network.subnet.contains(entry.address);
  });
  // An ARP probe needs none. A connection would go out with an address of another network, and no answer could come.
  if (task.tcp_port == 0 || has_address) return {};
  return fmt::format("{} has no address in {}: probe it by ARP", name, task.network.subnet.to_string());
}

}  // namespace

double arp_rate(const ProbePace& pace, std::size_t ports) {
  const double affordable = pace.broadcasts / static_cast<double>(std::max<std::size_t>(ports, 1));
  return std::clamp(affordable, pace.least, pace.requests);
}

milliseconds KernelProber::duration(const std::vector<ports::ProbeTask>& tasks) const {
  return arp_duration(pace_, tasks) + tcp_duration(pace_, tasks);
}

Result<ports::ProbeReport> KernelProber::probe(const std::vector<ports::ProbeTask>& tasks,
                                               const std::function<void(std::size_t)>& done) {
  auto netlink = TRY(kernel::NetlinkSocket::open());
  ports::ProbeReport report;
  std::vector<ProbeRoute> by_arp;
  std::vector<ProbeRoute> by_tcp;
  const auto addresses = TRY(netlink.addresses());
  for (const auto& task : tasks) {
    const std::string name = device_of_(task.network);
    auto device = TRY(netlink.find_link(name));
    std::string why = trouble(task, name, device, addresses);
    if (why.empty()) {
      (task.tcp_port == 0 ? by_arp : by_tcp).push_back({&task, *std::move(device)});
    } else {
      report.failures.push_back({task.network.name, std::move(why)});
    }
  }
  std::size_t before = 0;
  const auto go_on = [&](std::size_t count) -> Result<> {
    if (stopped_) return fail(ErrorCode::unavailable, "baypland is being stopped");
    done(before + count);
    return {};
  };
  report.answers = TRY(scan_by_arp(by_arp, pace_, go_on));
  before = report.answers.size();
  auto answers = TRY(scan_by_tcp(by_tcp, pace_, go_on, netlink));
  std::ranges::move(answers, std::back_inserter(report.answers));
  return report;
}

}  // namespace bayplan::datapath
