// ports::Namespaces on the kernel: enters namespaces on a thread that exists for it, looks and mends there.
//
// The interface is known by the other end of its veth pair, or by the alias that was put on it; so one that was renamed
// inside is still found. Cost of a look at an intact interface: a socket and three short listings, about 0.1 ms.
//
// Not thread-safe but for `paths_of`, which the monitor's thread asks.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "linux/netlink.hpp"
#include "linux/netns.hpp"
#include "ports/namespaces.hpp"

namespace bayplan::datapath {

class KernelNamespaces final : public ports::Namespaces {
 public:
  // The calling thread's namespace is the host's.
  static Result<std::unique_ptr<KernelNamespaces>> open();

  Result<> check(const std::string& netns) override;
  Result<std::vector<std::string>> interfaces(const std::string& netns) override;
  Result<std::vector<ports::Drift>> compare(const ports::InsideSpec& wanted) override;
  Result<std::string> interface_name(const ports::InsideSpec& wanted) override;
  Result<std::vector<ports::Drift>> furnish(const ports::InsideSpec& wanted) override;
  Result<> finish(const ports::InsideSpec& wanted) override;

  // Of those that were looked at: the namespaces with these numbers (kernel::Monitor's).
  [[nodiscard]] std::set<std::string> paths_of(const std::set<int>& ids) const;

 private:
  KernelNamespaces(kernel::NetlinkSocket netlink, kernel::NetworkNamespace host,
                   std::unique_ptr<kernel::NamespaceThread> thread)
      : netlink_(std::move(netlink)), host_(std::move(host)), thread_(std::move(thread)) {}
  Result<kernel::NetworkNamespace> open_foreign(const std::string& netns) const;
  void note(int id, const std::string& netns, const kernel::NetworkNamespace& inside);
  struct Opened {
    kernel::NetworkNamespace inside;
    int id = 0;
  };
  // From then on what changes in there is told.
  Result<Opened> open_and_note(const std::string& netns);
  // Does that work in its room; `elsewhere` where the port's far end is known to be in another namespace.
  template <typename T, typename Work>
  Result<T> enter(const ports::InsideSpec& wanted, T elsewhere, Work work);
  Result<std::vector<ports::Drift>> visit(const ports::InsideSpec& wanted, bool mend);

  kernel::NetlinkSocket netlink_;
  kernel::NetworkNamespace host_;
  std::unique_ptr<kernel::NamespaceThread> thread_;
  mutable std::mutex mutex_;                    // guards paths_
  std::map<int, std::set<std::string>> paths_;  // by number: several paths may be the same namespace
};

}  // namespace bayplan::datapath
