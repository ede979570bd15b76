// An engine under test together with what a user does to it, for the contract suite: FakeEngine, or a real Docker.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ports/engine.hpp"
#include "support/fake_network_driver.hpp"

namespace bayplan::testing {

class EngineSubject {
 public:
  virtual ~EngineSubject() = default;
  virtual ports::Engine& engine() = 0;
  // Who answers the engine's plugin calls. One for all tests of a program: it is cleared, not replaced.
  virtual FakeNetworkDriver& driver() = 0;
  // docker create, stop -t 0, rename, rm -f.
  virtual Result<std::string> create(const std::string& name, const std::string& network, const std::string& alias) = 0;
  virtual Result<> stop(const std::string& container) = 0;
  virtual Result<> rename(const std::string& container, const std::string& name) = 0;
  virtual Result<> remove(const std::string& container) = 0;
};

std::unique_ptr<EngineSubject> fake_engine_subject();

// The Docker whose socket BAYPLAN_CONTRACT_DOCKER names, with an image BAYPLAN_CONTRACT_IMAGE. It must be one of the
// lab's: this program serves its plugin socket (/run/docker/plugins/bayplan.sock) and makes interfaces beside it.
bool has_docker_subject();
std::unique_ptr<EngineSubject> docker_subject();

}  // namespace bayplan::testing
