#include "datapath/common/delete_links.hpp"

#include <algorithm>

#include "datapath/common/ownership.hpp"

namespace bayplan::datapath {
namespace {

// One that no link has, so that nothing else can be in it.
std::uint32_t unused_group(const std::vector<kernel::Link>& links) {
  std::uint32_t group = kFirstDeletionGroup;
  const auto used = [&](const kernel::Link& link) { return link.group == group; };
  while (std::ranges::any_of(links, used)) ++group;
  return group;
}

}  // namespace

Result<> unless_gone(Result<> result) {
  if (!result.ok() && result.error().code == ErrorCode::not_found) return {};
  return result;
}

Result<> delete_links(kernel::NetlinkSocket& netlink, const std::vector<int>& indices) {
  if (indices.empty()) return {};
  if (indices.size() == 1) return unless_gone(netlink.delete_link(indices.front()));
  const std::uint32_t group = unused_group(TRY(netlink.links()));
  for (const int index : indices) TRY(unless_gone(netlink.change_link(index, {.group = group})));
  return unless_gone(netlink.delete_group(group));
}

}  // namespace bayplan::datapath
