// `weft attend`: attention weights as a page of HTML with all heads, or as a picture of one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "weft/attention_viewer.h"

namespace weft::cli {

struct AttendPage {
  std::string model;  // as the user named it
  std::string note;   // e.g. "bert, f32"
  std::string text;
  AttentionMaps maps;
  std::int64_t layer = 0, head = 0;  // the one that is large at first
};

/// Weights are kept in steps of 1/65535, as two bytes each in base64.
std::string attend_page(const AttendPage& page);
extern const std::string_view kAttendScript;  // what draws it

/// A standalone SVG of the head, light or dark as the reader's system says.
std::string attend_svg(const AttendPage& page);

}  // namespace weft::cli
