// One HTTP/1.1 call on a connection of its own, for programs that live for it: a command, not a daemon.
//
// What http::Client does with libcurl, whose thirty libraries take longer to load than a call to baypland takes
// (bench/). No streams, no kept connections. Blocks on the calling thread; no thread of its own.
//
// Errors are http::Client's: `unavailable` when the peer is not there, refuses, or hangs up in the middle; `timeout`
// when the bound is over; `denied` when this process may not use the socket; `corrupt` when what comes back is not HTTP
// or larger than the limit. Any HTTP status is an answer, not an error; redirects are not followed.
#pragma once

#include <chrono>

#include "base/result.hpp"
#include "http/message.hpp"
#include "http/peer.hpp"

namespace bayplan::http {

// `bound` is for all of it: connecting, sending, the whole answer. A body without a Content-Type is JSON. `limit` in
// bytes, of the answer's body.
Result<Response> call_once(const Peer& peer, const Request& request, std::chrono::milliseconds bound,
                           std::size_t limit = 64UL * 1024 * 1024);

}  // namespace bayplan::http
