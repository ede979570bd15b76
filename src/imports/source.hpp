// Which kinds of source an import has, and how one is recognised. Pure.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "imports/records.hpp"

namespace bayplan::imports {

enum class SourceKind { etcd_v2, etcd_v2_dump, export_file, csv };

// As `--from` names it: "etcd-v2", "etcd-v2-dump", "export", "csv".
std::string_view to_string(SourceKind kind);
Result<SourceKind> parse_source_kind(std::string_view text);

// A URL is a live etcd; anything else is a file.
bool is_url(std::string_view source);

// What a file is, by its content: JSON is an export, a first line with a key and a tab a dump, one with a comma CSV.
// `invalid` when it is none of these.
Result<SourceKind> recognise(std::string_view content);

// The content of a file, or an answer of etcd, read as what it is. `invalid` also where there is nothing of the old
// practice in it.
Result<Records> read_source(SourceKind kind, std::string_view content);

}  // namespace bayplan::imports
