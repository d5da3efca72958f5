// The two files that say how a sentence-transformers model treats its texts.
#pragma once

#include <filesystem>

#include "runtime/sentence_modules.h"

namespace weft {

/// sentence_bert_config.json, or the first of six older names: max_seq_length, do_lower_case.
/// Absent files change nothing. Throws Error: kUnsupported for whatever would make the transformer
/// compute something else, kInvalidArgument, kCorruptFile.
void read_transformer_settings(const std::filesystem::path& transformer_directory,
                               SentenceModules& result);

/// config_sentence_transformers.json: prompts, default_prompt_name, similarity_fn_name.
void read_model_settings(const std::filesystem::path& directory, SentenceModules& result);

}  // namespace weft
