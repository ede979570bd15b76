#include "http/client.hpp"

#include <curl/curl.h>

#include <mutex>
#include <optional>
#include <vector>

#include "http/target.hpp"

namespace bayplan::http {
namespace {

using Clock = std::chrono::steady_clock;

struct EasyDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct MultiDeleter {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;
using Multi = std::unique_ptr<CURLM, MultiDeleter>;
using List = std::unique_ptr<curl_slist, ListDeleter>;

// libcurl's process-wide state, made once, by whichever thread comes first, and kept.
bool initialise() {
  static const bool kDone = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return kDone;
}

List header_list(const Request& request) {
  List list;
  const auto add = [&](const std::string& line) { list.reset(curl_slist_append(list.release(), line.c_str())); };
  for (const auto& [name, value] : request.headers) add(name + ": " + value);
  // Of an empty body the field is left out; libcurl would call it a form.
  if (request.headers.get("Content-Type").empty()) {
    add(request.body.empty() ? "Content-Type:" : "Content-Type: application/json");
  }
  add("Expect:");  // libcurl would ask before sending a larger body, and wait a second for the answer
  return list;
}

// What comes back, as libcurl hands it over piece by piece.
struct Receiver {
  CURL* handle = nullptr;
  std::size_t limit = 0;
  const StreamHandlers* stream = nullptr;
  Response response;
  bool opened = false;  // the header is complete
  bool too_large = false;
  bool ended = false;  // by the stream's handler

  [[nodiscard]] long status() const {
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    return status;
  }
  // errno of the connection that could not be made.
  [[nodiscard]] long error_number() const {
    long number = 0;
    curl_easy_getinfo(handle, CURLINFO_OS_ERRNO, &number);
    return number;
  }
  [[nodiscard]] bool streams() const { return stream != nullptr && status() / 100 == 2; }

  // Both give whether to go on.
  bool on_header_end() {
    if (status() / 100 == 1 || opened) return true;
    opened = true;
    if (streams()) stream->on_open();
    return true;
  }
  bool on_body(std::string_view piece) {
    if (streams()) {
      ended = !stream->on_chunk(piece);
      return !ended;
    }
    too_large = response.body.size() + piece.size() > limit;
    if (!too_large) response.body += piece;
    return !too_large;
  }
};

std::size_t write_body(char* data, std::size_t size, std::size_t count, void* user) {
  return static_cast<Receiver*>(user)->on_body({data, size * count}) ? size * count : 0;
}

std::size_t write_header(char* data, std::size_t size, std::size_t count, void* user) {
  const std::string_view line(data, size * count);
  auto& receiver = *static_cast<Receiver*>(user);
  if (line == "\r\n" || line == "\n") return receiver.on_header_end() ? line.size() : 0;
  if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    auto value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == '\r' || value.back() == '\n')) value.remove_suffix(1);
    receiver.response.headers.add(std::string(line.substr(0, colon)), std::string(value));
  }
  return line.size();
}

// libcurl asks about once a second; what is not 0 ends the call.
int is_cut_off(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::stop_source*>(user)->stop_requested() ? 1 : 0;
}

}  // namespace

class Client::Impl {
 public:
  Impl(Peer peer, ClientOptions options) : peer_(std::move(peer)), options_(options) {}

  Result<Response> call(const Request& request, std::chrono::milliseconds bound);
  Result<Response> stream(const Request& request, const StreamHandlers& handlers, std::chrono::milliseconds open_bound,
                          const std::stop_token& stop);
  void cut_off() { cut_.request_stop(); }

 private:
  Result<Easy> take();
  void give_back(Easy handle);
  void prepare(CURL* handle, const Request& request, const curl_slist* headers, Receiver& receiver) const;
  [[nodiscard]] Result<Response> finish(CURLcode code, Receiver& receiver) const;

  const Peer peer_;
  const ClientOptions options_;
  std::stop_source cut_;
  std::mutex mutex_;
  std::vector<Easy> idle_;  // under mutex_: handles with their open connections
};

Result<Easy> Client::Impl::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto handle = std::move(idle_.back());
      idle_.pop_back();
      curl_easy_reset(handle.get());  // options, not connections
      return handle;
    }
  }
  Easy handle(initialise() ? curl_easy_init() : nullptr);
  if (!handle) return fail(ErrorCode::internal, "libcurl could not be started");
  return handle;
}

void Client::Impl::give_back(Easy handle) {
  constexpr std::size_t kKept = 8;
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kKept) idle_.push_back(std::move(handle));
}

void Client::Impl::prepare(CURL* handle, const Request& request, const curl_slist* headers, Receiver& receiver) const {
  receiver.handle = handle;
  receiver.limit = options_.response_limit;
  const auto url = fmt::format("http://{}:{}{}", peer_.host, peer_.port, format_target(request.path, request.query));
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);  // a name of ".." is a name
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  if (!peer_.unix_socket.empty()) {
    curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, peer_.unix_socket.c_str());
  }
  if (!request.body.empty() || request.method == "POST") {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_COPYPOSTFIELDS, request.body.c_str());
  }
  curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(handle, CURLOPT_NOBODY, request.method == "HEAD" ? 1L : 0L);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, write_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &receiver);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, write_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &receiver);
}

Result<Response> Client::Impl::finish(CURLcode code, Receiver& receiver) const {
  if (cut_.stop_requested())
    return fail(ErrorCode::unavailable, "{} was not waited for: this process ends", peer_.name);
  if (receiver.too_large) {
    return fail(ErrorCode::corrupt, "{} sent more than {} bytes", peer_.name, options_.response_limit);
  }
  switch (code) {
    case CURLE_OK:
      break;
    case CURLE_WRITE_ERROR:
      if (!receiver.ended) return fail(ErrorCode::internal, "reading the answer of {}", peer_.name);
      break;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
      return connect_error(peer_, static_cast<int>(receiver.error_number()));
    case CURLE_OPERATION_TIMEDOUT:
      return fail(ErrorCode::timeout, "{} did not answer in time at {}", peer_.name, peer_.where());
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return fail(ErrorCode::unavailable, "{} hung up before its answer was complete ({})", peer_.name,
                  curl_easy_strerror(code));
    default:
      return fail(ErrorCode::corrupt, "what {} answers at {} is not understood ({})", peer_.name, peer_.where(),
                  curl_easy_strerror(code));
  }
  receiver.response.status = static_cast<int>(receiver.status());
  receiver.response.content_type = receiver.response.headers.get("Content-Type");
  return std::move(receiver.response);
}

Result<Response> Client::Impl::call(const Request& request, std::chrono::milliseconds bound) {
  auto handle = TRY(take());
  const auto headers = header_list(request);
  Receiver receiver;
  prepare(handle.get(), request, headers.get(), receiver);
  // 0 would mean "no limit".
  curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(bound.count(), 1)));
  curl_easy_setopt(handle.get(), CURLOPT_XFERINFOFUNCTION, is_cut_off);
  curl_easy_setopt(handle.get(), CURLOPT_XFERINFODATA, &cut_);
  curl_easy_setopt(handle.get(), CURLOPT_NOPROGRESS, 0L);
  const auto code = curl_easy_perform(handle.get());
  auto result = finish(code, receiver);
  if (result.ok()) give_back(std::move(handle));
  return result;
}

Result<Response> Client::Impl::stream(const Request& request, const StreamHandlers& handlers,
                                      std::chrono::milliseconds open_bound, const std::stop_token& stop) {
  const auto easy = TRY(take());
  const Multi multi(curl_multi_init());
  if (!multi) return fail(ErrorCode::internal, "libcurl could not be started");
  const auto headers = header_list(request);
  Receiver receiver;
  receiver.stream = &handlers;
  prepare(easy.get(), request, headers.get(), receiver);
  const auto deadline = Clock::now() + open_bound;
  const auto wake = [&] { curl_multi_wakeup(multi.get()); };
  const std::stop_callback wake_at_stop(stop, wake);
  const std::stop_callback wake_at_cut(cut_.get_token(), wake);
  curl_multi_add_handle(multi.get(), easy.get());

  auto code = CURLE_OK;
  for (int running = 1; running != 0 && !stop.stop_requested() && !cut_.stop_requested();) {
    curl_multi_perform(multi.get(), &running);
    if (running == 0) {
      int left = 0;
      if (const auto* message = curl_multi_info_read(multi.get(), &left)) code = message->data.result;
      break;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (!receiver.opened && left.count() <= 0) {
      code = CURLE_OPERATION_TIMEDOUT;
      break;
    }
    const int pause = receiver.opened ? 60'000 : static_cast<int>(std::min<std::int64_t>(left.count(), 60'000) + 1);
    curl_multi_poll(multi.get(), nullptr, 0, pause, nullptr);
  }
  auto result = finish(code, receiver);
  curl_multi_remove_handle(multi.get(), easy.get());
  return result;
}

Client::Client(Peer peer, ClientOptions options) : impl_(std::make_unique<Impl>(std::move(peer), options)) {
}
Client::~Client() = default;

void Client::cut_off() {
  impl_->cut_off();
}

Result<Response> Client::call(const Request& request, std::chrono::milliseconds bound) {
  return impl_->call(request, bound);
}

Result<Response> Client::stream(const Request& request, const StreamHandlers& handlers,
                                std::chrono::milliseconds open_bound, std::stop_token stop) {
  return impl_->stream(request, handlers, open_bound, stop);
}

}  // namespace bayplan::http
