#include "datapath/common/announcer.hpp"

#include <algorithm>

namespace bayplan::datapath {
namespace {
constexpr int kRepeats = 2;  // RFC 5227 wants ANNOUNCE_NUM = 2 in all; switches that lose one are why it is three
}

Announcer::Announcer(kernel::GratuitousArp arp, std::chrono::milliseconds interval)
    : arp_(std::move(arp)), interval_(interval), thread_([this](const std::stop_token& stop) { run(stop); }) {
}

Result<> Announcer::announce(int link, const model::IpAddress& address, const model::MacAddress& mac,
                             std::optional<std::uint16_t> vlan) {
  TRY(arp_.send(link, address, mac, vlan));
  const std::lock_guard lock(mutex_);
  std::erase_if(pending_, [&](const Pending& p) { return p.link == link && p.address == address; });
  pending_.push_back({link, address, mac, vlan, kRepeats, std::chrono::steady_clock::now() + interval_});
  changed_.notify_all();
  return {};
}

Announcer::Time Announcer::next_due() const {
  return std::ranges::min_element(pending_, {}, &Pending::due)->due;
}

void Announcer::send_due(Time now) {
  for (auto& pending : pending_) {
    if (pending.due > now) continue;
    const bool sent = arp_.send(pending.link, pending.address, pending.mac, pending.vlan).ok();
    pending.left = sent ? pending.left - 1 : 0;
    pending.due = now + interval_;
  }
  std::erase_if(pending_, [](const Pending& p) { return p.left == 0; });
}

void Announcer::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (pending_.empty()) {
      changed_.wait(lock, stop, [this] { return !pending_.empty(); });
    } else {
      changed_.wait_until(lock, stop, next_due(), [] { return false; });
      send_due(std::chrono::steady_clock::now());
    }
  }
}

}  // namespace bayplan::datapath
