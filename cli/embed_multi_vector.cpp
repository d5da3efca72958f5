#include "cli/embed_multi_vector.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <memory>
#include <vector>

#include "cli/embedding_output.h"
#include "cli/interruption.h"
#include "cli/json_object.h"
#include "cli/output.h"
#include "cli/result_output.h"
#include "cli/terminal.h"
#include "cli/text_arguments.h"
#include "weft/error.h"
#include "weft/multi_vector_encoder.h"

namespace weft::cli {
namespace {

constexpr std::array<std::string_view, 2> kRoles = {"document", "query"};
constexpr std::size_t kHeaderBytes = 320;  // of .safetensors; every number may have 19 digits

template <typename T>
std::string_view bytes_of(std::span<const T> values) {
  static_assert(std::endian::native == std::endian::little);
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

/// Writes vectors as they come; the number of tokens is known at the end.
class VectorOutput {
 public:
  virtual ~VectorOutput() = default;
  /// `first`: number of the first text.
  virtual void write(const TokenVectors& vectors, std::int64_t first) = 0;
  virtual void publish(std::int64_t cols) = 0;
};

class TensorOutput final : public VectorOutput {
 public:
  explicit TensorOutput(const std::string& file) : output_(file) {
    output_.write(std::string(kHeaderBytes, ' '));
  }
  void write(const TokenVectors& vectors, std::int64_t) override {
    output_.write(bytes_of(std::span<const float>(vectors.data)));
    const std::int64_t before = offsets_.back();
    for (std::size_t i = 1; i < vectors.offsets.size(); ++i) {
      offsets_.push_back(before + vectors.offsets[i]);
    }
  }
  void publish(std::int64_t cols) override {
    output_.write(bytes_of(std::span<const std::int64_t>(offsets_)));
    const std::int64_t rows = offsets_.back(), end = rows * cols * 4;
    const auto count = static_cast<std::int64_t>(offsets_.size());
    std::string json =
        fmt::format(R"({{"embeddings":{{"dtype":"F32","shape":[{},{}],"data_offsets":[0,{}]}},)"
                    R"("offsets":{{"dtype":"I64","shape":[{}],"data_offsets":[{},{}]}}}})",
                    rows, cols, end, count, end, end + count * 8);
    json.resize(kHeaderBytes - 8, ' ');
    std::string header(8, '\0');
    header[0] = static_cast<char>(json.size() & 255);
    header[1] = static_cast<char>(json.size() >> 8);
    output_.patch_beginning(header + json);
    output_.publish();
  }

 private:
  FileOutput output_;
  std::vector<std::int64_t> offsets_{0};
};

class LineOutput final : public VectorOutput {
 public:
  explicit LineOutput(std::unique_ptr<Output> output) : output_(std::move(output)) {}
  void write(const TokenVectors& vectors, std::int64_t first) override {
    for (std::size_t i = 0; i + 1 < vectors.offsets.size(); ++i) {
      const std::int64_t index = first + static_cast<std::int64_t>(i);
      std::vector<std::vector<float>> rows;
      for (std::int64_t row = vectors.offsets[i]; row < vectors.offsets[i + 1]; ++row) {
        const std::span<const float> values = vectors.row(row);
        for (const float value : values) require_finite(value, "embeddings", index);
        rows.emplace_back(values.begin(), values.end());
      }
      output_->write(JsonObject().add("index", index).add("embeddings", rows).text() + '\n');
    }
  }
  void publish(std::int64_t) override { output_->publish(); }

 private:
  std::unique_ptr<Output> output_;
};

std::unique_ptr<VectorOutput> open_output(const std::string& name) {
  switch (embedding_format(name)) {
    case EmbeddingFormat::kSafetensors: return std::make_unique<TensorOutput>(name);
    case EmbeddingFormat::kNpy:
      throw UsageError(
          fmt::format("--output: expected .safetensors, .jsonl or - with --multi-vector, found {}",
                      in_quotes(name)));
    case EmbeddingFormat::kJsonLines: break;
  }
  if (name == "-") return std::make_unique<LineOutput>(std::make_unique<HeldStdout>());
  return std::make_unique<LineOutput>(std::make_unique<FileOutput>(name));
}

}  // namespace

void embed_multi_vector(const Arguments& arguments, const LoadOptions& load,
                        const std::string& directory, const std::string& output_name) {
  for (const char* other : {"--prompt", "--prompt-name", "--normalize", "--no-normalize",
                            "--truncate-dim", "--sparse"}) {
    arguments.exclude("--multi-vector", other);
  }
  const TextRole role =
      *arguments.choice("--multi-vector", kRoles) == 0 ? TextRole::kDocument : TextRole::kQuery;
  const TextOptions options = text_options(arguments);
  TextInput input = open_texts(arguments, "TEXT");
  const auto output = open_output(output_name);

  const MultiVectorEncoder encoder = MultiVectorEncoder::load(directory, load);
  Progress progress("texts");
  TextWindow window;
  std::int64_t truncated = 0;
  while (window.fill(input)) {
    const TokenVectors vectors =
        in_window(window, [&] { return encoder.encode(window.texts, role, options); });
    truncated += vectors.truncated;
    output->write(vectors, window.first);
    progress.update(window.end(), input.share_read());
    throw_if_interrupted();
  }
  progress.clear();
  output->publish(encoder.dimension());
  tell_truncated(truncated, window.first, encoder.max_tokens(role));
  tell_notes(encoder.info().warnings);
}

}  // namespace weft::cli
