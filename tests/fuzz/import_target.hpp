// What tests/fuzz/import_fuzzer.cpp feeds with bytes, and the unit tier with the seeds: every parser of an import.
#pragma once

#include <string_view>

#include "imports/python_literal.hpp"
#include "imports/request.hpp"
#include "imports/source.hpp"

namespace bayplan::imports {

// The first byte chooses the parser, the rest is its text. Whatever it is: an answer or an error, and what was read can
// be sent.
inline void import_target(std::string_view input) {
  if (input.empty()) return;
  const auto text = input.substr(1);
  const auto read = [&](SourceKind kind) {
    if (const auto records = read_source(kind, text)) static_cast<void>(to_request(*records, true));
  };
  switch (input.front()) {
    case 'e':
      return read(SourceKind::etcd_v2);
    case 'd':
      return read(SourceKind::etcd_v2_dump);
    case 'x':
      return read(SourceKind::export_file);
    case 'c':
      return read(SourceKind::csv);
    default:
      static_cast<void>(parse_python_literal(text));
      static_cast<void>(recognise(text));
  }
}

}  // namespace bayplan::imports
