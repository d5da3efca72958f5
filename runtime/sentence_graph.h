// Appends what makes a sentence embedding to an encoder's graph: pooling, Dense, Normalize.
#pragma once

#include <string>
#include <vector>

#include "runtime/models/model_graph.h"
#include "runtime/sentence_modules.h"

namespace weft {

/// Names of the inputs and outputs that append_sentence_modules adds.
inline constexpr const char* kPoolSkipInput = "pool_skip";  // I32, one per sequence
inline constexpr const char* kSentenceOutput = "sentence_embedding";
/// Of a model of token vectors: (tokens, columns).
inline constexpr const char* kTokenOutput = "token_embeddings";
/// What enters a Normalize at the end; only there if there is one.
inline constexpr const char* kUnnormalizedOutput = "sentence_embedding_before_normalize";

/// Returns the embedding's columns. Throws Error when the modules do not fit the encoder.
std::int64_t append_sentence_modules(ModelGraph& model, const std::vector<SentenceModule>& modules);

/// The same over tokens, without Pooling. Returns the token vectors' columns.
std::int64_t append_token_modules(ModelGraph& model, const std::vector<SentenceModule>& modules);

/// E.g. "mean, dense 384 -> 128 tanh, normalize".
std::string describe(const std::vector<SentenceModule>& modules);

}  // namespace weft
