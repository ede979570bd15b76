#include "apps/bayplan/program.hpp"

#include <boost/json.hpp>

#include "apps/bayplan/adopt_report.hpp"
#include "apps/bayplan/check_report.hpp"
#include "apps/bayplan/completion.hpp"
#include "apps/bayplan/daemon.hpp"
#include "apps/bayplan/env_file.hpp"
#include "apps/bayplan/import_report.hpp"
#include "apps/bayplan/import_source.hpp"
#include "apps/bayplan/options.hpp"
#include "apps/bayplan/progress_bar.hpp"
#include "apps/bayplan/render.hpp"
#include "imports/request.hpp"
#include "model/names.hpp"
#include "wire/error_map.hpp"
#include "wire/json.hpp"

namespace bayplan::cli {
namespace {

namespace json = boost::json;

json::value text_or_null(const std::optional<std::string>& text) {
  return text ? json::value(*text) : json::value(nullptr);
}

json::array texts(const std::vector<std::string>& list) {
  return json::array(list.begin(), list.end());
}

// One command, done: its output, or why not.
class Doer {
 public:
  Doer(const Invocation& invocation, Daemon& daemon, const Surroundings& surroundings)
      : invocation_(invocation), daemon_(daemon), surroundings_(surroundings) {}

  Result<std::string> operator()(const std::monostate&) {
    return fail(ErrorCode::invalid, "no command was given. See: bayplan --help");
  }

  Result<std::string> operator()(const NetworkCreate& command) {
    const json::value body{{"name", command.name},
                           {"vlan", text_or_null(command.vlan)},
                           {"subnet", text_or_null(command.subnet)},
                           {"gateway", text_or_null(command.gateway)},
                           {"ranges", texts(command.ranges)},
                           {"exclusions", texts(command.exclusions)},
                           {"datapath", text_or_null(command.datapath)},
                           {"uplink", text_or_null(command.uplink)},
                           {"host_address", text_or_null(command.host_address)},
                           {"mtu", text_or_null(command.mtu)},
                           {"nat", !command.no_nat},
                           {"repair", text_or_null(command.repair)}};
    return network(TRY(daemon_.post("/v1/networks", body)));
  }

  Result<std::string> operator()(const NetworkList&) {
    const auto answer = TRY(daemon_.get("/v1/networks"));
    return invocation_.json ? wire::pretty(answer) : invocation_.quiet ? network_keys(answer) : networks_table(answer);
  }

  Result<std::string> operator()(const NetworkInspect& command) {
    const auto name = TRY(model::parse_network_name(command.name));
    return network(TRY(daemon_.get("/v1/networks/" + name)));
  }

  Result<std::string> operator()(const NetworkSet& command) {
    const auto name = TRY(model::parse_network_name(command.name));
    return network(TRY(daemon_.patch("/v1/networks/" + name, {{"repair", text_or_null(command.repair)}})));
  }

  Result<std::string> operator()(const NetworkRemove& command) {
    const auto name = TRY(model::parse_network_name(command.name));
    TRY(daemon_.remove("/v1/networks/" + name));
    return invocation_.json ? wire::pretty({{"removed", name}}) : name + "\n";
  }

  Result<std::string> operator()(const RunContainer& command) {
    const auto options = TRY(with_env_files_read(command.docker_options));
    const json::value body{{"name", command.name},
                           {"image", command.image},
                           {"command", texts(command.command)},
                           {"network", text_or_null(command.network)},
                           {"vlan", text_or_null(command.vlan)},
                           {"address", text_or_null(command.address)},
                           {"restart_policy", text_or_null(command.restart_policy)},
                           {"options", texts(options)}};
    return reservation(TRY(daemon_.post("/v1/run", body, kRunBound)));
  }

  Result<std::string> operator()(const Attach& command) {
    const json::value body{{"target", command.target},
                           {"network", text_or_null(command.network)},
                           {"vlan", text_or_null(command.vlan)},
                           {"address", text_or_null(command.address)},
                           {"interface", text_or_null(command.interface)},
                           {"identity", text_or_null(command.identity)},
                           {"default_route", command.default_route}};
    return reservation(TRY(daemon_.post("/v1/attach", body)));
  }

  Result<std::string> operator()(const Detach& command) {
    return reservation(TRY(daemon_.post("/v1/detach", {{"target", command.target}, {"network", command.network}})));
  }

  Result<std::string> operator()(const List& command) {
    std::map<std::string, std::string> query;
    if (command.network) query["network"] = *command.network;
    if (command.state) query["state"] = *command.state;
    const auto answer = TRY(daemon_.get("/v1/reservations", query));
    if (invocation_.json) return wire::pretty(answer);
    return invocation_.quiet ? reservation_keys(answer) : reservations_table(answer, surroundings_.clock.now());
  }

  Result<std::string> operator()(const Show& command) {
    const auto answer = TRY(daemon_.get("/v1/reservations", {{"match", command.identity_or_address}}));
    if (!answer.is_array() || answer.get_array().empty()) {
      return fail(ErrorCode::not_found, "nothing is reserved for '{}'. What there is: bayplan ls",
                  command.identity_or_address);
    }
    if (invocation_.json) return wire::pretty(answer);
    std::string out;
    for (const auto& one : answer.get_array()) out += (out.empty() ? "" : "\n") + reservation(one);
    return out;
  }

  Result<std::string> operator()(const Reserve& command) {
    const json::value body{
        {"network", command.network}, {"identity", command.identity}, {"address", text_or_null(command.address)}};
    return reservation(TRY(daemon_.post("/v1/reservations", body)));
  }

  Result<std::string> operator()(const Release& command) {
    const auto network_name = TRY(model::parse_network_name(command.network));
    const auto whose = TRY(model::parse_identity(command.identity_or_address, true));
    return reservation(TRY(daemon_.remove("/v1/reservations/" + network_name + "/" + whose)));
  }

  Result<std::string> operator()(const Export&) { return wire::pretty(TRY(daemon_.get("/v1/export"))); }

  Result<std::string> operator()(const Import& command) {
    const auto source = TRY(load_source(command.source, command.kind));
    const auto body = imports::to_request(source.records, command.dry_run);
    auto answer = TRY(daemon_.post("/v1/import", body, kImportBound));
    const auto report = TRY(import_report(source, std::move(answer)));
    if (const auto skipped = skipped_in(report); skipped > 0) {
      incomplete_ = fmt::format("{} record{} skipped", skipped, skipped == 1 ? " was" : "s were");
    }
    if (invocation_.json) return wire::pretty(report);
    return invocation_.quiet ? imported_keys(report) : import_text(report);
  }

  Result<std::string> operator()(const Adopt& command) {
    const json::value body{{"containers", texts(command.containers)},
                           {"all", command.all},
                           {"from", text_or_null(command.from)},
                           {"move", text_or_null(command.move_network)},
                           {"dry_run", command.dry_run}};
    const auto report = TRY(daemon_.post("/v1/adopt", body, kAdoptBound));
    incomplete_ = TRY(what_was_not_adopted(report));
    if (invocation_.json) return wire::pretty(report);
    return invocation_.quiet ? adopted_keys(report) : adopt_text(report);
  }

  Result<std::string> operator()(const Check& command) {
    const auto name = progress_name();
    const json::value body{{"network", text_or_null(command.network)},
                           {"repair", command.repair},
                           {"probe", texts(command.probes)},
                           {"progress", name}};
    const bool shows = surroundings_.err_is_terminal && !invocation_.quiet && !invocation_.json;
    std::optional<ProgressBar> bar;
    if (shows && !command.probes.empty()) bar.emplace(invocation_.socket, name, surroundings_.err);
    const auto answer = daemon_.post("/v1/check", body, kCheckBound);
    bar.reset();
    const auto report = TRY(answer);
    const auto verdict = TRY(check_verdict(report));
    status_ = verdict.status;
    surroundings_.err << verdict.notice;
    if (invocation_.json) return wire::pretty(report.at("findings"));
    return invocation_.quiet ? check_keys(report) : check_text(report);
  }

  Result<std::string> operator()(const Version&) {
    const auto status = TRY(daemon_.get("/v1/status"));
    const auto fields = TRY(wire::Fields::of(status, "baypland's status"));
    if (invocation_.json) return wire::pretty({{"bayplan", surroundings_.version}, {"baypland", status}});
    const auto version = TRY(fields.text("version"));
    if (invocation_.quiet) return version + "\n";
    const auto trouble = TRY(fields.optional_text("engine"));
    const bool ready = TRY(fields.boolean("engine_ready", false));
    const auto store = TRY(fields.text("store"));
    return block({{"bayplan", surroundings_.version},
                  {"baypland", version},
                  {"store", store},
                  {"engine", ready ? "ready" : "not ready" + (trouble ? ": " + *trouble : std::string())}});
  }

  Result<std::string> operator()(const Completion& command) { return completion_script(command.shell); }

  // The exit status of a command that was done.
  [[nodiscard]] int status() const { return status_; }
  // What of the command, which was done, could not be; empty: it was done whole.
  [[nodiscard]] const std::string& incomplete() const { return incomplete_; }

 private:
  [[nodiscard]] std::string network(const json::value& value) const {
    if (invocation_.json) return wire::pretty(value);
    return invocation_.quiet ? network_keys(value) : network_block(value);
  }
  [[nodiscard]] std::string reservation(const json::value& value) const {
    if (invocation_.json) return wire::pretty(value);
    return invocation_.quiet ? reservation_keys(value) : reservation_block(value, surroundings_.clock.now());
  }

  const Invocation& invocation_;
  Daemon& daemon_;
  const Surroundings& surroundings_;
  std::string incomplete_;
  int status_ = 0;
};

}  // namespace

int run_program(const std::vector<std::string>& args, const Surroundings& surroundings) {
  const auto parsed = parse(args, surroundings.version);
  if (const auto* stop = std::get_if<Stop>(&parsed)) {
    (stop->status == 0 ? surroundings.out : surroundings.err) << stop->text;
    return stop->status;
  }
  const auto& invocation = std::get<Invocation>(parsed);
  Daemon daemon(invocation.socket);
  Doer doer(invocation, daemon, surroundings);
  const auto done = std::visit(doer, invocation.command);
  if (done.ok()) {
    surroundings.out << *done;
    if (doer.incomplete().empty()) return doer.status();
    surroundings.err << "bayplan: " << doer.incomplete() << "\n";
    return 1;
  }
  surroundings.err << "bayplan: " << done.error().message() << "\n";
  return daemon.unreachable() ? 3 : wire::mapping_of(done.error().code).exit_status;
}

}  // namespace bayplan::cli
