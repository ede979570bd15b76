// Where `bayplan import` reads from: a file, standard input, or etcd's v2 API. The daemon reads none of these: the file
// is the user's, and so is the way to it.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "http/peer.hpp"
#include "imports/records.hpp"
#include "imports/source.hpp"

namespace bayplan::cli {

struct ImportSource {
  std::string name;  // as given; "standard input" for "-"
  imports::SourceKind kind{};
  bool recognised = false;  // the kind was found out
  imports::Records records;
};

// Blocks as long as the file, a pipe's other end or etcd (30 s) does. Errors: those of read_file, http::call_once and
// imports/; `invalid` where kind and source don't fit.
Result<ImportSource> load_source(const std::string& source, const std::optional<std::string>& kind);

// "http://HOST[:PORT]", with IPv6 addresses in brackets; the port is etcd's (2379) unless told. `unsupported` for
// https.
Result<http::Peer> parse_etcd_url(std::string_view url);

}  // namespace bayplan::cli
