// weft bench: how fast a model runs here. With --workload it speaks the engine protocol of the
// benchmark of rival engines: its last line of output is one JSON object.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "cli/bench_page.h"
#include "cli/bench_report.h"
#include "cli/bench_sweeps.h"
#include "cli/command.h"
#include "cli/compute_options.h"
#include "cli/interruption.h"
#include "cli/output.h"
#include "cli/scenario.h"
#include "cli/sequence_runner.h"
#include "cli/terminal.h"
#include "cli/workload.h"
#include "weft/error.h"
#include "weft/safetensors.h"
#include "weft/transformer_model.h"

namespace weft::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kChunkSequences = 4096;
constexpr std::int64_t kMostSequences = 1 << 20;
constexpr std::int64_t kImages = 8;  // of a pass, unless told: 0.3 TFLOP for ViT-B/16
constexpr std::int64_t kProfiledPasses = 3;
constexpr std::int64_t kMostPasses = 1'000'000'000;
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
std::vector<double> time_passes(const SequenceRunner& runner, std::span<float> rows,
                                std::int64_t passes, double seconds) {
  std::vector<double> times;
  double total = 0;
  while (times.empty() || (std::ssize(times) < passes && total < seconds)) {
    const Clock::time_point start = Clock::now();
    runner.run_all(rows);
    times.push_back(seconds_since(start));
    total += times.back();
    throw_if_interrupted();
  }
  return times;
}

constexpr std::array kScenarios = {Scenario::kSingleStream, Scenario::kOffline, Scenario::kServer};

/// None if no scenario is asked for. Throws UsageError.
std::optional<ScenarioOptions> scenario_options(const Arguments& arguments) {
  const std::array names = {to_string(kScenarios[0]), to_string(kScenarios[1]),
                            to_string(kScenarios[2])};
  const auto chosen = arguments.choice("--scenario", names);
  const bool server = chosen && kScenarios[*chosen] == Scenario::kServer;
  for (const std::string_view option : {"--target-qps", "--latency-ms"}) {
    if (arguments.given(option) && !server) {
      throw UsageError(fmt::format("{}: expected with --scenario Server alone", option));
    }
  }
  if (arguments.given("--seed") && !chosen) {
    throw UsageError("--seed: expected with --scenario alone");
  }
  if (!chosen) return std::nullopt;
  for (const std::string_view option : {"--profile", "--trace", "--report"}) {
    arguments.exclude("--scenario", option);
  }
  ScenarioOptions options;
  options.scenario = kScenarios[*chosen];
  options.seconds = arguments.seconds("--min-seconds", kValidSeconds);
  options.most_queries = arguments.integer("--min-runs", 1, kMostPasses, kMostPasses);
  options.latency_bound = arguments.seconds("--latency-ms", 50) * 1e-3;
  if (arguments.given("--target-qps")) {
    options.target_qps = arguments.seconds("--target-qps", 0);
    if (!(*options.target_qps > 0)) throw UsageError("--target-qps: expected more than 0, found 0");
  }
  options.seed = static_cast<std::uint64_t>(arguments.integer("--seed", 0, INT64_MAX, 1));
  return options;
}

/// A workload and the model that is measured on it, warm.
struct Subject {
  std::string directory;
  LoadOptions load;
  Workload workload;
  std::optional<SequenceRunner> runner;
  Array embeddings;
  BenchReport report;

  explicit Subject(const Arguments& arguments)
      : directory(model_directory(arguments)), load(load_options(arguments)) {}

  void prepare(const Arguments& arguments) {
    const std::int64_t sequences = arguments.integer("--sequences", 1, kMostSequences, 256);
    const std::int64_t length = arguments.integer("--length", 1, kMostSequences, 0);
    const auto file = arguments.file("--workload");
    std::vector<std::int64_t> lengths;
    if (file) {
      workload = read_workload(*file);
    } else {
      lengths = generate_lengths(sequences, length);
    }
    load.pooling = Pooling::kMean;
    load.limits.sequences = std::clamp<std::int64_t>(
        file ? workload.sequences() : std::ssize(lengths), 1, kChunkSequences);
    const Clock::time_point start = Clock::now();
    const auto model = TransformerModel::load(directory, load);
    report.load_seconds = seconds_since(start);
    report.model = model->info();
    const ModelInfo& info = report.model;
    if (!info.image_shape.empty()) {
      refuse_for_images(arguments);
      if (!file) {
        const std::int64_t images = arguments.integer("--sequences", 1, kMostSequences, kImages);
        workload = generate_images(images, info.image_shape);
      }
      if (workload.of_images()) {
        check_images(file.value_or(""));
        workload.set_image_tokens(info.max_tokens);
      }
    } else if (!file && info.vocabulary_size == 0) {
      throw Error(Reason::kFailedPrecondition,
                  fmt::format("{}: expected a model of token ids or images, found {}", directory,
                              info.architecture));
    } else if (!file) {
      workload = generate_workload(lengths, info.max_tokens, info.vocabulary_size);
    }
    embeddings = Array(DType::kF32, {workload.sequences(), model->embedding_size()});
    runner.emplace(model, workload);
    runner->run_all(embeddings.values<float>());
  }

 private:
  void refuse_for_images(const Arguments& arguments) const {
    for (const std::string_view option : {"--length", "--report"}) {
      if (!arguments.given(option)) continue;
      throw Error(Reason::kInvalidArgument,
                  fmt::format("{}: expected with a model of token ids, found {}", option,
                              report.model.architecture));
    }
  }

  void check_images(const std::string& file) const {
    const std::vector<std::int64_t>& shape = workload.pixel_values.shape;
    const std::vector<std::int64_t>& expected = report.model.image_shape;
    if (!std::equal(shape.begin() + 1, shape.end(), expected.begin(), expected.end())) {
      throw Error(Reason::kInvalidArgument,
                  fmt::format("{}: pixel_values: expected [images, {}], found [{}]", file,
                              fmt::join(expected, ", "), fmt::join(shape, ", ")));
    }
  }
};

std::string measure_page(Subject& subject, const Profile& profile, double seconds) {
  Progress progress("steps");
  const auto tell = [&](const std::string& what) {
    progress.show(fmt::format("measuring for the report: {}", what));
  };
  BenchPage page;
  page.report = subject.report;
  page.lengths = subject.workload.sorted_lengths();
  page.flops = product_flops(profile) / static_cast<double>(kProfiledPasses);
  page.ops = merged_ops(profile);
  page.padding = count_padding(subject.workload);
  const auto rows = subject.embeddings.values<float>();
  tell("latency of single sequences");
  ScenarioOptions single_stream;
  single_stream.scenario = Scenario::kSingleStream;
  single_stream.seconds = seconds;
  single_stream.most_queries = kMostPasses;
  page.single_stream = run_scenario(*subject.runner, rows, single_stream);
  const double per_point = std::min(0.15, seconds / 20);
  page.rates = measure_rates(subject.runner->shared_model(), per_point, tell);
  page.threads = measure_threads(subject.directory, subject.load, subject.report.model.threads,
                                 subject.workload, 3 * per_point, tell);
  page.accuracy = measure_accuracy(subject.directory, subject.load, subject.workload, rows);
  return bench_page(page);
}

void bench(const Arguments& arguments) {
  Subject subject(arguments);
  const auto scenario = scenario_options(arguments);
  const std::int64_t passes = arguments.integer("--min-runs", 1, kMostPasses, 1000);
  const double seconds = arguments.seconds("--min-seconds", 3);
  for (const std::string_view option : {"--sequences", "--length"}) {
    arguments.exclude("--workload", option);
  }
  // All outputs become visible together, after the last thing that can fail.
  std::optional<TemporaryFile> embeddings_output, trace_output;
  std::optional<FileOutput> page_output;
  const auto embeddings_file = arguments.file("--out");
  const auto trace_file = arguments.file("--trace");
  const auto page_file = arguments.file("--report");
  if (embeddings_file) embeddings_output.emplace(*embeddings_file);
  if (trace_file) trace_output.emplace(*trace_file);
  if (page_file) page_output.emplace(*page_file);

  subject.prepare(arguments);
  BenchReport& report = subject.report;
  const auto rows = subject.embeddings.values<float>();
  HeldStdout output;
  Profile profile(trace_file ? kTraceEvents : 0);
  if (scenario) {
    if (subject.workload.sequences() == 0) {
      throw Error(Reason::kInvalidArgument,
                  "--scenario: expected a sequence, found an empty workload");
    }
    const ScenarioResult result = run_scenario(*subject.runner, rows, *scenario);
    output.write(arguments.given("--json") ? scenario_json(result, report.model)
                                           : scenario_table(result));
  } else {
    report.times = time_passes(*subject.runner, rows, passes, seconds);
    const bool protocol = arguments.given("--workload");
    const bool want_profile = arguments.given("--profile") || trace_file || page_file || !protocol;
    if (want_profile) {
      for (std::int64_t i = 0; i < kProfiledPasses; ++i) subject.runner->run_all(rows, &profile);
      report.peak = measure_peak(report.model.isa, report.model.threads,
                                 load_options(arguments).compile.dtype);
    }
    if (page_output) {
      page_output->write(
          measure_page(subject, profile, arguments.seconds("--min-seconds", kValidSeconds)));
    }
    if (arguments.given("--profile")) output.write(profile_table(profile, report));
    output.write(protocol ? protocol_line(report)
                 : arguments.given("--json")
                     ? bench_json(report, subject.workload, profile, kProfiledPasses)
                     : bench_table(report, subject.workload, profile, kProfiledPasses));
  }
  if (trace_output) {
    write_staged(*trace_output, [&](const auto& path) { profile.write_chrome_trace(path); });
  }
  if (embeddings_output) {
    const NamedArrays arrays = {{"embeddings", std::move(subject.embeddings)}};
    write_staged(*embeddings_output, [&](const auto& path) { write_safetensors(path, arrays); });
  }
  output.publish();
  if (page_output) page_output->publish();
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
          "Times whole passes over generated sequences (lengths like sentences'), or images for a "
          "model\n"
          "of images, and compares with this machine's peak, measured in the same run. With "
          "--workload\n"
          "the last line of output is one JSON object {\"times_s\":[..],\"info\":{..}}.",
      .options = with_compute_options({
          {"--sequences", "N", "generated sequences (default 256) or images (8) per pass"},
          {"--length", "N", "tokens of each (default: lognormal, median 32, mean 45, 4 to 256)"},
          {"--min-runs", "R", "stop after R passes (default 1000) ..."},
          {"--min-seconds", "T",
           "... or T seconds, whichever comes first (default 3; scenarios and report 10)"},
          {"--profile", "", "a table of the operators: time, rates, share of the peak"},
          {"--trace", "FILE", "write a timeline for chrome://tracing or Perfetto"},
          {"--model", "DIR", "the same as MODEL_DIR"},
          {"--workload", "FILE",
           "a .safetensors file with I64 `ids` and `offsets`, or\nF32 `pixel_values` [n, channels, "
           "height, width]"},
          {"--out", "FILE",
           "write `embeddings` [n, hidden]: means of the last hidden states\n(of images: over "
           "class "
           "token and patches)"},
          {"--report", "FILE",
           "write a page of HTML: latency, throughput, scaling, roofline, time per operator"},
          {"--json", "", "one JSON object instead of the table"},
          {"--scenario", "S",
           "SingleStream, Offline or Server (MLPerf's names): a result that is VALID or INVALID"},
          {"--target-qps", "Q",
           "Server: sequences that arrive a second (default: search the most)"},
          {"--latency-ms", "L", "Server: the bound that 99 % of latencies keep (default 50)"},
          {"--seed", "N", "of the queries' order and arrivals (default 1)"},
      }),
      .examples =
          "  weft bench models/all-MiniLM-L6-v2 --profile\n"
          "  weft bench models/all-MiniLM-L6-v2 --sequences 1 --length 128 --threads 1\n"
          "  weft bench models/all-MiniLM-L6-v2 --report page.html\n"
          "  weft bench models/all-MiniLM-L6-v2 --scenario Server --latency-ms 20",
      .run = bench};
}

}  // namespace weft::cli
