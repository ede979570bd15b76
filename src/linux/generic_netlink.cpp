#include "linux/generic_netlink.hpp"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.hpp"

namespace bayplan::kernel {
namespace {

struct Request {
  nlmsghdr header;
  genlmsghdr generic;
  nlattr attribute;
  std::array<char, GENL_NAMSIZ> name;
};

Request request_for(const std::string& name) {
  Request request{};
  std::memcpy(request.name.data(), name.data(), name.size());
  request.attribute.nla_type = CTRL_ATTR_FAMILY_NAME;
  request.attribute.nla_len = static_cast<std::uint16_t>(sizeof(nlattr) + name.size() + 1);
  request.generic.cmd = CTRL_CMD_GETFAMILY;
  request.generic.version = 1;
  request.header.nlmsg_type = GENL_ID_CTRL;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.header.nlmsg_len =
      static_cast<std::uint32_t>(NLMSG_LENGTH(GENL_HDRLEN) + NLA_ALIGN(request.attribute.nla_len));
  return request;
}

}  // namespace

Result<bool> has_generic_family(const std::string& name) {
  if (name.size() >= GENL_NAMSIZ) return fail(ErrorCode::invalid, "{}: no family has so long a name", name);
  const UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC));
  if (!socket) return fail_errno(ErrorCode::kernel, "open a generic netlink socket", errno);
  const timeval bound{5, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
  const Request request = request_for(name);
  if (::send(socket.get(), &request, request.header.nlmsg_len, 0) < 0) {
    return fail_errno(ErrorCode::kernel, "ask for a generic netlink family", errno);
  }
  alignas(nlmsghdr) std::array<char, 8192> answer{};
  const ssize_t size = ::recv(socket.get(), answer.data(), answer.size(), 0);
  if (size < static_cast<ssize_t>(sizeof(nlmsghdr))) {
    return fail_errno(ErrorCode::kernel, "ask for a generic netlink family", size < 0 ? errno : EBADMSG);
  }
  nlmsghdr header{};
  std::memcpy(&header, answer.data(), sizeof header);
  if (header.nlmsg_type != NLMSG_ERROR) return true;
  int error = 0;
  if (size >= static_cast<ssize_t>(sizeof header + sizeof error))
    std::memcpy(&error, answer.data() + sizeof header, sizeof error);
  if (error == -ENOENT) return false;  // the kernel's errors are negative
  return fail_errno(ErrorCode::kernel, "ask for a generic netlink family", -error);
}

}  // namespace bayplan::kernel
