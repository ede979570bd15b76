// Cuts a byte stream into lines: Docker's event and pull streams come in pieces that end anywhere.
//
// Not thread-safe. Holds at most one line of kLineLimit bytes.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace bayplan::docker {

class LineSplitter {
 public:
  // Far more than Docker's longest: an event carries the labels of a container.
  static constexpr std::size_t kLineLimit = 4UL * 1024 * 1024;

  // Calls on_line for every line that ends in `piece`, without its end ("\n" or "\r\n"), empty ones left out. False
  // when on_line returned false, or when a line grew beyond the limit (then too_long() holds): feed no more.
  bool feed(std::string_view piece, const std::function<bool(std::string_view)>& on_line);
  [[nodiscard]] bool too_long() const { return too_long_; }
  // What came after the last line's end.
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string rest_;
  bool too_long_ = false;
};

}  // namespace bayplan::docker
