#include "ovs/watcher.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include "ovs/client.hpp"

namespace bayplan::ovs {
namespace {

constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{5000};
constexpr std::chrono::seconds kAnswerBound{10};
constexpr std::chrono::seconds kSilence{30};  // after that it is asked whether it still lives
constexpr const char* kMonitorId = "watch";

bool is_update(const boost::json::object& message) {
  const boost::json::value* method = message.if_contains("method");
  return method != nullptr && *method == boost::json::value("update");
}

bool answers_monitor(const boost::json::object& message) {
  const boost::json::value* id = message.if_contains("id");
  return id != nullptr && *id == boost::json::value(kMonitorId);
}

}  // namespace

Watcher::Watcher(std::string socket_path, Tables tables, std::function<void()> on_change)
    : path_(std::move(socket_path)),
      tables_(std::move(tables)),
      on_change_(std::move(on_change)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {
}

Watcher::~Watcher() {
  thread_.request_stop();
  if (wake_) static_cast<void>(::eventfd_write(wake_.get(), 1));
}

void Watcher::run(const std::stop_token& stop) {
  std::chrono::milliseconds time = kFirstPause;
  while (!stop.stop_requested()) {
    watched_ = false;
    static_cast<void>(watch(stop).ok());  // whoever asks for something is told what is wrong
    if (watched_) time = kFirstPause;
    pause(time, stop);
    time = std::min(time * 2, kLongestPause);
  }
}

void Watcher::pause(std::chrono::milliseconds time, const std::stop_token& stop) {
  pollfd wait{wake_.get(), POLLIN, 0};
  if (!stop.stop_requested()) ::poll(&wait, 1, static_cast<int>(time.count()));
}

boost::json::object Watcher::monitor_request() const {
  boost::json::object wanted;
  for (const auto& [table, columns] : tables_) {
    wanted[table] = {{"columns", boost::json::array(columns.begin(), columns.end())}};
  }
  return {{"method", "monitor"}, {"id", kMonitorId}, {"params", {kDatabase, nullptr, wanted}}};
}

Result<> Watcher::watch(const std::stop_token& stop) {
  const auto bound = [](std::chrono::seconds time) { return std::chrono::steady_clock::now() + time; };
  auto connection = TRY(Connection::open(path_));
  TRY(connection.send(monitor_request(), bound(kAnswerBound)));
  bool asked = true;  // something is to come within the bound
  while (!stop.stop_requested()) {
    auto message = connection.receive(bound(asked ? kAnswerBound : kSilence), wake_.get());
    if (!message.ok() && message.error().code == ErrorCode::timeout && !asked) {
      TRY(connection.send({{"method", "echo"}, {"id", "echo"}, {"params", boost::json::array()}}, bound(kAnswerBound)));
      asked = true;
      continue;
    }
    if (!message.ok()) return std::move(message).error();
    if (stop.stop_requested() || !*message) return {};
    TRY(handle(connection, **message));
    asked = false;
  }
  return {};
}

Result<> Watcher::handle(Connection& connection, const boost::json::object& message) {
  if (const auto reply = echo_reply(message)) {
    return connection.send(*reply, std::chrono::steady_clock::now() + kAnswerBound);
  }
  if (answers_monitor(message)) {
    const boost::json::value* error = message.if_contains("error");
    if (error != nullptr && !error->is_null()) {
      return fail(ErrorCode::unsupported, "Open vSwitch's database can't be watched: {}",
                  boost::json::serialize(*error));
    }
    watched_ = true;
    on_change_();
  } else if (is_update(message)) {
    on_change_();
  }
  return {};
}

}  // namespace bayplan::ovs
