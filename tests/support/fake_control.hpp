// A ControlApi that holds a small plan in memory and refuses what the planner refuses, as far as api/ and the CLI can
// tell. `fail_with` makes every call give that error.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "control/control_api.hpp"
#include "model/names.hpp"

namespace bayplan::testing {

class FakeControl final : public control::ControlApi {
 public:
  std::optional<Error> fail_with;
  // What was asked last, as it arrived.
  control::NetworkSpec network_spec;
  control::ReserveSpec reserve_spec;
  control::RunSpec run_spec;
  control::AttachSpec attach_spec;
  control::ReservationFilter filter;
  control::ImportRequest import_request;
  control::AdoptRequest adopt_request;
  control::CheckRequest check_request;

  Result<control::NetworkView> create_network(const control::NetworkSpec& spec) override {
    const std::lock_guard lock(mutex_);
    network_spec = spec;
    if (fail_with) return *fail_with;
    control::NetworkView view;
    view.network.name = TRY(model::parse_network_name(spec.name));
    if (networks_.contains(spec.name)) return fail(ErrorCode::exists, "the network {} is there already", spec.name);
    if (spec.vlan) view.network.vlan = TRY(model::parse_vlan(*spec.vlan));
    view.network.subnet = TRY(model::Subnet::parse(spec.subnet.value_or("172.16.1.0/24")));
    view.network.gateway = view.network.subnet.first_host();
    view.network.nat = spec.nat;
    view.network.mac_salt = 7;
    view.network.created = kNow - std::chrono::hours(72);
    view.size = 253;
    view.free = 253;
    return networks_[spec.name] = view;
  }
  Result<std::vector<control::NetworkView>> networks() override {
    const std::lock_guard lock(mutex_);
    if (fail_with) return *fail_with;
    std::vector<control::NetworkView> out;
    for (const auto& [name, view] : networks_) out.push_back(view);
    return out;
  }
  Result<control::NetworkView> network(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    if (fail_with) return *fail_with;
    return find(name);
  }
  Result<> remove_network(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    if (fail_with) return *fail_with;
    TRY(find(name));
    for (const auto& [key, reservation] : reservations_) {
      if (reservation.network == name) return fail(ErrorCode::in_use, "{} has reservations", name);
    }
    networks_.erase(name);
    return {};
  }
  Result<std::vector<control::ReservationView>> reservations(const control::ReservationFilter& wanted) override {
    const std::lock_guard lock(mutex_);
    filter = wanted;
    if (fail_with) return *fail_with;
    std::vector<control::ReservationView> out;
    for (const auto& [key, reservation] : reservations_) {
      const bool matches = (!wanted.network || reservation.network == *wanted.network) &&
                           (!wanted.state || model::to_string(reservation.state) == *wanted.state) &&
                           (!wanted.identity_or_address || reservation.identity == *wanted.identity_or_address ||
                            reservation.address.to_string() == *wanted.identity_or_address);
      if (matches) out.push_back(view_of(reservation));
    }
    return out;
  }
  Result<control::ReservationView> reserve(const control::ReserveSpec& spec) override {
    const std::lock_guard lock(mutex_);
    reserve_spec = spec;
    if (fail_with) return *fail_with;
    const auto network = TRY(find(spec.network));
    model::Reservation reservation;
    reservation.network = spec.network;
    reservation.identity = TRY(model::parse_identity(spec.identity, true));
    reservation.address = spec.address ? TRY(model::IpAddress::parse(*spec.address))
                                       : *network.network.subnet.base().plus(2 + reservations_.size());
    for (const auto& [key, other] : reservations_) {
      if (other.network == spec.network && other.address == reservation.address) {
        return fail(ErrorCode::conflict, "{} is held for '{}' on {}", other.address.to_string(), other.identity,
                    other.network);
      }
    }
    reservation.mac = model::mac_of(network.network.mac_salt, reservation.address);
    reservation.created = kNow - std::chrono::hours(72);
    return view_of(put(std::move(reservation)));
  }
  Result<control::ReservationView> release(const std::string& network, const std::string& whose) override {
    const std::lock_guard lock(mutex_);
    if (fail_with) return *fail_with;
    TRY(find(network));
    for (const auto& [key, reservation] : reservations_) {
      if (reservation.network != network) continue;
      if (reservation.identity != whose && reservation.address.to_string() != whose) continue;
      if (reservation.state == model::ReservationState::attached) {
        return fail(ErrorCode::in_use, "'{}' is attached to {}: stop it first", reservation.identity, network);
      }
      auto was = view_of(reservation);
      reservations_.erase(key);
      return was;
    }
    return fail(ErrorCode::not_found, "nothing is reserved for '{}' on {}", whose, network);
  }
  Result<control::ReservationView> run(const control::RunSpec& spec) override {
    run_spec = spec;
    auto made = TRY(reserve({spec.network.value_or("vlan" + spec.vlan.value_or("1")), spec.name, spec.address}));
    const std::lock_guard lock(mutex_);
    auto& reservation = reservations_.at({made.reservation.network, made.reservation.identity});
    reservation.state = model::ReservationState::attached;
    reservation.container_name = spec.name;
    reservation.host = "host1";
    return view_of(reservation);
  }
  Result<control::NetworkView> change_network(const std::string& name, const control::NetworkChange& change) override {
    const std::lock_guard lock(mutex_);
    if (fail_with) return *fail_with;
    TRY(find(name));
    auto& view = networks_.at(name);
    if (change.repair) view.network.repair = *change.repair == "on";
    return view;
  }
  Result<control::ReservationView> attach(const control::AttachSpec& spec) override {
    attach_spec = spec;
    const auto network = spec.network.value_or("vlan" + spec.vlan.value_or("1"));
    const auto identity = spec.identity.value_or(spec.target.substr(spec.target.rfind('/') + 1));
    TRY(reserve({network, identity, spec.address}));
    const std::lock_guard lock(mutex_);
    auto& reservation = reservations_.at({network, identity});
    reservation.state = model::ReservationState::attached;
    const bool is_path = spec.target.starts_with('/');
    marks_[{network, identity}] = {
        network, identity, is_path ? spec.target : "", spec.interface.value_or("eth1"), spec.default_route, "e"};
    return view_of(reservation);
  }
  Result<control::ReservationView> detach(const std::string& network, const std::string& target) override {
    const std::lock_guard lock(mutex_);
    if (fail_with) return *fail_with;
    if (marks_.erase({network, target}) == 0) {
      return fail(ErrorCode::not_found, "nothing of '{}' is attached to {}", target, network);
    }
    auto& reservation = reservations_.at({network, target});
    reservation.state = model::ReservationState::held;
    return view_of(reservation);
  }
  std::vector<control::RepairCount> repair_counts() override { return {{"vlan7", "address", 3, 2}}; }
  Result<control::PlanExport> export_plan() override {
    const std::lock_guard lock(mutex_);
    if (fail_with) return *fail_with;
    control::PlanExport plan;
    for (const auto& [name, view] : networks_) plan.networks.push_back(view.network);
    for (const auto& [key, reservation] : reservations_) plan.reservations.push_back(view_of(reservation));
    return plan;
  }
  // Takes the networks that have a name and the reservations of networks that are there; no rules beyond that.
  Result<control::ImportReport> import_plan(const control::ImportRequest& request) override {
    import_request = request;
    if (fail_with) return *fail_with;
    control::ImportReport report{request.dry_run, {}, {}};
    for (const auto& record : request.networks) report.networks.push_back(import_network(record, request.dry_run));
    for (const auto& record : request.reservations) {
      report.reservations.push_back(import_reservation(record, request.dry_run));
    }
    return report;
  }
  // What it answers.
  control::CheckReport check_report;
  control::CheckProgress progress;
  Result<control::CheckReport> check(const control::CheckRequest& request) override {
    const std::lock_guard lock(mutex_);
    check_request = request;
    if (fail_with) return *fail_with;
    return check_report;
  }
  Result<control::CheckProgress> check_progress(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    if (name != check_request.progress) return fail(ErrorCode::not_found, "no check '{}' is under way", name);
    return progress;
  }
  // Every container that is named is adopted as one on Docker's bridge; "bad" is refused.
  Result<control::AdoptReport> adopt(const control::AdoptRequest& request) override {
    adopt_request = request;
    if (fail_with) return *fail_with;
    control::AdoptReport report{request.dry_run, {}};
    for (const auto& name : request.containers) {
      control::AdoptOutcome outcome;
      outcome.kind = name == "bad" ? control::AdoptOutcome::Kind::refused : control::AdoptOutcome::Kind::adopted;
      outcome.container = name;
      outcome.state = "running";
      outcome.engine_network = "bridge";
      outcome.driver = "bridge";
      outcome.address_now = "172.17.0.2/16";
      outcome.network = request.move_network.value_or("bridge");
      outcome.network_made = name == "first";
      outcome.identity = name;
      outcome.address = name == "bad" ? "" : "172.17.0.2/16";
      outcome.note = name == "bad" ? "172.17.0.2 is held for 'db'" : "";
      report.outcomes.push_back(std::move(outcome));
    }
    return report;
  }
  Result<control::DaemonStatus> status() override {
    const std::lock_guard lock(mutex_);
    if (fail_with) return *fail_with;
    return control::DaemonStatus{"9.8.7", "sqlite", false, "Docker can't be reached"};
  }

  // For tests: puts a reservation as it is.
  model::Reservation& put(model::Reservation reservation) {
    const auto key = std::pair(reservation.network, reservation.identity);
    return reservations_[key] = std::move(reservation);
  }

  // 2026-03-05T12:00:00Z
  static constexpr Timestamp kNow{std::chrono::milliseconds(1'772'712'000'000)};

 private:
  using Outcome = control::ImportOutcome;
  Outcome import_network(const control::ImportNetwork& record, bool dry_run) {
    auto spec = record.spec;
    if (spec.name.empty()) spec.name = "vlan" + spec.vlan.value_or("");
    Outcome outcome{record.key, Outcome::Kind::present, {}, spec.name, {}, spec.subnet.value_or(""), {}};
    {
      const std::lock_guard lock(mutex_);
      if (networks_.contains(spec.name)) return outcome;
    }
    outcome.kind = Outcome::Kind::imported;
    if (!dry_run) static_cast<void>(create_network(spec));
    return outcome;
  }
  Outcome import_reservation(const control::ImportReservation& record, bool dry_run) {
    const auto network = record.network.value_or("vlan" + record.vlan.value_or(""));
    Outcome outcome{record.key, Outcome::Kind::present, {}, network, record.identity, record.address, "held"};
    {
      const std::lock_guard lock(mutex_);
      if (reservations_.contains({network, record.identity})) return outcome;
    }
    outcome.kind = Outcome::Kind::imported;
    const auto address = record.address.substr(0, record.address.find('/'));
    if (dry_run) return outcome;
    if (auto made = reserve({network, record.identity, address}); !made) {
      outcome.kind = Outcome::Kind::skipped;
      outcome.note = made.error().message();
    }
    return outcome;
  }
  Result<control::NetworkView> find(const std::string& name) const {
    const auto found = networks_.find(name);
    if (found == networks_.end()) return fail(ErrorCode::not_found, "there is no network {}", name);
    return found->second;
  }
  control::ReservationView view_of(const model::Reservation& reservation) const {
    const auto& network = networks_.at(reservation.network).network;
    const auto mark = marks_.find({reservation.network, reservation.identity});
    return {reservation, network.vlan, network.subnet,
            mark == marks_.end() ? std::nullopt : std::optional(mark->second)};
  }

  std::mutex mutex_;
  std::map<std::string, control::NetworkView> networks_;
  std::map<std::pair<std::string, std::string>, model::Reservation> reservations_;
  std::map<std::pair<std::string, std::string>, model::AttachMark> marks_;
};

}  // namespace bayplan::testing
