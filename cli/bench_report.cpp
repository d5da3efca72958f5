#include "cli/bench_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "cli/json_object.h"
#include "cli/statistics.h"
#include "weft/version.h"

namespace weft::cli {
namespace {

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

JsonObject info_json(const BenchReport& report) {
  return JsonObject()
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
}

}  // namespace

bool is_product(const OpProfile& op) {
  return op.kind == "linear" || op.kind == "matmul" || op.kind == "attention";
}

double peak_of(const OpProfile& op, const MachinePeak& peak) {
  return op.kind == "linear" ? peak.product_flops_per_second : peak.flops_per_second;
}

double product_flops(const Profile& profile) {
  double flops = 0;
  for (const OpProfile& op : profile.ops()) {
    if (is_product(op)) flops += op.flops;
  }
  return flops;
}

std::vector<OpProfile> merged_ops(const Profile& profile) {
  std::map<std::string, OpProfile> merged;
  for (const OpProfile& op : profile.ops()) {
    if (op.calls == 0) continue;
    OpProfile& total = merged[without_layer_number(op.name)];
    total.kind = op.kind;
    total.calls += op.calls;
    total.seconds += op.seconds;
    total.flops += op.flops;
    total.bytes += op.bytes;
  }
  std::vector<OpProfile> ops;
  for (auto& [name, op] : merged) {
    op.name = name;
    ops.push_back(std::move(op));
  }
  std::sort(ops.begin(), ops.end(),
            [](const OpProfile& a, const OpProfile& b) { return a.seconds > b.seconds; });
  return ops;
}

std::string protocol_line(const BenchReport& report) {
  return JsonObject().add("times_s", report.times).add("info", info_json(report)).text() + '\n';
}

std::string bench_table(const BenchReport& report, const Workload& workload, const Profile& profile,
                        std::int64_t profiled_passes) {
  const std::vector<double> times = sorted(report.times);
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
      workload.of_images()
          ? fmt::format("{} images of {}, {} tokens each, {} tokens", workload.sequences(),
                        fmt::join(model.image_shape, " x "), lengths.front(), workload.tokens())
          : fmt::format("{} sequences of {} to {} tokens (median {}), {} tokens",
                        workload.sequences(), lengths.front(), lengths.back(),
                        quantile(lengths, 0.5), workload.tokens()));
  row("load", fmt::format("{:.0f} ms", report.load_seconds * 1e3));
  row("pass", fmt::format("median {:.3f} ms, p10 {:.3f}, p90 {:.3f} ({} passes)", median * 1e3,
                          quantile(times, 0.1) * 1e3, quantile(times, 0.9) * 1e3, times.size()));
  row("rate", fmt::format("{:.1f} {}/s, {:.0f} tokens/s",
                          static_cast<double>(workload.sequences()) / median, workload.items(),
                          static_cast<double>(workload.tokens()) / median));
  row("compute",
      fmt::format("{:.1f} GFLOP/s, {:.0f} % of the {} peak measured now ({:.1f} GFLOP/s; "
                  "f32 {:.1f}; memory {:.1f} GB/s)",
                  flops_per_second * 1e-9,
                  100 * flops_per_second / report.peak.product_flops_per_second,
                  model.compute_dtype, report.peak.product_flops_per_second * 1e-9,
                  report.peak.flops_per_second * 1e-9, report.peak.bytes_per_second * 1e-9));
  return table;
}

std::string bench_json(const BenchReport& report, const Workload& workload, const Profile& profile,
                       std::int64_t profiled_passes) {
  const double median = quantile(sorted(report.times), 0.5);
  const double passes = static_cast<double>(profiled_passes);
  std::vector<JsonObject> ops;
  for (const OpProfile& op : merged_ops(profile)) {
    ops.push_back(JsonObject()
                      .add("name", op.name)
                      .add("kind", op.kind)
                      .add("thread_s", op.seconds / passes)
                      .add("flops", op.flops / passes)
                      .add("bytes", op.bytes / passes));
  }
  const double rate = product_flops(profile) / passes / median;
  return JsonObject()
             .add("times_s", report.times)
             .add("median_s", median)
             .add("items", workload.items())
             .add("sequences", workload.sequences())
             .add("tokens", workload.tokens())
             .add("flops_per_second", rate)
             .add("share_of_f32_peak", rate / report.peak.flops_per_second)
             .add("share_of_product_peak", rate / report.peak.product_flops_per_second)
             .add("product_peak_flops_per_second", report.peak.product_flops_per_second)
             .add("f32_peak", JsonObject()
                                  .add("flops_per_second", report.peak.flops_per_second)
                                  .add("bytes_per_second", report.peak.bytes_per_second))
             .add("ops", ops)
             .add("info", info_json(report))
             .text() +
         '\n';
}

std::string profile_table(const Profile& profile, const BenchReport& report) {
  const std::vector<OpProfile> ops = merged_ops(profile);
  double all_seconds = 0;
  for (const OpProfile& op : ops) all_seconds += op.seconds;
  const double thread_bandwidth = report.peak.bytes_per_second / report.model.threads;
  std::string table = fmt::format("{:<58} {:>8} {:>10} {:>7} {:>9} {:>8} {:>7} {:>7}\n", "operator",
                                  "calls", "ms", "share", "GFLOP/s", "GB/s", "% peak", "% roof");
  for (const OpProfile& op : ops) {
    const double seconds = std::max(op.seconds, 1e-9);
    const double thread_peak = peak_of(op, report.peak) / report.model.threads;
    const double roof_seconds = std::max(op.flops / thread_peak, op.bytes / thread_bandwidth);
    table += fmt::format("{:<58} {:>8} {:>10.3f} {:>5.1f} % {:>9.1f} {:>8.1f} {:>7.1f} {:>7.1f}\n",
                         op.name, op.calls, op.seconds * 1e3, 100 * seconds / all_seconds,
                         op.flops / seconds * 1e-9, op.bytes / seconds * 1e-9,
                         100 * op.flops / seconds / thread_peak, 100 * roof_seconds / seconds);
  }
  return table +
         fmt::format(
             "Times are summed over {} threads, rates are those of one thread. Linear layers are "
             "compared with\nthe peak of their precision, all else with that of f32. The roof is "
             "the peak or the memory's bandwidth,\nwhichever is lower; what caches serve may pass "
             "it.\n\n",
             report.model.threads);
}

}  // namespace weft::cli
