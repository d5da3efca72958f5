#include "weft/weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "runtime/checked_size.h"
#include "runtime/checkpoint_files.h"
#include "runtime/utf8.h"
#include "runtime/weight_origin.h"
#include "weft/error.h"

namespace weft {
namespace {

// One tensor of an open file.
class FileSource : public WeightSource {
 public:
  FileSource(std::shared_ptr<const WeightOrigin> origin, const TensorEntry& entry)
      : origin_(std::move(origin)),
        offset_(entry.offset),
        bytes_(entry.bytes),
        bits_(bits_of(*entry.dtype)) {}

  void read(std::int64_t first, std::int64_t count, void* out) const override {
    const auto begin = static_cast<std::uint64_t>(first) * static_cast<std::uint64_t>(bits_);
    const auto size = static_cast<std::uint64_t>(count) * static_cast<std::uint64_t>(bits_);
    if (begin % 8 != 0 || size % 8 != 0) {
      throw Error(Reason::kInvalidArgument,
                  fmt::format("{}: {} elements of {} bits from element {}: not whole bytes",
                              origin_->file().path().string(), count, bits_, first));
    }
    origin_->file().read(offset_ + begin / 8, static_cast<std::size_t>(size / 8), out);
  }
  std::optional<std::uint64_t> fingerprint() const override {
    return origin_->sample(offset_, bytes_);
  }
  void add_origins(std::vector<std::shared_ptr<const WeightOrigin>>& out) const override {
    out.push_back(origin_);
  }

 private:
  std::shared_ptr<const WeightOrigin> origin_;
  std::uint64_t offset_;
  std::uint64_t bytes_;
  int bits_;
};

bool is_computable(const std::optional<DType>& dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16 ||
         dtype == DType::kF64;
}

bool contains_ignoring_case(std::string_view text, std::string_view lower) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; };
  return std::search(text.begin(), text.end(), lower.begin(), lower.end(), same) != text.end();
}

// The spellings under which a tensor may be found: LayerNorm's were once gamma and beta.
std::vector<std::string> spellings(const std::string& name) {
  std::vector<std::string> result = {name};
  const auto dot = name.rfind('.');
  if (dot == std::string::npos || !contains_ignoring_case(name.substr(0, dot), "norm")) {
    return result;
  }
  const std::string last = name.substr(dot + 1);
  if (last == "weight") result.push_back(name.substr(0, dot + 1) + "gamma");
  if (last == "bias") result.push_back(name.substr(0, dot + 1) + "beta");
  return result;
}

}  // namespace

struct Weights::State {
  struct Tensor {
    TensorEntry entry;
    std::string file;
    std::shared_ptr<const FileSource> source;  // null for an unknown dtype
    std::atomic<bool> used = false;
  };
  std::map<std::string, Tensor, std::less<>> tensors;
  std::vector<std::string> files;

  Tensor* find(const std::string& name) {
    for (const std::string& spelling : spellings(name)) {
      if (const auto found = tensors.find(spelling); found != tensors.end()) return &found->second;
    }
    return nullptr;
  }
};

Weights::Weights(std::shared_ptr<State> state, std::string prefix)
    : state_(std::move(state)), prefix_(std::move(prefix)) {}

Weights Weights::open(const std::filesystem::path& file_or_directory) {
  auto state = std::make_shared<State>();
  for (CheckpointFile& part : open_checkpoint(file_or_directory)) {
    const std::string name = part.file->path().string();
    state->files.push_back(name);
    const auto origin = std::make_shared<const WeightOrigin>(part.file);
    for (TensorEntry& entry : part.tensors) {
      State::Tensor& tensor = state->tensors[entry.name];
      if (entry.dtype) tensor.source = std::make_shared<FileSource>(origin, entry);
      tensor.entry = std::move(entry);
      tensor.file = name;
    }
  }
  return {std::move(state), ""};
}

Weights Weights::sub(std::string_view prefix) const {
  if (prefix.empty()) return *this;
  return {state_, fmt::format("{}{}.", prefix_, prefix)};
}

std::string Weights::prefix() const { return prefix_; }

bool Weights::has(std::string_view name) const {
  return state_->find(prefix_ + std::string(name)) != nullptr;
}

Weight Weights::get(std::string_view name) const {
  const std::string full_name = prefix_ + std::string(name);
  State::Tensor* tensor = state_->find(full_name);
  if (tensor == nullptr) {
    throw Error(Reason::kNotFound, fmt::format("{}: no tensor {}", fmt::join(state_->files, ", "),
                                               fmt::join(spellings(full_name), " or ")));
  }
  const TensorEntry& entry = tensor->entry;
  if (!is_computable(entry.dtype)) {
    throw Error(Reason::kUnsupported,
                fmt::format("{}: {}: expected F32, F16, BF16 or F64, found {}", tensor->file,
                            entry.name, in_quotes(entry.dtype_name)));
  }
  tensor->used = true;
  return {entry.name, entry.shape, *entry.dtype, tensor->source};
}

Weight Weights::get(std::string_view name, std::initializer_list<std::int64_t> shape) const {
  Weight weight = get(name);
  if (!std::ranges::equal(weight.shape(), shape)) {
    throw Error(Reason::kCorruptFile,
                fmt::format("{}: expected [{}], file has {}", weight.name(), fmt::join(shape, ", "),
                            format_shape(weight.shape())));
  }
  return weight;
}

std::vector<std::string> Weights::names() const {
  std::vector<std::string> result;
  for (const auto& [name, tensor] : state_->tensors) result.push_back(name);
  return result;
}

std::vector<std::string> Weights::unused() const {
  std::vector<std::string> result;
  for (const auto& [name, tensor] : state_->tensors) {
    if (!tensor.used) result.push_back(name);
  }
  return result;
}

std::int64_t Weights::parameters() const {
  std::int64_t total = 0;
  for (const auto& [name, tensor] : state_->tensors) {
    const std::int64_t elements = checked_elements(tensor.entry.shape).value_or(0);
    if (__builtin_add_overflow(total, elements, &total)) {
      return std::numeric_limits<std::int64_t>::max();
    }
  }
  return total;
}

std::vector<std::string> Weights::files() const { return state_->files; }

void Weights::check_finite() const {
  constexpr std::int64_t kChunk = 1 << 16;
  std::vector<float> values(kChunk);
  for (const auto& [name, tensor] : state_->tensors) {
    if (!is_computable(tensor.entry.dtype)) continue;
    // Seen as one column, so that chunks need not fall on the tensor's rows.
    const std::int64_t size = *checked_elements(tensor.entry.shape);
    const Weight column(name, {size, 1}, *tensor.entry.dtype, tensor.source);
    for (std::int64_t first = 0; first < size; first += kChunk) {
      const std::int64_t count = std::min(kChunk, size - first);
      column.read_f32(first, count, values.data());
      const auto end = values.begin() + count;
      const auto bad =
          std::find_if(values.begin(), end, [](float value) { return !std::isfinite(value); });
      if (bad != end) {
        throw Error(Reason::kCorruptFile, fmt::format("{}: {}: element {} of {} is {}", tensor.file,
                                                      name, first + (bad - values.begin()),
                                                      format_shape(tensor.entry.shape), *bad));
      }
    }
  }
}

}  // namespace weft
