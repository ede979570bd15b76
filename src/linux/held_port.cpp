#include "linux/held_port.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

namespace bayplan::kernel {
namespace {

struct Transport {
  int type;
  int protocol;
};

Transport transport_of(const std::string& protocol) {
  if (protocol == "udp") return {SOCK_DGRAM, IPPROTO_UDP};
  if (protocol == "sctp") return {SOCK_STREAM, IPPROTO_SCTP};
  return {SOCK_STREAM, IPPROTO_TCP};
}

Error refused(const model::PublishedPort& port, int reason) {
  const std::string what = fmt::format("{}:{}/{}", port.host_address.to_string(), port.host_port, port.protocol);
  if (reason == EADDRINUSE) return fail(ErrorCode::conflict, "the host's port {} is in use already", what);
  if (reason == EADDRNOTAVAIL) {
    return fail(ErrorCode::invalid, "{} is not an address of this host: see `ip address`",
                port.host_address.to_string());
  }
  return fail_errno(reason == EACCES ? ErrorCode::denied : ErrorCode::kernel, "take the host's port " + what, reason);
}

}  // namespace

Result<UniqueFd> hold_port(const model::PublishedPort& port) {
  const Transport transport = transport_of(port.protocol);
  UniqueFd fd(::socket(AF_INET, transport.type | SOCK_CLOEXEC, transport.protocol));
  if (!fd && (errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT)) return fd;
  if (!fd) return refused(port, errno);
  const bool listens = transport.type == SOCK_STREAM;
  // Connections of a program that had the port before may linger (TIME_WAIT); they are in nobody's way.
  const int reuse = listens ? 1 : 0;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port.host_port);
  const std::string address = port.host_address.to_string();
  if (::inet_pton(AF_INET, address.c_str(), &at.sin_addr) != 1) return refused(port, EAFNOSUPPORT);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) return refused(port, errno);
  if (listens && ::listen(fd.get(), 1) != 0) return refused(port, errno);
  return fd;
}

}  // namespace bayplan::kernel
