// Precompiled: SentencePiece's table of replacements, a double-array trie and the strings it leads
// to, as the reference reads it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/normalizer.h"

namespace weft {

class Precompiled final : public Normalizer {
 public:
  /// Throws Error(kCorruptFile) naming `field` for a map that is cut short or no UTF-8.
  Precompiled(std::string_view charsmap, const JsonField& field);
  void normalize(Characters& text) const override;
  void apply(AlignedText& text) const override;

  /// What the shortest key that begins `chunk` becomes: it stands for the whole chunk.
  std::optional<std::string_view> find(std::string_view chunk) const;

 private:
  class Writer;
  bool goes_by_characters(std::string_view text) const;

  std::vector<std::uint32_t> units_;
  std::string strings_;  // each ends with a NUL
  std::array<std::optional<std::string_view>, 128> ascii_;
  std::array<char, 128> simple_{};  // what ASCII becomes that becomes one ASCII character; else 0
};

std::unique_ptr<Normalizer> read_precompiled(const JsonField& field);

}  // namespace weft
