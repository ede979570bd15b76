#include "control/attach_rules.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <string_view>
#include <unordered_set>

#include "control/joins.hpp"

namespace bayplan::control {

using model::AttachMark;
using model::Attachment;
using model::PlanEdit;
using model::Reservation;

namespace {

// One that was attached after the listing was asked for is not in it yet.
Result<> end_left(PlanEdit& edit, const EngineFacts& facts, Timestamp now) {
  std::unordered_set<std::string_view> up;
  for (const ports::Container& container : facts.containers) {
    if (container.is_up()) up.insert(container.id);
  }
  std::vector<Attachment> left;
  for (const Attachment* attachment : edit.plan().attachments()) {
    if (!attachment->is_by_hand() || attachment->container_id.empty()) continue;
    const bool is_newer =
        attachment->since >= facts.listed_at && attachment->since <= facts.listed_at + kClockWasSetBack;
    if (!is_newer && !up.contains(attachment->container_id)) left.push_back(*attachment);
  }
  for (const Attachment& attachment : left) TRY(end_attachment(edit, attachment, now));
  return {};
}

// Its own attachment is there, of whichever container with that identity.
bool is_attached(const model::Plan& plan, const AttachMark& mark) {
  const Reservation* reservation = plan.reservation(mark.network, mark.identity);
  return reservation && plan.attachment(mark.network, reservation->address) != nullptr;
}

}  // namespace

Result<std::vector<AttachDue>> sync_marks(PlanEdit& edit, const EngineFacts& facts, Timestamp now) {
  TRY(end_left(edit, facts, now));
  std::vector<AttachDue> due;
  std::unordered_set<std::string_view> noted;  // ids of those in `due`
  std::map<std::string, std::vector<const ports::Container*>> up;
  for (const ports::Container& container : facts.containers) {
    if (container.is_up()) up[container.identity()].push_back(&container);
  }
  for (const AttachMark* mark : edit.plan().marks()) {
    const auto running = up.find(mark->identity);
    if (!mark->target.empty() || running == up.end() || is_attached(edit.plan(), *mark)) continue;
    const ports::Container& container = *running->second.front();
    if (noted.insert(container.id).second) due.push_back({container.id, mark->identity, container.name});
  }
  return due;
}

std::vector<AttachMark> marks_of_container(const model::Plan& plan, const std::string& identity) {
  std::vector<AttachMark> found;
  for (const model::Network* network : plan.networks()) {
    const AttachMark* mark = plan.mark(network->name, identity);
    if (mark && mark->target.empty()) found.push_back(*mark);
  }
  return found;
}

Result<> end_reservation(PlanEdit& edit, const Reservation& reservation) {
  const Reservation ended = reservation;
  if (const AttachMark* mark = edit.plan().mark(ended.network, ended.identity)) TRY(edit.erase(AttachMark(*mark)));
  return edit.erase(ended);
}

Result<> move_reservation(PlanEdit& edit, const Reservation& known, const Reservation& renamed) {
  const AttachMark* mark = edit.plan().mark(known.network, known.identity);
  auto moved = mark ? std::optional(*mark) : std::nullopt;
  TRY(end_reservation(edit, known));
  TRY(edit.put(renamed));
  if (!moved) return {};
  moved->identity = renamed.identity;
  return edit.put(*std::move(moved));
}

std::vector<std::string> interfaces_marked(const model::Plan& plan, const AttachMark& like) {
  std::vector<std::string> names;
  for (const AttachMark* mark : plan.marks()) {
    const bool same_target = mark->target == like.target && (!like.target.empty() || mark->identity == like.identity);
    if (same_target && mark->network != like.network) names.push_back(mark->interface);
  }
  return names;
}

std::string next_interface(const std::vector<std::string>& taken, std::size_t first) {
  for (std::size_t number = first;; ++number) {
    std::string name = fmt::format("eth{}", number);
    if (std::ranges::find(taken, name) == taken.end()) return name;
  }
}

bool is_process_path(const std::string& netns) {
  return netns.starts_with("/proc/");
}

std::string make_endpoint_id() {
  std::random_device random;
  std::string id;
  for (int i = 0; i < 8; ++i) id += fmt::format("{:08x}", random());
  return id;
}

}  // namespace bayplan::control
