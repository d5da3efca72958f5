#include "cli/bench_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "cli/json_object.h"
#include "weft/version.h"

namespace weft::cli {
namespace {

/// The value below which this share of the sorted values lies. `sorted` is not empty.
template <typename Value>
Value quantile(const std::vector<Value>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

/// "linear encoder.layer.3.output.dense" -> "linear encoder.layer.*.output.dense".
std::string without_layer_number(std::string_view name) {
  std::string merged;
  for (std::size_t i = 0; i < name.size();) {
    const bool starts_number =
        std::isdigit(static_cast<unsigned char>(name[i])) != 0 && i > 0 && name[i - 1] == '.';
    if (!starts_number) {
      merged += name[i++];
      continue;
    }
    merged += '*';
    while (i < name.size() && std::isdigit(static_cast<unsigned char>(name[i])) != 0) ++i;
  }
  return merged;
}

/// Operations of matrix products and attention: what a peak of multiply-adds can be compared with.
double product_flops(const Profile& profile) {
  double flops = 0;
  for (const OpProfile& op : profile.ops()) {
    if (op.kind == "linear" || op.kind == "matmul" || op.kind == "attention") flops += op.flops;
  }
  return flops;
}

}  // namespace

std::string protocol_line(const BenchReport& report) {
  const JsonObject info = JsonObject()
                              .add("engine", "weft")
                              .add("version", kVersion)
                              .add("architecture", report.model.architecture)
                              .add("dtype", report.model.compute_dtype)
                              .add("isa", to_string(report.model.isa))
                              .add("gemm", to_string(report.model.gemm))
                              .add("kernels", report.model.kernels)
                              .add("threads", report.model.threads)
                              .add("load_s", report.load_seconds)
                              .add("packed_bytes", report.model.packed_bytes)
                              .add("session_bytes", report.model.session_bytes);
  return JsonObject().add("times_s", report.times).add("info", info).text() + '\n';
}

std::string bench_table(const BenchReport& report, const Workload& workload, const Profile& profile,
                        std::int64_t profiled_passes) {
  std::vector<double> times = report.times;
  std::sort(times.begin(), times.end());
  const double median = quantile(times, 0.5);
  const std::vector<std::int64_t> lengths = workload.sorted_lengths();
  const double flops_per_second =
      product_flops(profile) / static_cast<double>(profiled_passes) / median;
  std::string table;
  const auto row = [&](std::string_view name, const std::string& value) {
    table += fmt::format("{:<10}{}\n", name, value);
  };
  const ModelInfo& model = report.model;
  row("model", fmt::format("{} ({}, {} layers, hidden {})", model.source, model.architecture,
                           model.layers, model.hidden_size));
  row("kernels", fmt::format("{}, {} products, {}, {} threads", to_string(model.isa),
                             to_string(model.gemm), model.compute_dtype, model.threads));
  row("workload",
      fmt::format("{} sequences of {} to {} tokens (median {}), {} tokens", workload.sequences(),
                  lengths.front(), lengths.back(), quantile(lengths, 0.5), workload.tokens()));
  row("load", fmt::format("{:.0f} ms", report.load_seconds * 1e3));
  row("pass", fmt::format("median {:.3f} ms, p10 {:.3f}, p90 {:.3f} ({} passes)", median * 1e3,
                          quantile(times, 0.1) * 1e3, quantile(times, 0.9) * 1e3, times.size()));
  row("rate", fmt::format("{:.1f} sequences/s, {:.0f} tokens/s",
                          static_cast<double>(workload.sequences()) / median,
                          static_cast<double>(workload.tokens()) / median));
  row("compute",
      fmt::format("{:.1f} GFLOP/s, {:.0f} % of the peak measured now ({:.1f} GFLOP/s; "
                  "memory {:.1f} GB/s)",
                  flops_per_second * 1e-9, 100 * flops_per_second / report.peak.flops_per_second,
                  report.peak.flops_per_second * 1e-9, report.peak.bytes_per_second * 1e-9));
  return table;
}

std::string profile_table(const Profile& profile, const BenchReport& report) {
  std::map<std::string, OpProfile> merged;
  double all_seconds = 0;
  for (const OpProfile& op : profile.ops()) {
    if (op.calls == 0) continue;
    OpProfile& total = merged[without_layer_number(op.name)];
    total.calls += op.calls;
    total.seconds += op.seconds;
    total.flops += op.flops;
    total.bytes += op.bytes;
    all_seconds += op.seconds;
  }
  std::vector<std::pair<std::string, OpProfile>> rows(merged.begin(), merged.end());
  std::sort(rows.begin(), rows.end(),
            [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
  const double thread_peak = report.peak.flops_per_second / report.model.threads;
  std::string table = fmt::format("{:<58} {:>8} {:>10} {:>7} {:>9} {:>8} {:>7}\n", "operator",
                                  "calls", "ms", "share", "GFLOP/s", "GB/s", "% peak");
  for (const auto& [name, op] : rows) {
    const double seconds = std::max(op.seconds, 1e-9);
    table += fmt::format("{:<58} {:>8} {:>10.3f} {:>5.1f} % {:>9.1f} {:>8.1f} {:>7.1f}\n", name,
                         op.calls, op.seconds * 1e3, 100 * seconds / all_seconds,
                         op.flops / seconds * 1e-9, op.bytes / seconds * 1e-9,
                         100 * op.flops / seconds / thread_peak);
  }
  return table + fmt::format("Times are summed over {} threads, rates are those of one thread.\n\n",
                             report.model.threads);
}

}  // namespace weft::cli
