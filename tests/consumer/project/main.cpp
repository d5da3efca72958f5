// A program of a user of weft: builds a small graph by the public API and checks one number.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <span>
#include <utility>
#include <vector>

#include "weft/weft.h"

int main() {
  try {
    const std::vector<float> matrix = {1, 2, 3, 4};  // (2, 2)
    weft::Graph graph;
    const weft::RowSpace rows = graph.ragged_rows("tokens");
    const weft::Value x = graph.input("x", rows, 2);
    graph.output("y", graph.linear(x, weft::Weight::from_memory("w", {2, 2}, matrix.data()),
                                   {.activation = weft::Activation::kRelu}));
    const auto model = weft::Model::compile(std::move(graph));
    weft::Session session(model, {.tokens = 4, .sequences = 2, .longest = 4, .threads = 1});
    const std::vector<float> values = {1, -1, 0.5f, 2};
    const std::vector<std::int32_t> offsets = {0, 2};
    session.run(std::vector<weft::RaggedRows>{{rows, offsets}},
                std::vector<weft::Input>{{"x", std::span<const float>(values)}});
    const weft::Tensor y = session.output("y");  // relu([[-1, -1], [4.5, 9.5]])
    const bool right = y.rows == 2 && y.f32(0)[0] == 0 && std::abs(y.f32(1)[1] - 9.5f) < 1e-6f;
    std::printf("weft %s on %s: %s\n", weft::kVersion, weft::to_string(model->isa()),
                right ? "right" : "wrong");
    return right ? 0 : 1;
  } catch (const weft::Error& error) {
    std::fprintf(stderr, "%s: %s\n", weft::to_string(error.reason()), error.what());
    return 1;
  }
}
