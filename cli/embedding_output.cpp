#include "cli/embedding_output.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>

#include "cli/arguments.h"
#include "cli/output.h"
#include "weft/error.h"

namespace weft::cli {
namespace {

static_assert(std::endian::native == std::endian::little, "both binary formats are little-endian");

constexpr std::size_t kHeaderBytes = 192;  // a multiple of 64, which .npy asks for

std::string_view bytes_of(std::span<const float> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

/// A .safetensors file with the one tensor `embeddings`; `rows` and `cols` have at most 19 digits.
std::string safetensors_header(std::int64_t rows, std::int64_t cols) {
  std::string json =
      fmt::format(R"({{"embeddings":{{"dtype":"F32","shape":[{},{}],"data_offsets":[0,{}]}}}})",
                  rows, cols, rows * cols * 4);
  json.resize(kHeaderBytes - 8, ' ');
  std::string header(8, '\0');
  header[0] = static_cast<char>(json.size());
  return header + json;
}

/// NumPy format version 1.0: magic, version, length of the rest, a Python literal, '\n' at the end.
std::string npy_header(std::int64_t rows, std::int64_t cols) {
  std::string header("\x93NUMPY\x01\x00\x00\x00", 10);
  header[8] = static_cast<char>(kHeaderBytes - header.size());
  header +=
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, cols);
  header.resize(kHeaderBytes - 1, ' ');
  return header + '\n';
}
static_assert(kHeaderBytes - 8 < 256, "one byte holds each header's length");

class MatrixOutput final : public EmbeddingOutput {
 public:
  using Header = std::string (*)(std::int64_t rows, std::int64_t cols);

  MatrixOutput(const std::string& file, Header header) : output_(file), header_(header) {
    output_.write(std::string(kHeaderBytes, ' '));
  }
  void write(std::span<const float> rows, std::int64_t cols) override {
    output_.write(bytes_of(rows));
    rows_ += static_cast<std::int64_t>(rows.size()) / cols;
  }
  void publish(std::int64_t cols) override {
    output_.patch_beginning(header_(rows_, cols));
    output_.publish();
  }

 private:
  FileOutput output_;
  Header header_;
  std::int64_t rows_ = 0;
};

class JsonLinesOutput final : public EmbeddingOutput {
 public:
  explicit JsonLinesOutput(std::unique_ptr<Output> output) : output_(std::move(output)) {}
  void write(std::span<const float> rows, std::int64_t cols) override {
    for (std::size_t first = 0; first < rows.size(); first += static_cast<std::size_t>(cols)) {
      write_row(rows.subspan(first, static_cast<std::size_t>(cols)));
    }
  }
  void publish(std::int64_t) override { output_->publish(); }

 private:
  void write_row(std::span<const float> row) {
    line_.clear();
    fmt::format_to(std::back_inserter(line_), R"({{"index":{},"embedding":[)", index_);
    char digits[32];
    for (const float value : row) {
      if (!std::isfinite(value)) {
        throw Error(Reason::kInvalidArgument,
                    fmt::format("embedding {}: expected finite numbers for JSON, found {} (a "
                                ".safetensors or .npy --output can hold it)",
                                index_, value));
      }
      const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
      line_.append(digits, end);
      line_ += ',';
    }
    if (!row.empty()) line_.pop_back();
    line_ += "]}\n";
    output_->write(line_);
    ++index_;
  }

  std::unique_ptr<Output> output_;
  std::int64_t index_ = 0;
  std::string line_;
};

}  // namespace

EmbeddingFormat embedding_format(const std::string& output) {
  if (output == "-") return EmbeddingFormat::kJsonLines;
  const std::string extension = std::filesystem::path(output).extension().string();
  if (extension == ".safetensors") return EmbeddingFormat::kSafetensors;
  if (extension == ".npy") return EmbeddingFormat::kNpy;
  if (extension == ".jsonl") return EmbeddingFormat::kJsonLines;
  throw UsageError(fmt::format(
      "--output: expected a name ending in .safetensors, .npy or .jsonl, or -, found {}",
      in_quotes(output)));
}

std::unique_ptr<EmbeddingOutput> EmbeddingOutput::open(const std::string& output) {
  if (output == "-") return std::make_unique<JsonLinesOutput>(std::make_unique<HeldStdout>());
  switch (embedding_format(output)) {
    case EmbeddingFormat::kSafetensors:
      return std::make_unique<MatrixOutput>(output, safetensors_header);
    case EmbeddingFormat::kNpy: return std::make_unique<MatrixOutput>(output, npy_header);
    case EmbeddingFormat::kJsonLines: break;
  }
  return std::make_unique<JsonLinesOutput>(std::make_unique<FileOutput>(output));
}

}  // namespace weft::cli
