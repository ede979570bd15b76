#include "apps/baypland/config.hpp"

#include <toml++/toml.h>

#include <charconv>
#include <functional>
#include <map>

#include "base/read_file.hpp"
#include "base/text.hpp"
#include "model/names.hpp"

namespace bayplan::daemon {
namespace {

// Takes one value into the configuration; the error's detail says what it should be.
using Setter = std::function<Result<>(Config&, const toml::node&)>;

Result<std::string> text_of(const toml::node& node) {
  if (auto text = node.value_exact<std::string>()) return *text;
  return fail(ErrorCode::invalid, "it must be a text in quotes");
}

Setter socket_path(std::string Config::* member) {
  return [member](Config& config, const toml::node& node) -> Result<> {
    config.*member = TRY(text_of(node));
    if (!(config.*member).empty()) return {};
    return fail(ErrorCode::invalid, "it must be the path of a socket, not empty");
  };
}

Result<> set_prefix(Config& config, const toml::node& node) {
  const auto length = node.value_exact<std::int64_t>();
  if (!length || *length < 8 || *length > 30) return fail(ErrorCode::invalid, "it must be a number from 8 to 30");
  config.networks.prefix_length = static_cast<unsigned>(*length);
  return {};
}

Result<> set_supernet(Config& config, const toml::node& node) {
  config.networks.supernet = TRY(model::Subnet::parse(TRY(text_of(node))));
  TRY(control::check_kind(config.networks.supernet));
  return {};
}

Result<> set_datapath(Config& config, const toml::node& node) {
  config.networks.datapath = TRY(model::parse_datapath_kind(TRY(text_of(node))));
  return {};
}

// "unix:PATH", as Open vSwitch's own tools take it.
Result<> set_ovs_db(Config& config, const toml::node& node) {
  constexpr std::string_view kScheme = "unix:";
  const auto text = TRY(text_of(node));
  if (!text.starts_with(kScheme) || text.size() == kScheme.size()) {
    return fail(ErrorCode::invalid, "'{}' is no database of Open vSwitch that baypland can reach: give unix:PATH",
                shown(text));
  }
  config.ovs.socket = text.substr(kScheme.size());
  return {};
}

Result<> set_ovs_bridge(Config& config, const toml::node& node) {
  config.ovs.bridge = TRY(model::parse_interface_name(TRY(text_of(node))));
  return {};
}

Result<> set_ovs_datapath_type(Config& config, const toml::node& node) {
  config.ovs.kind = TRY(datapath::parse_ovs_kind(TRY(text_of(node))));
  return {};
}

Result<> set_resync(Config& config, const toml::node& node) {
  config.resync = TRY(parse_duration(TRY(text_of(node))));
  return {};
}

Result<> set_store(Config& config, const toml::node& node) {
  config.store_url = TRY(text_of(node));
  TRY(sqlite_path(config.store_url));
  return {};
}

const std::map<std::string, Setter, std::less<>>& setters() {
  static const std::map<std::string, Setter, std::less<>> all{
      {"store.url", set_store},
      {"api.socket", socket_path(&Config::api_socket)},
      {"docker.socket", socket_path(&Config::docker_socket)},
      {"docker.plugin_socket", socket_path(&Config::plugin_socket)},
      {"networks.supernet", set_supernet},
      {"networks.prefix", set_prefix},
      {"networks.datapath", set_datapath},
      {"ovs.db", set_ovs_db},
      {"ovs.bridge", set_ovs_bridge},
      {"ovs.datapath_type", set_ovs_datapath_type},
      {"repair.resync", set_resync},
  };
  return all;
}

// The library's exceptions end here.
Result<toml::table> parse_toml(std::string_view text, std::string_view name) {
  try {
    return toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::invalid, "{}:{}: {}", name, error.source().begin.line, error.description());
  }
}

Result<> set_one(Config& config, const std::string& key, const toml::node& node, std::string_view name) {
  const auto where = fmt::format("{}:{}: {}", name, node.source().begin.line, key);
  const auto setter = setters().find(key);
  if (setter == setters().end()) return fail(ErrorCode::invalid, "{}: there is no such setting", where);
  return setter->second(config, node).in(where);
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  static const std::map<std::string_view, std::int64_t> units{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const auto unit = units.find(text.substr(static_cast<std::size_t>(end - text.data())));
  if (error != std::errc{} || unit == units.end() || count <= 0) {
    return fail(ErrorCode::invalid, "'{}' is not a duration: write it as 60s, 500ms, 5m or 1h", shown(text));
  }
  constexpr std::int64_t kLongest = 24 * 3'600'000;
  if (count > kLongest / unit->second) return fail(ErrorCode::invalid, "'{}' is more than a day (24h)", shown(text));
  return std::chrono::milliseconds(count * unit->second);
}

Result<std::string> sqlite_path(const std::string& store_url) {
  constexpr std::string_view kScheme = "sqlite:";
  if (!store_url.starts_with(kScheme) || store_url.size() == kScheme.size()) {
    return fail(ErrorCode::unsupported, "'{}' is no store of this version: give sqlite:PATH", shown(store_url));
  }
  return store_url.substr(kScheme.size());
}

Result<Config> parse_config(std::string_view text, std::string_view name) {
  const toml::table parsed = TRY(parse_toml(text, name));
  Config config;
  for (const auto& [section, body] : parsed) {
    const toml::table* entries = body.as_table();
    if (!entries) {
      TRY(set_one(config, std::string(section.str()), body, name));
      continue;
    }
    for (const auto& [key, value] : *entries) {
      TRY(set_one(config, fmt::format("{}.{}", section.str(), key.str()), value, name));
    }
  }
  if (config.networks.prefix_length < config.networks.supernet.prefix_length()) {
    return fail(ErrorCode::invalid, "{}: networks.prefix: a /{} does not fit into {}", name,
                config.networks.prefix_length, config.networks.supernet.to_string());
  }
  return config;
}

Result<Config> load_config(const std::optional<std::string>& path) {
  const std::string file = path.value_or(kDefaultConfigPath);
  constexpr std::size_t kLimit = 1024UL * 1024;  // bytes
  auto text = read_file(file, kLimit);
  if (text.ok()) return parse_config(*text, file);
  if (!path && text.error().code == ErrorCode::not_found) return Config{};
  return std::move(text).in("the configuration").error();
}

}  // namespace bayplan::daemon
