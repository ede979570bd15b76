// The values of docker-run options that are more than a text: each reader takes what stands after the option and gives
// it in the API's form. Errors are `invalid` and say what the value should look like; the caller adds the option.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace bayplan::docker {

// "key=value", or "key" with an empty value.
std::pair<std::string, std::string> split_pair(std::string_view text);
Result<bool> parse_flag(std::string_view text);
Result<std::int64_t> parse_integer(std::string_view text);
// "512m": bytes with the units b, k, m, g, t (1024 each); "-1" where Docker has it for "no limit".
Result<std::int64_t> parse_bytes(std::string_view text);
// "1.5" processors in billionths.
Result<std::int64_t> parse_cpus(std::string_view text);
// "1m30s", "500ms": nanoseconds, as Go writes durations.
Result<std::int64_t> parse_duration(std::string_view text);
// "nofile=1024:2048", "nofile=1024".
Result<boost::json::object> parse_ulimit(std::string_view text);
// "/dev/a", "/dev/a:/dev/b", "/dev/a:/dev/b:rw", "/dev/a:rw".
Result<boost::json::object> parse_device(std::string_view text);
// "type=bind,source=/a,target=/b,readonly".
Result<boost::json::object> parse_mount(std::string_view text);

// "[address:][host port:]port[/protocol]", ports also as ranges of the same length. One entry a container port.
struct PortBinding {
  std::string port;       // "80/tcp"
  std::string host_ip;    // empty: any
  std::string host_port;  // empty: Docker's, here Bayplan's, choice; may be a range to choose from
};
Result<std::vector<PortBinding>> parse_publish(std::string_view text);
// "80", "80/udp", "8000-8010": as "80/tcp".
Result<std::vector<std::string>> parse_expose(std::string_view text);

}  // namespace bayplan::docker
