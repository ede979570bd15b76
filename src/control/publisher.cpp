#include "control/publisher.hpp"

#include "base/log.hpp"
#include "control/published_ports.hpp"

namespace bayplan::control {

Publisher::Key Publisher::key_of(const model::PublishedPort& port) {
  return {port.protocol, port.host_address, port.host_port};
}

Result<> Publisher::publish(const std::string& endpoint, const std::vector<model::PublishedPort>& wanted) {
  if (wanted.empty()) return {};
  {
    const std::scoped_lock lock(mutex_);
    if (auto done = publish_here(endpoint, wanted); !done) {
      follow_plan_here();
      return done;
    }
  }
  return kernel_.ensure_firewall();
}

Result<> Publisher::publish_here(const std::string& endpoint, const Ports& wanted) {
  const Ports chosen = TRY(choose_and_hold(endpoint, wanted));
  return planner_.execute([&](model::PlanEdit& edit) -> Result<> {
    const model::Attachment* bound = edit.plan().attachment_of(endpoint);
    if (!bound) return fail(ErrorCode::not_found, "there is no endpoint {:.64}", endpoint);
    model::Attachment publishing = *bound;
    publishing.published = chosen;
    return edit.put(std::move(publishing));
  });
}

// A port that was left to us and turns out to be taken is another try; one that was named is an error.
Result<Publisher::Ports> Publisher::choose_and_hold(const std::string& endpoint, const Ports& wanted) {
  std::set<std::uint16_t> taken;
  while (true) {
    const Ports chosen = TRY(
        planner_.execute([&](model::PlanEdit& edit) { return choose_ports(edit.plan(), endpoint, wanted, taken); }));
    std::size_t place = 0;
    Result<> held;
    while (place < chosen.size() && (held = hold(chosen[place])).ok()) ++place;
    if (held) return chosen;
    const bool ours_to_choose = wanted[place].host_port == 0 && held.error().code == ErrorCode::conflict;
    if (!ours_to_choose) return std::move(held).error();
    taken.insert(chosen[place].host_port);
  }
}

Result<> Publisher::hold(const model::PublishedPort& port) {
  auto& held = held_[key_of(port)];
  if (held) return {};
  auto taken = host_.hold_port(port);
  if (!taken) {
    held_.erase(key_of(port));
    return std::move(taken).error();
  }
  held = std::move(*taken);
  return {};
}

Result<> Publisher::unpublish(const std::string& endpoint) {
  const bool changed = TRY(planner_.execute([&](model::PlanEdit& edit) -> Result<bool> {
    const model::Attachment* bound = edit.plan().attachment_of(endpoint);
    if (!bound || bound->published.empty()) return false;
    model::Attachment quiet = *bound;
    quiet.published.clear();
    TRY(edit.put(std::move(quiet)));
    return true;
  }));
  if (!changed) return {};
  follow_plan();
  return kernel_.ensure_firewall();
}

void Publisher::follow_plan() {
  const std::scoped_lock lock(mutex_);
  follow_plan_here();
}

void Publisher::follow_plan_here() {
  const auto published =
      planner_.execute([](model::PlanEdit& edit) -> Result<Ports> { return published_ports(edit.plan()); });
  if (!published) return;  // baypland is stopping
  std::set<Key> wanted;
  for (const model::PublishedPort& port : *published) {
    wanted.insert(key_of(port));
    auto done = hold(port);
    if (done) {
      troubled_.erase(key_of(port));
    } else if (troubled_.insert(key_of(port)).second) {
      log::warning("published_port_not_held", {{"port", port.host_port}, {"error", done.error().message()}});
    }
  }
  std::erase_if(held_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  std::erase_if(troubled_, [&](const Key& key) { return !wanted.contains(key); });
}

}  // namespace bayplan::control
