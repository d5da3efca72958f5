// Text in, text out: tokens of the sources, the search, and the tokenizer's decoder.
#include <fmt/format.h>

#include <algorithm>

#include "runtime/files.h"
#include "runtime/generation/clean_up.h"
#include "weft/error.h"
#include "weft/generation.h"

namespace weft {
namespace {

Tokenizer load_tokenizer(const std::filesystem::path& directory) {
  if (!is_there(directory / "tokenizer.json") && is_there(directory / "source.spm")) {
    throw Error(Reason::kUnsupported,
                fmt::format("{}: expected tokenizer.json, found source.spm and vocab.json, which "
                            "are not read: `python scripts/marian_tokenizer.py {}` converts them",
                            directory.string(), directory.string()));
  }
  return Tokenizer::load(directory);
}

}  // namespace

struct TextGenerator::Impl {
  Generator generator;
  Tokenizer tokenizer;
  CleanUp clean_up = CleanUp::kNo;
  std::int64_t max_tokens = 0;

  Impl(const std::filesystem::path& directory, const LoadOptions& options)
      : generator(Generator::load(directory, options)),
        tokenizer(load_tokenizer(directory)),
        clean_up(read_clean_up(directory)) {
    const EncoderDecoderInfo info = generator.model().info();
    const std::string file = (directory / "tokenizer.json").string();
    if (tokenizer.vocabulary_size() > info.source_vocabulary) {
      throw Error(Reason::kInvalidArgument,
                  fmt::format("{}: largest id is {}, the model has {} embeddings", file,
                              tokenizer.vocabulary_size() - 1, info.source_vocabulary));
    }
    max_tokens = std::min(tokenizer.model_max_length().value_or(info.max_source_tokens),
                          info.max_source_tokens);
    if (max_tokens <= tokenizer.special_tokens(1)) {
      throw Error(Reason::kInvalidArgument,
                  fmt::format("{}: texts are cut at {} tokens, the special tokens alone are {}",
                              file, max_tokens, tokenizer.special_tokens(1)));
    }
  }

  Encoding encoded(std::string_view text, const TextOptions& options) const;
};

Encoding TextGenerator::Impl::encoded(std::string_view text, const TextOptions& options) const {
  Encoding encoding = tokenizer.encode(text, {.max_length = max_tokens,
                                              .specials_in_text = options.specials_in_text,
                                              .want_offsets = false});
  const auto kept = static_cast<std::int64_t>(encoding.ids.size());
  if (encoding.truncated_tokens > 0 && options.long_text == LongText::kError) {
    throw Error(Reason::kOutOfRange, fmt::format("expected at most {} tokens, found {}", max_tokens,
                                                 kept + encoding.truncated_tokens));
  }
  if (kept == 0) throw Error(Reason::kInvalidArgument, "expected a token, found none");
  return encoding;
}

TextGenerator::TextGenerator(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

TextGenerator TextGenerator::load(const std::filesystem::path& directory,
                                  const LoadOptions& options) {
  return TextGenerator(std::make_shared<const Impl>(directory, options));
}

std::vector<GeneratedText> TextGenerator::generate(std::span<const std::string> texts,
                                                   const GenerationOptions& options,
                                                   const TextOptions& text_options) const {
  const Impl& impl = *impl_;
  std::vector<GeneratedText> results(texts.size());
  std::vector<std::int32_t> ids;
  std::vector<std::int64_t> offsets{0};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    try {
      const Encoding encoding = impl.encoded(texts[i], text_options);
      ids.insert(ids.end(), encoding.ids.begin(), encoding.ids.end());
      offsets.push_back(static_cast<std::int64_t>(ids.size()));
      results[i].truncated_tokens = encoding.truncated_tokens;
    } catch (const Error& error) {
      throw Error(error.reason(), fmt::format("text {}: {}", i, error.what()));
    }
  }
  auto sequences = impl.generator.generate(ids, offsets, options, text_options.stop);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    results[i].text = impl.tokenizer.decode(sequences[i]);
    if (impl.clean_up == CleanUp::kYes) clean_up_spaces(results[i].text);
    results[i].tokens = std::move(sequences[i]);
  }
  return results;
}

GeneratedText TextGenerator::generate(std::string_view text, const GenerationOptions& options,
                                      const TextOptions& text_options) const {
  const std::string one(text);
  return generate(std::span<const std::string>(&one, 1), options, text_options).front();
}

std::int64_t TextGenerator::max_tokens() const noexcept { return impl_->max_tokens; }
const Tokenizer& TextGenerator::tokenizer() const noexcept { return impl_->tokenizer; }
const Generator& TextGenerator::generator() const noexcept { return impl_->generator; }

}  // namespace weft
