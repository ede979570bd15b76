// Sends what is due later: the second and third ARP announcement of an address, a second after the one before.
//
// Owns a thread that sleeps until something is due. `announce` may be called from any thread and does not block; on
// destruction what is not sent yet is dropped and the thread joined. An address that is announced again while it is
// being announced starts anew. A link that went away in between is no error: there is nobody left to tell.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "linux/gratuitous_arp.hpp"
#include "model/address.hpp"

namespace bayplan::datapath {

class Announcer {
 public:
  explicit Announcer(kernel::GratuitousArp arp, std::chrono::milliseconds interval = std::chrono::seconds(1));

  // The first is sent before this returns, on the calling thread: an error says why nothing can be sent.
  // With a tag for a link that is a trunk.
  Result<> announce(int link, const model::IpAddress& address, const model::MacAddress& mac,
                    std::optional<std::uint16_t> vlan = std::nullopt);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Pending {
    int link = 0;
    model::IpAddress address;
    model::MacAddress mac;
    std::optional<std::uint16_t> vlan;
    int left = 0;
    Time due;
  };
  void run(const std::stop_token& stop);
  void send_due(Time now);
  [[nodiscard]] Time next_due() const;

  kernel::GratuitousArp arp_;
  std::chrono::milliseconds interval_;
  std::mutex mutex_;  // guards pending_
  std::condition_variable_any changed_;
  std::vector<Pending> pending_;
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace bayplan::datapath
