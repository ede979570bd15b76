// The short lists inside a record, as the text of one column: entries separated by a space.
//
// A list of ranges: "172.16.1.10-172.16.1.20 172.16.1.30". Published ports: "tcp/80/0.0.0.0/8080 udp/53/::/53"
// (protocol, the container's port, the host's address and port). Writing fails (`internal`) for a list that could not
// be read back the same, reading (`corrupt`) for anything that writing can't have made.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/records.hpp"

namespace bayplan::store {

Result<std::string> write_ranges(const std::vector<model::AddressRange>& ranges);
Result<std::vector<model::AddressRange>> read_ranges(std::string_view text);

Result<std::string> write_ports(const std::vector<model::PublishedPort>& ports);
Result<std::vector<model::PublishedPort>> read_ports(std::string_view text);

}  // namespace bayplan::store
