// The control API's requests, decided: ControlApi on the planner, the engine and the kernel. Called on connection
// threads.
#pragma once

#include <mutex>

#include "control/checker.hpp"
#include "control/control_api.hpp"
#include "control/driver.hpp"

namespace bayplan::control {

class Service final : public ControlApi {
 public:
  Service(Parts parts, std::string version, std::string store)
      : parts_(std::move(parts)),
        version_(std::move(version)),
        store_(std::move(store)),
        checker_({parts_.planner, parts_.engine, parts_.engine_keeper, parts_.kernel, parts_.attacher, parts_.prober,
                  parts_.clock}) {}

  Result<NetworkView> create_network(const NetworkSpec& spec) override;
  Result<std::vector<NetworkView>> networks() override;
  Result<NetworkView> network(const std::string& name) override;
  Result<NetworkView> change_network(const std::string& name, const NetworkChange& change) override;
  Result<> remove_network(const std::string& name) override;

  Result<std::vector<ReservationView>> reservations(const ReservationFilter& filter) override;
  Result<ReservationView> reserve(const ReserveSpec& spec) override;
  Result<ReservationView> release(const std::string& network, const std::string& identity_or_address) override;
  Result<ReservationView> run(const RunSpec& spec) override;
  Result<ReservationView> attach(const AttachSpec& spec) override;
  Result<ReservationView> detach(const std::string& network, const std::string& target) override;
  std::vector<RepairCount> repair_counts() override { return parts_.kernel.repair_counts(); }
  Result<PlanExport> export_plan() override;
  Result<ImportReport> import_plan(const ImportRequest& request) override;
  Result<AdoptReport> adopt(const AdoptRequest& request) override;
  Result<CheckReport> check(const CheckRequest& request) override { return checker_.check(request); }
  Result<CheckProgress> check_progress(const std::string& name) override { return checker_.progress(name); }
  Result<DaemonStatus> status() override;

 private:
  // What new subnets must keep clear of, the engine's networks included where it answers.
  Result<Surroundings> surroundings();
  Result<> check_is_alone_here(const model::Network& network);
  struct RunNetwork {
    model::Network network;
    bool made = false;  // by this request
  };
  // Where a container of `run` goes, and what of that was made for it.
  struct RunPlace {
    model::Network network;
    bool made = false;
    model::Reservation reservation;
    bool reserved = false;
    std::string engine_network;  // its name
  };
  Result<ReservationView> run_prepared(const RunSpec& spec, ports::RunRequest request);
  Result<RunPlace> place_for(const RunSpec& spec);
  Result<> place_on(RunPlace& place, const RunSpec& spec);
  void give_up(const RunPlace& place);
  // Without both: VLAN 1. That of a VLAN is made if there is none.
  Result<RunNetwork> network_for(const std::optional<std::string>& network, const std::optional<std::string>& vlan);
  // The engine's network that carries ours, if there is one.
  Result<std::optional<ports::EngineNetworkInfo>> carrier_of(const model::Network& network);
  // Makes one; its name.
  Result<std::string> create_carrier(const model::Network& network);
  Result<> remove_engine_networks(const NetworkView& view);
  Result<> check_name_is_free(const std::string& name);
  Result<model::Reservation> reserve_for_run(const model::Network& network, const RunSpec& spec,
                                             const std::optional<model::AddressRange>& within, bool& fresh);
  Result<> create_and_start(const ports::RunRequest& request);

  Parts parts_;
  std::mutex adopting_;  // held while containers are adopted: one request at a time
  std::mutex placing_;   // held from looking for a network until a carrier of it stands
  std::string version_;
  std::string store_;
  Checker checker_;
};

}  // namespace bayplan::control
