#include "apps/bayplan/check_report.hpp"

#include <boost/json.hpp>

#include "wire/json.hpp"

namespace bayplan::cli {
namespace {

namespace json = boost::json;

constexpr std::string_view kReport = "baypland's report";

Result<const json::array*> list_of(const json::value& report, std::string_view name) {
  const auto* object = report.if_object();
  const auto* value = object ? object->if_contains(name) : nullptr;
  if (!value || !value->is_array()) return fail(ErrorCode::corrupt, "{} has no {}", kReport, name);
  return &value->get_array();
}

std::uint64_t number(const json::value& report, std::string_view name) {
  const auto* member = report.get_object().if_contains(name);
  boost::system::error_code error;
  const auto value = member ? member->to_number<std::uint64_t>(error) : 0;
  return error ? 0 : value;
}

std::string all_right(const json::value& report) {
  const auto count = number(report, "reservations");
  const auto probed = number(report, "probed");
  return fmt::format("all right: {} reservation{}{}\n", count, count == 1 ? "" : "s",
                     probed == 0 ? "" : fmt::format(", {} asked for on the wire", probed));
}

}  // namespace

Result<CheckVerdict> check_verdict(const json::value& report) {
  CheckVerdict verdict;
  for (const auto& part : *TRY(list_of(report, "unchecked"))) {
    const auto fields = TRY(wire::Fields::of(part, kReport));
    verdict.status = 1;
    verdict.notice +=
        fmt::format("bayplan: {} could not be checked: {}\n", TRY(fields.text("part")), TRY(fields.text("why")));
  }
  for (const auto& finding : *TRY(list_of(report, "findings"))) {
    const auto fields = TRY(wire::Fields::of(finding, kReport));
    if (!TRY(fields.boolean("repaired", false))) verdict.status = 4;
  }
  return verdict;
}

Result<std::string> check_text(const json::value& report) {
  std::string out;
  for (const auto& finding : *TRY(list_of(report, "findings"))) {
    const auto fields = TRY(wire::Fields::of(finding, kReport));
    out += TRY(fields.boolean("repaired", false)) ? "repaired: " : "";
    out += TRY(fields.text("message")) + "\n";
  }
  const bool whole = TRY(list_of(report, "unchecked"))->empty();
  return out.empty() && whole ? all_right(report) : out;
}

Result<std::string> check_keys(const json::value& report) {
  std::string out;
  for (const auto& finding : *TRY(list_of(report, "findings"))) {
    const auto fields = TRY(wire::Fields::of(finding, kReport));
    if (TRY(fields.boolean("repaired", false))) continue;
    const auto network = TRY(fields.optional_text("network"));
    const auto identity = TRY(fields.optional_text("identity"));
    out += fmt::format("{} {} {}\n", network.value_or("-"), identity.value_or("-"), TRY(fields.text("kind")));
  }
  return out;
}

}  // namespace bayplan::cli
