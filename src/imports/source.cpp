#include "imports/source.hpp"

#include <array>
#include <utility>

#include "base/text.hpp"
#include "imports/csv.hpp"
#include "imports/etcd_tree.hpp"
#include "imports/export_file.hpp"
#include "imports/texts.hpp"

namespace bayplan::imports {
namespace {

constexpr std::array<std::pair<SourceKind, std::string_view>, 4> kNames{{{SourceKind::etcd_v2, "etcd-v2"},
                                                                         {SourceKind::etcd_v2_dump, "etcd-v2-dump"},
                                                                         {SourceKind::export_file, "export"},
                                                                         {SourceKind::csv, "csv"}}};

Result<Records> read_keys(std::vector<KeyValue> keys, std::vector<BrokenRecord> broken) {
  auto records = read_tree(std::move(keys));
  records.broken.insert(records.broken.begin(), broken.begin(), broken.end());
  if (records.networks.empty() && records.reservations.empty() && records.broken.empty()) {
    return fail(ErrorCode::invalid, "there is nothing to be imported under {}: it has no gateway and no container",
                kTree);
  }
  return records;
}

}  // namespace

std::string_view to_string(SourceKind kind) {
  for (const auto& [known, name] : kNames) {
    if (known == kind) return name;
  }
  return "";
}

Result<SourceKind> parse_source_kind(std::string_view text) {
  for (const auto& [kind, name] : kNames) {
    if (name == text) return kind;
  }
  return fail(ErrorCode::invalid, "'{}' is no source of an import: there are etcd-v2, etcd-v2-dump, export and csv",
              shown(text));
}

bool is_url(std::string_view source) {
  return source.starts_with("http://") || source.starts_with("https://");
}

Result<SourceKind> recognise(std::string_view content) {
  const auto text = trimmed(content);
  const auto line = text.substr(0, text.find('\n'));
  if (text.starts_with('{')) return SourceKind::export_file;
  if (text.starts_with('/') && line.find('\t') != std::string_view::npos) return SourceKind::etcd_v2_dump;
  if (line.find(',') != std::string_view::npos) return SourceKind::csv;
  return fail(ErrorCode::invalid,
              "it can't be told what this is: '{}'. Say it: --from etcd-v2-dump, --from export or --from csv",
              shown(line));
}

Result<Records> read_source(SourceKind kind, std::string_view content) {
  std::vector<BrokenRecord> broken;
  switch (kind) {
    case SourceKind::etcd_v2:
      return read_keys(TRY(parse_etcd_answer(content)), {});
    case SourceKind::etcd_v2_dump: {
      auto keys = parse_dump(content, broken);
      return read_keys(std::move(keys), std::move(broken));
    }
    case SourceKind::export_file:
      return read_export(content);
    case SourceKind::csv:
      return read_csv(content);
  }
  return fail(ErrorCode::internal, "no such source");
}

}  // namespace bayplan::imports
