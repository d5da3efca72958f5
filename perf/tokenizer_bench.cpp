// Times tokenizing for perf/tokenizing.py. Reads texts, each ending with a NUL, and answers lines
// on stdin:
//
//   single     each text by itself, with offsets: processor seconds of the process, seconds
//   batch N    all texts on N threads, ids alone: the same
//   digest     64-bit FNV-1a of all ids, as 32-bit little-endian integers, and their number
#include <time.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "weft/error.h"
#include "weft/tokenizer.h"

namespace {

using Texts = std::vector<std::string_view>;

Texts cut(std::string_view file) {
  Texts texts;
  for (std::size_t end; (end = file.find('\0')) != std::string_view::npos;
       file.remove_prefix(end + 1)) {
    texts.push_back(file.substr(0, end));
  }
  return texts;
}

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

template <typename Work>
void time(Work work) {
  const auto start = std::chrono::steady_clock::now();
  const double processor_start = processor_seconds();
  work();
  const double processor = processor_seconds() - processor_start;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("%.6f %.6f\n", processor, seconds.count());
}

void single(const weft::Tokenizer& tokenizer, const Texts& texts) {
  weft::Encoding encoding;
  time([&] {
    for (const std::string_view text : texts) tokenizer.encode(text, {}, encoding);
  });
}

void batch(const weft::Tokenizer& tokenizer, const Texts& texts, int threads) {
  weft::TokenizeOptions options;
  options.want_offsets = false;
  time([&] { (void)tokenizer.encode_batch(texts, options, threads); });
}

void digest(const weft::Tokenizer& tokenizer, const Texts& texts) {
  std::uint64_t state = 0xCBF29CE484222325;
  std::size_t tokens = 0;
  for (const std::string_view text : texts) {
    const weft::Encoding encoding = tokenizer.encode(text);
    tokens += encoding.ids.size();
    for (const std::int32_t id : encoding.ids) {
      for (int shift = 0; shift < 32; shift += 8) {
        state = (state ^ (static_cast<std::uint32_t>(id) >> shift & 0xFF)) * 0x100000001B3;
      }
    }
  }
  std::printf("%016llx %zu\n", static_cast<unsigned long long>(state), tokens);
}

void answer(const weft::Tokenizer& tokenizer, const Texts& texts) {
  for (std::string what; std::cin >> what;) {
    if (what == "single") {
      single(tokenizer, texts);
    } else if (int threads = 0; what == "batch" && std::cin >> threads) {
      batch(tokenizer, texts, threads);
    } else {
      digest(tokenizer, texts);
    }
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: weft_tokenizer_bench MODEL_DIR TEXTS\n");
    return 2;
  }
  try {
    std::ifstream file(argv[2], std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    answer(weft::Tokenizer::load(argv[1]), cut(bytes));
    return 0;
  } catch (const weft::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
