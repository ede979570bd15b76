// What the plan has to know of this host, asked from the kernel each time.
//
// Each call opens a netlink socket of its own, in the calling thread's network namespace.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ports/host.hpp"

namespace bayplan::datapath {

class KernelHost final : public ports::Host {
 public:
  Result<std::vector<ports::Route>> routes() override;
  Result<bool> has_interface(const std::string& name) override;
  Result<std::vector<ports::InsideAddress>> addresses_inside(const std::string& netns) override;
  Result<> put_aside(const std::string& netns, const ports::InsideAddress& interface) override;
  Result<> put_back(const std::string& netns, const ports::InsideAddress& interface) override;
  Result<> remove_aside(const std::string& netns, const ports::InsideAddress& interface) override;
  Result<std::unique_ptr<ports::HeldPort>> hold_port(const model::PublishedPort& port) override;
};

}  // namespace bayplan::datapath
