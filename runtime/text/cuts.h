// Where words of byte-pair encoding can be cut before anything is merged: between two characters of
// which no merge joins a token that ends with the one and a token that begins with the other.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string_view>

namespace weft {

class Cuts {
 public:
  /// There is a merge of these tokens; neither is empty.
  void add_merge(std::string_view left, std::string_view right);
  /// No word is cut before this character.
  void forbid_before(unsigned char ascii);
  void forbid_before_space();  // U+2581, SentencePiece's
  void forbid() { forbidden_ = true; }

  /// Bytes of the first part of a word, all of it if it is not cut. Only ASCII characters and
  /// U+2581 begin further parts.
  std::size_t first_part(std::string_view word) const noexcept;

 private:
  // Characters on the left by their last byte, on the right by their first; U+2581 by bytes that
  // no character ends or begins with.
  static constexpr unsigned char kSpaceLeft = 0xFF, kSpaceRight = 0x80;
  std::array<std::bitset<kSpaceRight + 1>, 256> joined_;  // [left][right]
  bool forbidden_ = false;
};

}  // namespace weft
