// Result<T>: a value or an Error.
//
// A class and not an alias of std::expected, because only a class is checked for being discarded.
#pragma once

#include <expected>
#include <type_traits>
#include <utility>

#include "base/error.hpp"

namespace bayplan {

template <typename T = void>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result()
    requires std::is_void_v<T>
  = default;
  Result(Error error) : state_(std::unexpected(std::move(error))) {}

  template <typename U = T>
    requires(!std::is_void_v<T> && std::is_constructible_v<T, U> && !std::is_same_v<std::remove_cvref_t<U>, Error> &&
             !std::is_same_v<std::remove_cvref_t<U>, Result>)
  Result(U&& value) : state_(std::in_place, std::forward<U>(value)) {}

  [[nodiscard]] bool ok() const { return state_.has_value(); }
  explicit operator bool() const { return ok(); }

  // Undefined unless ok().
  decltype(auto) value() & { return *state_; }
  decltype(auto) value() const& { return *state_; }
  T value() && {
    if constexpr (!std::is_void_v<T>) return *std::move(state_);
  }
  auto operator->()
    requires(!std::is_void_v<T>)
  {
    return state_.operator->();
  }
  auto operator->() const
    requires(!std::is_void_v<T>)
  {
    return state_.operator->();
  }
  decltype(auto) operator*() & { return *state_; }
  decltype(auto) operator*() const& { return *state_; }

  // Undefined if ok().
  [[nodiscard]] const Error& error() const& { return state_.error(); }
  [[nodiscard]] Error error() && { return std::move(state_.error()); }

  // The same result; an error gets one more outer step of context.
  Result in(std::string_view outer) && {
    if (!ok()) return std::move(state_.error()).in(outer);
    return std::move(*this);
  }

 private:
  std::expected<T, Error> state_;
};

// TRY(expression): the value of a Result, or an early return of its Error from the enclosing function, which must
// itself return a Result. A statement expression (GCC and Clang): `auto plan = TRY(store.load());`
// Each use has a variable of its own, so that one may stand in a lambda inside another. Not in the braces of an
// initializer behind a member that has a destructor (`Pair{TRY(text()), TRY(text())}`): on the early way out g++ (12)
// does not destroy what stands before it.
#define TRY(...) BAYPLAN_TRY_EXPAND(__COUNTER__, __VA_ARGS__)
#define BAYPLAN_TRY_EXPAND(counter, ...) BAYPLAN_TRY_PASTE(counter, __VA_ARGS__)
#define BAYPLAN_TRY_PASTE(counter, ...) BAYPLAN_TRY_AS(try_result_##counter##_, __VA_ARGS__)
#define BAYPLAN_TRY_AS(name, ...)                   \
  (__extension__({                                  \
    auto name = (__VA_ARGS__);                      \
    if (!name.ok()) return std::move(name).error(); \
    std::move(name).value();                        \
  }))

}  // namespace bayplan
