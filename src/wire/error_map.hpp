// What an ErrorCode is to those outside: the one table, and Errors as problem JSON in both directions.
//
// RFC 9457 (problem details for HTTP APIs), CNI specification 1.1 ("Error": codes 1 to 99 are the specification's,
// from 100 on a plugin's own).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace bayplan::wire {

inline constexpr std::string_view kProblemType = "application/problem+json";

struct ErrorMapping {
  ErrorCode code;
  int exit_status;  // of `bayplan`, when the daemon gave this answer: 1 refused or failed, 2 wrong usage
  int http_status;
  int cni_code;
  std::string_view title;  // the same for every error of this code
};

// Every code, once.
std::span<const ErrorMapping> error_table();
const ErrorMapping& mapping_of(ErrorCode code);

// {"type", "title", "status", "detail", "code"}; `detail` is the whole message.
std::string to_problem(const Error& error);
// The Error that was made into a problem: same code, same message. Of a body that is no problem of ours: `corrupt`, and
// the message tells the status.
Error from_problem(int http_status, std::string_view body);

}  // namespace bayplan::wire
