// What a model predicts beside hidden states: its head, as config.json describes it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "weft/export.h"

namespace weft {

/// What a head's `logits` stand for.
enum class HeadKind : std::uint8_t {
  kNone,
  kSequence,  ///< one row of label scores per sequence
  kToken,     ///< one row of label scores per token
  kMaskedLm,  ///< one row of vocabulary scores per token
  kImage,     ///< one row of label scores per image
};
/// E.g. "sequence classification"; "none". Never null.
WEFT_API const char* to_string(HeadKind kind) noexcept;

/// config.json's problem_type: how label scores become probabilities.
enum class ProblemType : std::uint8_t {
  kUnstated,     ///< multi-label if there is one label, else single-label
  kSingleLabel,  ///< softmax over the labels
  kMultiLabel,   ///< sigmoid of each
  kRegression,   ///< the scores themselves
};
/// In config.json's spelling, e.g. "single_label_classification"; "unstated". Never null.
WEFT_API const char* to_string(ProblemType problem) noexcept;

struct HeadInfo {
  HeadKind kind = HeadKind::kNone;
  std::string architecture;         ///< config.json's architectures[0], e.g. "BertForMaskedLM"
  std::vector<std::string> labels;  ///< by column of the logits; empty for a masked LM
  ProblemType problem = ProblemType::kUnstated;
};

/// Of a Hugging Face or sentence-transformers directory, from its config.json alone. kNone with the
/// architecture's name if weft has no such head. Throws Error naming file and key.
WEFT_API HeadInfo read_head(const std::filesystem::path& directory);

}  // namespace weft
