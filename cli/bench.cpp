// weft bench: how fast a model runs here. With --workload it speaks the engine protocol of the
// benchmark of rival engines: its last line of output is one JSON object.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <optional>

#include "cli/bench_report.h"
#include "cli/command.h"
#include "cli/compute_options.h"
#include "cli/interruption.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/workload.h"
#include "weft/error.h"
#include "weft/safetensors.h"
#include "weft/transformer_model.h"

namespace weft::cli {
namespace {

using Clock = std::chrono::steady_clock;

// A pass of up to so many tokens is one chunk. More would only spread over the last-level cache.
constexpr std::int64_t kChunkTokens = 16384;
constexpr std::int64_t kChunkSequences = 4096;
constexpr std::int64_t kMostSequences = 1 << 20;
constexpr std::int64_t kProfiledPasses = 3;
constexpr std::size_t kTraceEvents = std::size_t{1} << 20;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string model_directory(const Arguments& arguments) {
  if (!arguments.given("--model")) return arguments.model_directory();
  if (!arguments.words().empty()) {
    throw UsageError(fmt::format("--model and MODEL_DIR: expected one of them, found also {}",
                                 in_quotes(arguments.words().front())));
  }
  return arguments.required_file("--model");
}

/// Lets the library write the temporary file; its errors name the file that was asked for.
void write_staged(const TemporaryFile& file, const auto& write) {
  try {
    write(file.path());
  } catch (const Error& error) {
    throw Error(error.reason(), fmt::format("{}: {}", file.target().string(), error.what()));
  }
}

/// Whole passes over a workload, as the protocol counts them: until `passes` or `seconds` are done.
std::vector<double> time_passes(const auto& pass, std::int64_t passes, double seconds) {
  std::vector<double> times;
  double total = 0;
  while (times.empty() || (std::ssize(times) < passes && total < seconds)) {
    const Clock::time_point start = Clock::now();
    pass(nullptr);
    times.push_back(seconds_since(start));
    total += times.back();
    throw_if_interrupted();
  }
  return times;
}

void bench(const Arguments& arguments) {
  const std::string directory = model_directory(arguments);
  const auto workload_file = arguments.file("--workload");
  const auto embeddings_file = arguments.file("--out");
  const auto trace_file = arguments.file("--trace");
  const std::int64_t passes = arguments.integer("--min-runs", 1, 1'000'000'000, 1000);
  const double seconds = arguments.seconds("--min-seconds", 3);
  const std::int64_t sequences = arguments.integer("--sequences", 1, kMostSequences, 256);
  const std::int64_t length = arguments.integer("--length", 1, kMostSequences, 0);
  for (const std::string_view option : {"--sequences", "--length"}) {
    arguments.exclude("--workload", option);
  }
  LoadOptions load = load_options(arguments);
  refuse_option(arguments, "--report");
  // All outputs become visible together, after the last thing that can fail.
  std::optional<TemporaryFile> embeddings_output, trace_output;
  if (embeddings_file) embeddings_output.emplace(*embeddings_file);
  if (trace_file) trace_output.emplace(*trace_file);

  Workload workload;
  std::vector<std::int64_t> lengths;
  if (workload_file) {
    workload = read_workload(*workload_file);
    lengths = workload.sorted_lengths();
  } else {
    lengths = generate_lengths(sequences, length);
  }
  const std::int64_t tokens = std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
  load.limits.tokens = std::clamp<std::int64_t>(tokens, 1, kChunkTokens);
  load.limits.sequences = std::clamp<std::int64_t>(std::ssize(lengths), 1, kChunkSequences);
  load.pooling = Pooling::kMean;
  const Clock::time_point load_start = Clock::now();
  const auto model = TransformerModel::load(directory, load);
  BenchReport report;
  report.load_seconds = seconds_since(load_start);
  if (!workload_file) {
    workload = generate_workload(lengths, model->max_tokens(), model->vocabulary_size());
  }

  Array embeddings(DType::kF32, {workload.sequences(), model->embedding_size()});
  const auto pass = [&](Profile* profile) {
    EmbedOptions options;
    options.stop.cancel = &interruption_flag();
    options.profile = profile;
    model->embed(workload.ids, workload.offsets, embeddings.values<float>(), options);
  };
  pass(nullptr);  // warms up
  report.times = time_passes(pass, passes, seconds);

  Profile profile(trace_file ? kTraceEvents : 0);
  const bool want_profile = arguments.given("--profile") || trace_file || !workload_file;
  if (want_profile) {
    for (std::int64_t i = 0; i < kProfiledPasses; ++i) pass(&profile);
  }
  report.model = model->info();
  HeldStdout output;
  if (want_profile) report.peak = measure_peak(report.model.isa, report.model.threads);
  if (arguments.given("--profile")) output.write(profile_table(profile, report));
  output.write(workload_file ? protocol_line(report)
                             : bench_table(report, workload, profile, kProfiledPasses));
  if (trace_output) {
    write_staged(*trace_output, [&](const auto& path) { profile.write_chrome_trace(path); });
  }
  if (embeddings_output) {
    const NamedArrays arrays = {{"embeddings", std::move(embeddings)}};
    write_staged(*embeddings_output, [&](const auto& path) { write_safetensors(path, arrays); });
  }
  output.publish();
  if (trace_output) trace_output->publish();
  if (embeddings_output) embeddings_output->publish();
  tell_notes(report.model.warnings);
}

}  // namespace

Command bench_command() {
  return {
      .name = "bench",
      .summary = "how fast a model runs here",
      .synopsis =
          "MODEL_DIR [options]\n"
          "       weft bench --model DIR --workload FILE [--out FILE] [options]",
      .description =
          "Times whole passes over generated sequences (lengths like sentences') and compares "
          "with\n"
          "this machine's peak, measured in the same run. With --workload the last line of output "
          "is\n"
          "one JSON object {\"times_s\":[..],\"info\":{..}}.",
      .options = with_compute_options({
          {"--sequences", "N", "generated sequences per pass (default 256)"},
          {"--length", "N", "tokens of each (default: lognormal, median 32, mean 45, 4 to 256)"},
          {"--min-runs", "R", "stop after R passes (default 1000) ..."},
          {"--min-seconds", "T", "... or T seconds, whichever comes first (default 3)"},
          {"--profile", "", "a table of the operators: time, rates, share of the peak"},
          {"--trace", "FILE", "write a timeline for chrome://tracing or Perfetto"},
          {"--model", "DIR", "the same as MODEL_DIR"},
          {"--workload", "FILE", "a .safetensors file with I64 `ids` and `offsets`"},
          {"--out", "FILE", "write `embeddings` [n, hidden]: means of the last hidden states"},
          {"--report", "FILE", "not supported yet"},
      }),
      .examples =
          "  weft bench models/all-MiniLM-L6-v2 --profile\n"
          "  weft bench models/all-MiniLM-L6-v2 --sequences 1 --length 128 --threads 1",
      .run = bench};
}

}  // namespace weft::cli
