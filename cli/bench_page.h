// `weft bench --report`: a page of HTML that needs no network, light or dark as the reader likes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/bench_report.h"
#include "cli/bench_sweeps.h"
#include "cli/scenario.h"

namespace weft::cli {

struct BenchPage {
  BenchReport report;
  std::vector<std::int64_t> lengths;  // of the workload's sequences, sorted
  double flops = 0;                   // of products and attention in a pass
  std::vector<OpProfile> ops;         // layers taken together, slowest first
  ScenarioResult single_stream;
  std::vector<RatePoint> rates;
  std::vector<ThreadPoint> threads;
  Padding padding;
  std::optional<Accuracy> accuracy;  // none: the model was f32
};

std::string bench_page(const BenchPage& page);

}  // namespace weft::cli
