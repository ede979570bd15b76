// The configuration file, /etc/bayplan/bayplan.toml (TOML 1.0). Everything has a default; what is there and unknown or
// of the wrong type is refused with its line, so that a typing error is not a silent default.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "control/networks.hpp"
#include "datapath/ovs/ovs_datapath.hpp"

namespace bayplan::daemon {

struct Config {
  std::string store_url = "sqlite:/var/lib/bayplan/plan.db";
  std::string api_socket = "/run/bayplan/bayplan.sock";
  std::string docker_socket = "/var/run/docker.sock";
  std::string plugin_socket = "/run/docker/plugins/bayplan.sock";
  control::NetworkDefaults networks;
  datapath::OvsSettings ovs;
  std::chrono::milliseconds resync{60000};
};

inline constexpr const char* kDefaultConfigPath = "/etc/bayplan/bayplan.toml";

// `text` as the file's content; `name` stands in messages.
Result<Config> parse_config(std::string_view text, std::string_view name);

// The file; without a path the default one, which may be missing.
Result<Config> load_config(const std::optional<std::string>& path);

// "60s", "500ms", "5m", "1h".
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

// The path of "sqlite:PATH"; `unsupported` for another kind of store.
Result<std::string> sqlite_path(const std::string& store_url);

}  // namespace bayplan::daemon
