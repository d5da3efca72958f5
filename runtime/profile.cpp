#include "weft/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <new>

#include "ops/parallel.h"
#include "ops/peak.h"
#include "runtime/new_file.h"
#include "runtime/profile_recorder.h"
#include "weft/error.h"
#include "weft/session.h"

namespace weft {

Profile::Profile(std::size_t keep_events)
    : keep_events_(keep_events), epoch_ns_(ProfileRecorder::now_ns()) {}

void Profile::clear() {
  std::lock_guard lock(mutex_);
  ops_.clear();
  events_.clear();
  wall_seconds_ = 0;
  epoch_ns_ = ProfileRecorder::now_ns();
}

void Profile::write_chrome_trace(const std::filesystem::path& file) const {
  constexpr std::size_t kWriteBytes = std::size_t{1} << 16;
  NewFile out(file);
  std::string text = "{\"traceEvents\":[";
  const char* separator = "\n";
  for (const TraceEvent& event : events_) {
    const OpProfile& op = ops_[event.node];
    // Names are operator words and checkpoint names; anything that JSON would need escaped is cut.
    std::string name;
    std::copy_if(op.name.begin(), op.name.end(), std::back_inserter(name),
                 [](char c) { return c >= ' ' && c != '"' && c != '\\'; });
    fmt::format_to(
        std::back_inserter(text),
        "{}{{\"name\":\"{}\",\"cat\":\"{}\",\"ph\":\"X\",\"pid\":1,\"tid\":{},\"ts\":{:.3f},"
        "\"dur\":{:.3f}}}",
        separator, name, op.kind, event.thread, static_cast<double>(event.begin_ns) * 1e-3,
        static_cast<double>(event.end_ns - event.begin_ns) * 1e-3);
    separator = ",\n";
    if (text.size() >= kWriteBytes) {
      out.write(text.data(), text.size());
      text.clear();
    }
  }
  text += "\n],\"displayTimeUnit\":\"ns\"}\n";
  out.write(text.data(), text.size());
  out.commit();
}

ProfileRecorder::ProfileRecorder(Profile& profile, const Model::Impl& model, int threads)
    : profile_(profile), model_(model), begin_ns_(now_ns()), calls_(threads) {}

std::int64_t ProfileRecorder::now_ns() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void ProfileRecorder::add(int thread, std::int32_t node, std::int64_t begin_ns, std::int64_t end_ns,
                          const Work& work) noexcept {
  try {
    calls_[thread].push_back({node, begin_ns, end_ns, work});
  } catch (const std::bad_alloc&) {
    // A profile that lacks memory lacks entries; the run goes on.
  }
}

void ProfileRecorder::finish() {
  const std::int64_t end_ns = now_ns();
  std::lock_guard lock(profile_.mutex_);
  profile_.wall_seconds_ += static_cast<double>(end_ns - begin_ns_) * 1e-9;
  if (profile_.ops_.size() < model_.nodes.size()) {
    for (std::size_t i = profile_.ops_.size(); i < model_.nodes.size(); ++i) {
      const Op& op = *model_.nodes[i].op;
      OpProfile entry;
      entry.kind = op.name();
      entry.name = op.label().empty() ? entry.kind : fmt::format("{} {}", op.name(), op.label());
      profile_.ops_.push_back(std::move(entry));
    }
  }
  for (std::size_t thread = 0; thread < calls_.size(); ++thread) {
    for (const Call& call : calls_[thread]) {
      OpProfile& entry = profile_.ops_[call.node];
      entry.calls += 1;
      entry.seconds += static_cast<double>(call.end_ns - call.begin_ns) * 1e-9;
      entry.flops += call.work.flops;
      entry.bytes += call.work.bytes;
      if (profile_.events_.size() < profile_.keep_events_) {
        profile_.events_.push_back({call.node, static_cast<std::int32_t>(thread),
                                    call.begin_ns - profile_.epoch_ns_,
                                    call.end_ns - profile_.epoch_ns_});
      }
    }
  }
}

MachinePeak measure_peak(Isa isa, int threads, ComputeType dtype) {
  const std::unique_ptr<Team> team = Team::create(threads > 0 ? threads : default_threads());
  const Peak peak = measure_peak(isa, dtype, *team, team->size());
  return {peak.flops_per_second, peak.product_flops_per_second, peak.bytes_per_second};
}

}  // namespace weft
