#include "linux/process.hpp"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/unique_fd.hpp"

namespace bayplan::kernel {
namespace {

// The standard descriptors are files in memory, not pipes: nothing can fill up or has to be read meanwhile.
struct Streams {
  UniqueFd input;
  UniqueFd output;
  UniqueFd errors;
};

Result<UniqueFd> memory_file(std::string_view content) {
  UniqueFd file(memfd_create("bayplan", MFD_CLOEXEC));
  if (!file) return fail_errno(ErrorCode::kernel, "make a file in memory", errno);
  for (std::size_t written = 0; written < content.size();) {
    const ssize_t size =
        ::pwrite(file.get(), content.data() + written, content.size() - written, static_cast<off_t>(written));
    if (size < 0) return fail_errno(ErrorCode::kernel, "write a file in memory", errno);
    written += static_cast<std::size_t>(size);
  }
  return file;
}

Result<std::string> content_of(const UniqueFd& file) {
  std::string content;
  std::array<char, 16384> part{};
  while (true) {
    const ssize_t size = ::pread(file.get(), part.data(), part.size(), static_cast<off_t>(content.size()));
    if (size < 0) return fail_errno(ErrorCode::kernel, "read a file in memory", errno);
    if (size == 0) return content;
    content.append(part.data(), static_cast<std::size_t>(size));
  }
}

// The caller may block or ignore signals; the child starts with none of that.
class SpawnSettings {
 public:
  explicit SpawnSettings(const Streams& streams) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, streams.input.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, streams.output.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, streams.errors.get(), STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }
  [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
  [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

Result<pid_t> spawn(const std::vector<std::string>& arguments, const Streams& streams) {
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const SpawnSettings settings(streams);
  pid_t child = 0;
  const int error = posix_spawnp(&child, argv[0], settings.actions(), settings.attributes(), argv.data(), environ);
  if (error == 0) return child;
  return fail_errno(error == ENOENT ? ErrorCode::not_found : ErrorCode::kernel, fmt::format("run {}", arguments[0]),
                    error);
}

int reap(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// True if the child ended within the bound.
bool ends_within(pid_t child, std::chrono::milliseconds bound) {
  const UniqueFd handle(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
  const auto deadline = std::chrono::steady_clock::now() + bound;
  pollfd ended{handle.get(), POLLIN, 0};
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    if (const int ready = poll(&ended, 1, static_cast<int>(left.count())); ready > 0) return true;
  }
}

}  // namespace

Result<ProcessResult> run_process(const std::vector<std::string>& arguments, std::string_view input,
                                  std::chrono::milliseconds bound) {
  Streams streams;
  streams.input = TRY(memory_file(input));
  streams.output = TRY(memory_file({}));
  streams.errors = TRY(memory_file({}));
  const pid_t child = TRY(spawn(arguments, streams));
  const bool ended = ends_within(child, bound);
  if (!ended) kill(child, SIGKILL);
  const int status = reap(child);
  if (!ended) return fail(ErrorCode::timeout, "{} did not end within {} ms", arguments[0], bound.count());
  ProcessResult result;
  result.status = status;
  result.output = TRY(content_of(streams.output));
  result.errors = TRY(content_of(streams.errors));
  return result;
}

}  // namespace bayplan::kernel
