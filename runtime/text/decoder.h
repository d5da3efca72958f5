// From tokens back to text: tokenizer.json's "decoder". Each class equals the component of the same
// name in the reference.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/text/json_field.h"

namespace weft {

class Decoder {
 public:
  virtual ~Decoder();
  /// Rewrites the tokens; joined, they are the text.
  virtual void decode(std::vector<std::string>& tokens) const = 0;
};

/// Throws Error(kUnsupported) naming a component that is not supported.
std::unique_ptr<Decoder> read_decoder(const JsonField& field);

}  // namespace weft
