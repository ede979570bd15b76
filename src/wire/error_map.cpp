#include "wire/error_map.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/text.hpp"

namespace bayplan::wire {
namespace {

using enum ErrorCode;

constexpr std::array<ErrorMapping, 15> kTable{{
    {invalid, 2, 400, 7, "The request is wrong"},
    {not_found, 1, 404, 101, "No such thing"},
    {exists, 1, 409, 102, "It is there already"},
    {conflict, 1, 409, 103, "It belongs to somebody else"},
    {in_use, 1, 409, 104, "It is in use"},
    {exhausted, 1, 409, 105, "No address is free"},
    {unavailable, 1, 503, 11, "A peer can't be reached now"},
    {timeout, 1, 504, 11, "A peer did not answer in time"},
    {denied, 1, 403, 106, "A right is missing"},
    {storage, 1, 507, 5, "The plan could not be stored"},
    {corrupt, 1, 500, 6, "Stored or received data is damaged"},
    {newer, 1, 500, 107, "Stored by a newer version"},
    {kernel, 1, 500, 108, "The kernel refused"},
    {unsupported, 1, 501, 2, "Not supported here"},
    {internal, 1, 500, 199, "Internal error"},
}};

// A message may quote bytes from anywhere; JSON is UTF-8 (RFC 8259, 8.1).
std::string as_utf8(std::string text) {
  boost::system::error_code broken;
  boost::json::parse(boost::json::serialize(boost::json::string(text)), broken);
  if (broken) {
    std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  }
  return text;
}

}  // namespace

std::span<const ErrorMapping> error_table() {
  return kTable;
}

const ErrorMapping& mapping_of(ErrorCode code) {
  for (const auto& mapping : kTable) {
    if (mapping.code == code) return mapping;
  }
  return kTable.back();
}

std::string to_problem(const Error& error) {
  const auto& mapping = mapping_of(error.code);
  return boost::json::serialize(
      boost::json::object{{"type", fmt::format("urn:bayplan:error:{}", to_string(error.code))},
                          {"title", mapping.title},
                          {"status", mapping.http_status},
                          {"detail", as_utf8(error.message())},
                          {"code", to_string(error.code)}});
}

Error from_problem(int http_status, std::string_view body) {
  boost::system::error_code broken;
  const auto value = boost::json::parse(body, broken);
  const auto* problem = broken ? nullptr : value.if_object();
  const auto* code = problem != nullptr ? problem->if_contains("code") : nullptr;
  const auto* detail = problem != nullptr ? problem->if_contains("detail") : nullptr;
  if (code != nullptr && detail != nullptr && code->is_string() && detail->is_string()) {
    for (const auto& mapping : kTable) {
      if (to_string(mapping.code) == std::string_view(code->get_string())) {
        return Error{mapping.code, std::string(detail->get_string()), {}};
      }
    }
  }
  return fail(corrupt, "the answer was HTTP status {} without an explanation: '{}'", http_status, shown(body));
}

}  // namespace bayplan::wire
