#include "control/attacher.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "control/addresses.hpp"
#include "control/joins.hpp"
#include "model/names.hpp"

namespace bayplan::control {
namespace {

using model::AttachMark;
using model::Attachment;
using model::PlanEdit;
using model::Reservation;
using std::chrono::milliseconds;

constexpr milliseconds kEngineBound{5000};
constexpr std::size_t kFirstInterface = 1;  // eth1, as pipework's

bool is_path(const std::string& target) {
  return target.starts_with('/');
}

// Docker's own rule, so that no word is taken for a path of its API.
bool may_be_container(const std::string& word) {
  const auto allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-'; };
  return !word.empty() && word.front() != '.' && std::ranges::all_of(word, allowed);
}

Result<> check_mode(const ports::Container& container) {
  if (container.network_mode == "host") {
    return fail(ErrorCode::invalid, "'{}' is in the host's own network (--net=host): there is nothing to attach to",
                container.name);
  }
  if (container.network_mode.starts_with("container:")) {
    return fail(ErrorCode::invalid, "'{}' shares another container's network ({}): attach that one", container.name,
                container.network_mode);
  }
  return {};
}

// While it lives, no pass of the reconciler makes that port.
class Expected {
 public:
  Expected(KernelKeeper& kernel, std::string host_name) : kernel_(kernel), host_name_(std::move(host_name)) {
    kernel_.expect_port(host_name_);
  }
  ~Expected() { kernel_.expect_no_port(host_name_); }
  Expected(const Expected&) = delete;
  Expected& operator=(const Expected&) = delete;

 private:
  KernelKeeper& kernel_;
  std::string host_name_;
};

std::string shown_target(const AttachMark& mark) {
  return mark.target.empty() ? "the container" : mark.target;
}

// A container and a namespace of one identity are two: neither gets what is the other's.
Result<> check_is_its(const model::Plan& plan, const AttachMark& wanted) {
  const AttachMark* known = plan.mark(wanted.network, wanted.identity);
  if (known && known->target != wanted.target) {
    return fail(ErrorCode::conflict, "'{}' on {} is attached to {}: bayplan detach {} {} first", known->identity,
                known->network, shown_target(*known), known->identity, known->network);
  }
  const Reservation* own = plan.reservation(wanted.network, wanted.identity);
  if (!own || known || wanted.target.empty() || own->container_id.empty()) return {};
  return fail(ErrorCode::conflict,
              "{} of '{}' on {} belongs to the container '{}': give the namespace another name (--identity)",
              own->address.to_string(), own->identity, own->network, own->container_name);
}

// `mine` is as it was before this order.
Error held_by_twin(const model::Plan& plan, const Reservation& mine) {
  const Attachment* there = plan.attachment(mine.network, mine.address);
  return fail(ErrorCode::conflict,
              "{} of '{}' on {} is attached to another container with that identity ({}): stop that one first",
              mine.address.to_string(), mine.identity, mine.network,
              there ? there->container_id.substr(0, 12) : std::string());
}

bool is_meant(const model::Plan& plan, const AttachMark& mark, const std::string& target) {
  if (mark.identity == target || (!mark.target.empty() && mark.target == target)) return true;
  const Reservation* reservation = plan.reservation(mark.network, mark.identity);
  const bool by_id = reservation && target.size() >= 12 && reservation->container_id.starts_with(target);
  return by_id || (reservation && reservation->container_name == target);
}

}  // namespace

// --- by order

Result<Reservation> Attacher::attach(const AttachOrder& order) {
  if (!order.interface.empty()) TRY(model::parse_interface_name(order.interface));
  const Place place = TRY(find(order));
  // Named here, so that no pass makes the port between its being stored and its being made.
  const std::string endpoint = make_endpoint_id();
  const Expected expected(parts_.kernel, host_port_name(endpoint));
  const Marked marked = TRY(mark(order, place, endpoint));
  if (!marked.port) return marked.reservation;
  auto done = order.make_way ? order.make_way() : Result<>{};
  if (done.ok()) {
    done = make(marked.mark, *marked.port);
  } else {
    TRY(end(marked.mark));
  }
  if (!done.ok()) {
    take_back(marked);
    return std::move(done).error();
  }
  return marked.reservation;
}

Result<Attacher::Place> Attacher::find(const AttachOrder& order) {
  return is_path(order.target) ? find_namespace(order) : find_container(order);
}

Result<Attacher::Place> Attacher::find_container(const AttachOrder& order) {
  if (!order.identity.empty()) {
    return fail(ErrorCode::invalid, "a container's identity is its name or its label bayplan.identity");
  }
  const auto container = TRY(look_up(order.target));
  TRY(check_mode(container));
  Place place;
  place.identity = TRY(checked_identity(container));
  place.container_id = container.id;
  place.container_name = container.name;
  TRY(check_not_by_engine(order, container));
  for (const auto& entry : container.networks) place.engine_networks += entry.key == "none" ? 0U : 1U;
  if (container.is_up()) place.netns = TRY(netns_of(container));
  if (!place.netns.empty() && order.interface.empty()) place.interfaces = TRY(parts_.kernel.interfaces_in(place.netns));
  return place;
}

Result<Attacher::Place> Attacher::find_namespace(const AttachOrder& order) {
  Place place;
  place.netns = order.target;
  if (order.interface.empty()) {
    place.interfaces = TRY(parts_.kernel.interfaces_in(place.netns));
  } else {
    TRY(parts_.kernel.check_namespace(place.netns));
  }
  const bool nameless = order.identity.empty() && is_process_path(order.target);
  if (nameless) {
    return fail(ErrorCode::invalid, "{} says nothing of who it is: add --identity NAME", shown(order.target));
  }
  const auto last = order.target.substr(order.target.rfind('/') + 1);
  place.identity = TRY(model::parse_identity(order.identity.empty() ? last : order.identity, true));
  return place;
}

Result<ports::ContainerDetails> Attacher::look_up(const std::string& word) {
  auto found = may_be_container(word) ? parts_.engine.inspect(word) : fail(ErrorCode::not_found, "no such name");
  if (found.ok() || found.error().code != ErrorCode::not_found) return found;
  return fail(ErrorCode::not_found, "there is no container '{}'", shown(word));
}

// The engine's own entry is never another's; a process's number may be by the time that it is opened.
Result<std::string> Attacher::netns_of(const ports::ContainerDetails& details) {
  if (!details.running || details.sandbox.empty()) {
    const auto code = details.running ? ErrorCode::unsupported : ErrorCode::not_found;
    return fail(code, "the container '{}' has no network of its own just now", details.name);
  }
  if (parts_.kernel.check_namespace(details.sandbox).ok()) return details.sandbox;
  std::string by_process = fmt::format("/proc/{}/ns/net", details.process);
  TRY(parts_.kernel.check_namespace(by_process).in(fmt::format("the network of '{}'", details.name)));
  return by_process;
}

Result<> Attacher::check_not_by_engine(const AttachOrder& order, const ports::Container& container) {
  EngineFacts facts;
  facts.containers = {container};
  // Before its first start Docker tells a network by its name only.
  const bool by_name =
      std::ranges::any_of(container.networks, [](const auto& entry) { return entry.network_id.empty(); });
  if (by_name) {
    for (const auto& network : TRY(parts_.engine.networks(kEngineBound)))
      facts.network_names[network.id] = network.name;
  }
  return parts_.planner.execute([&](PlanEdit& edit) -> Result<> {
    for (const Membership& member : memberships(edit.plan(), facts)) {
      if (member.network != order.network.name) continue;
      return fail(ErrorCode::conflict, "'{}' is on {} already, by Docker's network '{}'", container.name,
                  member.network, member.entry->key);
    }
    return {};
  });
}

// Mark and attachment in one commit: it is a wait for the disk.
Result<Attacher::Marked> Attacher::mark(const AttachOrder& order, const Place& place, const std::string& endpoint) {
  return parts_.planner.execute([&, now = parts_.clock.now()](PlanEdit& edit) -> Result<Marked> {
    AttachMark wanted{order.network.name, place.identity,      place.container_id.empty() ? place.netns : "",
                      order.interface,    order.default_route, endpoint};
    TRY(check_is_its(edit.plan(), wanted));
    Marked marked = TRY(choose_mark(edit.plan(), std::move(wanted), place));
    marked.fresh_reservation = !edit.plan().reservation(order.network.name, place.identity);
    Reservation reservation =
        TRY(reserve(edit, order.network, place.identity, {.address = order.address, .within = {}}, now));
    const Attachment* in_use = edit.plan().attachment(order.network.name, reservation.address);
    if (!in_use || in_use->container_id == place.container_id) {
      reservation.container_id = place.container_id;
      reservation.container_name = place.container_name;
    }
    if (reservation.state == model::ReservationState::removed) reservation.state = model::ReservationState::held;
    TRY(edit.put(reservation));
    TRY(edit.put(marked.mark));
    if (!place.netns.empty()) {
      marked.port = TRY(put_attachment(edit, marked.mark, place, now));
      if (!marked.port) return held_by_twin(edit.plan(), reservation);
    }
    marked.reservation = *edit.plan().reservation(order.network.name, place.identity);
    return marked;
  });
}

// The mark that there is, if it is that one; else a new one, which may take the place of one of another name in there
// that is not attached.
Result<Attacher::Marked> Attacher::choose_mark(const model::Plan& plan, AttachMark wanted, const Place& place) {
  const AttachMark* known = plan.mark(wanted.network, wanted.identity);
  const auto others = interfaces_marked(plan, wanted);
  if (wanted.interface.empty() && known && known->target == wanted.target) wanted.interface = known->interface;
  if (wanted.interface.empty()) {
    auto taken = place.interfaces;
    taken.insert(taken.end(), others.begin(), others.end());
    wanted.interface = next_interface(taken, std::max(kFirstInterface, place.engine_networks));
  }
  if (std::ranges::find(others, wanted.interface) != others.end()) {
    return fail(ErrorCode::exists, "'{}' has an attached {} already, of another network", wanted.identity,
                wanted.interface);
  }
  Marked marked;
  marked.fresh_mark = !known;
  if (!known) {
    marked.mark = std::move(wanted);
    return marked;
  }
  const bool same = known->interface == wanted.interface;
  const Reservation* owner = plan.reservation(wanted.network, wanted.identity);
  if (!same && plan.attachment(wanted.network, owner->address)) {
    return fail(ErrorCode::conflict, "'{}' is attached to {} on {} as {}: bayplan detach {} {} first", known->identity,
                shown_target(*known), known->network, known->interface, known->identity, known->network);
  }
  if (same) wanted.endpoint = known->endpoint;
  marked.mark = std::move(wanted);
  marked.before = *known;
  return marked;
}

void Attacher::take_back(const Marked& marked) {
  const auto done = parts_.planner.execute([&](PlanEdit& edit) -> Result<> {
    if (marked.fresh_mark) TRY(edit.erase(marked.mark));
    if (marked.before) TRY(edit.put(*marked.before));
    const Reservation* reservation = edit.plan().reservation(marked.mark.network, marked.mark.identity);
    return marked.fresh_reservation && reservation ? edit.erase(Reservation(*reservation)) : Result<>{};
  });
  if (!done.ok()) log::warning("mark_left", {{"identity", marked.mark.identity}, {"error", done.error().message()}});
}

Result<Reservation> Attacher::detach(const std::string& network, const std::string& target) {
  struct Ended {
    Reservation reservation;
    AttachMark mark;
  };
  const auto ended = TRY(parts_.planner.execute([&, now = parts_.clock.now()](PlanEdit& edit) -> Result<Ended> {
    if (!edit.plan().network(network)) return fail(ErrorCode::not_found, "there is no network '{}'", shown(network));
    for (const AttachMark* mark : edit.plan().marks()) {
      if (mark->network != network || !is_meant(edit.plan(), *mark, target)) continue;
      const AttachMark gone = *mark;
      const Reservation* reservation = edit.plan().reservation(network, gone.identity);
      const Attachment* attachment = edit.plan().attachment(network, reservation->address);
      if (attachment && attachment->is_by_hand()) TRY(end_attachment(edit, *attachment, now));
      TRY(edit.erase(gone));
      return Ended{*edit.plan().reservation(network, gone.identity), gone};
    }
    return fail(ErrorCode::not_found, "nothing of '{}' is attached to {}: see `bayplan ls --network {}`", shown(target),
                network, network);
  }));
  TRY(parts_.kernel.detach_port(host_port_name(ended.mark.endpoint)).in("take out " + ended.mark.interface));
  log::info(
      "interface_detached",
      {{"network", network}, {"identity", ended.mark.identity}, {"address", ended.reservation.address.to_string()}});
  return ended.reservation;
}

// --- making what is marked

Result<> Attacher::realise(const AttachMark& mark, const Place& place) {
  const Expected expected(parts_.kernel, host_port_name(mark.endpoint));
  const auto port = TRY(parts_.planner.execute(
      [&, now = parts_.clock.now()](PlanEdit& edit) -> Result<std::optional<KernelWanted::Port>> {
        const AttachMark* current = edit.plan().mark(mark.network, mark.identity);
        if (!current || current->endpoint != mark.endpoint) return std::optional<KernelWanted::Port>();
        return put_attachment(edit, AttachMark(*current), place, now);
      }));
  return port ? make(mark, *port) : Result<>{};
}

Result<> Attacher::make(const AttachMark& mark, const KernelWanted::Port& port) {
  auto made = parts_.kernel.attach_port(port);
  if (made.ok()) {
    log::info("interface_attached", {{"network", mark.network},
                                     {"identity", mark.identity},
                                     {"interface", mark.interface},
                                     {"address", port.inside->address.to_string()}});
    return {};
  }
  TRY(end(mark));
  return std::move(made).in(fmt::format("attach {} to {}", mark.identity, mark.network));
}

// Nothing where another container with that identity has it: its end comes first.
Result<std::optional<KernelWanted::Port>> Attacher::put_attachment(PlanEdit& edit, const AttachMark& mark,
                                                                   const Place& place, Timestamp now) const {
  const Reservation* owner = edit.plan().reservation(mark.network, mark.identity);
  const Attachment* before = edit.plan().attachment(mark.network, owner->address);
  if (before && !before->is_by_hand()) {
    return fail(ErrorCode::conflict, "{} of '{}' is in use by Docker's network: take the container off it first",
                owner->address.to_string(), mark.identity);
  }
  if (before && before->container_id != place.container_id) return std::optional<KernelWanted::Port>();
  Reservation attached = *owner;
  attached.state = model::ReservationState::attached;
  attached.host = parts_.host;
  attached.container_id = place.container_id;
  attached.container_name = place.container_name;
  attached.last_seen = now;
  const Attachment attachment{.network = mark.network,
                              .address = owner->address,
                              .stage = Attachment::Stage::joined,
                              .asked = true,
                              .engine_network = {},
                              .endpoint = mark.endpoint,
                              .sandbox = place.netns,
                              .identity = mark.identity,
                              .container_id = place.container_id,
                              .verified = true,
                              .published = {},
                              .since = now};
  TRY(edit.put(std::move(attached)));
  TRY(edit.put(attachment));
  return std::optional(port_of(edit.plan(), attachment));
}

Result<> Attacher::end(const AttachMark& mark) {
  return parts_.planner.execute([&, now = parts_.clock.now()](PlanEdit& edit) -> Result<> {
    const Attachment* attachment = edit.plan().attachment_of(mark.endpoint);
    return attachment ? end_attachment(edit, *attachment, now) : Result<>{};
  });
}

}  // namespace bayplan::control
