#include "ovs/client.hpp"

#include <poll.h>

#include "base/text.hpp"

namespace bayplan::ovs {
namespace {

constexpr const char* kAlive = "alive";  // the id of the question for a sign of life

std::string text_at(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  const boost::json::string* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string{} : std::string(*text);
}

// RFC 7047, 3.1 and 5.2: the error's name and, where there are, details.
Error refusal(const boost::json::object& error) {
  const std::string name = text_at(error, "error");
  const auto code = name == "constraint violation" ? ErrorCode::exists
                    : name == "timed out"          ? ErrorCode::timeout
                    : name == "permission error"   ? ErrorCode::denied
                                                   : ErrorCode::kernel;
  const std::string details = text_at(error, "details");
  return fail(code, "Open vSwitch's database refused: {}{}{}", shown(name), details.empty() ? "" : ": ",
              details.empty() ? "" : shown(details));
}

Error no_answer(std::string_view what) {
  return fail(ErrorCode::corrupt, "Open vSwitch's database sent an answer {}", what);
}

}  // namespace

std::optional<boost::json::object> echo_reply(const boost::json::object& message) {
  if (text_at(message, "method") != "echo") return std::nullopt;
  const boost::json::value* id = message.if_contains("id");
  const boost::json::value* params = message.if_contains("params");
  return boost::json::object{{"id", id == nullptr ? boost::json::value() : *id},
                             {"result", params == nullptr ? boost::json::array() : *params},
                             {"error", nullptr}};
}

Result<boost::json::array> transaction_results(const boost::json::object& answer, std::size_t operations) {
  const boost::json::value* error = answer.if_contains("error");
  if (error != nullptr && !error->is_null()) {
    if (const auto* object = error->if_object()) return refusal(*object);
    if (const auto* text = error->if_string()) return refusal({{"error", *text}});
    return no_answer("with an error that is none");
  }
  const boost::json::value* result = answer.if_contains("result");
  const boost::json::array* results = result == nullptr ? nullptr : result->if_array();
  if (results == nullptr) return no_answer("without results");
  for (const boost::json::value& one : *results) {
    const boost::json::object* object = one.if_object();  // null: not done, because of an error before it
    if (object != nullptr && object->contains("error")) return refusal(*object);
  }
  if (results->size() != operations) return no_answer("with another number of results than of operations");
  if (!std::ranges::all_of(*results, [](const auto& one) { return one.is_object(); })) {
    return no_answer("with a result that is no object");
  }
  return *results;
}

Result<boost::json::array> Client::transact(const boost::json::array& operations, std::chrono::milliseconds bound) {
  if (asked_) TRY(check_alive(std::chrono::milliseconds(0)));
  const auto start = std::chrono::steady_clock::now();
  auto done = exchange(operations, start + bound);
  // The database's own time-outs come over a connection that is all right.
  const bool hangs = !done.ok() && done.error().code == ErrorCode::timeout && !connection_;
  if (hangs) static_cast<void>(ask_alive(start, std::chrono::steady_clock::now()).ok());  // the first error counts
  return done;
}

Result<> Client::check_alive(std::chrono::milliseconds patience) {
  // As in `exchange`: a server that was restarted is noticed only now.
  for (const bool fresh : {!connection_.has_value(), true}) {
    const auto alive = [&]() -> Result<> {
      const auto now = std::chrono::steady_clock::now();
      if (!asked_) TRY(ask_alive(now, now + patience));
      TRY(answer_to(kAlive, *asked_ + patience));
      return {};
    }();
    if (alive.ok()) asked_.reset();
    if (alive.ok() || (alive.error().code == ErrorCode::timeout && asked_)) return alive;
    forget_connection();
    if (fresh || alive.error().code != ErrorCode::unavailable) return alive;
  }
  return {};
}

// Only on a whole connection: one on which the question could not be sent is of no use any more.
Result<> Client::ask_alive(Deadline asked, Deadline deadline) {
  const boost::json::object question{{"method", "echo"}, {"params", boost::json::array()}, {"id", kAlive}};
  TRY(connect());
  auto sent = connection_->send(question, deadline);
  if (!sent.ok()) {
    forget_connection();
    return sent;
  }
  asked_ = asked;
  return {};
}

void Client::forget_connection() {
  connection_.reset();
  asked_.reset();
}

Result<> Client::connect() {
  if (connection_) return {};
  connection_ = TRY(Connection::open(path_));
  return {};
}

Result<boost::json::array> Client::exchange(const boost::json::array& operations, Deadline deadline) {
  boost::json::array params{kDatabase};
  params.insert(params.end(), operations.begin(), operations.end());
  // A server that was restarted since the last call is noticed when nothing comes back: then it is asked once more.
  // What we ask for may be done twice: a name can be inserted only once, everything else sets what it sets.
  for (const bool fresh : {!connection_.has_value(), true}) {
    TRY(connect());
    const boost::json::object request{{"method", "transact"}, {"params", params}, {"id", ++last_id_}};
    auto sent = connection_->send(request, deadline);
    auto answer = sent.ok() ? answer_to(last_id_, deadline) : Result<boost::json::object>(sent.error());
    if (answer.ok()) return transaction_results(*answer, operations.size());
    forget_connection();
    if (fresh || answer.error().code != ErrorCode::unavailable) return std::move(answer).error();
  }
  return fail(ErrorCode::internal, "no connection was tried");
}

Result<boost::json::object> Client::answer_to(const boost::json::value& id, Deadline deadline) {
  while (true) {
    auto message = TRY(connection_->receive(deadline));
    if (!message) continue;
    if (const auto reply = echo_reply(*message)) {
      TRY(connection_->send(*reply, deadline));
      continue;
    }
    const boost::json::value* answered = message->if_contains("id");
    // Anything else is an answer to a call that was given up, or a notification that was not asked for.
    if (answered != nullptr && *answered == id) return *std::move(message);
  }
}

}  // namespace bayplan::ovs
