#include "cli/html_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/page.h"

namespace weft::cli {
namespace {

constexpr double kWidth = 640, kHeight = 300;
constexpr double kLeft = 64, kRight = 16, kTop = 12, kBottom = 44;
constexpr int kColours = 6;

struct Range {
  double low, high;
  Scale scale;

  double share(double value) const {
    if (scale == Scale::kLog) return std::log(value / low) / std::log(high / low);
    return (value - low) / (high - low);
  }
};

Range range_of(const Axis& axis, const std::vector<Series>& series, auto coordinate) {
  double low = 1e300, high = -1e300;
  for (const Series& one : series) {
    for (const auto& point : one.points) {
      low = std::min(low, coordinate(point));
      high = std::max(high, coordinate(point));
    }
  }
  if (low > high) low = high = 1;
  if (axis.scale == Scale::kLinear) return {0, high > 0 ? 1.06 * high : 1, axis.scale};
  return {low / 1.15, high * 1.3, axis.scale};
}

std::vector<double> ticks_of(const Axis& axis, const Range& range) {
  if (!axis.ticks.empty()) return axis.ticks;
  std::vector<double> ticks;
  if (range.scale == Scale::kLinear) {
    const double rough = range.high / 5;
    const double power = std::pow(10.0, std::floor(std::log10(rough)));
    const double step = power * (rough / power > 5   ? 10
                                 : rough / power > 2 ? 5
                                 : rough / power > 1 ? 2
                                                     : 1);
    for (double at = 0; at <= range.high; at += step) ticks.push_back(at);
    return ticks;
  }
  const bool wide = range.high / range.low > 300;
  for (double power = std::pow(10.0, std::floor(std::log10(range.low))); power <= range.high;
       power *= 10) {
    for (const double digit : {1.0, 2.0, 5.0}) {
      const double at = digit * power;
      if ((digit == 1 || !wide) && at >= range.low && at <= range.high) ticks.push_back(at);
    }
  }
  return ticks;
}

std::string number(double value) {
  if (value >= 1e6) return fmt::format("{:.3g}M", value * 1e-6);
  if (value >= 1e4) return fmt::format("{:.3g}k", value * 1e-3);
  return value >= 1000 ? fmt::format("{:.0f}", value) : fmt::format("{:.3g}", value);
}

}  // namespace

std::string plot(const Axis& x_axis, const Axis& y_axis, const std::vector<Series>& series) {
  const Range xs = range_of(x_axis, series, [](const auto& point) { return point.first; });
  const Range ys = range_of(y_axis, series, [](const auto& point) { return point.second; });
  const auto x = [&](double value) { return kLeft + xs.share(value) * (kWidth - kLeft - kRight); };
  const auto y = [&](double value) {
    return kHeight - kBottom - ys.share(value) * (kHeight - kTop - kBottom);
  };
  std::string svg = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\">", kWidth, kHeight);
  for (const double tick : ticks_of(y_axis, ys)) {
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>"
        "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>",
        kLeft, kWidth - kRight, y(tick), y(tick), kLeft - 6, y(tick) + 4, number(tick));
  }
  for (const double tick : ticks_of(x_axis, xs)) {
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>", x(tick),
                       kHeight - kBottom + 16, number(tick));
  }
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                     (kLeft + kWidth - kRight) / 2, kHeight - 6, html_escape(x_axis.label));
  svg += fmt::format(
      "<text transform=\"translate(14 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
      (kTop + kHeight - kBottom) / 2, html_escape(y_axis.label));
  std::string legend;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const Series& one = series[i];
    if (one.points.empty()) continue;
    const std::string colour = fmt::format("var(--series-{})", i % kColours + 1);
    if (one.style == SeriesStyle::kLine) {
      std::string path;
      for (const auto& [at, value] : one.points) {
        path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x(at), y(value));
      }
      svg += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>", path,
                         colour);
    }
    for (std::size_t k = 0; k < one.points.size(); ++k) {
      const auto& [at, value] = one.points[k];
      const std::string title =
          k < one.labels.size() ? one.labels[k]
                                : fmt::format("{}: {}, {}", one.name, number(at), number(value));
      svg += fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" fill=\"{}\"><title>{}</title></circle>",
          x(at), y(value), one.style == SeriesStyle::kDots ? 5 : 2.5, colour, html_escape(title));
    }
    legend += fmt::format("<span><i style=\"background:{}\"></i>{}</span>", colour,
                          html_escape(one.name));
  }
  return svg + "</svg><div class=\"legend\">" + legend + "</div>";
}

std::string bar_chart(const std::vector<Bar>& bars) {
  double largest = 0;
  for (const Bar& bar : bars) largest = std::max(largest, bar.value);
  std::string html = "<div class=\"bars\">";
  for (const Bar& bar : bars) {
    html += fmt::format("<span>{}</span><span><i style=\"width:{:.1f}%\"></i>{}</span>",
                        html_escape(bar.label), largest > 0 ? 48 * bar.value / largest : 0,
                        html_escape(bar.text));
  }
  return html + "</div>";
}

}  // namespace weft::cli
