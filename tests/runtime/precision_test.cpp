// What reduced precision costs on the real model: each text's vector against its f32 vector, and
// whether the neighbours that a search would find are the same.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "tests/paths.h"
#include "tests/runtime/golden.h"
#include "tests/runtime/minilm.h"

namespace weft::test {
namespace {

constexpr std::size_t kNeighbours = 10;

std::vector<std::string> demo_sentences() {
  std::ifstream file(source_directory() / "data" / "demo_sentences.txt");
  std::vector<std::string> texts;
  for (std::string line; std::getline(file, line);) texts.push_back(line);
  return texts;
}

/// The texts nearest to text i, itself apart, in no particular order of the ten.
std::vector<std::int64_t> neighbours(const Embeddings& vectors, std::int64_t i) {
  std::vector<double> similarity(static_cast<std::size_t>(vectors.rows));
  for (std::int64_t j = 0; j < vectors.rows; ++j) {
    similarity[j] =
        j == i ? -2 : cosine(vectors.row(i).data(), vectors.row(j).data(), vectors.cols);
  }
  std::vector<std::int64_t> order(similarity.size());
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + kNeighbours, order.end(),
                    [&](auto a, auto b) { return similarity[a] > similarity[b]; });
  order.resize(kNeighbours);
  std::sort(order.begin(), order.end());
  return order;
}

void check_precision(ComputeType dtype, double least_cosine, double least_overlap) {
  const std::vector<std::string> texts = demo_sentences();
  REQUIRE(texts.size() >= 200);
  const Embeddings exact = load_minilm().encode(texts);
  const Encoder encoder = load_minilm(dtype);
  const Embeddings found = encoder.encode(texts);
  double lowest = 1, sum = 0;
  std::size_t shared = 0;
  for (std::int64_t i = 0; i < exact.rows; ++i) {
    const double similarity = cosine(exact.row(i).data(), found.row(i).data(), exact.cols);
    CAPTURE(texts[i]);
    CHECK(similarity >= least_cosine);
    lowest = std::min(lowest, similarity);
    sum += similarity;
    const auto expected = neighbours(exact, i), nearest = neighbours(found, i);
    std::vector<std::int64_t> both;
    std::set_intersection(expected.begin(), expected.end(), nearest.begin(), nearest.end(),
                          std::back_inserter(both));
    shared += both.size();
  }
  const double overlap =
      static_cast<double>(shared) / static_cast<double>(kNeighbours * texts.size());
  MESSAGE(std::string(to_string(dtype))
          << " (" << encoder.info().kernels[0] << "): lowest cosine " << lowest << ", mean "
          << sum / static_cast<double>(exact.rows) << ", top-10 overlap " << overlap);
  CHECK(overlap >= least_overlap);
}

}  // namespace

TEST_CASE("MiniLM in bf16 keeps every text's direction and its neighbours") {
  check_precision(ComputeType::kBf16, 0.9995, 0.97);
}

TEST_CASE("MiniLM in int8 keeps every text's direction and nearly all neighbours") {
  check_precision(ComputeType::kInt8, 0.99, 0.95);
}

}  // namespace weft::test
