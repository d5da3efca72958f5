// Runs one operator that mixes rows the way the executor does, on inputs that end at pages without
// access.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "ops/buffer.h"
#include "ops/op.h"
#include "tests/guarded_buffer.h"
#include "tests/isa_under_test.h"
#include "tests/ops/attention_case.h"

namespace weft::test {

/// An input: F32 or I32 rows without gaps, and the sequences that they belong to.
struct MixingInput {
  std::int64_t cols = 1;
  std::vector<float> f32{};
  std::vector<std::int32_t> i32{};
  std::vector<int> lengths{};
};

/// An output: rows x cols, filled with NaN before the run; rows == 0: not asked for.
struct MixingOutput {
  std::int64_t rows = 0, cols = 0;
};

/// The outputs. Runs all items one by one, the last first, each with scratch of NaN; then all at
/// once, which must give the same bits.
inline std::vector<std::vector<float>> run_mixing(const Op& recipe,
                                                  const std::vector<MixingInput>& inputs,
                                                  const std::vector<MixingOutput>& outputs,
                                                  int threads = 1) {
  const std::unique_ptr<Op> op =
      recipe.compile(make_compile_context(isa_under_test(), GemmBackend::kNative));
  REQUIRE(!op->row_wise());
  std::vector<std::unique_ptr<GuardedBuffer<float>>> floats;
  std::vector<std::unique_ptr<GuardedBuffer<std::int32_t>>> integers;
  std::vector<Sequences> sequences;
  for (const MixingInput& input : inputs) sequences.emplace_back(input.lengths);
  std::vector<Tensor> in;
  std::vector<RowsView> views;
  std::int64_t longest = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const MixingInput& input = inputs[i];
    views.push_back(sequences[i].view());
    longest = std::max(longest, views.back().longest);
    if (input.i32.empty()) {
      floats.push_back(std::make_unique<GuardedBuffer<float>>(input.f32));
      in.push_back({floats.back()->data(), static_cast<std::int64_t>(input.f32.size()) / input.cols,
                    input.cols, input.cols});
    } else {
      integers.push_back(std::make_unique<GuardedBuffer<std::int32_t>>(input.i32));
      in.push_back({integers.back()->data(), static_cast<std::int64_t>(input.i32.size()), 1, 1,
                    DType::kI32});
    }
  }
  const Buffer scratch(op->scratch_bytes({.block_rows = 0, .longest = longest, .threads = 1}));
  const auto run = [&](bool one_by_one) {
    std::vector<std::unique_ptr<GuardedBuffer<float>>> buffers;
    std::vector<Tensor> out;
    for (const MixingOutput& output : outputs) {
      buffers.push_back(std::make_unique<GuardedBuffer<float>>(
          static_cast<std::size_t>(output.rows * output.cols)));
      for (float& x : buffers.back()->values()) x = NAN;
      out.push_back({output.rows == 0 ? nullptr : buffers.back()->data(), output.rows, output.cols,
                     output.cols});
    }
    RunContext context;
    context.in = in;
    context.out = out;
    context.in_rows = views;
    context.out_rows = views[0];
    context.scratch = scratch.data();
    context.threads = threads;
    const std::int64_t items = op->items(context);
    for (std::int64_t item = one_by_one ? items - 1 : 0; item >= 0; --item) {
      std::memset(scratch.data(), 0xff, scratch.size());
      context.begin = item;
      context.end = one_by_one ? item + 1 : items;
      CHECK(op->work(context).flops >= 0);
      op->run(context);
    }
    std::vector<std::vector<float>> results;
    for (auto& buffer : buffers) {
      results.emplace_back(buffer->data(), buffer->data() + buffer->size());
    }
    return results;
  };
  const std::vector<std::vector<float>> result = run(true), at_once = run(false);
  for (std::size_t i = 0; i < result.size(); ++i) CHECK(same_bits(result[i], at_once[i]));
  return result;
}

}  // namespace weft::test
