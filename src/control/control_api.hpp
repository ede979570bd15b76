// What baypland's control API can be asked: the seam between api/ (HTTP and JSON) and the planner.
//
// Callable from any connection thread; each call blocks until its answer is stored, and is bounded.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "control/adopt_request.hpp"
#include "control/check_request.hpp"
#include "control/import_request.hpp"
#include "control/inside_keeper.hpp"
#include "control/network_spec.hpp"
#include "model/records.hpp"

namespace bayplan::control {

// A network as `network ls` and `network inspect` show it.
struct NetworkView {
  model::Network network;
  std::uint64_t size = 0;  // addresses that may be given (saturated)
  std::uint64_t attached = 0;
  std::uint64_t held = 0;
  std::uint64_t removed = 0;
  std::uint64_t free = 0;
  std::vector<std::string> engine_networks;  // the engine's ids
};

// A reservation as `ls` and `show` print it: the contract's columns.
struct ReservationView {
  model::Reservation reservation;
  std::optional<std::uint16_t> vlan;
  model::Subnet subnet;
  std::optional<model::AttachMark> mark;  // it is for attachment
};

// `ls --network NET --state S`, `show IDENTITY|IP`: everything that matches all that is given.
struct ReservationFilter {
  std::optional<std::string> network;
  std::optional<std::string> state;
  std::optional<std::string> identity_or_address;
};

struct ReserveSpec {
  std::string network;
  std::string identity;
  std::optional<std::string> address;
};

// `bayplan run`.
struct RunSpec {
  std::string name;
  std::string image;
  std::vector<std::string> command;
  std::optional<std::string> network;
  std::optional<std::string> vlan;  // without network and vlan: VLAN 1
  std::optional<std::string> address;
  std::string restart_policy = "always";
  std::vector<std::string> options;  // docker run's, as written behind `--`
};

// `bayplan attach`.
struct AttachSpec {
  std::string target;  // a container's name or id, or the absolute path of a network namespace
  std::optional<std::string> network;
  std::optional<std::string> vlan;  // without network and vlan: VLAN 1
  std::optional<std::string> address;
  std::optional<std::string> interface;  // none: the next free eth<N> from eth1 on
  std::optional<std::string> identity;   // only of a namespace; none: its name
  bool default_route = false;            // by this network, whatever default route there is
};

// What may be changed of a network that is there; what is not given stays.
struct NetworkChange {
  std::optional<std::string> repair;  // "on" or "report"
};

// How the daemon is: for `version`, `doctor`, and readiness.
struct DaemonStatus {
  std::string version;
  std::string store;  // "sqlite"
  bool engine_ready = false;
  std::string engine;  // why it is not ready, or empty
};

// The whole plan, as `export` writes it.
struct PlanExport {
  std::vector<model::Network> networks;
  std::vector<ReservationView> reservations;
};

class ControlApi {
 public:
  virtual ~ControlApi() = default;

  virtual Result<NetworkView> create_network(const NetworkSpec& spec) = 0;
  virtual Result<std::vector<NetworkView>> networks() = 0;
  virtual Result<NetworkView> network(const std::string& name) = 0;
  virtual Result<NetworkView> change_network(const std::string& name, const NetworkChange& change) = 0;
  // `in_use` while the engine has a network on it or a reservation is attached or held.
  virtual Result<> remove_network(const std::string& name) = 0;

  virtual Result<std::vector<ReservationView>> reservations(const ReservationFilter& filter) = 0;
  virtual Result<ReservationView> reserve(const ReserveSpec& spec) = 0;
  // Ends a reservation at once; `in_use` while it is attached. Gives what it was.
  virtual Result<ReservationView> release(const std::string& network, const std::string& identity_or_address) = 0;
  virtual Result<ReservationView> run(const RunSpec& spec) = 0;
  // See control/attacher.hpp.
  virtual Result<ReservationView> attach(const AttachSpec& spec) = 0;
  virtual Result<ReservationView> detach(const std::string& network, const std::string& target) = 0;
  // What of attached interfaces was found to differ since the daemon started.
  virtual std::vector<RepairCount> repair_counts() = 0;
  virtual Result<PlanExport> export_plan() = 0;
  // Puts networks and reservations into the plan, in one commit. A record that is wrong or contradicts the plan is
  // skipped, the others are imported; an error means that nothing was. What is there already stays as it is.
  virtual Result<ImportReport> import_plan(const ImportRequest& request) = 0;
  // Takes over containers of the engine's own networks, and moves them if asked. An error means that nothing was done;
  // what could not be done with one container is told in its outcome.
  virtual Result<AdoptReport> adopt(const AdoptRequest& request) = 0;
  // See control/checker.hpp.
  virtual Result<CheckReport> check(const CheckRequest& request) = 0;
  virtual Result<CheckProgress> check_progress(const std::string& name) = 0;
  virtual Result<DaemonStatus> status() = 0;
};

}  // namespace bayplan::control
