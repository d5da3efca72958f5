// How every class that takes texts reads them.
#pragma once

#include <cstdint>

#include "weft/profile.h"
#include "weft/session.h"
#include "weft/tokenizer.h"

namespace weft {

/// What happens to a text that is longer than the model's maximum.
enum class LongText : std::uint8_t { kTruncate, kError };

struct TextOptions {
  LongText long_text = LongText::kTruncate;
  SpecialsInText specials_in_text = SpecialsInText::kParse;
  StopCondition stop = {};
  Profile* profile = nullptr;  ///< not owned
};

}  // namespace weft
