// What went wrong, as a value.
//
// An Error is made where the failure is known and given context on its way up (`in`), so that the message a person
// reads is one line: `attach web to vlan100: create veth: File exists`. It is returned, never thrown, and logged at
// most once, by the layer that ends its journey (control/, api/, apps/).
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bayplan {

// Kinds of failure, as far as a caller may act on them differently. wire/error_map.hpp has the one table that gives
// each its exit status, HTTP status and CNI code.
enum class ErrorCode {
  invalid,      // the request itself is wrong: a VLAN of 4095, an address outside its subnet
  not_found,    // what was named does not exist
  exists,       // what should be made is there already
  conflict,     // it belongs to somebody else: an address held by another identity, an overlapping subnet
  in_use,       // it can't be removed or changed while something uses it
  exhausted,    // no free address is left
  unavailable,  // a peer can't be reached now: Docker, the daemon, the store's server; trying again may help
  timeout,      // a peer did not answer within its bound
  denied,       // the process lacks a right
  storage,      // the plan could not be stored: disk full, read-only, input/output error
  corrupt,      // stored or received bytes are not what they should be
  newer,        // stored by a newer version
  kernel,       // the kernel refused a request
  unsupported,  // well-formed, but this version, kernel or engine can't do it
  internal,     // a bug: an invariant did not hold
};

// The code's name as it stands in logs and JSON, e.g. "not_found".
std::string_view to_string(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string detail;     // a sentence for people: what, about whom, and what to do
  std::string operation;  // context from the outside in, "attach web to vlan100: create veth"; may be empty

  // The whole line: operation and detail.
  [[nodiscard]] std::string message() const;

  // The same error with one more outer step of context.
  [[nodiscard]] Error in(std::string_view outer) &&;
};

// Makes an Error with a formatted detail: `return fail(ErrorCode::invalid, "VLAN {} is outside 1..4094", tag);`
template <typename... Args>
[[nodiscard]] Error fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return Error{code, fmt::format(format, std::forward<Args>(args)...), {}};
}

// Makes an Error from errno (or a kernel's negated answer): detail is "<what>: <strerror>". EACCES and EPERM become
// `denied`; everything else the given code.
[[nodiscard]] Error fail_errno(ErrorCode code, std::string_view what, int error_number);

// Several failures of one undertaking, none empty, as one: the first one's code, and all messages.
[[nodiscard]] Error joined(const std::vector<Error>& errors);

}  // namespace bayplan
