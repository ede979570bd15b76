// Publishes ports of the host for containers: chosen, held on the host, stored, let through the packet filter.
//
// A port that somebody has already, be it a program of the host or another network of the engine's, is refused and not
// taken away from him; one that is published is held, so that nobody comes to believe that it is his.
//
// Callable from any thread. One call at a time, each as long as the planner and the datapath thread take.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "control/kernel_keeper.hpp"
#include "control/planner.hpp"
#include "ports/host.hpp"

namespace bayplan::control {

class Publisher {
 public:
  // All must outlive it.
  Publisher(Planner& planner, KernelKeeper& kernel, ports::Host& host)
      : planner_(planner), kernel_(kernel), host_(host) {}

  // What the endpoint publishes from now on; host_port 0: one that is free. `not_found` for an unknown endpoint,
  // `conflict`, `invalid` and `unsupported` as published_ports.hpp and ports::Host have them: then nothing has changed.
  Result<> publish(const std::string& endpoint, const std::vector<model::PublishedPort>& wanted);
  Result<> unpublish(const std::string& endpoint);

  // Holds what the plan says is published, and nothing else: at the start, and when an endpoint has ended. A port that
  // can't be had any more is logged: it leads to the container all the same.
  void follow_plan();

 private:
  using Ports = std::vector<model::PublishedPort>;
  using Key = std::tuple<std::string, model::IpAddress, std::uint16_t>;  // protocol, host address, host port

  static Key key_of(const model::PublishedPort& port);
  Result<> publish_here(const std::string& endpoint, const Ports& wanted);
  Result<Ports> choose_and_hold(const std::string& endpoint, const Ports& wanted);
  Result<> hold(const model::PublishedPort& port);
  void follow_plan_here();

  Planner& planner_;
  KernelKeeper& kernel_;
  ports::Host& host_;
  std::mutex mutex_;
  std::map<Key, std::unique_ptr<ports::HeldPort>> held_;
  std::set<Key> troubled_;  // said already
};

}  // namespace bayplan::control
