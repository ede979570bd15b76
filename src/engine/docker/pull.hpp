// Fetching an image: POST /images/create, whose answer is a stream of JSON lines for as long as it takes. A failure in
// the middle is a line with "error", after a status of 200.
#pragma once

#include <chrono>

#include "base/result.hpp"
#include "http/client.hpp"

namespace bayplan::docker {

// Blocks until the pull is through. `timeout` when nothing comes for `idle`; `conflict` with Docker's words when the
// pull fails. Thread-safe.
Result<> run_pull(http::Client& client, const http::Request& request, std::chrono::milliseconds open_bound,
                  std::chrono::milliseconds idle);

// The failure that a line of the stream reports, or success. Lines that are not JSON are let pass: they are progress.
Result<> pull_progress(std::string_view line);

}  // namespace bayplan::docker
