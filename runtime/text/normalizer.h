// Rewriting of a text before it is split: tokenizer.json's "normalizer". Each class equals the
// component of the same name in the reference, sources of characters included.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "runtime/text/characters.h"
#include "runtime/text/json_field.h"

namespace weft {

class Normalizer {
 public:
  virtual ~Normalizer();
  /// What the component does, plainly.
  virtual void normalize(Characters& text) const = 0;
  /// The same to a text in UTF-8; those that most English goes through do it without Characters.
  virtual void apply(AlignedText& text) const;
};

struct BertNormalizerOptions {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  bool strip_accents = true;  // null in the file means what lowercase says
  bool lowercase = true;
};

class BertNormalizer final : public Normalizer {
 public:
  explicit BertNormalizer(const BertNormalizerOptions& options) : options_(options) {}
  void normalize(Characters& text) const override;
  const BertNormalizerOptions& options() const noexcept { return options_; }

 private:
  BertNormalizerOptions options_;
};

enum class NormalForm : std::uint8_t { kNfc, kNfd, kNfkc, kNfkd };

class UnicodeNormalizer final : public Normalizer {
 public:
  explicit UnicodeNormalizer(NormalForm form) : form_(form) {}
  void normalize(Characters& text) const override;
  void apply(AlignedText& text) const override;

 private:
  bool leaves_alone(std::string_view text) const;  // surely; false means nothing
  NormalForm form_;
};

class Lowercase final : public Normalizer {
 public:
  void normalize(Characters& text) const override;
  void apply(AlignedText& text) const override;
};

class StripAccents final : public Normalizer {
 public:
  void normalize(Characters& text) const override;
  void apply(AlignedText& text) const override;
};

class Nmt final : public Normalizer {
 public:
  void normalize(Characters& text) const override;
};

enum class Sides : std::uint8_t { kNone, kLeft, kRight, kBoth };

/// Removes white space at the ends.
class Strip final : public Normalizer {
 public:
  explicit Strip(Sides sides) : sides_(sides) {}
  void normalize(Characters& text) const override;
  void apply(AlignedText& text) const override;

 private:
  Sides sides_;
};

class NormalizerSequence final : public Normalizer {
 public:
  explicit NormalizerSequence(std::vector<std::unique_ptr<Normalizer>> steps)
      : steps_(std::move(steps)) {}
  void normalize(Characters& text) const override;
  void apply(AlignedText& text) const override;

 private:
  std::vector<std::unique_ptr<Normalizer>> steps_;
};

/// Throws Error(kUnsupported) naming a component that is not one of these.
std::unique_ptr<Normalizer> read_normalizer(const JsonField& field);

}  // namespace weft
