#include "apps/baypland/daemon.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "api/control_server.hpp"
#include "base/log.hpp"
#include "control/driver.hpp"
#include "control/repair_loop.hpp"
#include "control/service.hpp"
#include "datapath/bridge/bridge_datapath.hpp"
#include "datapath/common/names.hpp"
#include "datapath/firewall/nft_firewall.hpp"
#include "datapath/host/kernel_host.hpp"
#include "datapath/inside/host_events.hpp"
#include "datapath/inside/kernel_namespaces.hpp"
#include "datapath/macvlan/macvlan_datapath.hpp"
#include "datapath/ovs/ovs_datapath.hpp"
#include "datapath/probe/kernel_prober.hpp"
#include "datapath/router/router.hpp"
#include "engine/docker/docker_engine.hpp"
#include "engine/docker/plugin_server.hpp"
#include "http/listener.hpp"
#include "http/server.hpp"
#include "linux/monitor.hpp"
#include "ovs/watcher.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace bayplan::daemon {
namespace {

constexpr std::chrono::milliseconds kRepairGap{1000};
constexpr std::chrono::seconds kStopGrace{8};  // of systemd's TimeoutStopSec (packaging/), 30 s

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

Result<> check_root() {
  if (geteuid() == 0) return {};
  return fail(ErrorCode::denied, "baypland makes network interfaces: it must run as root");
}

template <typename T>
bool is_running(const Result<T>& looked) {
  return !looked.ok() && looked.error().code == ErrorCode::in_use;
}

// Every datapath that networks may have, as one.
struct Datapaths {
  std::unique_ptr<datapath::BridgeDatapath> bridge;
  std::unique_ptr<datapath::OvsDatapath> ovs;
  std::unique_ptr<datapath::MacvlanDatapath> macvlan;
  std::unique_ptr<datapath::Router> router;
};

Result<Datapaths> open_datapaths(const Config& config) {
  Datapaths all;
  all.bridge = TRY(datapath::BridgeDatapath::open());
  all.ovs = TRY(datapath::OvsDatapath::open(config.ovs));
  all.macvlan = TRY(datapath::MacvlanDatapath::open());
  all.router =
      std::make_unique<datapath::Router>(datapath::Router::Parts{{model::DatapathKind::bridge, all.bridge.get()},
                                                                 {model::DatapathKind::ovs, all.ovs.get()},
                                                                 {model::DatapathKind::macvlan, all.macvlan.get()}});
  return all;
}

// Of the host's, on macvlan its shim, which has the same name as a bridge would.
std::string gateway_device(const model::Network& network) {
  return network.datapath == model::DatapathKind::ovs ? datapath::ovs_device_name(network)
                                                      : datapath::bridge_name(network);
}

// What of Open vSwitch's configuration is ours, or can undo what is: a change there calls for a look.
ovs::Watcher::Tables watched_tables() {
  return {{"Bridge", {"name", "ports"}},
          {"Port", {"name", "tag", "trunks", "vlan_mode", "external_ids"}},
          {"Interface", {"name", "type", "mac", "mtu_request", "ifindex"}}};
}

Result<> remove_links(const Config& config) {
  const auto all = TRY(open_datapaths(config));
  // Listings leave out what can't be looked at; here that would be left behind unsaid.
  const auto reachable = all.ovs->check_reachable().in("look for what is ours in Open vSwitch");
  auto removed = control::remove_all_links(*all.router);
  if (removed.ok() || reachable.ok()) return removed.ok() ? reachable : removed;
  return joined({reachable.error(), removed.error()});
}

Result<> remove_rules() {
  TRY(TRY(datapath::NftFirewall::open(gateway_device))->ensure({}));
  return {};
}

}  // namespace

// In the order in which they are made; destroyed the other way round.
struct Daemon::Members {
  SystemClock clock;
  std::unique_ptr<store::SqliteStore> store;
  Datapaths datapaths;
  std::unique_ptr<datapath::NftFirewall> firewall;
  datapath::KernelHost host;
  datapath::KernelProber prober{gateway_device};
  std::unique_ptr<docker::DockerEngine> engine;
  std::unique_ptr<control::Planner> planner;
  std::unique_ptr<datapath::KernelNamespaces> namespaces;
  std::unique_ptr<control::KernelKeeper> kernel;
  std::unique_ptr<control::Attacher> attacher;
  std::unique_ptr<control::Publisher> publisher;
  std::unique_ptr<control::RepairLoop> repair;
  std::unique_ptr<kernel::Monitor> monitor;
  std::unique_ptr<ovs::Watcher> ovs_watcher;
  std::unique_ptr<control::EngineKeeper> keeper;
  std::unique_ptr<control::Driver> driver;
  std::unique_ptr<control::Service> service;
  api::Metrics metrics;
  std::atomic<bool> serving = false;  // the keeper is there, for the planner's thread
  std::unique_ptr<http::Server> plugin_server;
  std::unique_ptr<http::Server> control_server;

  // What the kernel's events lead to.
  kernel::Monitor::Handlers monitor_handlers() {
    return {.namespaces = [this](const auto& ids) { kernel->look_inside(namespaces->paths_of(ids)); },
            .host =
                [this](const auto& events) {
                  if (std::ranges::any_of(events, datapath::calls_for_look)) repair->poke();
                },
            .mounts = [this] { attacher->look_for_namespaces(); },
            .lost =
                [this] {
                  repair->poke();
                  kernel->look_inside_all();
                }};
  }
};

Daemon::Daemon() : members_(std::make_unique<Members>()) {
}

Daemon::~Daemon() {
  Members& m = *members_;
  // What waits for the engine ends by itself within moments, or like a pull in minutes: after the grace it is cut off.
  const std::jthread cutter([&](std::stop_token ended) {
    std::mutex mutex;
    std::unique_lock hold(mutex);
    std::condition_variable_any never;
    never.wait_for(hold, ended, kStopGrace, [] { return false; });
    if (!ended.stop_requested() && m.engine) m.engine->cut_off();
  });
  m.prober.stop();  // the answer to a check may be minutes away
  // First nobody can ask any more, then the keeper stops asking the engine.
  m.control_server.reset();
  m.plugin_server.reset();
  m.serving = false;
  // What the planner's thread is just telling is told when it answers.
  if (m.planner) static_cast<void>(m.planner->execute([](model::PlanEdit&) -> Result<> { return {}; }));
  if (m.keeper) m.keeper->stop();
}

Result<> Daemon::open(const Config& config) {
  Members& m = *members_;
  m.store = TRY(store::SqliteStore::open(TRY(sqlite_path(config.store_url))).in("open the plan"));
  auto plan = TRY(model::Plan::from(TRY(m.store->load().in("load the plan"))));
  m.datapaths = TRY(open_datapaths(config));
  m.firewall = TRY(datapath::NftFirewall::open(gateway_device));
  m.engine = std::make_unique<docker::DockerEngine>(config.docker_socket);
  m.planner = std::make_unique<control::Planner>(*m.store, std::move(plan), [&m](const model::ChangeSet& changes) {
    if (m.serving && control::calls_for_sync(changes)) m.keeper->poke();
  });
  m.namespaces = TRY(datapath::KernelNamespaces::open());
  m.kernel = std::make_unique<control::KernelKeeper>(
      *m.planner, control::KernelKeeper::Ports{*m.datapaths.router, *m.firewall, *m.namespaces}, m.clock);
  m.attacher = std::make_unique<control::Attacher>(
      control::Attacher::Parts{*m.planner, *m.engine, *m.kernel, m.clock, host_name()});
  return {};
}

Result<> Daemon::serve(const Config& config, const std::string& version) {
  Members& m = *members_;
  if (auto repaired = m.kernel->reconcile(); !repaired) {
    log::warning("reconcile_incomplete", {{"error", repaired.error().message()}});
  }
  m.publisher = std::make_unique<control::Publisher>(*m.planner, *m.kernel, m.host);
  m.publisher->follow_plan();
  m.repair = std::make_unique<control::RepairLoop>(*m.kernel, kRepairGap, config.resync,
                                                   [&m] { m.attacher->look_for_namespaces(); });
  m.monitor = TRY(kernel::Monitor::open(m.monitor_handlers()).in("listen to the kernel"));
  m.kernel->look_inside_all();
  m.attacher->look_for_namespaces();
  m.ovs_watcher = std::make_unique<ovs::Watcher>(config.ovs.socket, watched_tables(), [&m] { m.repair->poke(); });
  control::EngineKeeperSettings settings;
  settings.host = host_name();
  settings.resync = config.resync;
  control::EngineHooks hooks;
  hooks.after_sync = [&m] {
    m.kernel->engine_was_up();
    m.publisher->follow_plan();
    m.repair->poke();
  };
  hooks.started = [&m](const auto& container) { m.attacher->container_started(container); };
  hooks.attach_due = [&m](const auto& due) { return m.attacher->containers_due(due); };
  m.keeper = std::make_unique<control::EngineKeeper>(*m.engine, *m.planner, m.clock, settings, std::move(hooks));
  const control::Parts parts{*m.planner, *m.engine, *m.keeper,       *m.kernel,     *m.attacher, *m.publisher,
                             m.host,     m.clock,   config.networks, settings.host, m.prober};
  m.driver = std::make_unique<control::Driver>(parts);
  m.service = std::make_unique<control::Service>(parts, version, "sqlite");
  m.serving = true;
  m.keeper->start();
  m.plugin_server = TRY(
      http::Server::on_path(config.plugin_socket, docker::plugin_handler(*m.driver), docker::plugin_server_options())
          .in("serve Docker's plugin socket"));
  m.control_server = TRY(api::serve_control(config.api_socket, *m.service, m.metrics).in("serve the control socket"));
  return {};
}

Result<std::unique_ptr<Daemon>> Daemon::start(const Config& config, const std::string& version) {
  TRY(check_root());
  std::unique_ptr<Daemon> daemon(new Daemon);
  TRY(daemon->open(config));
  TRY(daemon->serve(config, version));
  return daemon;
}

Result<> tear_down(const Config& config) {
  TRY(check_root());
  // No daemon may be running that would put everything back: it would have the plan's lock, or listen on the sockets.
  // A lock that can't be looked at, on a disk that fails, keeps nothing from being removed: the sockets tell, too.
  const auto lock = store::SqliteStore::lock_out(TRY(sqlite_path(config.store_url)));
  if (is_running(lock)) return lock.error();
  std::vector<Error> errors;
  for (const auto& socket : {config.api_socket, config.plugin_socket}) {
    const auto removed = http::remove_dead_socket(socket);
    if (is_running(removed)) return removed.error();
    if (!removed.ok()) errors.push_back(removed.error());
  }
  for (const auto& done : {remove_links(config), remove_rules()}) {
    if (!done.ok()) errors.push_back(done.error());
  }
  if (!errors.empty()) return joined(errors);
  return {};
}

}  // namespace bayplan::daemon
