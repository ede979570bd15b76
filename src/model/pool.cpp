#include "model/pool.hpp"

#include <algorithm>
#include <limits>

namespace bayplan::model {
namespace {

std::optional<IpAddress> before(const IpAddress& address) {
  std::array<std::uint8_t, 16> bytes{};
  const auto from = address.bytes();
  std::ranges::copy(from, bytes.begin());
  for (std::size_t i = from.size(); i-- > 0;) {
    if (bytes[i]-- != 0) return *IpAddress::from_bytes(std::span(bytes).first(from.size()));
  }
  return std::nullopt;
}

// What is left of `ranges` without `hole`.
std::vector<AddressRange> without(const std::vector<AddressRange>& ranges, const AddressRange& hole) {
  std::vector<AddressRange> left;
  for (const AddressRange& range : ranges) {
    if (hole.last < range.first || range.last < hole.first) {
      left.push_back(range);
      continue;
    }
    if (range.first < hole.first) left.push_back({range.first, *before(hole.first)});
    if (hole.last < range.last) left.push_back({*hole.last.plus(1), range.last});
  }
  return left;
}

// Ascending and disjoint, whatever order and overlap they were given in.
std::vector<AddressRange> merged(std::vector<AddressRange> ranges) {
  std::ranges::sort(ranges, {}, &AddressRange::first);
  std::vector<AddressRange> out;
  for (const AddressRange& range : ranges) {
    if (!out.empty() && range.first <= out.back().last) {
      out.back().last = std::max(out.back().last, range.last);
    } else {
      out.push_back(range);
    }
  }
  return out;
}

// Number of addresses in a range, saturated.
std::uint64_t count(const AddressRange& range) {
  const auto low = range.first.bytes();
  const auto high = range.last.bytes();
  const std::size_t head = low.size() > 8 ? low.size() - 8 : 0;
  if (!std::ranges::equal(low.first(head), high.first(head))) return std::numeric_limits<std::uint64_t>::max();
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  for (std::size_t i = head; i < low.size(); ++i) {
    from = from << 8 | low[i];
    to = to << 8 | high[i];
  }
  const std::uint64_t distance = to - from;
  return distance == std::numeric_limits<std::uint64_t>::max() ? distance : distance + 1;
}

}  // namespace

std::vector<AddressRange> candidate_ranges(const Network& network) {
  const AddressRange hosts{network.subnet.first_host(), network.subnet.last_host()};
  std::vector<AddressRange> ranges{hosts};
  if (!network.ranges.empty()) {
    ranges = merged(network.ranges);
    for (AddressRange& range : ranges) range = {std::max(range.first, hosts.first), std::min(range.last, hosts.last)};
    std::erase_if(ranges, [](const AddressRange& range) { return range.last < range.first; });
  }
  ranges = without(ranges, {network.gateway, network.gateway});
  if (network.host_address) ranges = without(ranges, {*network.host_address, *network.host_address});
  for (const AddressRange& exclusion : network.exclusions) ranges = without(ranges, exclusion);
  return ranges;
}

Pool::Pool(const Network& network) : candidates_(candidate_ranges(network)) {
  for (const AddressRange& range : candidates_) {
    const std::uint64_t more = count(range);
    const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - size_;
    size_ += std::min(more, room);
  }
  if (!candidates_.empty()) frontier_ = candidates_.front().first;
}

bool Pool::contains(const IpAddress& address) const {
  const auto after = std::ranges::upper_bound(candidates_, address, {}, &AddressRange::first);
  return after != candidates_.begin() && std::prev(after)->contains(address);
}

bool Pool::is_taken(const IpAddress& address) const {
  const bool behind = !frontier_ || address < *frontier_;
  return behind ? !holes_.contains(address) : ahead_.contains(address);
}

void Pool::take(const IpAddress& address) {
  if (!contains(address) || is_taken(address)) return;
  ++taken_;
  if (holes_.erase(address) == 0) ahead_.insert(address);
}

void Pool::give_back(const IpAddress& address) {
  if (!contains(address) || !is_taken(address)) return;
  --taken_;
  if (ahead_.erase(address) == 0) holes_.insert(address);
}

void Pool::advance() {
  if (*frontier_ != candidates_[frontier_range_].last) {
    frontier_ = frontier_->plus(1);
  } else if (++frontier_range_ < candidates_.size()) {
    frontier_ = candidates_[frontier_range_].first;
  } else {
    frontier_.reset();
  }
}

std::optional<IpAddress> Pool::lowest_free() {
  if (!holes_.empty()) return *holes_.begin();
  while (frontier_ && ahead_.erase(*frontier_) > 0) advance();
  return frontier_;
}

std::optional<IpAddress> Pool::lowest_free(const AddressRange& within) const {
  for (const AddressRange& range : candidates_) {
    if (range.last < within.first || within.last < range.first) continue;
    std::optional<IpAddress> address = std::max(range.first, within.first);
    const IpAddress last = std::min(range.last, within.last);
    for (; address && *address <= last; address = address->plus(1)) {
      if (!is_taken(*address)) return address;
    }
  }
  return std::nullopt;
}

}  // namespace bayplan::model
