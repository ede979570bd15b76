// Attached interfaces: the part of KernelKeeper that makes them and looks at them.
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
  return expected_.contains(host_name);
}

Result<> KernelKeeper::attach_port(const KernelWanted::Port& port) {
  auto made = thread_.run([&]() -> Result<> {
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

void KernelKeeper::keep_inside(const KernelWanted::Port& port) {
  if (is_expected(port.spec.host_name)) return;
  const auto kept = [&]() -> Result<> {
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

Result<std::vector<KernelWanted::Port>> KernelKeeper::attached_in(const std::set<std::string>& netns) {
  return planner_.execute([&netns](model::PlanEdit& edit) -> Result<std::vector<KernelWanted::Port>> {
    std::vector<KernelWanted::Port> found;
    for (const model::Attachment* attachment : edit.plan().attachments()) {
      if (!attachment->is_by_hand() || !netns.contains(attachment->sandbox)) continue;
      auto port = port_of(edit.plan(), *attachment);
      if (port.inside) found.push_back(std::move(port));
    }
    return found;
  });
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

void KernelKeeper::look_at_pending() {
  std::set<std::string> netns;
  {
    const std::scoped_lock lock(pending_mutex_);
    netns.swap(pending_);
  }
  const auto ports = attached_in(netns);
  for (const KernelWanted::Port& port : ports.ok() ? *ports : std::vector<KernelWanted::Port>{}) keep_inside(port);
  note_next_look();
}

void KernelKeeper::look_inside_all() {
  thread_.post([this] {
    const bool under_way = !round_.empty();
    auto all = planner_.execute([](model::PlanEdit& edit) -> Result<std::deque<std::string>> {
      std::deque<std::string> endpoints;
      for (const model::Attachment* attachment : edit.plan().attachments()) {
        if (attachment->is_by_hand()) endpoints.push_back(attachment->endpoint);
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
  const auto port = planner_.execute([&endpoint](model::PlanEdit& edit) -> Result<std::optional<KernelWanted::Port>> {
    const model::Attachment* attachment = edit.plan().attachment_of(endpoint);
    return attachment ? std::optional(port_of(edit.plan(), *attachment)) : std::nullopt;
  });
  if (port.ok() && *port && (*port)->inside) keep_inside(**port);
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
  return next_look_;
}

}  // namespace bayplan::control
