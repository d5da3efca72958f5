#include <fmt/format.h>

#include <array>
#include <utility>

#include "runtime/blocks.h"
#include "runtime/heads/head.h"

namespace weft {
namespace {

// id2label is at most 16 MB of JSON (config.h), so that this bounds what num_labels may cost.
constexpr std::int64_t kMostLabels = 1 << 20;
constexpr std::int64_t kDefaultLabels = 2;  // transformers' when config.json says nothing

constexpr std::array kProblems{ProblemType::kSingleLabel, ProblemType::kMultiLabel,
                               ProblemType::kRegression};

std::vector<std::string> unnamed_labels(std::int64_t count) {
  std::vector<std::string> labels;
  for (std::int64_t i = 0; i < count; ++i) labels.push_back(fmt::format("LABEL_{}", i));
  return labels;
}

std::vector<std::string> read_id2label(const Config& config, const Json& map) {
  if (!map.is_object() || map.members().empty()) {
    config.invalid("id2label",
                   fmt::format("expected an object of labels, found {}", map.preview()));
  }
  const std::size_t count = map.members().size();
  std::vector<std::string> labels(count);
  std::vector<char> given(count, 0);
  for (const auto& [id, label] : map.members()) {
    std::size_t index = 0;
    for (const char c : id) {
      const bool digit = c >= '0' && c <= '9' && index < count;
      index = digit ? 10 * index + static_cast<std::size_t>(c - '0') : count;
    }
    if (id.empty() || index >= count || given[index] != 0) {
      config.invalid("id2label", fmt::format("expected the ids 0 to {}, found \"{}\"", count - 1,
                                             id.substr(0, 40)));
    }
    if (!label.is_string()) {
      config.invalid("id2label",
                     fmt::format("label {}: expected a string, found {}", index, label.preview()));
    }
    given[index] = 1;
    labels[index] = label.as_string();
  }
  return labels;
}

std::vector<std::string> read_labels(const Config& config) {
  const Json* map = config.find("id2label");
  const bool counted = config.has("num_labels");
  const std::int64_t count = config.integer_or("num_labels", kDefaultLabels, 1, kMostLabels);
  if (map == nullptr) return unnamed_labels(count);
  std::vector<std::string> labels = read_id2label(config, *map);
  if (counted && count != static_cast<std::int64_t>(labels.size())) {
    config.invalid("num_labels", fmt::format("expected {}, the labels of id2label, found {}",
                                             labels.size(), count));
  }
  return labels;
}

ProblemType read_problem(const Config& config) {
  if (!config.has("problem_type")) return ProblemType::kUnstated;
  const std::string name = config.text("problem_type");
  for (const ProblemType problem : kProblems) {
    if (name == to_string(problem)) return problem;
  }
  config.unsupported("problem_type", fmt::format("expected one of [{}, {}, {}], found \"{}\"",
                                                 to_string(kProblems[0]), to_string(kProblems[1]),
                                                 to_string(kProblems[2]), name));
}

}  // namespace

const char* to_string(HeadKind kind) noexcept {
  switch (kind) {
    case HeadKind::kNone: return "none";
    case HeadKind::kSequence: return "sequence classification";
    case HeadKind::kToken: return "token classification";
    case HeadKind::kMaskedLm: return "masked LM";
    case HeadKind::kImage: return "image classification";
  }
  return "unknown";
}

const char* to_string(ProblemType problem) noexcept {
  switch (problem) {
    case ProblemType::kUnstated: return "unstated";
    case ProblemType::kSingleLabel: return "single_label_classification";
    case ProblemType::kMultiLabel: return "multi_label_classification";
    case ProblemType::kRegression: return "regression";
  }
  return "unknown";
}

HeadInfo read_head_info(const Config& config) {
  HeadInfo info;
  if (const auto names = config.texts_or_empty("architectures"); !names.empty()) {
    info.architecture = names[0];
  }
  const Head* head = find_head(config);
  if (head == nullptr) return info;
  info.kind = head->kind;
  if (head->kind == HeadKind::kMaskedLm) return info;
  info.labels = read_labels(config);
  info.problem = read_problem(config);
  return info;
}

Value label_scores(const HeadInput& in, const Weights& layer, Value x) {
  const Weight weight = layer.get("weight");
  if (weight.rows() != in.labels) {
    in.config.invalid("id2label", fmt::format("expected {} labels, the rows of {}, found {}{}",
                                              weight.rows(), weight.name(), in.labels,
                                              in.config.has("id2label") ? "" : " by default"));
  }
  return dense(in.graph, layer, x, in.labels);
}

}  // namespace weft
