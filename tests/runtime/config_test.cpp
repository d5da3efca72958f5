#include "runtime/config.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/failure.h"
#include "tests/temporary_directory.h"

namespace weft::test {
namespace {

Config config(std::string_view text) { return {Json::parse(text, "config.json"), "config.json"}; }

}  // namespace

TEST_CASE("sizes are integers within their bounds, written as integers") {
  CHECK(config("{\"hidden_size\": 768}").integer("hidden_size", 1, 1000) == 768);
  for (const char* value : {"0", "-1", "1001", "768.0", "7.68e2", "\"768\"", "true", "[768]",
                            "2147483648", "9223372036854775808", "null"}) {
    CAPTURE(value);
    const Config bad = config("{\"hidden_size\": " + std::string(value) + "}");
    WEFT_CHECK_FAILS(bad.integer("hidden_size", 1, 1000), "INVALID_ARGUMENT",
                     "config.json: hidden_size: expected an integer in [1, 1000], found");
  }
  WEFT_CHECK_FAILS(config("{}").integer("hidden_size", 1, 1000), "INVALID_ARGUMENT",
                   "found nothing");
  WEFT_CHECK_FAILS(config("{\"hidden_size\": \"768\"}").integer("hidden_size", 1, 1000),
                   "INVALID_ARGUMENT", "found \"768\"");
}

TEST_CASE("absent and null values take the default, wrong ones do not") {
  const Config some = config("{\"n\": null, \"x\": 0.5, \"i\": 2, \"f\": false, \"t\": \"text\"}");
  CHECK(some.integer_or("n", 7, 1, 10) == 7);
  CHECK(some.integer_or("i", 7, 1, 10) == 2);
  CHECK(some.positive_or("x", 1.0) == 0.5);
  CHECK(some.positive_or("i", 1.0) == 2.0);
  CHECK(some.positive_or("none", 1e-12) == 1e-12);
  CHECK_FALSE(some.flag_or("f", true));
  CHECK(some.flag_or("n", true));
  CHECK(some.text("t") == "text");
  CHECK(some.text_or("n", "default") == "default");
  CHECK_FALSE(some.has("n"));
  WEFT_CHECK_FAILS(some.integer_or("x", 7, 1, 10), "INVALID_ARGUMENT", "x: expected an integer");
  WEFT_CHECK_FAILS(some.flag_or("i", true), "INVALID_ARGUMENT", "true or false, found 2");
  WEFT_CHECK_FAILS(some.text("i"), "INVALID_ARGUMENT", "expected a string, found 2");
  WEFT_CHECK_FAILS(some.text("n"), "INVALID_ARGUMENT", "found nothing");
}

TEST_CASE("an epsilon is above zero") {
  for (const char* value : {"0", "0.0", "-1e-12", "\"1e-12\"", "true"}) {
    WEFT_CHECK_FAILS(config("{\"eps\": " + std::string(value) + "}").positive_or("eps", 1.0),
                     "INVALID_ARGUMENT", "eps: expected a number above 0");
  }
  const TemporaryDirectory directory;
  WEFT_CHECK_FAILS(Config::load(directory.write("config.json", "{\"eps\": NaN}")), "CORRUPT_FILE",
                   "byte 8");
}

TEST_CASE("lists hold strings only") {
  CHECK(config("{\"a\": [\"x\", \"y\"]}").texts_or_empty("a").size() == 2);
  CHECK(config("{}").texts_or_empty("a").empty());
  WEFT_CHECK_FAILS(config("{\"a\": [\"x\", 1]}").texts_or_empty("a"), "INVALID_ARGUMENT",
                   "one item is 1");
  WEFT_CHECK_FAILS(config("{\"a\": \"x\"}").texts_or_empty("a"), "INVALID_ARGUMENT",
                   "list of strings");
}

TEST_CASE("an option other than the supported one is refused by name") {
  const Config some =
      config("{\"is_decoder\": true, \"position_embedding_type\": \"relative_key\"}");
  WEFT_CHECK_FAILS(some.require("is_decoder", false), "UNSUPPORTED",
                   "is_decoder: true is not supported");
  WEFT_CHECK_FAILS(some.require("position_embedding_type", "absolute"), "UNSUPPORTED",
                   "\"relative_key\" is not supported, only \"absolute\"");
  CHECK_NOTHROW(some.require("is_decoder", true));
  CHECK_NOTHROW(some.require("absent", "absolute"));
  WEFT_CHECK_FAILS(some.require("position_embedding_type", false), "INVALID_ARGUMENT",
                   "expected true or false");
}

TEST_CASE("a configuration that is no object is corrupt") {
  const TemporaryDirectory directory;
  WEFT_CHECK_FAILS(Config::load(directory.write("a.json", "[1]")), "CORRUPT_FILE",
                   "expected an object, found an array of 1 items");
  WEFT_CHECK_FAILS(Config::load(directory.write("b.json", "{\"a\": 1")), "CORRUPT_FILE", "b.json");
  WEFT_CHECK_FAILS(Config::load(directory.path() / "none.json"), "NOT_FOUND", "none.json");
}

}  // namespace weft::test
