#include "control/service.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "control/adopter.hpp"
#include "control/import.hpp"
#include "model/names.hpp"

namespace bayplan::control {
namespace {

using model::Network;
using model::PlanEdit;
using model::Reservation;

constexpr std::chrono::milliseconds kEngineBound{5000};

Error no_network(const std::string& name) {
  return fail(ErrorCode::not_found, "there is no network '{}': see `bayplan network ls`", shown(name));
}

// By identity, else by address.
const Reservation* find_reservation(const model::Plan& plan, const std::string& network, const std::string& key) {
  if (const Reservation* known = plan.reservation(network, key)) return known;
  const auto address = model::IpAddress::parse(key.substr(0, key.find('/')));
  return address ? plan.reservation_at(network, *address) : nullptr;
}

bool matches(const Reservation& reservation, const ReservationFilter& filter,
             const std::optional<model::ReservationState>& state) {
  if (filter.network && reservation.network != *filter.network) return false;
  if (state && reservation.state != *state) return false;
  if (!filter.identity_or_address) return true;
  const std::string& key = *filter.identity_or_address;
  return reservation.identity == key || reservation.address.to_string() == key.substr(0, key.find('/'));
}

// By network, then by address, as a person looks for it.
void sort_views(std::vector<ReservationView>& views) {
  std::ranges::sort(views, [](const ReservationView& a, const ReservationView& b) {
    return std::tie(a.reservation.network, a.reservation.address) <
           std::tie(b.reservation.network, b.reservation.address);
  });
}

// The label that docker's options give at this place: `-l L`, `--label L`, `--label=L`, `-lL`; empty: none.
std::string_view label_at(const std::vector<std::string>& options, std::size_t place) {
  std::string_view option = options[place];
  if (option == "-l" || option == "--label") {
    return place + 1 < options.size() ? std::string_view(options[place + 1]) : std::string_view();
  }
  for (const std::string_view prefix : {"--label=", "-l=", "-l"}) {
    if (option.starts_with(prefix)) return option.substr(prefix.size());
  }
  return {};
}

// The identity that a docker option `--label bayplan.identity=…` gives, else the container's name. The last one counts.
std::string identity_of(const RunSpec& spec) {
  constexpr std::string_view kLabel = "bayplan.identity=";
  std::string identity = spec.name;
  for (std::size_t place = 0; place < spec.options.size(); ++place) {
    const auto label = label_at(spec.options, place);
    if (label.starts_with(kLabel) && label.size() > kLabel.size()) identity = label.substr(kLabel.size());
  }
  return identity;
}

Result<> check_container_name(const std::string& name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-';
  };
  const bool right = name.size() >= 2 && name.size() <= 255 && name.front() != '_' && name.front() != '.' &&
                     name.front() != '-' && std::ranges::all_of(name, allowed);
  if (right) return {};
  return fail(
      ErrorCode::invalid,
      "'{}' can't be a container's name: use 2 to 255 letters, digits, '_', '.' and '-', beginning with a letter "
      "or digit",
      shown(name));
}

}  // namespace

Result<Surroundings> Service::surroundings() {
  Surroundings around{.routes = TRY(parts_.host.routes()), .engine_subnets = {}, .engine_trouble = {}};
  const auto networks = parts_.engine.networks(kEngineBound);
  if (!networks.ok()) {
    around.engine_trouble = networks.error().message();
    return around;
  }
  for (const auto& network : *networks) {
    around.engine_subnets.insert(around.engine_subnets.end(), network.subnets.begin(), network.subnets.end());
  }
  return around;
}

// --- networks

Result<NetworkView> Service::create_network(const NetworkSpec& spec) {
  const auto around = TRY(surroundings());
  const auto now = parts_.clock.now();
  const Network planned = TRY(parts_.planner.execute(
      [&](PlanEdit& edit) { return build_network(edit.plan(), spec, parts_.defaults, around, now); }));
  TRY(parts_.kernel.validate(planned));
  return parts_.planner.execute([&](PlanEdit& edit) -> Result<NetworkView> {
    const Network network = TRY(build_network(edit.plan(), spec, parts_.defaults, around, now));
    TRY(edit.put(network));
    return view_of(edit.plan(), network);
  });
}

Result<std::vector<NetworkView>> Service::networks() {
  return parts_.planner.execute([](PlanEdit& edit) -> Result<std::vector<NetworkView>> {
    std::vector<NetworkView> views;
    for (const Network* network : edit.plan().networks()) views.push_back(view_of(edit.plan(), *network));
    return views;
  });
}

Result<NetworkView> Service::network(const std::string& name) {
  return parts_.planner.execute([&](PlanEdit& edit) -> Result<NetworkView> {
    const Network* found = edit.plan().network(name);
    if (!found) return no_network(name);
    return view_of(edit.plan(), *found);
  });
}

Result<> Service::remove_network(const std::string& name) {
  const NetworkView view = TRY(network(name));
  if (view.attached + view.held > 0) {
    return fail(ErrorCode::in_use,
                "the network '{}' has {} attached and {} held reservations: see `bayplan ls --network {}`", name,
                view.attached, view.held, name);
  }
  TRY(remove_engine_networks(view));
  TRY(parts_.planner.execute([&](PlanEdit& edit) -> Result<> {
    const Network* found = edit.plan().network(name);
    if (!found) return {};
    const NetworkView now = view_of(edit.plan(), *found);
    if (now.attached + now.held > 0 || !now.engine_networks.empty() || !edit.plan().attachments(name).empty()) {
      return fail(ErrorCode::in_use, "the network '{}' has just come into use", name);
    }
    const Network gone = *found;
    std::vector<Reservation> removed;
    for (const Reservation* reservation : edit.plan().reservations(name)) removed.push_back(*reservation);
    for (const Reservation& reservation : removed) TRY(end_reservation(edit, reservation));
    return edit.erase(gone);
  }));
  return parts_.kernel.remove_unused().in(fmt::format(
      "the network '{}' is out of the plan; what is left of it on this host goes with the next repair", name));
}

// The engine's network of the same name goes along (`bayplan run` made it); another is its owner's to remove.
Result<> Service::remove_engine_networks(const NetworkView& view) {
  if (view.engine_networks.empty()) return {};
  std::vector<std::string> doomed;
  for (const auto& engine_network : TRY(parts_.engine.networks(kEngineBound))) {
    const bool carries = std::ranges::find(view.engine_networks, engine_network.id) != view.engine_networks.end();
    if (!carries) continue;
    if (engine_network.name != view.network.name) {
      return fail(ErrorCode::in_use, "the network '{}' is used by Docker's network '{}': docker network rm {}",
                  view.network.name, engine_network.name, engine_network.name);
    }
    doomed.push_back(engine_network.id);
  }
  for (const std::string& id : doomed) TRY(parts_.engine.remove_network(id));
  return {};
}

Result<NetworkView> Service::change_network(const std::string& name, const NetworkChange& change) {
  const auto repair = change.repair ? std::optional(TRY(parse_repair(*change.repair))) : std::nullopt;
  auto view = TRY(parts_.planner.execute([&](PlanEdit& edit) -> Result<NetworkView> {
    const Network* found = edit.plan().network(name);
    if (!found) return no_network(name);
    Network changed = *found;
    if (repair) changed.repair = *repair;
    if (changed != *found) TRY(edit.put(changed));
    return view_of(edit.plan(), *edit.plan().network(name));
  }));
  if (repair && *repair) parts_.kernel.look_inside_all();
  return view;
}

// --- reservations

Result<std::vector<ReservationView>> Service::reservations(const ReservationFilter& filter) {
  std::optional<model::ReservationState> state;
  if (filter.state) state = TRY(model::parse_reservation_state(*filter.state));
  auto views = TRY(parts_.planner.execute([&](PlanEdit& edit) -> Result<std::vector<ReservationView>> {
    if (filter.network && !edit.plan().network(*filter.network)) return no_network(*filter.network);
    std::vector<ReservationView> found;
    for (const Reservation* reservation : edit.plan().reservations()) {
      if (matches(*reservation, filter, state)) found.push_back(view_of(edit.plan(), *reservation));
    }
    return found;
  }));
  sort_views(views);
  return views;
}

Result<ReservationView> Service::reserve(const ReserveSpec& spec) {
  const std::string identity = TRY(model::parse_identity(spec.identity, true));
  std::optional<model::IpAddress> address;
  if (spec.address) address = TRY(model::IpAddress::parse(*spec.address));
  auto view = TRY(parts_.planner.execute([&, now = parts_.clock.now()](PlanEdit& edit) -> Result<ReservationView> {
    const Network* network = edit.plan().network(spec.network);
    if (!network) return no_network(spec.network);
    return view_of(edit.plan(),
                   TRY(control::reserve(edit, *network, identity, {.address = address, .within = {}}, now)));
  }));
  return view;
}

Result<ReservationView> Service::release(const std::string& network, const std::string& identity_or_address) {
  auto view = TRY(parts_.planner.execute([&](PlanEdit& edit) -> Result<ReservationView> {
    if (!edit.plan().network(network)) return no_network(network);
    const Reservation* found = find_reservation(edit.plan(), network, identity_or_address);
    if (!found) {
      return fail(ErrorCode::not_found, "nothing is reserved for '{}' on {}: see `bayplan ls --network {}`",
                  shown(identity_or_address), network, network);
    }
    const auto is_its = [&](const model::Attachment* attachment) {
      return attachment->identity == found->identity && attachment->stage != model::Attachment::Stage::granted;
    };
    // Its container may run with another address and wait to be put right.
    const bool waits = std::ranges::any_of(edit.plan().attachments(network), is_its);
    if (edit.plan().mark(network, found->identity) && found->state == model::ReservationState::attached) {
      return fail(ErrorCode::in_use, "{} is attached to '{}' on {}: bayplan detach {} {} first",
                  found->address.to_string(), found->identity, network, found->identity, network);
    }
    if (found->state == model::ReservationState::attached || waits) {
      return fail(ErrorCode::in_use, "{} is in use by '{}' on {}: stop it first (docker stop {})",
                  found->address.to_string(), found->identity, network, found->container_name);
    }
    const Reservation ended = *found;
    TRY(end_reservation(edit, ended));
    return view_of(edit.plan(), ended);
  }));
  log::info("reservation_released", {{"network", network},
                                     {"identity", view.reservation.identity},
                                     {"address", view.reservation.address.to_string()}});
  return view;
}

Result<PlanExport> Service::export_plan() {
  auto plan = TRY(parts_.planner.execute([](PlanEdit& edit) -> Result<PlanExport> {
    PlanExport all;
    for (const Network* network : edit.plan().networks()) all.networks.push_back(*network);
    for (const Reservation* reservation : edit.plan().reservations()) {
      all.reservations.push_back(view_of(edit.plan(), *reservation));
    }
    return all;
  }));
  sort_views(plan.reservations);
  return plan;
}

// The new networks are put to the datapath before anything is stored, as with `network create`: first it is found out
// which they would be, and the planner thread does not wait for the kernel.
Result<ImportReport> Service::import_plan(const ImportRequest& request) {
  auto routes = TRY(parts_.host.routes());
  ImportTerms terms{parts_.defaults, {std::move(routes), {}, {}}, {}, parts_.clock.now()};
  const auto plan_with = [&](bool keep) {
    return parts_.planner.execute([&](PlanEdit& edit) -> Result<Imported> {
      const std::size_t mark = edit.changes().size();
      Imported imported = import_records(edit, request, terms);
      if (!keep) edit.rollback(mark);
      return imported;
    });
  };
  const auto tried = TRY(plan_with(false));
  for (const auto& [key, network] : tried.new_networks) {
    if (auto right = parts_.kernel.validate(network); !right) terms.refused.emplace(key, right.error());
  }
  auto report = TRY(plan_with(!request.dry_run)).report;
  const auto imported = [](const auto& outcomes) {
    return std::ranges::count(outcomes, ImportOutcome::Kind::imported, &ImportOutcome::kind);
  };
  if (!request.dry_run) {
    log::info("plan_imported",
              {{"networks", imported(report.networks)}, {"reservations", imported(report.reservations)}});
  }
  return report;
}

Result<AdoptReport> Service::adopt(const AdoptRequest& request) {
  const std::scoped_lock lock(adopting_);
  const auto find = [this](const Network& network) { return carrier_of(network); };
  const auto find_or_make = [this](const Network& network) -> Result<ports::EngineNetworkInfo> {
    const std::scoped_lock placing(placing_);
    if (auto known = TRY(carrier_of(network))) return std::move(*known);
    TRY(create_carrier(network));
    if (auto made = TRY(carrier_of(network))) return std::move(*made);
    return fail(ErrorCode::conflict, "Docker's network for {} has just been removed again", network.name);
  };
  return Adopter(parts_, {find, find_or_make}).adopt(request);
}

Result<DaemonStatus> Service::status() {
  return DaemonStatus{version_, store_, parts_.engine_keeper.ready(), parts_.engine_keeper.trouble()};
}

// --- attach

// The kernel is asked only where it matters: its answer takes longer, the more interfaces there are.
Result<> Service::check_is_alone_here(const Network& network) {
  const bool in_use =
      TRY(parts_.planner.execute([&](PlanEdit& edit) -> Result<bool> { return is_in_use(edit.plan(), network.name); }));
  if (in_use) return {};
  const auto routes = TRY(parts_.host.routes());
  return parts_.planner.execute([&](PlanEdit& edit) { return check_is_alone(edit.plan(), network, routes); });
}

Result<ReservationView> Service::attach(const AttachSpec& spec) {
  const auto [network, made] = TRY([&] {
    const std::scoped_lock lock(placing_);
    return network_for(spec.network, spec.vlan);
  }());
  TRY(check_is_alone_here(network));
  AttachOrder order;
  order.target = spec.target;
  order.network = network;
  if (spec.address) order.address = TRY(model::IpAddress::parse(*spec.address));
  order.interface = spec.interface.value_or("");
  order.identity = spec.identity.value_or("");
  order.default_route = spec.default_route;
  auto attached = parts_.attacher.attach(order);
  if (!attached.ok()) {
    if (made) static_cast<void>(remove_network(network.name).ok());  // the first error counts
    return std::move(attached).in(fmt::format("attach {} to {}", shown(spec.target), network.name)).error();
  }
  return parts_.planner.execute(
      [&](PlanEdit& edit) -> Result<ReservationView> { return view_of(edit.plan(), *attached); });
}

Result<ReservationView> Service::detach(const std::string& network, const std::string& target) {
  const auto reservation = TRY(parts_.attacher.detach(network, target));
  return parts_.planner.execute(
      [&](PlanEdit& edit) -> Result<ReservationView> { return view_of(edit.plan(), reservation); });
}

// --- run

Result<ReservationView> Service::run(const RunSpec& spec) {
  TRY(check_container_name(spec.name));
  TRY(check_name_is_free(spec.name));
  TRY(model::parse_identity(identity_of(spec), true));
  ports::RunRequest request;
  request.name = spec.name;
  request.image = spec.image;
  request.command = spec.command;
  request.restart_policy = spec.restart_policy;
  request.options = spec.options;
  TRY(parts_.engine.prepare(request).in("run " + spec.name));
  return run_prepared(spec, std::move(request)).in("run " + spec.name);
}

// What was made for a container that does not run goes again.
Result<ReservationView> Service::run_prepared(const RunSpec& spec, ports::RunRequest request) {
  const RunPlace place = TRY(place_for(spec));
  request.network = place.engine_network;
  request.address = place.reservation.address;
  request.pinned = !spec.address;
  if (auto started = create_and_start(request); !started) {
    give_up(place);
    return std::move(started).error();
  }
  return parts_.planner.execute([&](PlanEdit& edit) -> Result<ReservationView> {
    const Reservation* now = edit.plan().reservation(place.network.name, place.reservation.identity);
    return view_of(edit.plan(), now ? *now : place.reservation);
  });
}

// One at a time: of two that name a VLAN without a network, the second finds what the first has made.
Result<Service::RunPlace> Service::place_for(const RunSpec& spec) {
  const std::scoped_lock lock(placing_);
  RunPlace place;
  const auto [network, made] = TRY(network_for(spec.network, spec.vlan));
  place.network = network;
  place.made = made;
  auto placed = place_on(place, spec);
  if (placed) return place;
  give_up(place);
  return std::move(placed).error();
}

Result<> Service::place_on(RunPlace& place, const RunSpec& spec) {
  const auto carrier = TRY(carrier_of(place.network));
  place.reservation =
      TRY(reserve_for_run(place.network, spec, carrier ? carrier->range : std::nullopt, place.reserved));
  place.engine_network = carrier ? carrier->name : TRY(create_carrier(place.network));
  return {};
}

void Service::give_up(const RunPlace& place) {
  if (place.reserved) static_cast<void>(release(place.network.name, place.reservation.identity));
  if (place.made) static_cast<void>(remove_network(place.network.name));
}

Result<> Service::check_name_is_free(const std::string& name) {
  for (const auto& container : TRY(parts_.engine.containers(kEngineBound))) {
    if (container.name == name) {
      return fail(ErrorCode::exists, "there is a container '{}' already ({}): docker start {}, or docker rm {} first",
                  name, to_string(container.state), name, name);
    }
  }
  return {};
}

Result<Service::RunNetwork> Service::network_for(const std::optional<std::string>& named,
                                                 const std::optional<std::string>& vlan) {
  if (named && vlan) {
    return fail(ErrorCode::invalid, "--network and --vlan name a network each: give one of them");
  }
  if (named) {
    return parts_.planner.execute([&](PlanEdit& edit) -> Result<RunNetwork> {
      const Network* found = edit.plan().network(*named);
      if (!found) return no_network(*named);
      return RunNetwork{*found, false};
    });
  }
  NetworkSpec wanted;
  wanted.vlan = vlan.value_or("1");
  const auto tag = TRY(model::parse_vlan(*wanted.vlan));
  const auto known = TRY(parts_.planner.execute([tag](PlanEdit& edit) -> Result<std::optional<Network>> {
    const Network* found = edit.plan().network_of_vlan(tag);
    return found ? std::optional(*found) : std::nullopt;
  }));
  if (known) return RunNetwork{*known, false};
  return RunNetwork{TRY(create_network(wanted)).network, true};
}

Result<Reservation> Service::reserve_for_run(const Network& network, const RunSpec& spec,
                                             const std::optional<model::AddressRange>& within, bool& fresh) {
  const std::string identity = identity_of(spec);
  AddressWish wish{.address = {}, .within = within};
  if (spec.address) wish.address = TRY(model::IpAddress::parse(*spec.address));
  return parts_.planner.execute([&, now = parts_.clock.now()](PlanEdit& edit) -> Result<Reservation> {
    fresh = edit.plan().reservation(network.name, identity) == nullptr;
    return control::reserve(edit, network, identity, wish, now);
  });
}

Result<std::optional<ports::EngineNetworkInfo>> Service::carrier_of(const Network& network) {
  const NetworkView view = TRY(this->network(network.name));
  for (const auto& engine_network : TRY(parts_.engine.networks(kEngineBound))) {
    const bool carries = std::ranges::find(view.engine_networks, engine_network.id) != view.engine_networks.end();
    if (carries) return std::optional(engine_network);
  }
  return std::optional<ports::EngineNetworkInfo>();
}

Result<std::string> Service::create_carrier(const Network& network) {
  const auto others = TRY(parts_.engine.networks(kEngineBound));
  const bool taken = std::ranges::find(others, network.name, &ports::EngineNetworkInfo::name) != others.end();
  std::string name = taken ? "bayplan-" + network.name : network.name;
  TRY(parts_.engine.create_network(name, network.subnet, network.gateway, {{"network", network.name}}));
  return name;
}

Result<> Service::create_and_start(const ports::RunRequest& request) {
  const std::string id = TRY(parts_.engine.create_container(request));
  auto started = parts_.engine.start(id);
  if (started) return {};
  if (auto removed = parts_.engine.remove_container(id); !removed) {
    log::warning("container_left", {{"container", request.name}, {"error", removed.error().message()}});
  }
  return started;
}

}  // namespace bayplan::control
