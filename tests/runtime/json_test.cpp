#include "runtime/json.h"

#include <doctest/doctest.h>
#include <pthread.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "tests/failure.h"

namespace weft::test {
namespace {

Json parse(std::string_view text) { return Json::parse(text, "FILE"); }

// As another library would hold it, for comparison with that library's reading.
nlohmann::json converted(const Json& json) {
  switch (json.kind()) {
    case Json::Kind::kNull: return nullptr;
    case Json::Kind::kBool: return json.as_bool();
    case Json::Kind::kInteger: return json.as_integer();
    case Json::Kind::kNumber: return json.as_number();
    case Json::Kind::kString: return json.as_string();
    case Json::Kind::kArray: {
      nlohmann::json array = nlohmann::json::array();
      for (const Json& item : json.items()) array.push_back(converted(item));
      return array;
    }
    case Json::Kind::kObject: {
      nlohmann::json object = nlohmann::json::object();
      for (const auto& [key, value] : json.members()) object[key] = converted(value);
      return object;
    }
  }
  return nullptr;
}

}  // namespace

TEST_CASE("every kind of value is read, and objects keep their order") {
  const Json json = parse(
      " {\"z\": [1, -2, 2.5, 1e3, true, false, null], \"a\": \"x\\u00e9\\ud83d\\ude00\\n\"}\n");
  REQUIRE(json.is_object());
  CHECK(json.members()[0].first == "z");
  CHECK(json.members()[1].first == "a");
  const std::vector<Json>& items = json.find("z")->items();
  REQUIRE(items.size() == 7);
  CHECK(items[0].as_integer() == 1);
  CHECK(items[1].as_integer() == -2);
  CHECK(items[1].as_number() == -2.0);
  CHECK(items[2].as_number() == 2.5);
  CHECK_FALSE(items[3].is_integer());
  CHECK(items[3].as_number() == 1000.0);
  CHECK(items[4].as_bool());
  CHECK_FALSE(items[5].as_bool());
  CHECK(items[6].is_null());
  CHECK(json.find("a")->as_string() == "x\xC3\xA9\xF0\x9F\x98\x80\n");
  CHECK(json.find("b") == nullptr);
  CHECK(items[0].find("a") == nullptr);
}

TEST_CASE("integers are exact up to the ends of int64 and only numbers beyond") {
  CHECK(parse("9223372036854775807").as_integer() == INT64_MAX);
  CHECK(parse("-9223372036854775808").as_integer() == INT64_MIN);
  CHECK_FALSE(parse("9223372036854775808").is_integer());
  CHECK(parse("18446744073709551616").as_number() == 18446744073709551616.0);
  CHECK_FALSE(parse("1.0").is_integer());
  CHECK_FALSE(parse("1e3").is_integer());
  CHECK(parse("-0").is_integer());
  CHECK(parse("4.9e-324").as_number() > 0);
}

TEST_CASE("what is not JSON fails at the byte that is wrong") {
  const auto corrupt = [](std::string_view text, const char* part) {
    CAPTURE(text);
    WEFT_CHECK_FAILS(parse(text), "CORRUPT_FILE", part);
    WEFT_CHECK_FAILS(parse(text), "CORRUPT_FILE", "FILE: JSON error at byte");
  };
  corrupt("", "byte 0");
  corrupt("{\"a\": 1", "byte 7");
  corrupt("{\"a\" 1}", "expected ':'");
  corrupt("{a: 1}", "byte 1: while parsing object key");
  corrupt("{\"a\": 1,}", "byte 8");
  corrupt("[1, 2,]", "byte 6");
  corrupt("[1 2]", "byte 3");
  corrupt("[1] x", "byte 4");
  corrupt("[1]]", "byte 3");
  corrupt("{} {}", "byte 3");
  corrupt("nul", "byte 3");
  corrupt("True", "byte 0");
  corrupt("NaN", "byte 0");
  corrupt("[Infinity]", "byte 1");
  corrupt("-Infinity", "byte 1");
  corrupt("01", "byte 1");
  corrupt("-01", "byte 2");
  corrupt("+1", "byte 0");
  corrupt("1.", "byte 2");
  corrupt(".5", "byte 0");
  corrupt("1e", "byte 2");
  corrupt("0x10", "byte 1");
  corrupt("1e999", "range");
  corrupt("'a'", "byte 0");
  corrupt("\"a", "missing closing quote");
  corrupt("\"a\tb\"", "control character U+0009");
  corrupt("\"\\x\"", "byte 2: while parsing value - invalid string: forbidden");
  corrupt("\"\\", "byte 2");
  corrupt("\"\\u12\"", "4 hex digits");
  corrupt("\"\\u-123\"", "4 hex digits");
  corrupt("// c\n1", "byte 0");
  corrupt("\xEF\xBB\xBF{}", "byte 0");
  corrupt(std::string_view("[1]\0", 4), "byte 3");
  corrupt(std::string_view("\"a\0b\"", 5), "byte 2");
  corrupt(std::string_view("\0", 1), "byte 0");
}

TEST_CASE("text that is not UTF-8 fails at its byte") {
  const auto corrupt = [](std::string_view text, const char* part) {
    WEFT_CHECK_FAILS(parse(text), "CORRUPT_FILE", part);
  };
  corrupt("[\"ab\xFF\"]", "byte 4: while parsing value - invalid string: ill-formed UTF-8");
  corrupt("\"\x80\"", "ill-formed UTF-8");
  corrupt("\"\xC0\xAF\"", "ill-formed UTF-8");          // overlong '/'
  corrupt("\"\xE0\x80\xAF\"", "ill-formed UTF-8");      // overlong
  corrupt("\"\xED\xA0\x80\"", "ill-formed UTF-8");      // U+D800
  corrupt("\"\xF4\x90\x80\x80\"", "ill-formed UTF-8");  // U+110000
  corrupt("\"\xE2\x82\"", "ill-formed UTF-8");          // cut off
  corrupt("\"\\ud800\"", "surrogate");
  corrupt("\"\\udc00\"", "surrogate");
  corrupt("\"\\ud800\\u0041\"", "surrogate");
  corrupt("\"\\ud800\\ud800\"", "surrogate");
  CHECK(parse("\"\xF4\x8F\xBF\xBF\xED\x9F\xBF\"").as_string() == "\xF4\x8F\xBF\xBF\xED\x9F\xBF");
}

TEST_CASE("a key may stand once in an object, however it is escaped") {
  WEFT_CHECK_FAILS(parse("{\"a\": 1, \"a\": 1}"), "CORRUPT_FILE", "\"a\" twice");
  WEFT_CHECK_FAILS(parse("[{\"b\": {\"a\": 1, \"\\u0061\": 2}}]"), "CORRUPT_FILE", "\"a\" twice");
  CHECK(parse("[{\"a\": 1}, {\"a\": {\"a\": 2}}]").is_array());
  std::string many = "{";
  for (int i = 0; i < 5000; ++i) many += "\"key" + std::to_string(i) + "\":0,";
  CHECK(parse(many + "\"last\":0}").members().size() == 5001);
  WEFT_CHECK_FAILS(parse(many + "\"key4321\":0}"), "CORRUPT_FILE", "\"key4321\" twice");
}

TEST_CASE("values may be nested 64 deep and no deeper") {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  CHECK(parse(nested(64)).is_array());
  WEFT_CHECK_FAILS(parse(nested(65)), "CORRUPT_FILE", "depth beyond 64 levels");
  std::string objects;
  for (int i = 0; i < 65; ++i) objects += "{\"a\":";
  WEFT_CHECK_FAILS(parse(objects), "CORRUPT_FILE", "depth");
}

TEST_CASE("a hundred thousand brackets are not read by recursion") {
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  // 10 bytes a bracket: no recursive parser lives on that. (Destroying 64 levels takes over 64 KiB
  // in an unoptimised build under the address sanitizer.)
  REQUIRE(pthread_attr_setstacksize(&attributes, 1 << 20) == 0);
  std::string message;
  pthread_t thread;
  const auto body = [](void* result) -> void* {
    try {
      (void)parse(std::string(100'000, '['));
    } catch (const Error& error) {
      *static_cast<std::string*>(result) = error.what();
    }
    return nullptr;
  };
  REQUIRE(pthread_create(&thread, &attributes, body, &message) == 0);
  REQUIRE(pthread_join(thread, nullptr) == 0);
  pthread_attr_destroy(&attributes);
  CHECK(message.find("depth") != std::string::npos);
}

TEST_CASE("arrays longer than the caller allows are refused") {
  CHECK(Json::parse("[1,2,3]", "FILE", {.array_items = 3}).items().size() == 3);
  WEFT_CHECK_FAILS(Json::parse("[1,2,3,4]", "FILE", {.array_items = 3}), "CORRUPT_FILE",
                   "more than 3 items");
}

TEST_CASE("members of the outermost object can be taken one at a time, nested objects bounded") {
  std::string seen;
  const auto visit = [&](std::string& name, const Json& value) {
    seen += name + "=" + value.preview() + ";";
  };
  Json::parse_members("{\"a\":1,\"b\":[2,[3]],\"c\":{\"d\":{}},\"a\":null}", "FILE", {}, visit);
  CHECK(seen == "a=1;b=an array of 2 items;c=an object of 1 members;a=null;");
  WEFT_CHECK_FAILS(Json::parse_members("[1]", "FILE", {}, visit), "CORRUPT_FILE",
                   "FILE: expected an object, found an array of 1 items");
  const Json::Limits two{.nested_members = 2};
  CHECK_NOTHROW(Json::parse("{\"a\":{\"1\":0,\"2\":0},\"b\":0,\"c\":0}", "FILE", two));
  WEFT_CHECK_FAILS(Json::parse("{\"a\":{\"1\":0,\"2\":0,\"3\":0}}", "FILE", two), "CORRUPT_FILE",
                   "more than 2 members");
}

TEST_CASE("asking a value for another kind is an error, not undefined") {
  WEFT_CHECK_FAILS(parse("1").as_string(), "INTERNAL", "expected string, found integer");
  WEFT_CHECK_FAILS(parse("\"1\"").as_integer(), "INTERNAL", "expected integer");
  WEFT_CHECK_FAILS(parse("1.5").as_integer(), "INTERNAL", "found number");
  WEFT_CHECK_FAILS(parse("{}").items(), "INTERNAL", "expected array");
}

TEST_CASE("a preview is short, on one line and well-formed") {
  CHECK(parse("\"a\\nb\"").preview() == "\"a\\u000ab\"");
  CHECK(parse("[1,2]").preview() == "an array of 2 items");
  CHECK(parse("1.5").preview() == "1.5");
  CHECK(parse("\"" + std::string(1000, 'x') + "\"").preview().size() < 60);
}

TEST_CASE("mutated documents fail in one line or become the tree that the library itself builds") {
  const std::string seeds[] = {
      R"({"a":[1,-2.5e3,true,null,"x\u00e9\ud83d\ude00"],"b":{"c":[],"d":{}},"":0})",
      R"([0.1,1e-5,123456789012,"\"\\\/\b\f\n\r\t",false,[[[]]]])"};
  const std::string alphabet = "{}[]:,\"\\u0123456789eE+-.tfn \n\xC3\xA9\xF0";
  std::mt19937 random(20240501);
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = seeds[round % 2];
    for (auto edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      const char c = alphabet[random() % alphabet.size()];
      switch (random() % 3) {
        case 0: text[at] = c; break;
        case 1: text.insert(at, 1, c); break;
        default: text.erase(at, 1 + random() % 3); break;
      }
    }
    CAPTURE(text);
    const nlohmann::json expected = nlohmann::json::parse(text, nullptr, false);
    try {
      const nlohmann::json found = converted(parse(text));
      ++accepted;
      REQUIRE_FALSE(expected.is_discarded());
      REQUIRE(found == expected);
    } catch (const Error& error) {
      const std::string message = error.what();
      const bool stricter = message.find("twice") != std::string::npos ||
                            message.find("beyond the range") != std::string::npos;
      REQUIRE((stricter || expected.is_discarded()));
    }
  }
  CHECK(accepted > 1000);
}

}  // namespace weft::test
