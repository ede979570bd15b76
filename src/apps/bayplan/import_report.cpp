#include "apps/bayplan/import_report.hpp"

#include <boost/json.hpp>

#include "apps/bayplan/render.hpp"

namespace bayplan::cli {
namespace {

namespace json = boost::json;

std::string text(const json::object& record, std::string_view name) {
  const auto* member = record.if_contains(name);
  const auto* string = member == nullptr ? nullptr : member->if_string();
  return string == nullptr ? std::string() : std::string(*string);
}

std::string text(const json::value& record, std::string_view name) {
  return record.is_object() ? text(record.get_object(), name) : std::string();
}

json::object broken_json(const imports::BrokenRecord& broken) {
  return {{"key", broken.key},   {"outcome", "skipped"}, {"kind", nullptr},  {"network", nullptr},
          {"identity", nullptr}, {"address", nullptr},   {"state", nullptr}, {"note", broken.reason}};
}

// How many records of that kind came out so; an empty kind: of all.
std::size_t count(const json::array& records, std::string_view outcome, std::string_view kind = {}) {
  const auto fits = [&](const json::value& record) {
    return text(record, "outcome") == outcome && (kind.empty() || text(record, "kind") == kind);
  };
  return static_cast<std::size_t>(std::ranges::count_if(records, fits));
}

const json::array& records_of(const json::object& report) {
  return report.at("records").get_array();
}

std::string what_of(std::string_view from) {
  if (from == "etcd-v2") return "the old practice's etcd";
  if (from == "etcd-v2-dump") return "a dump of the old practice's etcd";
  return from == "csv" ? "CSV" : "an export of bayplan's";
}

std::string counts(const json::array& records, std::string_view kind) {
  return fmt::format("{} imported, {} there already, {} skipped", count(records, "imported", kind),
                     count(records, "present", kind), count(records, "skipped", kind));
}

// One line each: what was skipped, or is to be known about what was not.
std::string notes(const json::array& records, bool skipped) {
  std::string out;
  for (const auto& record : records) {
    const auto note = text(record, "note");
    if (note.empty() || (text(record, "outcome") == "skipped") != skipped) continue;
    out += fmt::format("{}: {}: {}\n", skipped ? "skipped" : "note", text(record, "key"), note);
  }
  return out;
}

std::string every_record(const json::array& records) {
  std::vector<std::vector<std::string>> rows{{"OUTCOME", "NETWORK", "IDENTITY", "ADDRESS", "STATE", "KEY"}};
  for (const auto& record : records) {
    std::vector<std::string> row;
    for (const auto* name : {"outcome", "network", "identity", "address", "state", "key"}) {
      const auto cell = text(record, name);
      row.push_back(cell.empty() ? "-" : cell);
    }
    rows.push_back(std::move(row));
  }
  return table(rows);
}

std::string conclusion(const json::array& records, bool dry_run) {
  if (dry_run) return "Nothing was changed: this was a dry run.\n";
  if (count(records, "imported") > 0) return {};
  return count(records, "skipped") == 0 ? "Nothing was changed: all of it is in the plan already.\n"
                                        : "Nothing was changed.\n";
}

}  // namespace

Result<json::object> import_report(const ImportSource& source, json::value answer) {
  auto* object = answer.if_object();
  auto* records = object == nullptr ? nullptr : object->if_contains("records");
  if (records == nullptr || !records->is_array()) {
    return fail(ErrorCode::corrupt, "what baypland answered is not understood: it has no records");
  }
  json::array all;
  for (const auto& broken : source.records.broken) all.emplace_back(broken_json(broken));
  for (auto& record : records->get_array()) all.push_back(std::move(record));
  const auto* dry_run = object->if_contains("dry_run");
  return json::object{{"source", source.name},
                      {"from", imports::to_string(source.kind)},
                      {"recognised", source.recognised},
                      {"dry_run", dry_run != nullptr && *dry_run == true},
                      {"imported", count(all, "imported")},
                      {"present", count(all, "present")},
                      {"skipped", count(all, "skipped")},
                      {"ignored", source.records.ignored},
                      {"records", std::move(all)}};
}

std::size_t skipped_in(const json::object& report) {
  return report.at("skipped").to_number<std::size_t>();
}

std::string import_text(const json::object& report) {
  const auto& records = records_of(report);
  const bool dry_run = report.at("dry_run").get_bool();
  const auto from = text(report, "from");
  std::string out = fmt::format("{} {} {}.\n", text(report, "source"),
                                report.at("recognised").get_bool() ? "is" : "was read as", what_of(from));
  if (dry_run) out += every_record(records);
  out += notes(records, true) + notes(records, false);
  std::vector<std::pair<std::string, std::string>> lines{{"networks", counts(records, "network")},
                                                         {"reservations", counts(records, "reservation")}};
  const auto broken = std::ranges::count_if(records, [](const auto& record) { return text(record, "kind").empty(); });
  if (broken > 0) lines.emplace_back("not understood", fmt::format("{} skipped", broken));
  if (const auto ignored = report.at("ignored").to_number<std::size_t>(); ignored > 0) {
    lines.emplace_back("ignored", fmt::format("{} that need no import (counters, keys of others)", ignored));
  }
  return out + block(lines) + conclusion(records, dry_run);
}

std::string imported_keys(const json::object& report) {
  std::string out;
  for (const auto& record : records_of(report)) {
    if (text(record, "kind") != "reservation" || text(record, "outcome") != "imported") continue;
    out += fmt::format("{} {}\n", text(record, "network"), text(record, "identity"));
  }
  return out;
}

}  // namespace bayplan::cli
