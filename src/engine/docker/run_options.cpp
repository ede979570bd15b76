#include "engine/docker/run_options.hpp"

#include "base/text.hpp"
#include "engine/docker/run_option_values.hpp"

namespace bayplan::docker {

namespace {

namespace json = boost::json;

enum class Place { body, host };
enum class Shape {
  flag,     // true or false
  text,     // as it stands
  list,     // one entry each time it is given
  map,      // key=value, one member each time
  integer,  // a whole number
  bytes,    // a size
  custom,   // `apply` knows
  ignored,  // holds anyway
  refused,  // `key` says why and what to do
};
using Apply = Result<> (*)(RunOptions& out, const std::string& value);

struct Option {
  std::string_view name;
  char letter;  // 0: none
  Shape shape;
  Place place = Place::body;
  std::string_view key{};  // in the API; of a refused option the reason
  Apply apply = nullptr;
};

json::object& host(RunOptions& out) {
  return out.body["HostConfig"].as_object();
}

json::array& list_in(json::object& object, std::string_view key) {
  return (object.contains(key) ? object[key] : object[key] = json::array()).as_array();
}

json::object& map_in(json::object& object, std::string_view key) {
  return (object.contains(key) ? object[key] : object[key] = json::object()).as_object();
}

Result<> apply_env(RunOptions& out, const std::string& value) {
  if (value.find('=') == std::string::npos) {
    return fail(ErrorCode::invalid, "{:?} would take its value from baypland's environment: write {}=VALUE",
                shown(value), shown(value));
  }
  list_in(out.body, "Env").emplace_back(value);
  return {};
}

Result<> apply_volume(RunOptions& out, const std::string& value) {
  if (value.find(':') == std::string::npos) {
    map_in(out.body, "Volumes")[value] = json::object();
  } else {
    list_in(host(out), "Binds").emplace_back(value);
  }
  return {};
}

Result<> apply_mount(RunOptions& out, const std::string& value) {
  list_in(host(out), "Mounts").emplace_back(TRY(parse_mount(value)));
  return {};
}

Result<> apply_publish(RunOptions& out, const std::string& value) {
  for (const auto& each : TRY(parse_publish(value))) {
    map_in(out.body, "ExposedPorts")[each.port] = json::object();
    list_in(map_in(host(out), "PortBindings"), each.port)
        .emplace_back(json::object{{"HostIp", each.host_ip}, {"HostPort", each.host_port}});
  }
  return {};
}

Result<> apply_expose(RunOptions& out, const std::string& value) {
  for (const auto& port : TRY(parse_expose(value))) map_in(out.body, "ExposedPorts")[port] = json::object();
  return {};
}

Result<> apply_entrypoint(RunOptions& out, const std::string& value) {
  out.body["Entrypoint"] = json::array{value};
  return {};
}

Result<> apply_cpus(RunOptions& out, const std::string& value) {
  host(out)["NanoCpus"] = TRY(parse_cpus(value));
  return {};
}

Result<> apply_tmpfs(RunOptions& out, const std::string& value) {
  const auto colon = value.find(':');
  map_in(host(out), "Tmpfs")[value.substr(0, colon)] = colon == std::string::npos ? "" : value.substr(colon + 1);
  return {};
}

Result<> apply_add_host(RunOptions& out, const std::string& value) {
  auto entry = value;  // the API wants name:address; the command takes name=address too
  const auto equals = entry.find('=');
  if (equals != std::string::npos) entry[equals] = ':';
  if (entry.find(':') == std::string::npos) {
    return fail(ErrorCode::invalid, "{:?} is not name:address", shown(value));
  }
  list_in(host(out), "ExtraHosts").emplace_back(entry);
  return {};
}

Result<> apply_ulimit(RunOptions& out, const std::string& value) {
  list_in(host(out), "Ulimits").emplace_back(TRY(parse_ulimit(value)));
  return {};
}

Result<> apply_device(RunOptions& out, const std::string& value) {
  list_in(host(out), "Devices").emplace_back(TRY(parse_device(value)));
  return {};
}

Result<> apply_security(RunOptions& out, const std::string& value) {
  const auto [key, profile] = split_pair(value);
  if (key == "seccomp" && profile != "unconfined" && profile != "builtin") {
    return fail(ErrorCode::invalid, "a seccomp profile from a file is not supported here: use docker run --network");
  }
  list_in(host(out), "SecurityOpt").emplace_back(value);
  return {};
}

Result<> apply_log_driver(RunOptions& out, const std::string& value) {
  map_in(host(out), "LogConfig")["Type"] = value;
  return {};
}

Result<> apply_log_option(RunOptions& out, const std::string& value) {
  const auto [key, text] = split_pair(value);
  map_in(map_in(host(out), "LogConfig"), "Config")[key] = text;
  return {};
}

Result<> apply_alias(RunOptions& out, const std::string& value) {
  out.network_aliases.emplace_back(value);
  return {};
}

Result<> apply_health_command(RunOptions& out, const std::string& value) {
  map_in(out.body, "Healthcheck")["Test"] = json::array{"CMD-SHELL", value};
  return {};
}

Result<> apply_no_health(RunOptions& out, const std::string&) {
  map_in(out.body, "Healthcheck")["Test"] = json::array{"NONE"};
  return {};
}

template <const char* key>
Result<> apply_health_duration(RunOptions& out, const std::string& value) {
  map_in(out.body, "Healthcheck")[key] = TRY(parse_duration(value));
  return {};
}
constexpr char kInterval[] = "Interval";
constexpr char kTimeout[] = "Timeout";
constexpr char kStartPeriod[] = "StartPeriod";

Result<> apply_health_retries(RunOptions& out, const std::string& value) {
  map_in(out.body, "Healthcheck")["Retries"] = TRY(parse_integer(value));
  return {};
}

constexpr std::string_view kOurNetwork = "the network is bayplan's business: give --network or --vlan before the --";
constexpr std::string_view kOurAddress = "the address is bayplan's business: give --ip before the --";

constexpr Option kOptions[] = {
    {"add-host", 0, Shape::custom, Place::host, {}, apply_add_host},
    {"annotation", 0, Shape::map, Place::host, "Annotations"},
    {"attach", 'a', Shape::refused, Place::body, "the container is always detached; use docker attach NAME afterwards"},
    {"cap-add", 0, Shape::list, Place::host, "CapAdd"},
    {"cap-drop", 0, Shape::list, Place::host, "CapDrop"},
    {"cgroup-parent", 0, Shape::text, Place::host, "CgroupParent"},
    {"cgroupns", 0, Shape::text, Place::host, "CgroupnsMode"},
    {"cpu-period", 0, Shape::integer, Place::host, "CpuPeriod"},
    {"cpu-quota", 0, Shape::integer, Place::host, "CpuQuota"},
    {"cpu-shares", 'c', Shape::integer, Place::host, "CpuShares"},
    {"cpus", 0, Shape::custom, Place::host, {}, apply_cpus},
    {"cpuset-cpus", 0, Shape::text, Place::host, "CpusetCpus"},
    {"cpuset-mems", 0, Shape::text, Place::host, "CpusetMems"},
    {"detach", 'd', Shape::ignored},
    {"device", 0, Shape::custom, Place::host, {}, apply_device},
    {"dns", 0, Shape::list, Place::host, "Dns"},
    {"dns-option", 0, Shape::list, Place::host, "DnsOptions"},
    {"dns-search", 0, Shape::list, Place::host, "DnsSearch"},
    {"domainname", 0, Shape::text, Place::body, "Domainname"},
    {"entrypoint", 0, Shape::custom, Place::body, {}, apply_entrypoint},
    {"env", 'e', Shape::custom, Place::body, {}, apply_env},
    {"env-file", 0, Shape::refused, Place::body,
     "baypland reads no files for others: give its lines as --env KEY=VALUE"},
    {"expose", 0, Shape::custom, Place::body, {}, apply_expose},
    {"group-add", 0, Shape::list, Place::host, "GroupAdd"},
    {"health-cmd", 0, Shape::custom, Place::body, {}, apply_health_command},
    {"health-interval", 0, Shape::custom, Place::body, {}, apply_health_duration<kInterval>},
    {"health-retries", 0, Shape::custom, Place::body, {}, apply_health_retries},
    {"health-start-period", 0, Shape::custom, Place::body, {}, apply_health_duration<kStartPeriod>},
    {"health-timeout", 0, Shape::custom, Place::body, {}, apply_health_duration<kTimeout>},
    {"hostname", 'h', Shape::text, Place::body, "Hostname"},
    {"init", 0, Shape::flag, Place::host, "Init"},
    {"interactive", 'i', Shape::flag, Place::body, "OpenStdin"},
    {"ip", 0, Shape::refused, Place::body, kOurAddress},
    {"ip6", 0, Shape::refused, Place::body, kOurAddress},
    {"ipc", 0, Shape::text, Place::host, "IpcMode"},
    {"label", 'l', Shape::map, Place::body, "Labels"},
    {"link", 0, Shape::refused, Place::body, "containers of a network find each other by name; links are not needed"},
    {"log-driver", 0, Shape::custom, Place::host, {}, apply_log_driver},
    {"log-opt", 0, Shape::custom, Place::host, {}, apply_log_option},
    {"mac-address", 0, Shape::refused, Place::body, "the MAC belongs to the address: bayplan gives both"},
    {"memory", 'm', Shape::bytes, Place::host, "Memory"},
    {"memory-reservation", 0, Shape::bytes, Place::host, "MemoryReservation"},
    {"memory-swap", 0, Shape::bytes, Place::host, "MemorySwap"},
    {"mount", 0, Shape::custom, Place::host, {}, apply_mount},
    {"name", 0, Shape::refused, Place::body, "the name is the first word after bayplan run"},
    {"net", 0, Shape::refused, Place::body, kOurNetwork},
    {"network", 0, Shape::refused, Place::body, kOurNetwork},
    {"net-alias", 0, Shape::custom, Place::body, {}, apply_alias},
    {"network-alias", 0, Shape::custom, Place::body, {}, apply_alias},
    {"no-healthcheck", 0, Shape::flag, Place::body, {}, apply_no_health},
    {"oom-score-adj", 0, Shape::integer, Place::host, "OomScoreAdj"},
    {"pid", 0, Shape::text, Place::host, "PidMode"},
    {"pids-limit", 0, Shape::integer, Place::host, "PidsLimit"},
    {"privileged", 0, Shape::flag, Place::host, "Privileged"},
    {"publish", 'p', Shape::custom, Place::body, {}, apply_publish},
    {"publish-all", 'P', Shape::flag, Place::host, "PublishAllPorts"},
    {"read-only", 0, Shape::flag, Place::host, "ReadonlyRootfs"},
    {"restart", 0, Shape::refused, Place::body, "give --restart before the --"},
    {"rm", 0, Shape::refused, Place::body,
     "bayplan run makes a container that stays; for a short-lived one: docker run --rm --network NETWORK"},
    {"runtime", 0, Shape::text, Place::host, "Runtime"},
    {"security-opt", 0, Shape::custom, Place::host, {}, apply_security},
    {"shm-size", 0, Shape::bytes, Place::host, "ShmSize"},
    {"stop-signal", 0, Shape::text, Place::body, "StopSignal"},
    {"stop-timeout", 0, Shape::integer, Place::body, "StopTimeout"},
    {"storage-opt", 0, Shape::map, Place::host, "StorageOpt"},
    {"sysctl", 0, Shape::map, Place::host, "Sysctls"},
    {"tmpfs", 0, Shape::custom, Place::host, {}, apply_tmpfs},
    {"tty", 't', Shape::flag, Place::body, "Tty"},
    {"ulimit", 0, Shape::custom, Place::host, {}, apply_ulimit},
    {"user", 'u', Shape::text, Place::body, "User"},
    {"userns", 0, Shape::text, Place::host, "UsernsMode"},
    {"uts", 0, Shape::text, Place::host, "UTSMode"},
    {"volume", 'v', Shape::custom, Place::body, {}, apply_volume},
    {"volumes-from", 0, Shape::list, Place::host, "VolumesFrom"},
    {"workdir", 'w', Shape::text, Place::body, "WorkingDir"},
};

bool takes_value(const Option& option) {
  return option.shape != Shape::flag && option.shape != Shape::ignored && option.shape != Shape::refused;
}

Result<> store(const Option& option, const std::string& value, RunOptions& out) {
  auto& object = option.place == Place::host ? host(out) : out.body;
  switch (option.shape) {
    case Shape::flag: {
      const bool on = TRY(parse_flag(value));
      if (option.apply == nullptr) object[option.key] = on;
      return option.apply != nullptr && on ? option.apply(out, value) : Result<>();
    }
    case Shape::text:
      object[option.key] = value;
      return {};
    case Shape::list:
      list_in(object, option.key).emplace_back(value);
      return {};
    case Shape::map: {
      const auto [key, text] = split_pair(value);
      if (key.empty()) return fail(ErrorCode::invalid, "{:?} is not key=value", shown(value));
      map_in(object, option.key)[key] = text;
      return {};
    }
    case Shape::integer:
      object[option.key] = TRY(parse_integer(value));
      return {};
    case Shape::bytes:
      object[option.key] = TRY(parse_bytes(value));
      return {};
    case Shape::custom:
      return option.apply(out, value);
    case Shape::ignored:
      return {};
    case Shape::refused:
      return fail(ErrorCode::invalid, "{}", option.key);
  }
  return {};
}

Result<const Option*> find(std::string_view name, char letter) {
  for (const auto& option : kOptions) {
    if (letter != 0 ? option.letter == letter : option.name == name) return &option;
  }
  const auto written = letter != 0 ? fmt::format("-{}", shown({&letter, 1})) : fmt::format("--{}", shown(name));
  return fail(ErrorCode::invalid,
              "the docker option {} is not known to bayplan run; docker run --network NETWORK takes every option",
              written);
}

class Parser {
 public:
  explicit Parser(const std::vector<std::string>& arguments) : arguments_(arguments) {
    out_.body["HostConfig"] = json::object();
  }

  Result<RunOptions> parse() {
    for (; at_ < arguments_.size(); ++at_) {
      const auto& word = arguments_[at_];
      if (word.starts_with("--") && word.size() > 2) {
        TRY(parse_long(std::string_view(word).substr(2)));
      } else if (word.starts_with('-') && word.size() > 1 && word != "--") {
        TRY(parse_short(std::string_view(word).substr(1)));
      } else {
        return fail(ErrorCode::invalid,
                    "{:?} is not an option of docker run (the image and its command stand before the --)", shown(word));
      }
    }
    return std::move(out_);
  }

 private:
  Result<> parse_long(std::string_view word) {
    const auto equals = word.find('=');
    const auto* option = TRY(find(word.substr(0, equals), 0));
    const auto written = fmt::format("docker option --{}", option->name);
    if (equals != std::string_view::npos) return store(*option, std::string(word.substr(equals + 1)), out_).in(written);
    if (!takes_value(*option)) return store(*option, "true", out_).in(written);
    return store(*option, TRY(next(written)), out_).in(written);
  }

  // Letters of flags may be grouped; the first that takes a value takes the rest of the word.
  Result<> parse_short(std::string_view word) {
    while (!word.empty()) {
      const char letter = word.front();
      word.remove_prefix(1);
      const auto* option = TRY(find({}, letter));
      const auto written = fmt::format("docker option -{}", letter);
      if (!takes_value(*option)) {
        const bool assigned = word.starts_with('=');
        TRY(store(*option, assigned ? std::string(word.substr(1)) : "true", out_).in(written));
        if (assigned) return {};
        continue;
      }
      if (word.starts_with('=')) word.remove_prefix(1);
      const auto value = word.empty() ? TRY(next(written)) : std::string(word);
      return store(*option, value, out_).in(written);
    }
    return {};
  }

  Result<std::string> next(const std::string& written) {
    if (at_ + 1 >= arguments_.size()) return fail(ErrorCode::invalid, "{} needs a value", written);
    return arguments_[++at_];
  }

  const std::vector<std::string>& arguments_;
  std::size_t at_ = 0;
  RunOptions out_;
};

}  // namespace

Result<RunOptions> parse_run_options(const std::vector<std::string>& arguments) {
  return Parser(arguments).parse();
}

}  // namespace bayplan::docker
