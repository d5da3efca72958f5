#include "runtime/text/bert_words.h"

#include <algorithm>
#include <string>
#include <vector>

#include "runtime/text/unicode.h"
#include "runtime/utf8.h"

namespace weft {
namespace {

// A starter that decomposition leaves alone: marks on either side of it cannot pass it.
bool stops_reordering(char32_t code) {
  return unicode::kind(code).combining_class == 0 && unicode::mapping(code).nfd == 0;
}

}  // namespace

BertWords::BertWords(const BertNormalizerOptions& options) : options_(options), ascii_{} {
  for (char32_t c = 0; c < 128; ++c) {
    const std::uint8_t flags = unicode::kind(c).flags;
    Ascii& entry = ascii_[c];
    entry.mapped = static_cast<char>(c);
    if (options.lowercase && c >= 'A' && c <= 'Z') entry.mapped = static_cast<char>(c + 32);
    if (options.clean_text && (flags & unicode::kRemovedByClean)) {
      entry.role = Role::kDropped;
    } else if (flags & unicode::kWhiteSpace) {
      entry.role = Role::kSpace;
    } else {
      entry.role = flags & unicode::kPunctuation ? Role::kPunctuation : Role::kWord;
    }
  }
}

// One text on its way: the word being collected, and where its bytes came from.
class BertWords::Run {
 public:
  Run(const BertWords& rules, std::string_view text, Span range, const TokenModel& model,
      TokenSink& sink)
      : rules_(rules), data_(text.data()), range_(range), model_(model), sink_(sink) {
    word_.reserve(kTypicalWord);
  }

  Outcome tokenize() {
    std::int32_t at = range_.begin;
    while (at < range_.end) {
      const auto byte = static_cast<unsigned char>(data_[at]);
      if (byte >= 0x80) {
        const Decoded next = decode_valid(data_ + at);
        if (other(next.code, {at, at + next.length}) == Outcome::kOutOfOrder) {
          return Outcome::kOutOfOrder;
        }
        at += next.length;
        continue;
      }
      switch (rules_.ascii_[byte].role) {
        case Role::kWord: at = ascii_word(at); break;
        case Role::kSpace:
          finish_word();
          ++at;
          break;
        case Role::kPunctuation:
          punctuation(byte, {at, at + 1});
          ++at;
          break;
        case Role::kDropped: ++at; break;
      }
    }
    finish_word();
    return Outcome::kDone;
  }

 private:
  static constexpr std::size_t kTypicalWord = 64;

  // Appends the ASCII word characters from `at` on; returns where they end.
  std::int32_t ascii_word(std::int32_t at) {
    const std::int32_t begin = at;
    std::array<char, 64> mapped;
    const std::int32_t stop =
        std::min(range_.end, begin + static_cast<std::int32_t>(mapped.size()));
    do {
      mapped[static_cast<std::size_t>(at - begin)] =
          rules_.ascii_[static_cast<unsigned char>(data_[at])].mapped;
      ++at;
    } while (at < stop && static_cast<unsigned char>(data_[at]) < 0x80 &&
             rules_.ascii_[static_cast<unsigned char>(data_[at])].role == Role::kWord);
    if (word_.empty()) {
      source_begin_ = begin;
    } else if (!is_plain() || source_begin_ + static_cast<std::int32_t>(word_.size()) != begin) {
      list_sources();
    }
    if (!is_plain()) {
      for (std::int32_t i = begin; i < at; ++i) sources_.push_back({i, i + 1});
    }
    word_.append(mapped.data(), static_cast<std::size_t>(at - begin));
    return at;
  }

  Outcome other(char32_t code, Span source) {
    const unicode::Kind& kind = unicode::kind(code);
    if (rules_.options_.clean_text) {
      if (kind.flags & unicode::kRemovedByClean) return Outcome::kDone;
      if (kind.flags & unicode::kWhiteSpace) {
        finish_word();
        return Outcome::kDone;
      }
    }
    const bool chinese =
        rules_.options_.handle_chinese_chars && (kind.flags & unicode::kChinese) != 0;
    if (chinese) finish_word();
    const unicode::Mapping& mapping = unicode::mapping(code);
    unicode::Storage storage;
    if (!rules_.options_.strip_accents) {
      const std::uint16_t offset = rules_.options_.lowercase ? mapping.lower : std::uint16_t{0};
      if (offset == 0) {
        append(code, source);
      } else {
        for (const char32_t one : unicode::sequence(offset)) append(one, source);
      }
    } else {
      const std::uint16_t offset = rules_.options_.lowercase ? mapping.uncased : mapping.nfd;
      for (const char32_t one : unicode::decompose(code, offset, storage)) {
        const unicode::Kind& part = unicode::kind(one);
        if (part.flags & unicode::kNonspacing) continue;
        if (part.combining_class != 0 && (offset != 0 || !stands_alone(source))) {
          return Outcome::kOutOfOrder;
        }
        append(one, source);
      }
    }
    if (chinese) finish_word();
    return Outcome::kDone;
  }

  // Whether a mark that is kept has starters on both sides, so that it stays where it is.
  bool stands_alone(Span source) const {
    if (source.begin > range_.begin) {
      std::int32_t before = source.begin - 1;
      while ((data_[before] & 0xC0) == 0x80) --before;
      if (!stays(data_ + before)) return false;
    }
    return source.end == range_.end || stays(data_ + source.end);
  }
  bool stays(const char* at) const {
    const char32_t code = decode_valid(at).code;
    return stops_reordering(code) &&
           !(rules_.options_.clean_text && unicode::has(code, unicode::kRemovedByClean));
  }

  void append(char32_t code, Span source) {
    const std::uint8_t flags = unicode::kind(code).flags;
    if (flags & unicode::kWhiteSpace) return finish_word();
    if (flags & unicode::kPunctuation) return punctuation(code, source);
    const auto before = static_cast<std::int32_t>(word_.size());
    append_utf8(code, word_);
    const std::int32_t length = static_cast<std::int32_t>(word_.size()) - before;
    if (before == 0) source_begin_ = source.begin;
    const bool in_place =
        is_plain() && source_begin_ + before == source.begin && source.end - source.begin == length;
    // Of a plain word the n-th byte is the n-th byte of the source, and a token begins and ends
    // with characters, so no list is needed.
    if (in_place) return;
    word_.resize(static_cast<std::size_t>(before));
    list_sources();
    append_utf8(code, word_);
    sources_.resize(word_.size(), source);
  }

  void punctuation(char32_t code, Span source) {
    finish_word();
    append_utf8(code, word_);
    tokenize_word();
    for (const Piece& piece : pieces_) sink_.add(piece.id, source);
    word_.clear();
  }

  bool is_plain() const { return sources_.empty(); }
  // From here on the word has a list of sources; for a plain begin it is filled in.
  void list_sources() {
    if (!is_plain()) return;
    const auto size = static_cast<std::int32_t>(word_.size());
    for (std::int32_t i = 0; i < size;) {
      const std::int32_t length = decode_valid(word_.data() + i).length;
      const Span source{source_begin_ + i, source_begin_ + i + length};
      sources_.resize(sources_.size() + static_cast<std::size_t>(length), source);
      i += length;
    }
  }

  void tokenize_word() {
    pieces_.clear();
    model_.tokenize(word_, pieces_);
  }

  void finish_word() {
    if (word_.empty()) return;
    tokenize_word();
    if (is_plain()) {
      for (const Piece& piece : pieces_) {
        sink_.add(piece.id, {source_begin_ + piece.begin, source_begin_ + piece.end});
      }
    } else {
      for (const Piece& piece : pieces_) {
        sink_.add(piece.id, {sources_[static_cast<std::size_t>(piece.begin)].begin,
                             sources_[static_cast<std::size_t>(piece.end) - 1].end});
      }
      sources_.clear();
    }
    word_.clear();
  }

  const BertWords& rules_;
  const char* data_;
  Span range_;
  const TokenModel& model_;
  TokenSink& sink_;
  std::string word_;  // normalised
  std::int32_t source_begin_ = 0;
  std::vector<Span> sources_;  // one per byte of word_; empty for a plain word
  std::vector<Piece> pieces_;
};

BertWords::Outcome BertWords::tokenize(std::string_view text, Span range, const TokenModel& model,
                                       TokenSink& sink) const {
  return Run(*this, text, range, model, sink).tokenize();
}

}  // namespace weft
