// What the encoder-decoders share: tied tables, the order of building.
#pragma once

#include <array>
#include <functional>
#include <initializer_list>
#include <string_view>

#include "runtime/blocks.h"
#include "runtime/models/encoder_config.h"
#include "runtime/models/seq2seq_graph.h"

namespace weft {

/// The first of `names` that the file has; each that it has must be rows x cols. Throws
/// Error(kNotFound) naming the first.
Weight first_of(const Weights& weights, std::initializer_list<std::string_view> names,
                std::int64_t rows, std::int64_t cols);

/// The matrix that gives a vocabulary's scores: `own` if the file has it, else, unless
/// tie_word_embeddings is false, the table of the decoder's embeddings. Throws Error(kNotFound)
/// naming it.
Weight output_weight(const Config& config, const Weights& checkpoint, std::string_view own,
                     const Weight& table);

/// Every element times `factor`, in f32; the weight itself when it is 1.
Weight scaled(const Weight& weight, float factor);

/// Rows [first, first + count) of a matrix, in its stored dtype.
Weight rows_of(const Weight& matrix, std::int64_t first, std::int64_t count);

/// The keys and values of every decoder layer from the encoder's result, as one product: sets
/// source_keys_values. `of_layer` gives a layer's projections, keys first.
void add_source_keys_values(
    Seq2SeqGraph& model,
    const std::function<std::array<Projection, 2>(std::int64_t layer)>& of_layer);

/// Writes the decoder twice, with `layers` filling in a pass up to its last_hidden_state: over
/// targets, and, if there is a `head`, a step with logits; then the head over rows of its own.
void add_decoder(Seq2SeqGraph& model, const std::function<void(DecoderPass& pass)>& layers,
                 const std::function<Value(Value hidden)>& head);

}  // namespace weft
