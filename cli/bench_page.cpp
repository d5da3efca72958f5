#include "cli/bench_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "cli/html_chart.h"
#include "cli/page.h"
#include "cli/statistics.h"
#include "weft/version.h"

namespace weft::cli {
namespace {

constexpr std::string_view kStyle = R"(
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 520px), 1fr)); gap: 16px; }
.figures { display: flex; flex-wrap: wrap; gap: 12px 32px; margin: 16px 0; }
.figures b { display: block; font-size: 26px; font-weight: 600; } .figures span { color: var(--soft); }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: 3px 10px 3px 0;
  vertical-align: top; overflow-wrap: anywhere; } th { color: var(--soft); font-weight: 400; white-space: nowrap; }
svg { width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 11px; }
.grid { stroke: var(--grid); stroke-width: 1; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 13px; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 5px; margin-right: 6px; }
.bars { display: grid; grid-template-columns: minmax(0, 45%) 1fr; gap: 5px 12px; font-size: 13px; }
.bars > span { overflow-wrap: anywhere; display: flex; align-items: center; gap: 8px; }
.bars i { background: var(--series-1); height: 12px; border-radius: 3px; flex: none; min-width: 1px; }
)";

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name"))
      return line.substr(std::min(line.size(), line.find(':') + 2));
  }
  return "unknown";
}

std::string load_average() {
  double load[1] = {0};
  return getloadavg(load, 1) == 1 ? fmt::format("{:.1f}", load[0]) : "unknown";
}

std::string section(std::string_view title, std::string_view note, const std::string& body) {
  return fmt::format("<section><h2>{}</h2><p>{}</p>{}</section>\n", title, note, body);
}

std::string figure(const std::string& value, std::string_view name) {
  return fmt::format("<div><b>{}</b><span>{}</span></div>", value, name);
}

std::string machine_section(const BenchPage& page) {
  const ModelInfo& model = page.report.model;
  std::string table = "<table>";
  const auto row = [&](std::string_view name, const std::string& value) {
    table += fmt::format("<tr><th>{}</th><td>{}</td></tr>", name, html_escape(value));
  };
  row("processor", processor());
  row("threads",
      fmt::format("{}; {}; load average {}", model.threads, model.threads_reason, load_average()));
  row("kernels", fmt::format("{}; {}", to_string(model.isa), fmt::join(model.kernels, ", ")));
  row("roofs measured now",
      fmt::format("{:.1f} GFLOP/s, {:.1f} GB/s", page.report.peak.flops_per_second * 1e-9,
                  page.report.peak.bytes_per_second * 1e-9));
  row("model", fmt::format("{}, {}, {} layers, hidden {}", model.source, model.architecture,
                           model.layers, model.hidden_size));
  row("precision", fmt::format("{} (file: {})", model.compute_dtype, model.file_dtype));
  row("memory", fmt::format("weights {:.1f} MB, session {:.1f} MB",
                            static_cast<double>(model.packed_bytes) * 1e-6,
                            static_cast<double>(model.session_bytes) * 1e-6));
  row("workload", fmt::format("{} sequences of {} to {} tokens, median {}, {} in all",
                              page.lengths.size(), page.lengths.front(), page.lengths.back(),
                              quantile(page.lengths, 0.5), page.padding.tokens));
  row("weft", std::string(kVersion));
  return section("Machine and model", "What was measured, and on what.", table + "</table>");
}

std::string latency_section(const BenchPage& page) {
  const std::vector<double> times = sorted(page.single_stream.latencies);
  Series series{"latency of one sequence", {}};
  for (const double percent :
       {1., 5., 10., 20., 30., 40., 50., 60., 70., 80., 90., 95., 99., 99.9}) {
    series.points.emplace_back(percent, quantile(times, percent / 100) * 1e3);
  }
  const std::string note = fmt::format(
      "{} queries of one sequence each, one after another: {}. p50 {:.2f} ms, p90 {:.2f} ms, p99 "
      "{:.2f} ms.",
      page.single_stream.queries,
      page.single_stream.invalid.empty()
          ? "VALID"
          : html_escape(fmt::format("INVALID ({})", fmt::join(page.single_stream.invalid, "; "))),
      quantile(times, 0.5) * 1e3, quantile(times, 0.9) * 1e3, quantile(times, 0.99) * 1e3);
  return section(
      "Latency percentiles (SingleStream)", note,
      plot({.label = "percentile", .ticks = {0, 25, 50, 75, 90, 99}}, {.label = "ms"}, {series}));
}

std::string rates_section(const BenchPage& page) {
  std::vector<Series> series;
  std::vector<double> ticks;
  for (const RatePoint& point : page.rates) {
    const std::string name = fmt::format("{} at a time", point.sequences);
    if (series.empty() || series.back().name != name) series.push_back({name, {}});
    series.back().points.emplace_back(static_cast<double>(point.length), point.tokens_per_second);
    const auto length = static_cast<double>(point.length);
    if (std::find(ticks.begin(), ticks.end(), length) == ticks.end()) ticks.push_back(length);
  }
  return section("Throughput over length and batch", "Tokens a second, by sequences in one call.",
                 plot({.label = "tokens of each sequence", .scale = Scale::kLog, .ticks = ticks},
                      {.label = "tokens/s"}, series));
}

std::string threads_section(const BenchPage& page) {
  Series measured{"measured", {}}, ideal{"one thread times their number", {}};
  std::vector<double> ticks;
  for (const ThreadPoint& point : page.threads) {
    measured.points.emplace_back(point.threads, point.sequences_per_second);
    ideal.points.emplace_back(point.threads,
                              page.threads.front().sequences_per_second * point.threads);
    ticks.push_back(point.threads);
  }
  const ThreadPoint& last = page.threads.back();
  return section(
      "Scaling over threads",
      fmt::format("The workload on {} threads runs {:.2f} times as fast as on one.", last.threads,
                  last.sequences_per_second / page.threads.front().sequences_per_second),
      plot({.label = "threads", .ticks = ticks}, {.label = "sequences/s"}, {measured, ideal}));
}

std::string roofline_section(const BenchPage& page) {
  const MachinePeak& peak = page.report.peak;
  Series roof{"roof: f32 multiply-adds, memory", {}},
      products{"products and attention", {}, {}, SeriesStyle::kDots},
      others{"other operators", {}, {}, SeriesStyle::kDots};
  double lowest = 0.25, highest = 4 * peak.product_flops_per_second / peak.bytes_per_second;
  for (const OpProfile& op : page.ops) {
    if (op.flops <= 0 || op.bytes <= 0 || op.seconds <= 0) continue;
    const double intensity = op.flops / op.bytes;
    const double rate = op.flops / op.seconds * page.report.model.threads;
    const double limit = std::min(peak_of(op, peak), intensity * peak.bytes_per_second);
    Series& dots = is_product(op) ? products : others;
    dots.points.emplace_back(intensity, rate * 1e-9);
    dots.labels.push_back(
        fmt::format("{}: {:.1f} GFLOP/s, {:.1f} flops a byte, {:.0f} % of the roof", op.name,
                    rate * 1e-9, intensity, 100 * rate / limit));
    lowest = std::min(lowest, intensity / 2);
    highest = std::max(highest, intensity * 2);
  }
  const auto roof_at = [&](double flops_per_second) {
    const double ridge = flops_per_second / peak.bytes_per_second;
    return std::vector<std::pair<double, double>>{{lowest, lowest * peak.bytes_per_second * 1e-9},
                                                  {ridge, flops_per_second * 1e-9},
                                                  {highest, flops_per_second * 1e-9}};
  };
  roof.points = roof_at(peak.flops_per_second);
  std::vector<Series> series{roof, products, others};
  if (peak.product_flops_per_second != peak.flops_per_second) {
    series.push_back({fmt::format("roof: {} products, memory", page.report.model.compute_dtype),
                      roof_at(peak.product_flops_per_second)});
  }
  return section("Roofline",
                 "Each operator, layers taken together; point at one for its name. Bytes are what "
                 "operators read and write: caches may serve more than memory can.",
                 plot({.label = "flops a byte", .scale = Scale::kLog},
                      {.label = "GFLOP/s, all threads", .scale = Scale::kLog}, series));
}

std::string ops_section(const BenchPage& page) {
  double all = 0;
  for (const OpProfile& op : page.ops) all += op.seconds;
  std::vector<Bar> bars;
  for (const OpProfile& op : page.ops) {
    bars.push_back({op.name, op.seconds,
                    fmt::format("{:.1f} %, {:.1f} GFLOP/s", 100 * op.seconds / all,
                                op.flops / std::max(op.seconds, 1e-12) * 1e-9)});
  }
  return section("Time per operator", "Share of the threads' time, and the rate of one thread.",
                 bar_chart(bars));
}

std::string padding_section(const BenchPage& page) {
  const Padding& padding = page.padding;
  const auto bar = [&](std::string_view name, std::int64_t rows) {
    return Bar{std::string(name), static_cast<double>(rows),
               fmt::format("{} rows, {:.2f} times", rows,
                           static_cast<double>(rows) / static_cast<double>(padding.tokens))};
  };
  return section("Padding avoided",
                 fmt::format("Rows computed for this workload; padded engines in batches of {}.",
                             kPaddingBatch),
                 bar_chart({bar("weft: tokens alone", padding.tokens),
                            bar("padded, sorted by length", padding.padded_by_length),
                            bar("padded, as they come", padding.padded_in_order)}));
}

std::string accuracy_section(const BenchPage& page) {
  if (!page.accuracy) {
    return section("Accuracy", "Against f32.", "This run is f32 itself: nothing to compare.");
  }
  return section("Accuracy", "Cosine of each sequence's embedding to the same model in f32.",
                 fmt::format("<div class=\"figures\">{}{}</div>",
                             figure(fmt::format("{:.6f}", page.accuracy->cosine_mean), "mean"),
                             figure(fmt::format("{:.6f}", page.accuracy->cosine_min), "worst")));
}

}  // namespace

std::string bench_page(const BenchPage& page) {
  const double median = quantile(sorted(page.report.times), 0.5);
  const double rate = page.flops / median;
  std::string html = page_begin("weft bench: " + visible_text(page.report.model.source), kStyle);
  html += fmt::format("<p>{}, {} threads, {}</p><div class=\"figures\">", html_escape(processor()),
                      page.report.model.threads, page.report.model.compute_dtype);
  html += figure(fmt::format("{:.1f} /s", static_cast<double>(page.lengths.size()) / median),
                 "sequences");
  html +=
      figure(fmt::format("{:.0f} /s", static_cast<double>(page.padding.tokens) / median), "tokens");
  html += figure(fmt::format("{:.1f}", rate * 1e-9), "GFLOP/s, products and attention");
  html += figure(fmt::format("{:.0f} %", 100 * rate / page.report.peak.product_flops_per_second),
                 fmt::format("of the {} peak measured now", page.report.model.compute_dtype));
  html += figure(fmt::format("{:.0f} ms", page.report.load_seconds * 1e3), "to load");
  html += "</div><main>\n";
  html += latency_section(page) + rates_section(page) + roofline_section(page) +
          threads_section(page) + ops_section(page) + machine_section(page) +
          padding_section(page) + accuracy_section(page);
  return html + "</main>" + page_end();
}

}  // namespace weft::cli
