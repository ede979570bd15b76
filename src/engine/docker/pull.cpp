#include "engine/docker/pull.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "engine/docker/api_messages.hpp"
#include "engine/docker/event_lines.hpp"
#include "engine/docker/json_reader.hpp"

namespace bayplan::docker {

namespace {

// Asks for a stop when `touch` was not called for `idle`.
class IdleWatch {
 public:
  explicit IdleWatch(std::chrono::milliseconds idle)
      : idle_(idle), thread_([this](std::stop_token ended) { run(ended); }) {}

  void touch() {
    const std::scoped_lock hold(mutex_);
    touched_ = true;
    wake_.notify_all();
  }
  [[nodiscard]] std::stop_token token() const { return expired_.get_token(); }

 private:
  void run(std::stop_token ended) {
    std::unique_lock hold(mutex_);
    while (!ended.stop_requested()) {
      touched_ = false;
      const bool alive = wake_.wait_for(hold, ended, idle_, [this] { return touched_; });
      if (ended.stop_requested()) return;
      if (!alive) {
        expired_.request_stop();
        return;
      }
    }
  }

  std::chrono::milliseconds idle_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool touched_ = false;
  std::stop_source expired_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace

Result<> pull_progress(std::string_view line) {
  const auto root = parse_json(line, ErrorCode::corrupt, "");
  if (!root.ok() || !root->is_object()) return {};
  JsonReader read(*root, "");
  auto text = read.inner("errorDetail").text("message");
  if (text.empty()) text = read.text("error");
  if (text.empty()) return {};
  return fail(ErrorCode::conflict, "{}", text);
}

Result<> run_pull(http::Client& client, const http::Request& request, std::chrono::milliseconds open_bound,
                  std::chrono::milliseconds idle) {
  LineSplitter lines;
  Result<> failure;
  IdleWatch watch(idle);
  http::StreamHandlers handlers;
  handlers.on_chunk = [&](std::string_view piece) {
    watch.touch();
    return lines.feed(piece, [&](std::string_view line) {
      failure = pull_progress(line);
      return failure.ok();
    });
  };
  const auto response = client.stream(request, handlers, open_bound, watch.token());
  if (!failure.ok()) return failure;
  if (watch.token().stop_requested()) {
    return fail(ErrorCode::timeout, "nothing came for {} s",
                std::chrono::duration_cast<std::chrono::seconds>(idle).count());
  }
  if (!response.ok()) return response.error();
  if (response->status < 200 || response->status > 299) return api_error(response->status, response->body);
  if (lines.too_long()) return fail(ErrorCode::corrupt, "an endless line in Docker's answer");
  return {};
}

}  // namespace bayplan::docker
