// What `weft bench` found, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "cli/workload.h"
#include "weft/profile.h"
#include "weft/transformer_model.h"

namespace weft::cli {

struct BenchReport {
  ModelInfo model;
  double load_seconds = 0;
  std::vector<double> times;  // seconds of each pass
  MachinePeak peak;           // of model.threads threads; measured unless protocol_line() is all
};

/// Whether a peak of multiply-adds is what the operator's rate can be compared with.
bool is_product(const OpProfile& op);
/// What the operator's rate can be at most, all threads together: linear layers are computed in the
/// model's precision, everything else in f32.
double peak_of(const OpProfile& op, const MachinePeak& peak);
/// Layers taken together ("encoder.layer.*."), slowest first, without what never ran.
std::vector<OpProfile> merged_ops(const Profile& profile);
/// Operations of products and attention.
double product_flops(const Profile& profile);

/// {"times_s":[..],"info":{..}} and a newline.
std::string protocol_line(const BenchReport& report);
/// One JSON object for programs: what bench_table() tells.
std::string bench_json(const BenchReport& report, const Workload& workload, const Profile& profile,
                       std::int64_t profiled_passes);
/// `profile` covers `profiled_passes` passes over the workload.
std::string bench_table(const BenchReport& report, const Workload& workload, const Profile& profile,
                        std::int64_t profiled_passes);
/// One line per operator and weight, layers taken together, slowest first.
std::string profile_table(const Profile& profile, const BenchReport& report);

}  // namespace weft::cli
