// How far a check is, drawn on a terminal while it is waited for.
#pragma once

#include <boost/json/value.hpp>
#include <condition_variable>
#include <mutex>
#include <ostream>
#include <string>
#include <thread>

namespace bayplan::cli {

// A name for a check to come, that no other has.
std::string progress_name();

// One line without its end: "probing [#####-----]  5000/10000, at most 30 s"; empty while there is nothing to be drawn.
std::string progress_line(const boost::json::value& progress);

// Asks the daemon by itself, on a thread and a connection of its own, and draws on `out`, which nobody else may use
// until the bar has gone; then its line is gone, too. Without an answer nothing is drawn.
class ProgressBar {
 public:
  ProgressBar(const std::string& socket, std::string name, std::ostream& out);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

 private:
  void draw(const std::stop_token& stop);

  std::string socket_;
  std::string name_;
  std::ostream& out_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace bayplan::cli
