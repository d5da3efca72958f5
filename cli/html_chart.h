// Charts as inline SVG for a page that needs nothing else. Colours are the page's CSS variables
// --series-1 to --series-6, --grid and --text.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace weft::cli {

enum class Scale : std::uint8_t { kLinear, kLog };

struct Axis {
  std::string label;
  Scale scale = Scale::kLinear;
  std::vector<double> ticks = {};  // none: chosen from the values
};

enum class SeriesStyle : std::uint8_t { kLine, kDots };

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  // positive on a logarithmic axis
  std::vector<std::string> labels = {};           // one per point, shown when pointed at; or none
  SeriesStyle style = SeriesStyle::kLine;
};

struct Bar {
  std::string label;
  double value;
  std::string text;  // shown behind the bar
};

/// A chart with a legend. Linear axes begin at 0. Empty series are left out.
std::string plot(const Axis& x, const Axis& y, const std::vector<Series>& series);
/// Horizontal bars, the first on top.
std::string bar_chart(const std::vector<Bar>& bars);

}  // namespace weft::cli
