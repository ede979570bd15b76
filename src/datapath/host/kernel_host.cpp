#include "datapath/host/kernel_host.hpp"

#include <map>

#include "datapath/host/inside.hpp"
#include "linux/held_port.hpp"
#include "linux/netlink.hpp"

namespace bayplan::datapath {
namespace {

struct HeldSocket final : ports::HeldPort {
  explicit HeldSocket(UniqueFd taken) : fd(std::move(taken)) {}
  UniqueFd fd;
};

}  // namespace

Result<std::vector<ports::Route>> KernelHost::routes() {
  auto netlink = TRY(kernel::NetlinkSocket::open());
  std::map<int, std::string> names;
  for (const auto& link : TRY(netlink.links())) names[link.index] = link.name;
  std::vector<ports::Route> found;
  for (const auto& route : TRY(netlink.routes())) found.push_back({route.destination, names[route.link], route.source});
  return found;
}

Result<bool> KernelHost::has_interface(const std::string& name) {
  auto netlink = TRY(kernel::NetlinkSocket::open());
  return TRY(netlink.find_link(name)).has_value();
}

Result<std::vector<ports::InsideAddress>> KernelHost::addresses_inside(const std::string& netns) {
  return datapath::addresses_inside(netns);
}

Result<> KernelHost::put_aside(const std::string& netns, const ports::InsideAddress& interface) {
  return datapath::put_aside(netns, interface);
}

Result<> KernelHost::put_back(const std::string& netns, const ports::InsideAddress& interface) {
  return datapath::put_back(netns, interface);
}

Result<> KernelHost::remove_aside(const std::string& netns, const ports::InsideAddress& interface) {
  return datapath::remove_aside(netns, interface);
}

Result<std::unique_ptr<ports::HeldPort>> KernelHost::hold_port(const model::PublishedPort& port) {
  return std::unique_ptr<ports::HeldPort>(std::make_unique<HeldSocket>(TRY(kernel::hold_port(port))));
}

}  // namespace bayplan::datapath
