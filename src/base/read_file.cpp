#include "base/read_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/unique_fd.hpp"

namespace bayplan {

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno == ENOENT ? ErrorCode::not_found : ErrorCode::unavailable, "read " + path, errno);
  std::string text;
  std::array<char, 4096> piece{};
  while (true) {
    const ssize_t count = ::read(fd.get(), piece.data(), piece.size());
    if (count == 0) return text;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(ErrorCode::unavailable, "read " + path, errno);
    text.append(piece.data(), static_cast<std::size_t>(count));
    if (text.size() > limit) return fail(ErrorCode::invalid, "{} is larger than {} bytes", path, limit);
  }
}

}  // namespace bayplan
