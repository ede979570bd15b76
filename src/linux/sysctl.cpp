#include "linux/sysctl.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/unique_fd.hpp"

namespace bayplan::kernel {
namespace {

Result<UniqueFd> open_setting(const std::string& name, int flags) {
  UniqueFd fd(::open(("/proc/sys/" + name).c_str(), flags | O_CLOEXEC));
  if (fd) return fd;
  // The container's usual /proc/sys is mounted read-only.
  const ErrorCode code = errno == ENOENT  ? ErrorCode::not_found
                         : errno == EROFS ? ErrorCode::denied
                                          : ErrorCode::kernel;
  return fail_errno(code, fmt::format("open /proc/sys/{}", name), errno);
}

}  // namespace

Result<std::string> read_sysctl(const std::string& name) {
  const UniqueFd fd = TRY(open_setting(name, O_RDONLY));
  std::array<char, 256> text{};
  const ssize_t size = ::read(fd.get(), text.data(), text.size());
  if (size < 0) return fail_errno(ErrorCode::kernel, fmt::format("read /proc/sys/{}", name), errno);
  std::string value(text.data(), static_cast<std::size_t>(size));
  while (!value.empty() && value.back() == '\n') value.pop_back();
  return value;
}

Result<bool> ensure_sysctl(const std::string& name, std::string_view value) {
  if (TRY(read_sysctl(name)) == value) return false;
  const UniqueFd fd = TRY(open_setting(name, O_WRONLY));
  if (::write(fd.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
    return fail_errno(ErrorCode::kernel, fmt::format("write {} to /proc/sys/{}", value, name), errno);
  }
  return true;
}

}  // namespace bayplan::kernel
