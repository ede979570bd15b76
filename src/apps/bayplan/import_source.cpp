#include "apps/bayplan/import_source.hpp"

#include <charconv>

#include "base/read_file.hpp"
#include "base/text.hpp"
#include "http/call_once.hpp"
#include "imports/etcd_tree.hpp"

namespace bayplan::cli {
namespace {

using imports::SourceKind;

constexpr std::chrono::seconds kEtcdBound{30};

Result<std::string> ask_etcd(const std::string& url) {
  const auto peer = TRY(parse_etcd_url(url));
  const std::string path = "/v2/keys" + std::string(imports::kTree);
  const auto answer =
      TRY(http::call_once(peer, {"GET", path, {{"recursive", "true"}}, {}, {}}, kEtcdBound, imports::kSizeLimit));
  if (answer.status == 200) return answer.body;
  if (answer.status == 404 && answer.body.starts_with('{')) {
    return fail(ErrorCode::not_found, "etcd at {} has no {}", shown(url), imports::kTree);
  }
  if (answer.status == 404) {
    return fail(ErrorCode::unsupported,
                "etcd at {} does not answer its v2 API: start it with --enable-v2 (up to etcd 3.5), or give a dump "
                "(--from etcd-v2-dump)",
                shown(url));
  }
  return fail(ErrorCode::unavailable, "etcd at {} answers with the HTTP status {}", shown(url), answer.status);
}

Result<std::string> content_of(const std::string& source) {
  return source == "-" ? read_file("/dev/stdin", imports::kSizeLimit) : read_file(source, imports::kSizeLimit);
}

// A word that is no URL, said to be etcd; or the other way round.
Result<> check_fits(const std::string& source, SourceKind kind) {
  const bool live = kind == SourceKind::etcd_v2;
  if (live == imports::is_url(source)) return {};
  if (live) return fail(ErrorCode::invalid, "--from etcd-v2 wants etcd's address (http://HOST:2379), not a file");
  return fail(ErrorCode::invalid, "--from {} wants a file, and '{}' is a URL", imports::to_string(kind), shown(source));
}

}  // namespace

Result<http::Peer> parse_etcd_url(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) {
    return fail(ErrorCode::unsupported,
                "'{}': etcd is asked by http only. Where it wants TLS, give a dump "
                "(--from etcd-v2-dump)",
                shown(url));
  }
  auto rest = url.substr(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  http::Peer peer{.name = "etcd", .unix_socket = {}, .host = std::string(rest), .port = 2379};
  const auto colon = rest.find(':', rest.starts_with('[') ? rest.find(']') : 0);
  if (colon != std::string_view::npos) {
    const auto digits = rest.substr(colon + 1);
    peer.host = rest.substr(0, colon);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), peer.port);
    if (error != std::errc{} || end != digits.data() + digits.size() || peer.port == 0) peer.host.clear();
  }
  if (peer.host.empty() || peer.host.find_first_of("/?#@ \t\r\n") != std::string::npos) {
    return fail(ErrorCode::invalid, "'{}' is no address of etcd: give http://HOST:PORT", shown(url));
  }
  return peer;
}

Result<ImportSource> load_source(const std::string& source, const std::optional<std::string>& kind) {
  ImportSource out{source == "-" ? "standard input" : shown(source, 255), {}, !kind, {}};
  const bool url = imports::is_url(source);
  out.kind = SourceKind::etcd_v2;
  if (kind) out.kind = TRY(imports::parse_source_kind(*kind));
  if (kind) TRY(check_fits(source, out.kind));
  const auto content = url ? TRY(ask_etcd(source)) : TRY(content_of(source));
  if (!kind && !url) out.kind = TRY(imports::recognise(content).in(out.name));
  out.records = TRY(imports::read_source(out.kind, content).in(out.name));
  return out;
}

}  // namespace bayplan::cli
