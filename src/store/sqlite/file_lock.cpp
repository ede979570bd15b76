#include "store/sqlite/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

namespace bayplan::store {
namespace {

std::string owner_of(int fd) {
  std::array<char, 16> text{};
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  const std::string_view digits(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  const auto pid = digits.substr(0, digits.find_first_not_of("0123456789"));
  return pid.empty() ? "another process" : fmt::format("process {}", pid);
}

void write_owner(int fd) {
  // On a full disk the lock holds all the same, it only can't say whose it is.
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd, 0) == 0 && ::pwrite(fd, pid.data(), pid.size(), 0) < 0) (void)::ftruncate(fd, 0);
}

int lock_now(int fd) {
  int result = 0;
  do {
    result = ::flock(fd, LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  return result;
}

Result<> lock_or_say_whose(int fd, const std::filesystem::path& file) {
  if (lock_now(fd) == 0) return {};
  if (errno != EWOULDBLOCK)
    return fail_errno(ErrorCode::storage, fmt::format("{}.lock can't be locked", file.string()), errno);
  return fail(ErrorCode::in_use,
              "{} is in use by {}: a plan belongs to one daemon; stop that one, or give this one another store",
              file.string(), owner_of(fd));
}

}  // namespace

Result<FileLock> FileLock::take(const std::filesystem::path& file) {
  const std::string name = file.string() + ".lock";
  UniqueFd fd(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail_errno(ErrorCode::storage, fmt::format("{} can't be made, to lock the plan with", name), errno);
  TRY(lock_or_say_whose(fd.get(), file));
  write_owner(fd.get());
  return FileLock(std::move(fd));
}

Result<std::optional<FileLock>> FileLock::take_existing(const std::filesystem::path& file) {
  const std::string name = file.string() + ".lock";
  UniqueFd fd(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd && errno == ENOENT) return std::optional<FileLock>();
  if (!fd) return fail_errno(ErrorCode::storage, fmt::format("{} can't be opened, to lock the plan with", name), errno);
  TRY(lock_or_say_whose(fd.get(), file));
  return std::optional(FileLock(std::move(fd)));
}

}  // namespace bayplan::store
