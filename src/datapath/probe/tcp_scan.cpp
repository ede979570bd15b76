#include "linux/tcp_scan.hpp"

#include <algorithm>

#include "datapath/probe/scans.hpp"

namespace bayplan::datapath {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

ports::ProbeAnswer::Kind kind_of(kernel::TcpScan::Outcome outcome) {
  using enum ports::ProbeAnswer::Kind;
  if (outcome == kernel::TcpScan::Outcome::accepted) return answered;
  return outcome == kernel::TcpScan::Outcome::refused ? refused : silent;
}

constexpr milliseconds kPause{50};  // while no more may be begun: some end, or are given up

milliseconds until(steady_clock::time_point next) {
  return std::clamp(std::chrono::ceil<milliseconds>(next - steady_clock::now()), milliseconds(0), kPause);
}

class Scan {
 public:
  Scan(const std::vector<ProbeRoute>& routes, const ProbePace& pace, kernel::TcpScan sockets,
       kernel::NetlinkSocket& netlink)
      : pace_(pace), sockets_(std::move(sockets)), netlink_(netlink) {
    for (const ProbeRoute& route : routes) {
      for (const auto& address : route.task->addresses) {
        asked_.push_back(&route);
        answers_.push_back({route.task->network.name, address, ports::ProbeAnswer::Kind::silent, {}});
      }
    }
  }

  Result<std::vector<ports::ProbeAnswer>> run(const ProbeDone& done) {
    const auto gap =
        std::chrono::duration_cast<steady_clock::duration>(std::chrono::duration<double>(1.0 / pace_.connections));
    auto next = steady_clock::now();
    while (finished_ < answers_.size()) {
      const auto now = steady_clock::now();
      const bool room = begun_ < answers_.size() && sockets_.in_flight() < pace_.in_flight;
      if (room && now >= next) {
        TRY(begin());
        next = std::max(next, now - gap) + gap;
      }
      TRY(take(room ? until(next) : kPause));
      TRY(done(finished_));
    }
    return std::move(answers_);
  }

 private:
  Result<> begin() {
    const ProbeRoute& route = *asked_[begun_];
    TRY(sockets_.start(begun_, route.device.name, answers_[begun_].address, route.task->tcp_port));
    ++begun_;
    return {};
  }

  Result<> take(milliseconds wait) {
    for (const auto& ended : TRY(sockets_.wait(wait, pace_.patience))) {
      auto& answer = answers_[ended.id];
      answer.kind = kind_of(ended.outcome);
      ++finished_;
      // An entry lives for half a minute and longer, and the kernel's table is small: a full one cuts the host off.
      TRY(netlink_.forget_neighbour(asked_[ended.id]->device.index, answer.address));
    }
    return {};
  }

  const ProbePace& pace_;
  kernel::TcpScan sockets_;
  kernel::NetlinkSocket& netlink_;
  std::vector<const ProbeRoute*> asked_;  // of each answer
  std::vector<ports::ProbeAnswer> answers_;
  std::size_t begun_ = 0;
  std::size_t finished_ = 0;
};

}  // namespace

Result<std::vector<ports::ProbeAnswer>> scan_by_tcp(const std::vector<ProbeRoute>& routes, const ProbePace& pace,
                                                    const ProbeDone& done, kernel::NetlinkSocket& netlink) {
  if (routes.empty()) return std::vector<ports::ProbeAnswer>();
  return Scan(routes, pace, TRY(kernel::TcpScan::open()), netlink).run(done);
}

}  // namespace bayplan::datapath
