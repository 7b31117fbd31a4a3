// What an operation came to. No exceptions in the core: an expected outcome is a value that must be looked at.
#pragma once

#include <cstdint>
#include <utility>

namespace cx {

enum class [[nodiscard]] Status : uint8_t {
  ok = 0,
  again,        // nothing to do yet: no datagram, no room in the socket, not due; try in a later turn
  full,         // a bounded buffer, table or queue of ours has no room
  tooLarge,    // the other side's item is over our limit
  malformed,    // the other side broke the syntax of its protocol
  unsupported,  // valid, but not something we do
  invalid,      // the caller's argument breaks the contract of the function
  notFound,
  exists,
  refused,      // the other side understood and said no
  mismatch,     // a digest, entity tag, length or version is not the one expected
  busy,         // one operation at a time, and one is running
  closed,       // the connection or object ended in order
  reset,        // the other side ended it, or cannot make sense of us
  timeout,
  unreachable,
  cancelled,
  io,           // the system below failed
  exhausted,    // a budget (retries, attempts, bytes) is spent
};

constexpr bool isOk(Status status) { return status == Status::ok; }

// Lower-case words for logs and reports; the enumerators' own names.
const char* statusName(Status status);

// Either a value or the reason why there is none. T is cheap to move; the value is read only after the check.
template <typename T>
class [[nodiscard]] Expected {
 public:
  constexpr Expected(T value) : value_(std::move(value)), status_(Status::ok) {}
  // A failure. Status::ok without a value is a contradiction and becomes Status::invalid.
  constexpr Expected(Status failure) : value_(), status_(failure == Status::ok ? Status::invalid : failure) {}

  constexpr explicit operator bool() const { return status_ == Status::ok; }
  constexpr bool hasValue() const { return status_ == Status::ok; }
  constexpr Status status() const { return status_; }
  constexpr const T& value() const { return value_; }
  constexpr T& value() { return value_; }
  constexpr const T& operator*() const { return value_; }
  constexpr T& operator*() { return value_; }
  constexpr const T* operator->() const { return &value_; }
  constexpr T* operator->() { return &value_; }
  constexpr T valueOr(T fallback) const { return status_ == Status::ok ? value_ : fallback; }

 private:
  T value_;  // value-initialised when there is none, so that T stays a plain member on every target
  Status status_;
};

}  // namespace cx

// Leaves the enclosing function with the same Status when `expression` is not ok.
#define CX_TRY(expression)                                   \
  do {                                                       \
    const ::cx::Status cxTryStatus = (expression);         \
    if (cxTryStatus != ::cx::Status::ok) return cxTryStatus; \
  } while (false)
