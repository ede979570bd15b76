// Who is called: at a unix socket, or at a TCP port.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace bayplan::http {

struct Peer {
  std::string name;         // for messages: "Docker", "baypland"
  std::string unix_socket;  // path; empty: TCP
  std::string host = "localhost";
  std::uint16_t port = 80;

  // "/run/bayplan/bayplan.sock", "localhost port 80"
  [[nodiscard]] std::string where() const;
};

// Of a connection that errno says could not be made: what that means, and what to do.
Error connect_error(const Peer& peer, int error_number);

}  // namespace bayplan::http
