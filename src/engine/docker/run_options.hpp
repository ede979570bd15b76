// `docker run`'s options, as `bayplan run NAME IMAGE … -- OPTIONS` takes them, made into the body of Docker's
// POST /containers/create. Pure. (The file of an --env-file is read by `bayplan`.)
//
// Written as the docker command takes them (github.com/docker/cli, cli/command/container/opts.go): `--opt value`,
// `--opt=value`, `-o value`, `-ovalue`, flags grouped (`-it`). What is not known here, or is Bayplan's own business
// (name, network, address, restart), is `invalid`, with what to do instead; nothing is dropped in silence but
// `--detach`, which always holds.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace bayplan::docker {

struct RunOptions {
  boost::json::object body;  // has an object "HostConfig"
  boost::json::array network_aliases;
};

Result<RunOptions> parse_run_options(const std::vector<std::string>& arguments);

}  // namespace bayplan::docker
