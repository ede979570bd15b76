#include "apps/bayplan/adopt_report.hpp"

#include <boost/json.hpp>

#include "apps/bayplan/render.hpp"

namespace bayplan::cli {
namespace {

namespace json = boost::json;

const json::array& containers_of(const json::value& report) {
  return report.at("containers").get_array();
}

std::string text(const json::value& entry, std::string_view name) {
  const auto* member = entry.is_object() ? entry.get_object().if_contains(name) : nullptr;
  const auto* string = member == nullptr ? nullptr : member->if_string();
  return string == nullptr ? std::string() : std::string(*string);
}

bool flag(const json::value& entry, std::string_view name) {
  const auto* member = entry.is_object() ? entry.get_object().if_contains(name) : nullptr;
  return member != nullptr && *member == true;
}

std::size_t count(const json::value& report, std::string_view outcome) {
  const auto is_it = [&](const json::value& entry) { return text(entry, "outcome") == outcome; };
  return static_cast<std::size_t>(std::ranges::count_if(containers_of(report), is_it));
}

std::string every_container(const json::value& report) {
  std::vector<std::vector<std::string>> rows{
      {"CONTAINER", "STATE", "DOCKER NETWORK", "DRIVER", "ADDRESS NOW", "OUTCOME", "NETWORK", "IDENTITY", "ADDRESS"}};
  for (const auto& entry : containers_of(report)) {
    std::vector<std::string> row;
    for (const auto* name : {"container", "state", "engine_network", "driver", "address_now", "outcome", "network",
                             "identity", "address"}) {
      const auto cell = text(entry, name);
      row.push_back(cell.empty() ? "-" : cell);
    }
    rows.push_back(std::move(row));
  }
  return table(rows);
}

// Those of what was refused or left first: they are what somebody has to see to.
std::string notes(const json::value& report, bool undone) {
  std::string out;
  for (const auto& entry : containers_of(report)) {
    const auto note = text(entry, "note");
    const auto outcome = text(entry, "outcome");
    const bool is_undone = outcome == "refused" || outcome == "left";
    if (note.empty() || is_undone != undone) continue;
    out += fmt::format("{}: {}: {}\n", is_undone ? outcome : "note", text(entry, "container"), note);
  }
  return out;
}

std::string networks_made(const json::value& report, bool dry_run) {
  std::string out;
  for (const auto& entry : containers_of(report)) {
    if (!flag(entry, "network_made")) continue;
    out += fmt::format("network: {} {} made in the plan; nothing is made in the kernel before a container uses it\n",
                       text(entry, "network"), dry_run ? "would be" : "was");
  }
  return out;
}

std::string conclusion(const json::value& report) {
  if (flag(report, "dry_run")) return "Nothing was changed: this was a dry run.\n";
  if (count(report, "adopted") + count(report, "moved") > 0) return {};
  return "Nothing was changed.\n";
}

}  // namespace

Result<std::string> what_was_not_adopted(const json::value& report) {
  const auto* object = report.if_object();
  const auto* containers = object == nullptr ? nullptr : object->if_contains("containers");
  if (containers == nullptr || !containers->is_array()) {
    return fail(ErrorCode::corrupt, "what baypland answered is not understood: it has no containers");
  }
  const auto undone = count(report, "refused") + count(report, "left");
  if (undone == 0) return std::string();
  return fmt::format("{} container{} could not be adopted", undone, undone == 1 ? "" : "s");
}

std::string adopt_text(const json::value& report) {
  return every_container(report) + notes(report, true) + notes(report, false) +
         networks_made(report, flag(report, "dry_run")) + conclusion(report);
}

std::string adopted_keys(const json::value& report) {
  std::string out;
  for (const auto& entry : containers_of(report)) {
    const auto outcome = text(entry, "outcome");
    if (outcome != "adopted" && outcome != "moved") continue;
    out += fmt::format("{} {}\n", text(entry, "network"), text(entry, "identity"));
  }
  return out;
}

}  // namespace bayplan::cli
