// What a call that must fail said.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "weft/error.h"

namespace weft::test {

struct Failure {
  std::string reason;  // e.g. "CORRUPT_FILE"
  std::string message;

  bool says(std::string_view part) const { return message.find(part) != std::string::npos; }
};

/// Calls f, which must throw weft::Error with a message of one line.
template <typename Function>
Failure failure_of(Function&& f) {
  try {
    f();
  } catch (const Error& error) {
    Failure failure{to_string(error.reason()), error.what()};
    CHECK(failure.message.find('\n') == std::string::npos);
    return failure;
  }
  FAIL_CHECK("expected an Error, but the call succeeded");
  return {"none", ""};
}

}  // namespace weft::test

/// The call fails for this reason and its message holds this part.
#define WEFT_CHECK_FAILS(call, expected_reason, part)                                      \
  do {                                                                                     \
    const ::weft::test::Failure failure = ::weft::test::failure_of([&] { (void)(call); }); \
    INFO(failure.message);                                                                 \
    CHECK(failure.reason == (expected_reason));                                            \
    CHECK(failure.says(part));                                                             \
  } while (false)
