// HTTP requests and responses as both the server and the client of this folder see them: plain values.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bayplan::http {

// Header fields in the order they came; names compare without regard to case (RFC 9110, 5.1).
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  // The first field of that name; empty when there is none.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] auto begin() const { return fields_.begin(); }
  [[nodiscard]] auto end() const { return fields_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct Request {
  std::string method = "GET";
  std::string path = "/";  // without percent encoding, which server and client undo and do
  std::map<std::string, std::string> query;
  Headers headers;
  std::string body;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";  // of a response without body: not sent
  std::string body;
  Headers headers;  // others than Content-Type, Content-Length and Connection
};

}  // namespace bayplan::http
