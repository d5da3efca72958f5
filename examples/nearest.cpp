// Finds the sentences of a file that are nearest in meaning to a query.
//
//   weft embed MODEL_DIR --input sentences.txt --output sentences.safetensors
//   weft_nearest MODEL_DIR sentences.txt sentences.safetensors "how do I bake bread?"
//
// The embeddings are rows of length 1, so a dot product is a cosine.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "weft/weft.h"

namespace {

std::vector<std::string> read_lines(const char* file) {
  std::vector<std::string> lines;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

float dot(std::span<const float> a, std::span<const float> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0f);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: %s MODEL_DIR SENTENCES.txt EMBEDDINGS.safetensors QUERY...\n",
                 argv[0]);
    return 2;
  }
  try {
    const weft::Encoder encoder = weft::Encoder::load(argv[1]);
    const std::vector<std::string> sentences = read_lines(argv[2]);
    const weft::NamedArrays file = weft::read_safetensors(argv[3]);
    const weft::Array& embeddings = file.at("embeddings");  // F32 [sentences, dimension]
    const std::int64_t dimension = encoder.dimension();
    const std::int64_t rows = static_cast<std::int64_t>(sentences.size());
    if (embeddings.shape != std::vector<std::int64_t>{rows, dimension}) {
      throw weft::Error(weft::Reason::kInvalidArgument,
                        std::string(argv[3]) + ": expected one embedding per line of " + argv[2]);
    }

    for (int argument = 4; argument < argc; ++argument) {
      weft::EncodeOptions options;
      options.normalize = weft::Normalization::kOn;
      const std::vector<float> query = encoder.encode(argv[argument], options);
      std::vector<std::pair<float, std::size_t>> scores;
      for (std::size_t i = 0; i < sentences.size(); ++i) {
        const std::size_t columns = static_cast<std::size_t>(dimension);
        scores.emplace_back(dot(query, embeddings.values<float>().subspan(i * columns, columns)),
                            i);
      }
      std::ranges::sort(scores, std::greater<>{});
      std::printf("%s\n", argv[argument]);
      for (std::size_t i = 0; i < std::min<std::size_t>(3, scores.size()); ++i) {
        std::printf("  %.3f  %s\n", scores[i].first, sentences[scores[i].second].c_str());
      }
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}
