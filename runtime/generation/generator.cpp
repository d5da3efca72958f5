// Sources in, sequences out: as many sources at a time as the limits allow are encoded, searched,
// and put back in order.
#include <fmt/format.h>

#include <algorithm>

#include "runtime/generation/cached_step_decoder.h"
#include "runtime/generation/encoder_decoder_impl.h"
#include "runtime/generation/search.h"
#include "weft/error.h"
#include "weft/generation.h"

namespace weft {
namespace {

// Key/value caches of the hypotheses that are looked at together. All of it is planned at once, for
// texts of max_length.
constexpr double kCacheBudget = 1e9;

TokenBatch part_of(const TokenBatch& batch, std::int64_t first, std::int64_t last) {
  TokenBatch part;
  const std::int32_t begin = batch.offsets[first], end = batch.offsets[last];
  const auto copy = [&](const std::vector<std::int32_t>& from, std::vector<std::int32_t>& to) {
    if (!from.empty()) to.assign(from.begin() + begin, from.begin() + end);
  };
  copy(batch.ids, part.ids);
  copy(batch.type_ids, part.type_ids);
  copy(batch.position_ids, part.position_ids);
  for (std::int64_t i = first; i <= last; ++i) part.offsets.push_back(batch.offsets[i] - begin);
  part.first_column.assign(batch.first_column.begin() + first, batch.first_column.begin() + last);
  return part;
}

NamedArrays ragged_arrays(std::span<const std::int32_t> ids,
                          std::span<const std::int64_t> offsets) {
  NamedArrays arrays;
  Array& tokens = arrays["input_ids"] = Array(DType::kI32, {static_cast<std::int64_t>(ids.size())});
  std::copy(ids.begin(), ids.end(), tokens.values<std::int32_t>().begin());
  Array& ends = arrays["offsets"] = Array(DType::kI64, {static_cast<std::int64_t>(offsets.size())});
  std::copy(offsets.begin(), offsets.end(), ends.values<std::int64_t>().begin());
  return arrays;
}

}  // namespace

struct Generator::Impl {
  std::shared_ptr<const EncoderDecoder> model;
  GenerationFiles files;

  GenerationConfig config(const GenerationOptions& options) const {
    return files.resolve(model->impl().info.target_vocabulary, {options.max_length, options.beams});
  }
  DecodeLimits decode_limits(std::int64_t sources, const GenerationConfig& config) const;
  std::int64_t sources_at_once(const GenerationConfig& config) const;
  /// Calls use(first source, what was found for it and those after it).
  template <typename Use>
  void generate(const TokenBatch& batch, const GenerationConfig& config, const StopCondition& stop,
                const Use& use) const;
};

DecodeLimits Generator::Impl::decode_limits(std::int64_t sources,
                                            const GenerationConfig& config) const {
  const std::int64_t positions = model->impl().info.max_target_tokens;
  return {.rows = sources * config.beams, .steps = std::min(config.max_length - 1, positions)};
}

std::int64_t Generator::Impl::sources_at_once(const GenerationConfig& config) const {
  const DecodeLimits one = decode_limits(1, config);
  const double bytes = 4.0 * static_cast<double>(model->impl().source_columns) *
                       static_cast<double>(one.rows) * static_cast<double>(one.steps);
  const auto fitting = static_cast<std::int64_t>(std::min(kCacheBudget / bytes, 1e6));
  const std::int64_t wanted = model->impl().limits.sequences / config.beams;
  return std::max<std::int64_t>(1, std::min(fitting, wanted));
}

template <typename Use>
void Generator::Impl::generate(const TokenBatch& batch, const GenerationConfig& config,
                               const StopCondition& stop, const Use& use) const {
  const std::int64_t at_once = sources_at_once(config);
  for (std::int64_t first = 0; first < batch.sequences(); first += at_once) {
    const std::int64_t last = std::min(first + at_once, batch.sequences());
    const auto decoder = new_step_decoder(model, part_of(batch, first, last),
                                          decode_limits(last - first, config), stop);
    use(first, search(*decoder, config, model->impl().info.isa, stop, first));
  }
}

Generator::Generator(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Generator Generator::load(const std::filesystem::path& directory, const LoadOptions& options) {
  GenerationFiles files = GenerationFiles::load(directory);
  auto model = EncoderDecoder::load(directory, options);
  return Generator(std::make_shared<const Impl>(Impl{std::move(model), std::move(files)}));
}

NamedArrays Generator::generate(const NamedArrays& inputs, const GenerationOptions& options,
                                const StopCondition& stop) const {
  const GenerationConfig config = impl_->config(options);
  const TokenBatch batch = read_batch(inputs, impl_->model->impl().source_limits);
  NamedArrays out;
  Array& sequences = out["sequences"] = Array(DType::kI64, {batch.sequences(), config.max_length});
  impl_->generate(batch, config, stop, [&](std::int64_t first, const GeneratedTokens& found) {
    std::copy(found.tokens.begin(), found.tokens.end(),
              sequences.values<std::int64_t>().begin() + first * config.max_length);
  });
  return out;
}

std::vector<std::vector<std::int32_t>> Generator::generate(std::span<const std::int32_t> ids,
                                                           std::span<const std::int64_t> offsets,
                                                           const GenerationOptions& options,
                                                           const StopCondition& stop) const {
  const GenerationConfig config = impl_->config(options);
  const TokenBatch batch =
      read_batch(ragged_arrays(ids, offsets), impl_->model->impl().source_limits);
  std::vector<std::vector<std::int32_t>> results;
  impl_->generate(batch, config, stop, [&](std::int64_t, const GeneratedTokens& found) {
    for (std::size_t i = 0; i < found.lengths.size(); ++i) {
      const auto row = found.row(static_cast<std::int64_t>(i));
      results.emplace_back(row.begin(), row.end());
    }
  });
  return results;
}

const EncoderDecoder& Generator::model() const noexcept { return *impl_->model; }

}  // namespace weft
