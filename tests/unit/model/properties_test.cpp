// Properties that hold whatever happens: the pool against one that just remembers everything, the plan against its own
// past.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "model/plan_edit.hpp"
#include "model/pool.hpp"
#include "support/plan_dump.hpp"
#include "support/sample_records.hpp"

namespace bayplan::model {
namespace {

using testing::at;
using testing::dump;

// --- the pool

// A /27 with holes, so that every address comes up often.
Network arbitrary_network() {
  Network network;
  network.name = "net";
  network.subnet = Subnet::parse("172.16.1.224/27").value();
  const auto address = [&](int n) { return *network.subnet.base().plus(static_cast<std::uint64_t>(n)); };
  network.gateway = address(*rc::gen::inRange(1, 31));
  const auto ranges = [&](int most) {
    std::vector<AddressRange> out;
    for (int left = *rc::gen::inRange(0, most + 1); left > 0; --left) {
      const int first = *rc::gen::inRange(0, 32);
      out.push_back({address(first), address(*rc::gen::inRange(first, 32))});
    }
    return out;
  };
  network.ranges = ranges(3);
  network.exclusions = ranges(2);
  return network;
}

// The same by the words of the issue: every address is looked at one by one.
struct NaivePool {
  explicit NaivePool(const Network& network) {
    const auto in = [](const std::vector<AddressRange>& ranges, const IpAddress& address) {
      return std::ranges::any_of(ranges, [&](const AddressRange& range) { return range.contains(address); });
    };
    for (auto address = *network.subnet.base().plus(1); address < network.subnet.last(); address = *address.plus(1)) {
      const bool given = network.ranges.empty() || in(network.ranges, address);
      if (given && address != network.gateway && !in(network.exclusions, address))
        free.insert(address), all.insert(address);
    }
  }
  std::optional<IpAddress> lowest(const AddressRange& within) const {
    const auto found = std::ranges::find_if(free, [&](const IpAddress& address) { return within.contains(address); });
    return found == free.end() ? std::nullopt : std::optional(*found);
  }
  std::set<IpAddress> all, free;
};

RC_GTEST_PROP(PoolProperty, GivesWhatOneThatRemembersEverythingWouldGive, ()) {
  const Network network = arbitrary_network();
  Pool pool(network);
  NaivePool naive(network);
  RC_ASSERT(pool.size() == naive.all.size());
  const auto any_address = [&] { return *network.subnet.base().plus(*rc::gen::inRange<std::uint64_t>(0, 32)); };
  for (int steps = *rc::gen::inRange(0, 120); steps > 0; --steps) {
    switch (*rc::gen::inRange(0, 4)) {
      case 0: {
        const auto address = any_address();
        pool.take(address);
        naive.free.erase(address);
        break;
      }
      case 1: {
        const auto address = any_address();
        pool.give_back(address);
        if (naive.all.contains(address)) naive.free.insert(address);
        break;
      }
      case 2: {
        const auto lowest = pool.lowest_free();
        RC_ASSERT(lowest == naive.lowest({network.subnet.base(), network.subnet.last()}));
        if (lowest) pool.take(*lowest), naive.free.erase(*lowest);
        break;
      }
      default: {
        const auto first = any_address();
        const auto last = any_address();
        if (last < first) break;
        RC_ASSERT(pool.lowest_free({first, last}) == naive.lowest({first, last}));
      }
    }
    RC_ASSERT(pool.taken() == naive.all.size() - naive.free.size());
  }
}

// --- the plan

Record arbitrary_record() {
  const auto pick = [](std::vector<std::string> of) { return *rc::gen::elementOf(of); };
  const std::string network = pick({"vlan100", "vlan101", "vlan102"});
  const int number = network.back() - '0' + 1;
  const auto address = [&](int most) { return fmt::format("172.16.{}.{}", number, 10 + *rc::gen::inRange(0, most)); };
  switch (*rc::gen::inRange(0, 7)) {
    case 0: {
      // Also subnets and tags that are another's, so that refusals come up.
      auto made = testing::sample_network(network, *rc::gen::inRange(1, 4));
      if (*rc::gen::inRange(0, 3) == 0) made.ranges.clear();
      return made;
    }
    case 1: {
      auto made = testing::sample_reservation(pick({"a", "b", "c", "d"}), address(4), network);
      made.state = *rc::gen::element(ReservationState::attached, ReservationState::held, ReservationState::removed);
      made.last_seen = at(*rc::gen::inRange(0, 4));
      return made;
    }
    case 2:
      return testing::sample_attachment(address(4), pick({"", "e1", "e2", "e3"}), network);
    case 3:
      return EngineNetwork{pick({"n1", "n2"}), network};
    case 4:
      return Claim{pick({"c1", "c2"}), pick({"n1", "n2"}), testing::ip(address(4)), pick({"a", "b"}), true};
    case 5:
      return OwedStart{pick({"t1", "t2"}), network, at(*rc::gen::inRange(0, 4))};
    default:
      return Repin{pick({"c1", "c2"}), pick({"n1", "n2"}), pick({"{}", "settings"}), {}};
  }
}

Result<> arbitrary_change(PlanEdit& edit) {
  return *rc::gen::inRange(0, 3) == 0 ? edit.erase(arbitrary_record()) : edit.put(arbitrary_record());
}

RC_GTEST_PROP(PlanProperty, WhateverWasChangedIsTakenBackToTheLetter, ()) {
  Plan plan;
  PlanEdit history(plan);
  for (int steps = *rc::gen::inRange(0, 60); steps > 0; --steps) static_cast<void>(arbitrary_change(history));
  const auto before = dump(plan);
  PlanEdit edit(plan);
  for (int steps = *rc::gen::inRange(1, 60); steps > 0; --steps) static_cast<void>(arbitrary_change(edit));
  edit.rollback();
  RC_ASSERT(dump(plan) == before);
}

RC_GTEST_PROP(PlanProperty, IsTheSameAfterItWasStoredAndLoaded, ()) {
  Plan plan;
  PlanEdit history(plan);
  for (int steps = *rc::gen::inRange(0, 100); steps > 0; --steps) static_cast<void>(arbitrary_change(history));
  const auto whole = dump(plan);
  const auto loaded = Plan::from(whole.records);
  RC_ASSERT(loaded.ok());
  RC_ASSERT(dump(*loaded) == whole);
}

RC_GTEST_PROP(PlanProperty, ARefusedChangeChangesNothing, ()) {
  Plan plan;
  PlanEdit history(plan);
  for (int steps = *rc::gen::inRange(0, 100); steps > 0; --steps) {
    const auto before = dump(plan);
    const auto recorded = history.changes().size();
    if (arbitrary_change(history).ok()) continue;
    RC_ASSERT(dump(plan) == before);
    RC_ASSERT(history.changes().size() == recorded);
  }
}

}  // namespace
}  // namespace bayplan::model
