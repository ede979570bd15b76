// A port of this host, taken so that nobody else can bind it.
//
// The packet filter sends what comes to a published port to the container, before any program of the host sees it. So
// that no program believes to have that port meanwhile, a socket of ours has it: bound, for TCP also listening (a
// listening socket is what keeps out others that set SO_REUSEADDR), never read.
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "model/records.hpp"

namespace bayplan::kernel {

// In the calling thread's network namespace; callable from any thread. `conflict` when a socket has the port,
// `invalid` when the address is not this host's, `denied` below 1024 without CAP_NET_BIND_SERVICE. A kernel without
// SCTP has nobody who could take a port of it: an empty descriptor. IPv4 only.
Result<UniqueFd> hold_port(const model::PublishedPort& port);

}  // namespace bayplan::kernel
