// tokenizer.json with bytes changed, cut out and doubled: loading succeeds or throws Error, nothing
// else; what loads also encodes and decodes. Deterministic.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "runtime/files.h"
#include "tests/failure.h"
#include "tests/text/golden.h"
#include "tests/text/small_tokenizer.h"

namespace weft::test {
namespace {

std::string damaged(std::string text, std::mt19937& random) {
  constexpr std::string_view kBytes = "\"{}[]:,0129-.eE\\unltrfas# \x80\xff";
  for (auto changes = 1 + random() % 3; changes > 0; --changes) {
    const std::size_t at = random() % text.size();
    const std::size_t length = std::min<std::size_t>(random() % 12, text.size() - at);
    switch (random() % 4) {
      case 0: text[at] = kBytes[random() % kBytes.size()]; break;
      case 1: text.erase(at, length); break;
      case 2: text.insert(at, text.substr(at, length)); break;
      default: text[at] = static_cast<char>(text[at] ^ (1u << (random() % 8))); break;
    }
  }
  return text;
}

struct Count {
  int loaded = 0, refused = 0;
};

void try_one(const TemporaryDirectory& directory, const std::string& json, Count& count) {
  directory.write("tokenizer.json", json);
  try {
    const Tokenizer tokenizer = Tokenizer::load(directory.path());
    ++count.loaded;
    (void)tokenizer.encode_pair("a\u00e9 [SEP] ab\xff!", "b");
    const auto ids =
        tokenizer.encode("A\u00e9 <mask> it's \u2581\uff71 12 e\u0301  \u6771\t\xff!").ids;
    (void)tokenizer.decode(ids);
  } catch (const Error& error) {
    ++count.refused;
    CHECK(error.reason() != Reason::kInternal);
  }
}

}  // namespace

TEST_CASE("a damaged tokenizer.json is loaded or refused, never worse") {
  const std::string whole = SmallTokenizer().json();
  const TemporaryDirectory directory;
  std::mt19937 random(5);
  Count count;
  for (int i = 0; i < 4000; ++i) try_one(directory, damaged(whole, random), count);
  CHECK(count.loaded > 100);
  CHECK(count.refused > 1000);
}

TEST_CASE("damaged tokenizers of well-known models are loaded or refused, never worse") {
  const TemporaryDirectory directory;
  std::mt19937 random(6);
  Count count;
  for (const auto& entry : std::filesystem::directory_iterator(tokenizer_goldens() / "models")) {
    if (!entry.is_directory()) continue;
    CAPTURE(entry.path().string());
    const std::string whole = read_text_file(entry.path() / "tokenizer.json", 1 << 20);
    // Half of the changes before the vocabulary, which is most of the file.
    const std::size_t head = std::min(whole.find("\"vocab\""), whole.size() / 4);
    for (int i = 0; i < 60; ++i) {
      const std::string changed = i % 2 == 0
                                      ? damaged(whole, random)
                                      : damaged(whole.substr(0, head), random) + whole.substr(head);
      try_one(directory, changed, count);
    }
  }
  CHECK(count.loaded > 100);
  CHECK(count.refused > 500);
}

}  // namespace weft::test
