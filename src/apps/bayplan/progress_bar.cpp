#include "apps/bayplan/progress_bar.hpp"

#include <boost/json.hpp>
#include <chrono>
#include <random>

#include "apps/bayplan/daemon.hpp"

namespace bayplan::cli {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kGap{200};
constexpr std::size_t kWidth = 30;
constexpr const char* kClearLine = "\r\x1b[K";

std::uint64_t number(const json::object& progress, std::string_view name) {
  const auto* member = progress.if_contains(name);
  boost::system::error_code error;
  const auto value = member ? member->to_number<std::uint64_t>(error) : 0;
  return error ? 0 : value;
}

}  // namespace

std::string progress_name() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

std::string progress_line(const json::value& progress) {
  const auto* object = progress.if_object();
  const auto* step = object ? object->if_contains("step") : nullptr;
  if (!step || !step->is_string()) return {};
  const std::string name(step->get_string());
  const auto total = number(*object, "total");
  if (total == 0) return name + " …";
  const auto done = std::min(number(*object, "done"), total);
  const std::size_t filled = done * kWidth / total;
  return fmt::format("{} [{}{}] {}/{}, at most {} s", name, std::string(filled, '#'), std::string(kWidth - filled, '-'),
                     done, total, number(*object, "seconds"));
}

ProgressBar::ProgressBar(const std::string& socket, std::string name, std::ostream& out)
    : socket_(socket), name_(std::move(name)), out_(out), thread_([this](const std::stop_token& stop) { draw(stop); }) {
}

ProgressBar::~ProgressBar() {
  thread_.request_stop();
  thread_.join();
  out_ << kClearLine << std::flush;
}

void ProgressBar::draw(const std::stop_token& stop) {
  Daemon daemon(socket_);
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, stop, kGap, [] { return false; }) && !stop.stop_requested()) {
    const auto progress = daemon.get("/v1/check/progress/" + name_);
    if (progress.ok()) out_ << kClearLine << progress_line(*progress) << std::flush;
  }
}

}  // namespace bayplan::cli
