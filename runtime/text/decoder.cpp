#include "runtime/text/decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "runtime/text/byte_level.h"
#include "runtime/text/characters.h"
#include "runtime/text/metaspace.h"
#include "runtime/text/readable_text.h"
#include "runtime/text/replace.h"
#include "runtime/utf8.h"

namespace weft {
namespace {

using Pointer = std::unique_ptr<Decoder>;
using Tokens = std::vector<std::string>;

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  if (from.empty()) return;
  std::string result;
  std::size_t done = 0;
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, done)) {
    result.append(text, done, at - done).append(to);
    done = at + from.size();
  }
  if (done > 0) text = result.append(text, done);
}

// Joins continuing pieces to words; undoes, on wish, the spaces that English splitting put in.
class WordPieceDecoder final : public Decoder {
 public:
  enum class Cleanup : std::uint8_t { kNo, kYes };
  WordPieceDecoder(std::string prefix, Cleanup cleanup)
      : prefix_(std::move(prefix)), cleanup_(cleanup) {}
  void decode(Tokens& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      std::string& token = tokens[i];
      if (i > 0 && token.starts_with(prefix_)) {
        token.erase(0, prefix_.size());
      } else if (i > 0) {
        token.insert(0, 1, ' ');
      }
      if (cleanup_ == Cleanup::kYes) clean_up(token);
    }
  }

 private:
  static void clean_up(std::string& token) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kRules = {{
        {" .", "."},
        {" ?", "?"},
        {" !", "!"},
        {" ,", ","},
        {" ' ", "'"},
        {" n't", "n't"},
        {" 'm", "'m"},
        {" do not", " don't"},
        {" 's", "'s"},
        {" 've", "'ve"},
        {" 're", "'re"},
    }};
    for (const auto& [from, to] : kRules) replace_all(token, from, to);
  }
  std::string prefix_;
  Cleanup cleanup_;
};

// A token with a character outside the alphabet stands for its own bytes.
class ByteLevelDecoder final : public Decoder {
 public:
  void decode(Tokens& tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) append_bytes(token, bytes);
    const ReadableText readable(bytes);
    tokens.assign(1, std::string(readable.text()));
  }

 private:
  static void append_bytes(const std::string& token, std::string& bytes) {
    const std::size_t before = bytes.size();
    for (std::size_t at = 0; at < token.size();) {
      const Decoded next = decode_valid(token.data() + at);
      const auto byte = byte_of_character(next.code);
      if (!byte) {
        bytes.resize(before);
        bytes += token;
        return;
      }
      bytes.push_back(static_cast<char>(*byte));
      at += static_cast<std::size_t>(next.length);
    }
  }
};

class MetaspaceDecoder final : public Decoder {
 public:
  explicit MetaspaceDecoder(const MetaspaceOptions& options) : drops_first_(false) {
    append_utf8(options.replacement, replacement_);
    drops_first_ = options.prepend != PrependScheme::kNever;
  }
  void decode(Tokens& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      replace_all(tokens[i], replacement_, i == 0 && drops_first_ ? "" : " ");
    }
  }

 private:
  std::string replacement_;
  bool drops_first_;  // the first token loses its spaces
};

class SuffixDecoder final : public Decoder {
 public:
  explicit SuffixDecoder(std::string suffix) : suffix_(std::move(suffix)) {}
  void decode(Tokens& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      replace_all(tokens[i], suffix_, i + 1 == tokens.size() ? "" : " ");
    }
  }

 private:
  std::string suffix_;
};

// Runs of "<0x00>" to "<0xFF>" are text in UTF-8, or as many replacement characters.
class ByteFallbackDecoder final : public Decoder {
 public:
  void decode(Tokens& tokens) const override {
    Tokens result;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (is_utf8(bytes)) {
        result.push_back(bytes);
      } else {
        result.insert(result.end(), bytes.size(), "\xEF\xBF\xBD");
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      if (const auto byte = byte_of(token)) {
        bytes.push_back(*byte);
        continue;
      }
      flush();
      result.push_back(std::move(token));
    }
    flush();
    tokens = std::move(result);
  }

 private:
  static std::optional<char> byte_of(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
    int value = 0;
    for (const char digit : token.substr(3, 2)) {
      const char lower = static_cast<char>(digit | 32);
      const bool decimal = digit >= '0' && digit <= '9';
      if (!decimal && (lower < 'a' || lower > 'f')) return std::nullopt;
      value = value * 16 + (decimal ? digit - '0' : lower - 'a' + 10);
    }
    return static_cast<char>(value);
  }
};

class FuseDecoder final : public Decoder {
 public:
  void decode(Tokens& tokens) const override {
    std::string all;
    for (const std::string& token : tokens) all += token;
    tokens.assign(1, all);
  }
};

// Removes up to so many of one character at the ends of each token.
class StripDecoder final : public Decoder {
 public:
  StripDecoder(char32_t content, std::int64_t start, std::int64_t stop)
      : start_(start), stop_(stop) {
    append_utf8(content, content_);
  }
  // As in the reference, the two ends are counted apart, so that they may meet.
  void decode(Tokens& tokens) const override {
    for (std::string& token : tokens) {
      std::size_t begin = 0, end = token.size();
      for (std::int64_t i = 0; i < start_ && token.compare(begin, content_.size(), content_) == 0;
           ++i) {
        begin += content_.size();
      }
      for (std::int64_t i = 0;
           i < stop_ && std::string_view(token).substr(0, end).ends_with(content_); ++i) {
        end -= content_.size();
      }
      token = begin < end ? token.substr(begin, end - begin) : "";
    }
  }

 private:
  std::string content_;
  std::int64_t start_, stop_;
};

class ReplaceDecoder final : public Decoder {
 public:
  explicit ReplaceDecoder(std::unique_ptr<Replace> replace) : replace_(std::move(replace)) {}
  void decode(Tokens& tokens) const override {
    for (std::string& token : tokens) token = replace_->replaced(token);
  }

 private:
  std::unique_ptr<Replace> replace_;
};

class SequenceDecoder final : public Decoder {
 public:
  explicit SequenceDecoder(std::vector<Pointer> steps) : steps_(std::move(steps)) {}
  void decode(Tokens& tokens) const override {
    for (const Pointer& step : steps_) step->decode(tokens);
  }

 private:
  std::vector<Pointer> steps_;
};

template <typename Component>
Pointer read_plain(const JsonField&) {
  return std::make_unique<Component>();
}

Pointer read_word_piece(const JsonField& field) {
  using Cleanup = WordPieceDecoder::Cleanup;
  return std::make_unique<WordPieceDecoder>(field.text("prefix"),
                                            field.flag("cleanup") ? Cleanup::kYes : Cleanup::kNo);
}

Pointer read_metaspace_decoder(const JsonField& field) {
  return std::make_unique<MetaspaceDecoder>(read_metaspace_options(field));
}

Pointer read_suffix(const JsonField& field) {
  const JsonField suffix = field.member("suffix");
  if (suffix.as_text().empty()) suffix.unsupported("an empty suffix is not supported");
  return std::make_unique<SuffixDecoder>(suffix.as_text());
}

Pointer read_strip(const JsonField& field) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  return std::make_unique<StripDecoder>(field.character("content"), field.integer("start", 0, kMax),
                                        field.integer("stop", 0, kMax));
}

Pointer read_replace_decoder(const JsonField& field) {
  return std::make_unique<ReplaceDecoder>(read_replace_fields(field));
}

Pointer read_sequence(const JsonField& field) {
  std::vector<Pointer> steps;
  for (const JsonField& step : field.list("decoders")) steps.push_back(read_decoder(step));
  return std::make_unique<SequenceDecoder>(std::move(steps));
}

using Reader = std::pair<std::string_view, Pointer (*)(const JsonField&)>;
constexpr std::array kReaders = {
    Reader{"BPEDecoder", read_suffix},
    Reader{"ByteFallback", read_plain<ByteFallbackDecoder>},
    Reader{"ByteLevel", read_plain<ByteLevelDecoder>},
    Reader{"Fuse", read_plain<FuseDecoder>},
    Reader{"Metaspace", read_metaspace_decoder},
    Reader{"Replace", read_replace_decoder},
    Reader{"Sequence", read_sequence},
    Reader{"Strip", read_strip},
    Reader{"WordPiece", read_word_piece},
};

}  // namespace

Decoder::~Decoder() = default;

std::unique_ptr<Decoder> read_decoder(const JsonField& field) {
  const std::string& type = field.text("type");
  for (const auto& [name, read] : kReaders) {
    if (name == type) return read(field);
  }
  field.unsupported(fmt::format("decoder {} is not supported", in_quotes(type)));
}

}  // namespace weft
