#include "base/error.hpp"

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace bayplan {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid:
      return "invalid";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::exists:
      return "exists";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::in_use:
      return "in_use";
    case ErrorCode::exhausted:
      return "exhausted";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::timeout:
      return "timeout";
    case ErrorCode::denied:
      return "denied";
    case ErrorCode::storage:
      return "storage";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::newer:
      return "newer";
    case ErrorCode::kernel:
      return "kernel";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";
}

std::string Error::message() const {
  return operation.empty() ? detail : operation + ": " + detail;
}

Error Error::in(std::string_view outer) && {
  operation = operation.empty() ? std::string(outer) : fmt::format("{}: {}", outer, operation);
  return std::move(*this);
}

Error fail_errno(ErrorCode code, std::string_view what, int error_number) {
  const int number = std::abs(error_number);
  const bool denied = number == EACCES || number == EPERM;
  return fail(denied ? ErrorCode::denied : code, "{}: {}", what, std::generic_category().message(number));
}

Error joined(const std::vector<Error>& errors) {
  if (errors.size() == 1) return errors.front();
  Error all{errors.front().code, errors.front().message(), {}};
  for (std::size_t next = 1; next < errors.size(); ++next) all.detail += "; " + errors[next].message();
  return all;
}

}  // namespace bayplan
