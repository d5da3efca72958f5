// Normalizers that put strings in: Replace and Prepend.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "runtime/text/normalizer.h"
#include "runtime/text/pattern.h"

namespace weft {

/// Each match of a pattern becomes the content.
class Replace final : public Normalizer {
 public:
  Replace(std::unique_ptr<Pattern> pattern, std::string content);
  /// The source of the content is the last character that it takes the place of.
  void normalize(Characters& text) const override;
  void apply(AlignedText& text) const override;
  std::string replaced(std::string_view text) const;

 private:
  std::unique_ptr<Pattern> pattern_;
  std::string content_;
  std::optional<char> replaced_;  // when one character takes the place of an ASCII one
};

/// Before a text that is not empty.
class Prepend final : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  void normalize(Characters& text) const override;
  void apply(AlignedText& text) const override;

 private:
  std::string prefix_;
};

/// "pattern" and "content", of the normalizer and of the decoder of this name.
std::unique_ptr<Replace> read_replace_fields(const JsonField& field);
std::unique_ptr<Normalizer> read_replace(const JsonField& field);
std::unique_ptr<Normalizer> read_prepend(const JsonField& field);

}  // namespace weft
