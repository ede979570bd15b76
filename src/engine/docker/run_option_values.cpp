#include "engine/docker/run_option_values.hpp"

#include <charconv>
#include <cmath>
#include <optional>

#include "base/text.hpp"

namespace bayplan::docker {

namespace {

struct PortRange {
  int first = 0;
  int last = 0;
  [[nodiscard]] int size() const { return last - first + 1; }
};

Result<int> parse_port(std::string_view text) {
  int port = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (problem != std::errc() || end != text.data() + text.size() || port < 1 || port > 65535) {
    return fail(ErrorCode::invalid, "{:?} is not a port from 1 to 65535", shown(text));
  }
  return port;
}

Result<PortRange> parse_port_range(std::string_view text) {
  const auto dash = text.find('-');
  const int first = TRY(parse_port(text.substr(0, dash)));
  const int last = dash == std::string_view::npos ? first : TRY(parse_port(text.substr(dash + 1)));
  if (last < first) return fail(ErrorCode::invalid, "the port range {} is upside down", shown(text));
  return PortRange{first, last};
}

// Cuts "/tcp" off the end.
Result<std::string> take_protocol(std::string_view& text) {
  const auto slash = text.rfind('/');
  if (slash == std::string_view::npos) return std::string("tcp");
  const auto protocol = text.substr(slash + 1);
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") {
    return fail(ErrorCode::invalid, "{:?} is not a protocol: write tcp, udp or sctp", shown(protocol));
  }
  text = text.substr(0, slash);
  return std::string(protocol);
}

// Cuts what stands before the last colon off the end; an IPv6 address stands in brackets.
std::optional<std::string_view> take_last(std::string_view& text) {
  const auto colon = text.rfind(':');
  const auto bracket = text.rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) return std::nullopt;
  const auto last = text.substr(colon + 1);
  text = text.substr(0, colon);
  return last;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool is_permissions(std::string_view text) {
  return !text.empty() && text.find_first_not_of("rwm") == std::string_view::npos;
}

}  // namespace

std::pair<std::string, std::string> split_pair(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return {std::string(text), {}};
  return {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

Result<bool> parse_flag(std::string_view text) {
  if (text == "true" || text == "1" || text == "t" || text == "TRUE" || text == "True") return true;
  if (text == "false" || text == "0" || text == "f" || text == "FALSE" || text == "False") return false;
  return fail(ErrorCode::invalid, "{:?} is neither true nor false", shown(text));
}

Result<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size()) {
    return fail(ErrorCode::invalid, "{:?} is not a whole number", shown(text));
  }
  return number;
}

Result<std::int64_t> parse_bytes(std::string_view text) {
  if (text == "-1") return -1;
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
  static constexpr std::string_view units = "bkmgt";
  double factor = 1;
  if (!unit.empty()) {
    const auto power = units.find(static_cast<char>(std::tolower(static_cast<unsigned char>(unit.front()))));
    unit.remove_prefix(1);
    const bool plain = unit.empty() || unit == "b" || unit == "B" || unit == "iB" || unit == "ib";
    if (power == std::string_view::npos || !plain) number = -1;
    factor = std::pow(1024.0, static_cast<double>(power));
  }
  const double bytes = number * factor;
  if (problem != std::errc() || !(bytes >= 0) || bytes > 9e18) {
    return fail(ErrorCode::invalid, "{:?} is not a size: write a number with b, k, m or g, as 512m", shown(text));
  }
  return static_cast<std::int64_t>(bytes);
}

Result<std::int64_t> parse_cpus(std::string_view text) {
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || !(number >= 0) || number > 1e6) {
    return fail(ErrorCode::invalid, "{:?} is not a number of processors, as 1.5", shown(text));
  }
  return static_cast<std::int64_t>(std::llround(number * 1e9));
}

Result<std::int64_t> parse_duration(std::string_view text) {
  static constexpr std::pair<std::string_view, double> units[] = {{"ns", 1},  {"us", 1e3}, {"ms", 1e6},
                                                                  {"s", 1e9}, {"m", 6e10}, {"h", 3.6e12}};
  double total = 0;
  auto rest = text;
  bool good = !rest.empty();
  while (good && !rest.empty() && rest != "0") {
    double number = 0;
    const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const auto name = rest.substr(0, rest.find_first_of("0123456789."));
    rest.remove_prefix(name.size());
    const auto* unit = std::find_if(std::begin(units), std::end(units), [&](const auto& u) { return u.first == name; });
    good = problem == std::errc() && number >= 0 && unit != std::end(units);
    if (good) total += number * unit->second;
  }
  if (!good || total > 9e18) {
    return fail(ErrorCode::invalid, "{:?} is not a duration, as 30s or 1m30s", shown(text));
  }
  return static_cast<std::int64_t>(total);
}

Result<boost::json::object> parse_ulimit(std::string_view text) {
  const auto [name, limits] = split_pair(text);
  const auto colon = limits.find(':');
  const auto soft = parse_integer(std::string_view(limits).substr(0, colon));
  const auto hard = colon == std::string::npos ? soft : parse_integer(std::string_view(limits).substr(colon + 1));
  if (name.empty() || !soft.ok() || !hard.ok()) {
    return fail(ErrorCode::invalid, "{:?} is not a limit, as nofile=1024:2048", shown(text));
  }
  return boost::json::object{{"Name", name}, {"Soft", *soft}, {"Hard", *hard}};
}

Result<boost::json::object> parse_device(std::string_view text) {
  const auto parts = split(text, ':');
  std::string_view inside = parts[0];
  std::string_view permissions = "rwm";
  bool good = !parts[0].empty() && parts.size() <= 3;
  if (good && parts.size() == 2) (is_permissions(parts[1]) ? permissions : inside) = parts[1];
  if (good && parts.size() == 3) {
    inside = parts[1];
    permissions = parts[2];
  }
  if (!good || inside.empty() || !is_permissions(permissions)) {
    return fail(ErrorCode::invalid, "{:?} is not a device, as /dev/sda:/dev/xvda:rwm", shown(text));
  }
  return boost::json::object{{"PathOnHost", parts[0]}, {"PathInContainer", inside}, {"CgroupPermissions", permissions}};
}

Result<boost::json::object> parse_mount(std::string_view text) {
  boost::json::object out{{"Type", "volume"}};
  for (const auto part : split(text, ',')) {
    const auto [key, value] = split_pair(part);
    if (key == "type") {
      out["Type"] = value;
    } else if (key == "source" || key == "src") {
      out["Source"] = value;
    } else if (key == "target" || key == "dst" || key == "destination") {
      out["Target"] = value;
    } else if (key == "readonly" || key == "ro") {
      out["ReadOnly"] = value.empty() || TRY(parse_flag(value));
    } else {
      return fail(ErrorCode::invalid, "{:?} is not known: give type, source, target or readonly", shown(key));
    }
  }
  if (!out.contains("Target")) return fail(ErrorCode::invalid, "{:?} has no target=", shown(text));
  return out;
}

Result<std::vector<PortBinding>> parse_publish(std::string_view text) {
  auto rest = text;
  const auto protocol = TRY(take_protocol(rest));
  const auto whole = rest;
  const auto last = take_last(rest);
  const auto inside = TRY(parse_port_range(last ? *last : whole));
  std::string_view host_ports;
  std::string_view host_ip;
  if (last) {
    const auto middle = take_last(rest);
    host_ports = middle ? *middle : rest;
    if (middle) host_ip = rest;
  }
  if (host_ip.starts_with('[') && host_ip.ends_with(']')) host_ip = host_ip.substr(1, host_ip.size() - 2);
  std::optional<PortRange> outside;
  if (!host_ports.empty()) outside = TRY(parse_port_range(host_ports));
  if (outside && inside.size() != 1 && outside->size() != inside.size()) {
    return fail(ErrorCode::invalid, "{:?}: the two port ranges are not of the same length", shown(text));
  }
  std::vector<PortBinding> out;
  for (int i = 0; i < inside.size(); ++i) {
    PortBinding binding{fmt::format("{}/{}", inside.first + i, protocol), std::string(host_ip), {}};
    if (outside) {
      binding.host_port = inside.size() == 1 ? std::string(host_ports) : std::to_string(outside->first + i);
    }
    out.push_back(std::move(binding));
  }
  return out;
}

Result<std::vector<std::string>> parse_expose(std::string_view text) {
  const auto protocol = TRY(take_protocol(text));
  const auto range = TRY(parse_port_range(text));
  std::vector<std::string> out;
  for (int port = range.first; port <= range.last; ++port) out.push_back(fmt::format("{}/{}", port, protocol));
  return out;
}

}  // namespace bayplan::docker
