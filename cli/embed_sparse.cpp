#include "cli/embed_sparse.h"

#include <fmt/format.h>

#include <cstring>
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
#include "weft/masked_lm.h"
#include "weft/safetensors.h"

namespace weft::cli {
namespace {

std::string as_json(const SparseEmbeddings& rows, std::int64_t row, std::int64_t index,
                    const Tokenizer& tokenizer) {
  const std::int64_t begin = rows.offsets[static_cast<std::size_t>(row)];
  const std::int64_t end = rows.offsets[static_cast<std::size_t>(row) + 1];
  const std::vector<std::int32_t> indices(rows.indices.begin() + begin, rows.indices.begin() + end);
  const std::vector<float> values(rows.values.begin() + begin, rows.values.begin() + end);
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    require_finite(values[i], "value", index);
    tokens.push_back(tokenizer.decode({&indices[i], 1}, SpecialsInDecoded::kKeep));
  }
  return JsonObject()
             .add("index", index)
             .add("indices", indices)
             .add("values", values)
             .add("tokens", tokens)
             .text() +
         '\n';
}

template <typename T>
Array array_of(DType dtype, const std::vector<T>& values) {
  Array array(dtype, {static_cast<std::int64_t>(values.size())});
  if (!values.empty()) std::memcpy(array.data.data(), values.data(), array.data.size());
  return array;
}

}  // namespace

void embed_sparse(const Arguments& arguments, const LoadOptions& load, const std::string& directory,
                  const std::string& output_name) {
  for (const char* dense :
       {"--prompt", "--prompt-name", "--normalize", "--no-normalize", "--truncate-dim"}) {
    arguments.exclude("--sparse", dense);
  }
  const EmbeddingFormat format = embedding_format(output_name);
  if (format == EmbeddingFormat::kNpy) {
    throw UsageError(
        fmt::format("--output: expected .safetensors, .jsonl or - with --sparse, "
                    "found {}",
                    in_quotes(output_name)));
  }
  const TextOptions options = text_options(arguments);
  TextInput input = open_texts(arguments, "TEXT");
  std::unique_ptr<Output> lines;
  if (format == EmbeddingFormat::kSafetensors) {
    check_writable(output_name);
  } else if (output_name == "-") {
    lines = std::make_unique<HeldStdout>();
  } else {
    lines = std::make_unique<FileOutput>(output_name);
  }

  const MaskedLM model = MaskedLM::load(directory, load);
  Progress progress("texts");
  TextWindow window;
  std::int64_t truncated = 0;
  std::vector<std::int64_t> offsets{0}, indices;  // for .safetensors
  std::vector<float> values;
  while (window.fill(input)) {
    const SparseEmbeddings rows =
        in_window(window, [&] { return model.encode_sparse(window.texts, options); });
    truncated += rows.truncated;
    for (std::int64_t row = 0; row < rows.rows; ++row) {
      if (lines) {
        lines->write(as_json(rows, row, window.first + row, model.tokenizer()));
      } else {
        offsets.push_back(static_cast<std::int64_t>(values.size()) +
                          rows.offsets[static_cast<std::size_t>(row) + 1]);
      }
    }
    if (!lines) {
      indices.insert(indices.end(), rows.indices.begin(), rows.indices.end());
      values.insert(values.end(), rows.values.begin(), rows.values.end());
    }
    progress.update(window.end(), input.share_read());
    throw_if_interrupted();
  }
  progress.clear();
  if (lines) {
    lines->publish();
  } else {
    write_safetensors(output_name, {{"indices", array_of(DType::kI64, indices)},
                                    {"values", array_of(DType::kF32, values)},
                                    {"offsets", array_of(DType::kI64, offsets)}});
  }
  tell_truncated(truncated, window.first, model.max_tokens());
  tell_notes(model.info().warnings);
}

}  // namespace weft::cli
