#include "datapath/inside/kernel_namespaces.hpp"

#include "datapath/inside/room.hpp"

namespace bayplan::datapath {

using ports::Drift;

Result<std::unique_ptr<KernelNamespaces>> KernelNamespaces::open() {
  auto netlink = TRY(kernel::NetlinkSocket::open());
  auto host = TRY(kernel::NetworkNamespace::of_this_thread());
  auto thread = TRY(kernel::NamespaceThread::start());
  return std::unique_ptr<KernelNamespaces>(
      new KernelNamespaces(std::move(netlink), std::move(host), std::move(thread)));
}

Result<kernel::NetworkNamespace> KernelNamespaces::open_foreign(const std::string& netns) const {
  auto opened = TRY(kernel::NetworkNamespace::open(netns));
  if (opened.is_same(host_)) return fail(ErrorCode::invalid, "{} is the host's own network namespace", netns);
  return opened;
}

Result<> KernelNamespaces::check(const std::string& netns) {
  TRY(open_foreign(netns));
  return {};
}

Result<std::vector<std::string>> KernelNamespaces::interfaces(const std::string& netns) {
  const auto inside = TRY(open_foreign(netns));
  return thread_->run<std::vector<std::string>>(inside, []() -> Result<std::vector<std::string>> {
    auto netlink = TRY(kernel::NetlinkSocket::open());
    std::vector<std::string> names;
    for (const kernel::Link& link : TRY(netlink.links())) names.push_back(link.name);
    return names;
  });
}

Result<std::vector<Drift>> KernelNamespaces::compare(const ports::InsideSpec& wanted) {
  return visit(wanted, false);
}

Result<std::vector<Drift>> KernelNamespaces::furnish(const ports::InsideSpec& wanted) {
  return visit(wanted, true);
}

Result<std::vector<Drift>> KernelNamespaces::visit(const ports::InsideSpec& wanted, bool mend) {
  return enter<std::vector<Drift>>(wanted, {Drift::link}, [mend](Room& room) -> Result<std::vector<Drift>> {
    const auto drifts = room.drifts();
    if (mend) TRY(room.mend());
    return drifts;
  });
}

Result<std::string> KernelNamespaces::interface_name(const ports::InsideSpec& wanted) {
  return enter<std::string>(wanted, {}, [](Room& room) -> Result<std::string> { return room.name(); });
}

// Without a question for the host's end. That one has no carrier yet, and asked for it now, the kernel would first tell
// the bridge so, which disables its port, to enable it again a moment later (net/core/link_watch.c).
Result<> KernelNamespaces::finish(const ports::InsideSpec& wanted) {
  const auto [inside, id] = TRY(open_and_note(wanted.netns));
  const bool found = TRY(thread_->run<bool>(inside, [&]() -> Result<bool> {
    auto room = TRY(Room::enter(wanted, std::nullopt));
    if (room.name().empty()) return false;
    TRY(room.mend());
    return true;
  }));
  if (!found) TRY(furnish(wanted));
  return {};
}

// Numbered before it is looked at.
Result<KernelNamespaces::Opened> KernelNamespaces::open_and_note(const std::string& netns) {
  auto inside = TRY(open_foreign(netns));
  const int id = TRY(netlink_.namespace_id(inside.fd()));
  note(id, netns, inside);
  return Opened{std::move(inside), id};
}

template <typename T, typename Work>
Result<T> KernelNamespaces::enter(const ports::InsideSpec& wanted, T elsewhere, Work work) {
  const auto [inside, id] = TRY(open_and_note(wanted.netns));
  auto host_end = TRY(netlink_.find_link(wanted.host_name));
  if (host_end && host_end->lower_namespace != id) return elsewhere;
  return thread_->run<T>(inside, [&]() -> Result<T> {
    auto room = TRY(Room::enter(wanted, host_end));
    return work(room);
  });
}

// A number is given again when its namespace is gone.
void KernelNamespaces::note(int id, const std::string& netns, const kernel::NetworkNamespace& inside) {
  const std::scoped_lock lock(mutex_);
  auto& paths = paths_[id];
  std::erase_if(paths, [&](const std::string& path) {
    const auto opened = kernel::NetworkNamespace::open(path);
    return !opened.ok() || !opened->is_same(inside);
  });
  paths.insert(netns);
}

std::set<std::string> KernelNamespaces::paths_of(const std::set<int>& ids) const {
  const std::scoped_lock lock(mutex_);
  std::set<std::string> found;
  for (const int id : ids) {
    if (const auto known = paths_.find(id); known != paths_.end())
      found.insert(known->second.begin(), known->second.end());
  }
  return found;
}

}  // namespace bayplan::datapath
