#include "store/sqlite/lists.hpp"

#include <charconv>

#include "base/text.hpp"

namespace bayplan::store {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  if (text.empty()) return parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t end = std::min(text.find(separator, from), text.size());
    parts.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return parts;
}

Error unreadable(std::string_view what, std::string_view text) {
  return fail(ErrorCode::corrupt, "'{}' is not {}", shown(text), what);
}

bool read_port_number(std::string_view text, std::uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size();
}

Result<model::PublishedPort> read_port(std::string_view text) {
  model::PublishedPort port;
  const auto parts = split(text, '/');
  if (parts.size() != 4 || !read_port_number(parts[1], port.port) || !read_port_number(parts[3], port.host_port)) {
    return unreadable("a published port", text);
  }
  const auto address = model::IpAddress::parse(parts[2]);
  if (!address.ok()) return unreadable("a published port", text);
  port.protocol = parts[0];
  port.host_address = *address;
  return port;
}

template <typename T, typename Read>
Result<std::vector<T>> read_list(std::string_view text, Read read) {
  std::vector<T> list;
  for (const std::string_view part : split(text, ' ')) list.push_back(TRY(read(part)));
  return list;
}

template <typename T, typename Show, typename Read>
Result<std::string> write_list(const std::vector<T>& list, Show show, Read read) {
  std::string text;
  for (const T& entry : list) text += (text.empty() ? "" : " ") + show(entry);
  const Result<std::vector<T>> again = read(text);
  if (!again.ok() || *again != list) {
    return fail(ErrorCode::internal, "the list '{}' can't be stored: it would not be read back the same", shown(text));
  }
  return text;
}

}  // namespace

Result<std::vector<model::AddressRange>> read_ranges(std::string_view text) {
  return read_list<model::AddressRange>(text, [](std::string_view part) -> Result<model::AddressRange> {
    const auto range = model::AddressRange::parse(part);
    if (!range.ok()) return unreadable("a range of addresses", part);
    return *range;
  });
}

Result<std::string> write_ranges(const std::vector<model::AddressRange>& ranges) {
  return write_list(ranges, [](const model::AddressRange& range) { return range.to_string(); }, read_ranges);
}

Result<std::vector<model::PublishedPort>> read_ports(std::string_view text) {
  return read_list<model::PublishedPort>(text, read_port);
}

Result<std::string> write_ports(const std::vector<model::PublishedPort>& ports) {
  const auto show = [](const model::PublishedPort& port) {
    return fmt::format("{}/{}/{}/{}", port.protocol, port.port, port.host_address.to_string(), port.host_port);
  };
  return write_list(ports, show, read_ports);
}

}  // namespace bayplan::store
