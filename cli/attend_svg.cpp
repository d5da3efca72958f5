#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "cli/attend_page.h"
#include "cli/page.h"

namespace weft::cli {
namespace {

constexpr std::string_view kStyle =
    "text{font-family:system-ui,sans-serif;fill:#5b6475}.name{fill:#1d2330;font-weight:600}"
    ".paper{fill:#fff}.cold{fill:#eef1f6}.hot{fill:#08306b}.from{stop-color:#eef1f6}"
    ".to{stop-color:#08306b}@media(prefers-color-scheme:dark){text{fill:#9aa4b5}"
    ".name{fill:#e8eaef}.paper{fill:#12151b}.cold{fill:#1b2029}.hot{fill:#b8d8ff}"
    ".from{stop-color:#1b2029}.to{stop-color:#b8d8ff}}";
constexpr double kMargin = 12, kHeading = 34, kFoot = 48, kScaleWidth = 160;

struct Label {
  std::string text;  // escaped
  double ems;        // about how wide it is
};

/// Cut to 18 characters. Letters of most scripts are about 0.6 ems wide, the widest ones 1.
Label label_of(const std::string& token) {
  constexpr int kMost = 18;
  const std::string shown = visible_token(token);
  Label label{{}, 0};
  int points = 0;
  std::size_t end = 0;
  for (; end < shown.size(); ++end) {
    const auto byte = static_cast<unsigned char>(shown[end]);
    if ((byte & 0xC0) == 0x80) continue;  // not the first byte of a character
    if (++points > kMost) break;
    label.ems += byte >= 0xE1 ? 1 : byte >= 'A' && byte <= 'Z' ? 0.72 : 0.6;
  }
  label.text = html_escape(shown.substr(0, end));
  if (end < shown.size()) label.text += "\xE2\x80\xA6";
  return label;
}

double widest(const std::vector<Label>& labels) {
  double ems = 0;
  for (const Label& label : labels) ems = std::max(ems, label.ems);
  return ems;
}

std::vector<Label> labels_of(const std::vector<std::string>& tokens) {
  std::vector<Label> labels;
  for (const std::string& token : tokens) labels.push_back(label_of(token));
  return labels;
}

}  // namespace

std::string attend_svg(const AttendPage& page) {
  const AttentionMaps& maps = page.maps;
  const std::vector<Label> queries = labels_of(maps.queries), keys = labels_of(maps.keys);
  const std::size_t rows = queries.size(), cols = keys.size();
  const std::size_t longer = std::max(rows, cols);
  const double cell = longer <= 16 ? 30 : longer <= 48 ? 18 : longer <= 128 ? 11 : 9;
  const double size = std::min(13.0, cell);
  const double left = kMargin + std::ceil(widest(queries) * size) + 8;
  const double top = kHeading + std::ceil(widest(keys) * size) + 8;
  const double map_width = cell * static_cast<double>(cols);
  const double bottom = top + cell * static_cast<double>(rows);
  const double width = std::max(left + map_width, left + kScaleWidth) + kMargin;
  const double height = bottom + kFoot;
  const std::string name = fmt::format(
      "{}: layer {}, head {}", html_escape(visible_text(page.model)), page.layer, page.head);
  const std::span<const float> weights = maps.map(page.layer - maps.first_layer, page.head);
  const double largest = *std::max_element(weights.begin(), weights.end());

  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\" role=\"img\"><title>{2}</title><style>{3}</style>\n"
      "<defs><linearGradient id=\"scale\"><stop class=\"from\"/><stop class=\"to\" offset=\"1\"/>"
      "</linearGradient></defs>\n<rect class=\"paper\" width=\"{0}\" height=\"{1}\"/>"
      "<text class=\"name\" x=\"{4}\" y=\"24\" font-size=\"15\">Layer {5}, head {6}</text>\n",
      width, height, name, kStyle, kMargin, page.layer, page.head);
  svg += fmt::format("<g font-size=\"{}\" dominant-baseline=\"central\">\n", size);
  for (std::size_t q = 0; q < rows; ++q) {
    svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", left - 6,
                       top + cell * (static_cast<double>(q) + 0.5), queries[q].text);
  }
  for (std::size_t k = 0; k < cols; ++k) {
    svg += fmt::format("<text transform=\"translate({} {}) rotate(-90)\">{}</text>\n",
                       left + cell * (static_cast<double>(k) + 0.5), top - 6, keys[k].text);
  }
  svg += fmt::format(
      "</g>\n<g transform=\"translate({} {}) scale({})\" shape-rendering=\"crispEdges\">"
      "<path class=\"cold\" d=\"M0 0h{}v{}H0z\"/>\n",
      left, top, cell, cols, rows);
  for (std::size_t q = 0; q < rows; ++q) {
    for (std::size_t k = 0; k < cols; ++k) {
      const double weight = weights[q * cols + k];
      svg += fmt::format(
          "<path class=\"hot\" opacity=\"{:.3f}\" d=\"M{} {}h1v1h-1z\"><title>{} \xE2\x86\x92 {}: "
          "{:.4f}</title></path>\n",
          largest > 0 ? std::sqrt(weight / largest) : 0, k, q, queries[q].text, keys[k].text,
          weight);
    }
  }
  svg += fmt::format(
      "</g>\n<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"8\" fill=\"url(#scale)\"/>"
      "<g font-size=\"11\">",
      left, bottom + 14, kScaleWidth);
  for (const auto& [share, anchor] :
       {std::pair{0.0, "start"}, std::pair{0.5, "middle"}, std::pair{1.0, "end"}}) {
    svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"{}\">{:.4g}</text>",
                       left + share * kScaleWidth, bottom + 36, anchor, share * share * largest);
  }
  return svg + "</g>\n</svg>\n";
}

}  // namespace weft::cli
