// Attached interfaces: the part of KernelKeeper that makes them and looks at them.
#include <ranges>

#include "base/log.hpp"
#include "control/joins.hpp"
#include "control/kernel_keeper.hpp"

namespace bayplan::control {

void KernelKeeper::expect_port(const std::string& host_name) {
  const std::scoped_lock lock(pending_mutex_);
  expected_.insert(host_name);
}

void KernelKeeper::expect_no_port(const std::string& host_name) {
  const std::scoped_lock lock(pending_mutex_);
  expected_.erase(host_name);
}

bool KernelKeeper::is_expected(const std::string& host_name) const {
  const std::scoped_lock lock(pending_mutex_);
  return expected_.contains(host_name) || handed_back_.contains(host_name);
}

Result<> KernelKeeper::attach_port(const KernelWanted::Port& port) {
  auto made = thread_.run([&]() -> Result<> {
    // Detached meanwhile: the address may be another's by now.
    if (!TRY(is_still_wanted(port))) {
      return fail(ErrorCode::conflict, "'{}' was detached from {} meanwhile", port.spec.identity, port.network);
    }
    const auto done = inside_.make(port);
    if (!done.ok()) {
      static_cast<void>(datapath_.remove_ports({port.spec.host_name}).ok());  // the first error counts
      return done.error();
    }
    if (*done) TRY(ensure_firewall_here());
    return {};
  });
  if (!made.ok()) return made;
  thread_.post([this, inside = *port.inside] { announce(inside.network, inside.address, inside.mac); });
  return {};
}

Result<bool> KernelKeeper::is_still_wanted(const KernelWanted::Port& port) {
  return planner_.execute([&port](model::PlanEdit& edit) -> Result<bool> {
    const model::Attachment* attachment = edit.plan().attachment(port.network, port.address);
    return attachment && host_port_name(attachment->endpoint) == port.spec.host_name;
  });
}

Result<> KernelKeeper::detach_port(const std::string& host_name) {
  return thread_.run([&] {
    inside_.forget(host_name);
    return datapath_.remove_ports({host_name});
  });
}

Result<> KernelKeeper::check_namespace(const std::string& netns) {
  return thread_.run([&] { return namespaces_.check(netns); });
}

Result<std::vector<std::string>> KernelKeeper::interfaces_in(const std::string& netns) {
  return thread_.run([&] { return namespaces_.interfaces(netns); });
}

Result<bool> KernelKeeper::make_attached(const KernelWanted::Port& port) {
  if (is_expected(port.spec.host_name)) return false;
  return settle(port, TRY(inside_.make_again(port)));
}

// Where the namespace is gone the address is held again; whoever comes back asks for it anew.
Result<bool> KernelKeeper::settle(const KernelWanted::Port& port, InsideKeeper::Fate fate) {
  if (port.by_engine && fate == InsideKeeper::Fate::gone) return false;  // the engine tells
  if (fate == InsideKeeper::Fate::mended) {
    // Later: a broadcast is carried to every port there is, and others may be waiting to be made.
    thread_.post([this, inside = *port.inside] { announce(inside.network, inside.address, inside.mac); });
    return true;
  }
  if (fate != InsideKeeper::Fate::gone) return false;
  TRY(planner_.execute([&port, now = clock_.now()](model::PlanEdit& edit) -> Result<> {
    const model::Attachment* current = edit.plan().attachment(port.network, port.inside->address);
    const bool same = current && current->is_by_hand() && current->sandbox == port.inside->netns;
    return same ? end_attachment(edit, *current, now) : Result<>{};
  }));
  inside_.forget(port.spec.host_name);
  return datapath_.remove_ports({port.spec.host_name}).ok();
}

void KernelKeeper::hands_off(const std::string& host_name) {
  {
    const std::scoped_lock lock(pending_mutex_);
    handed_back_.insert(host_name);
  }
  const std::scoped_lock lock(hands_on_mutex_);  // who is at it has ended
}

void KernelKeeper::keep_inside(const KernelWanted::Port& port) {
  const auto kept = [&]() -> Result<> {
    std::unique_lock lock(hands_on_mutex_, std::defer_lock);
    if (port.by_engine) lock.lock();  // the others are nobody's to take away, and may take long
    // Said since this port was read from the plan.
    if (is_expected(port.spec.host_name)) return {};
    TRY(settle(port, TRY(inside_.keep(port))));
    return {};
  }();
  if (!kept.ok()) {
    log::warning("drift_not_repaired", {{"network", port.network},
                                        {"identity", port.spec.identity},
                                        {"interface", port.inside->interface},
                                        {"error", kept.error().message()}});
  }
}

Result<std::vector<KernelWanted::Port>> KernelKeeper::kept_ports(
    const std::function<bool(const model::Attachment&)>& is_meant) {
  return planner_.execute([&](model::PlanEdit& edit) -> Result<std::vector<KernelWanted::Port>> {
    std::vector<KernelWanted::Port> found;
    for (const model::Attachment* attachment : edit.plan().attachments()) {
      if (!is_meant(*attachment)) continue;
      if (auto port = kept_port_of(edit.plan(), *attachment, clock_.now())) found.push_back(*std::move(port));
    }
    return found;
  });
}

Result<std::vector<KernelWanted::Port>> KernelKeeper::attached_in(const std::set<std::string>& netns) {
  return kept_ports([&netns](const model::Attachment& attachment) { return netns.contains(attachment.sandbox); });
}

void KernelKeeper::look_inside(const std::set<std::string>& netns) {
  if (netns.empty()) return;
  {
    const std::scoped_lock lock(pending_mutex_);
    const bool is_due = !pending_.empty();
    pending_.insert(netns.begin(), netns.end());
    if (is_due) return;
  }
  thread_.post([this] { look_at_pending(); });
}

void KernelKeeper::look_inside_later(const std::string& netns) {
  const std::scoped_lock lock(pending_mutex_);
  later_.try_emplace(netns, clock_.steady() + kEngineAtWork);
}

void KernelKeeper::look_inside_due() {
  auto due = inside_.due();
  {
    const std::scoped_lock lock(pending_mutex_);
    std::erase_if(later_, [&](const auto& entry) {
      const bool is_due = entry.second <= clock_.steady();
      if (is_due) due.insert(entry.first);
      return is_due;
    });
  }
  look_inside(due);
}

void KernelKeeper::look_at_pending() {
  std::set<std::string> netns;
  {
    const std::scoped_lock lock(pending_mutex_);
    netns.swap(pending_);
  }
  const auto ports = attached_in(netns);
  for (const KernelWanted::Port& port : ports.ok() ? *ports : std::vector<KernelWanted::Port>{}) keep_inside(port);
  look_again_at_the_young(netns);
  note_next_look();
}

// Those that the engine may still be at work on, or has not confirmed yet.
void KernelKeeper::look_again_at_the_young(const std::set<std::string>& netns) {
  const auto young = planner_.execute([&](model::PlanEdit& edit) -> Result<std::set<std::string>> {
    std::set<std::string> found;
    for (const model::Attachment* attachment : edit.plan().attachments()) {
      const bool is_meant = attachment->stage == model::Attachment::Stage::joined && !attachment->is_by_hand() &&
                            netns.contains(attachment->sandbox);
      if (is_meant && !kept_port_of(edit.plan(), *attachment, clock_.now())) found.insert(attachment->sandbox);
    }
    return found;
  });
  for (const std::string& path : young.ok() ? *young : std::set<std::string>{}) look_inside_later(path);
}

void KernelKeeper::look_inside_all() {
  thread_.post([this] {
    const bool under_way = !round_.empty();
    auto all = planner_.execute([](model::PlanEdit& edit) -> Result<std::deque<std::string>> {
      std::deque<std::string> endpoints;
      for (const model::Attachment* attachment : edit.plan().attachments()) {
        if (!attachment->endpoint.empty()) endpoints.push_back(attachment->endpoint);
      }
      return endpoints;
    });
    round_ = all.ok() ? *std::move(all) : std::deque<std::string>{};
    if (!under_way && !round_.empty()) thread_.post([this] { look_at_next(); });
  });
}

void KernelKeeper::look_at_next() {
  if (round_.empty()) return;
  const std::string endpoint = round_.front();
  round_.pop_front();
  const auto netns = planner_.execute([&](model::PlanEdit& edit) -> Result<std::string> {
    const model::Attachment* attachment = edit.plan().attachment_of(endpoint);
    return attachment ? attachment->sandbox : std::string();
  });
  if (netns.ok() && !netns->empty()) look_inside({*netns});
  if (round_.empty()) return note_next_look();
  thread_.post([this] { look_at_next(); });
}

void KernelKeeper::note_next_look() {
  const auto next = inside_.next_look();
  const std::scoped_lock lock(pending_mutex_);
  next_look_ = next;
}

std::optional<std::chrono::steady_clock::time_point> KernelKeeper::next_look() const {
  const std::scoped_lock lock(pending_mutex_);
  if (later_.empty()) return next_look_;
  const auto later = std::ranges::min(later_ | std::views::values);
  return next_look_ ? std::min(*next_look_, later) : later;
}

}  // namespace bayplan::control
