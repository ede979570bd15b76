#include <poll.h>

#include <algorithm>
#include <map>

#include "datapath/probe/scans.hpp"
#include "linux/arp_socket.hpp"

namespace bayplan::datapath {
namespace {

using std::chrono::steady_clock;
constexpr int kAttempts = 50;
constexpr int kRepliesAtOnce = 1000;
constexpr std::size_t kMostMacs = 8;             // of one address: enough to see that it is not one alone
constexpr std::chrono::milliseconds kBurst{20};  // a sender that was not scheduled makes up for no more than this

class ArpScan {
 public:
  ArpScan(const std::vector<ProbeRoute>& routes, const ProbePace& pace, kernel::ArpSocket socket)
      : routes_(routes), pace_(pace), socket_(std::move(socket)) {
    for (const ProbeRoute& route : routes) {
      for (const auto& address : route.task->addresses) {
        places_.try_emplace({route.device.index, address}, answers_.size());
        answers_.push_back({route.task->network.name, address, ports::ProbeAnswer::Kind::silent, {}});
      }
    }
  }

  Result<std::vector<ports::ProbeAnswer>> run(const ProbeDone& done) {
    for (int round = 0; round < pace_.rounds && answered_ < answers_.size(); ++round) {
      std::size_t place = 0;
      for (const ProbeRoute& route : routes_) {
        TRY(ask_all(route, place, round + 1 == pace_.rounds, done));
        place += route.task->addresses.size();
      }
      TRY(listen_until(steady_clock::now() + pace_.settle));
      TRY(tell(answered_, done));
    }
    TRY(tell(answers_.size(), done));
    return std::move(answers_);
  }

 private:
  Result<> ask_all(const ProbeRoute& route, std::size_t first, bool last, const ProbeDone& done) {
    const auto gap = std::chrono::duration_cast<steady_clock::duration>(
        std::chrono::duration<double>(1.0 / arp_rate(pace_, route.task->ports)));
    auto next = steady_clock::now();
    for (std::size_t n = 0; n < route.task->addresses.size(); ++n) {
      if (answers_[first + n].kind != ports::ProbeAnswer::Kind::silent) continue;
      next = std::max(next, steady_clock::now() - kBurst);
      TRY(listen_until(next));
      // A device that takes nothing for so long has its answer in the next round, or is silent.
      for (int attempt = 0; attempt < kAttempts; ++attempt) {
        if (TRY(socket_.ask(route.device.index, *route.device.mac, route.task->addresses[n]))) break;
        TRY(listen_until(steady_clock::now() + gap));
      }
      next += gap;
      // In the last round those who stay silent are finished, too.
      TRY(tell(last ? std::max(answered_, first + n + 1) : answered_, done));
    }
    return {};
  }

  // Takes what comes until then; what is there already in any case.
  Result<> listen_until(steady_clock::time_point end) {
    for (;;) {
      // Not for ever, should somebody answer without end.
      for (int n = 0; n < kRepliesAtOnce; ++n) {
        const auto reply = TRY(socket_.receive());
        if (!reply) break;
        take(*reply);
      }
      const auto left = end - steady_clock::now();
      if (left <= left.zero()) return {};
      const auto whole = std::chrono::duration_cast<std::chrono::nanoseconds>(left);
      const timespec wait{whole.count() / 1000000000, whole.count() % 1000000000};
      pollfd readable{socket_.fd(), POLLIN, 0};
      if (ppoll(&readable, 1, &wait, nullptr) < 0 && errno != EINTR) {
        return fail_errno(ErrorCode::kernel, "wait for ARP replies", errno);
      }
    }
  }

  // Never less than before.
  Result<> tell(std::size_t finished, const ProbeDone& done) {
    told_ = std::max(told_, finished);
    return done(told_);
  }

  void take(const kernel::ArpReply& reply) {
    const auto place = places_.find({reply.link, reply.address});
    if (place == places_.end()) return;
    auto& answer = answers_[place->second];
    if (answer.macs.empty()) ++answered_;
    answer.kind = ports::ProbeAnswer::Kind::answered;
    const bool is_new = std::ranges::find(answer.macs, reply.mac) == answer.macs.end();
    if (is_new && answer.macs.size() < kMostMacs) answer.macs.push_back(reply.mac);
  }

  const std::vector<ProbeRoute>& routes_;
  const ProbePace& pace_;
  kernel::ArpSocket socket_;
  std::vector<ports::ProbeAnswer> answers_;  // in the routes' order
  std::map<std::pair<int, model::IpAddress>, std::size_t> places_;
  std::size_t answered_ = 0;
  std::size_t told_ = 0;
};

}  // namespace

Result<std::vector<ports::ProbeAnswer>> scan_by_arp(const std::vector<ProbeRoute>& routes, const ProbePace& pace,
                                                    const ProbeDone& done) {
  if (routes.empty()) return std::vector<ports::ProbeAnswer>();
  return ArpScan(routes, pace, TRY(kernel::ArpSocket::open())).run(done);
}

}  // namespace bayplan::datapath
