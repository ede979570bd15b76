#include "engine/docker/event_lines.hpp"

namespace bayplan::docker {

bool LineSplitter::feed(std::string_view piece, const std::function<bool(std::string_view)>& on_line) {
  while (!piece.empty()) {
    const auto end = piece.find('\n');
    rest_ += piece.substr(0, end);
    if (rest_.size() > kLineLimit) {
      too_long_ = true;
      rest_.clear();
      return false;
    }
    if (end == std::string_view::npos) return true;
    piece.remove_prefix(end + 1);
    const auto line = std::exchange(rest_, {});
    auto text = std::string_view(line);
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (!text.empty() && !on_line(text)) return false;
  }
  return true;
}

}  // namespace bayplan::docker
