#include "runtime/generation/generation_config.h"

#include <doctest/doctest.h>

#include "tests/failure.h"
#include "tests/temporary_directory.h"

namespace weft::test {
namespace {

constexpr std::int64_t kVocabulary = 100;

GenerationConfig resolved(const std::string& generation, const std::string& config = "{}",
                          const GenerationOverrides& overrides = {}) {
  const TemporaryDirectory directory;
  if (!generation.empty()) directory.write("generation_config.json", generation);
  directory.write("config.json", config);
  return GenerationFiles::load(directory.path()).resolve(kVocabulary, overrides);
}

// With the tokens that every file needs.
std::string with_tokens(const std::string& members) {
  return R"({"decoder_start_token_id": 3, "eos_token_id": 1, "pad_token_id": 0)" +
         (members.empty() ? "" : ", " + members) + "}";
}

}  // namespace

TEST_CASE("what neither file says is what transformers assumes") {
  const GenerationConfig config = resolved(with_tokens(""));
  CHECK(config.max_length == 21);  // 20 new tokens
  CHECK(config.beams == 1);
  CHECK(config.length_penalty == 1);
  CHECK(config.early_stopping == EarlyStopping::kHeuristic);
  CHECK(config.start_token == 3);
  CHECK(config.end_tokens == std::vector<std::int32_t>{1});
  CHECK(config.pad_token == 0);
  CHECK(config.rules.repetition_penalty == 1);
  CHECK(config.rules.no_repeat_ngram_size == 0);
  CHECK(config.rules.bad_words.empty());
  CHECK(config.rules.min_length == 0);
  CHECK_FALSE(config.rules.forced_bos);
  CHECK(config.rules.forced_eos.empty());
  CHECK(config.rules.renormalize == Renormalize::kNo);
}

TEST_CASE("every key that is built is read") {
  const GenerationConfig config = resolved(R"({
      "num_beams": 4, "length_penalty": 0.6, "early_stopping": "never", "no_repeat_ngram_size": 3,
      "bad_words_ids": [[58], [1, 2]], "min_length": 5, "max_length": 60,
      "repetition_penalty": 1.3, "forced_bos_token_id": 7, "forced_eos_token_id": [1, 2],
      "eos_token_id": [1, 9], "pad_token_id": 58, "decoder_start_token_id": 59,
      "renormalize_logits": true, "transformers_version": "4.0", "_from_model_config": true})");
  CHECK(config.beams == 4);
  CHECK(config.length_penalty == 0.6);
  CHECK(config.early_stopping == EarlyStopping::kNever);
  CHECK(config.max_length == 60);
  CHECK(config.start_token == 59);
  CHECK(config.pad_token == 58);
  CHECK(config.end_tokens == std::vector<std::int32_t>{1, 9});
  CHECK(config.rules.no_repeat_ngram_size == 3);
  CHECK(config.rules.bad_words == std::vector<std::vector<std::int32_t>>{{58}, {1, 2}});
  CHECK(config.rules.min_length == 5);
  CHECK(config.rules.repetition_penalty == 1.3);
  CHECK(config.rules.forced_bos == 7);
  CHECK(config.rules.forced_eos == std::vector<std::int32_t>{1, 2});
  CHECK(config.rules.renormalize == Renormalize::kYes);
  CHECK(resolved(with_tokens(R"("early_stopping": true)")).early_stopping == EarlyStopping::kFirst);
  CHECK(resolved(with_tokens(R"("forced_eos_token_id": 1)")).rules.forced_eos.size() == 1);
}

TEST_CASE("numbers of new tokens win over lengths, flags over both") {
  CHECK(resolved(with_tokens(R"("max_length": 9, "max_new_tokens": 30)")).max_length == 31);
  CHECK(resolved(with_tokens(R"("min_length": 9, "min_new_tokens": 3)")).rules.min_length == 4);
  CHECK(resolved(with_tokens(R"("max_new_tokens": 30)"), "{}", {.max_length = 5}).max_length == 5);
  CHECK(resolved(with_tokens(R"("num_beams": 4)"), "{}", {.beams = 1}).beams == 1);
  CHECK(resolved(with_tokens(R"("num_beams": 4)"), "{}", {.beams = 6}).beams == 6);
  CHECK(resolved(with_tokens(""), R"({"max_position_embeddings": 12})").max_length == 12);
  CHECK(resolved(with_tokens(R"("max_length": 40)"), R"({"max_position_embeddings": 12})")
            .max_length == 40);
}

TEST_CASE("a generation_config.json with a start token counts alone, else config.json helps") {
  const std::string legacy = R"({"num_beams": 5, "forced_eos_token_id": 1, "eos_token_id": 1,
      "decoder_start_token_id": 8, "pad_token_id": 2, "max_length": 50})";
  const GenerationConfig without_file = resolved("", legacy);
  CHECK(without_file.beams == 5);
  CHECK(without_file.start_token == 8);
  CHECK(without_file.max_length == 50);
  CHECK(without_file.rules.forced_eos.size() == 1);
  const GenerationConfig partial =
      resolved(R"({"num_beams": 2, "forced_eos_token_id": null})", legacy);
  CHECK(partial.beams == 2);
  CHECK(partial.start_token == 8);
  CHECK(partial.max_length == 50);
  CHECK(partial.rules.forced_eos.empty());  // null says so
  const GenerationConfig complete = resolved(with_tokens(""), legacy);
  CHECK(complete.beams == 1);
  CHECK(complete.max_length == 21);
  CHECK(complete.rules.forced_eos.empty());
}

TEST_CASE("tokens that are missing have the stand-ins of transformers") {
  CHECK(resolved(R"({"bos_token_id": 4, "eos_token_id": [6, 1]})").start_token == 4);
  CHECK(resolved(R"({"bos_token_id": 4, "eos_token_id": [6, 1]})").pad_token == 6);
  const GenerationConfig endless = resolved(R"({"decoder_start_token_id": 4})");
  CHECK(endless.end_tokens.empty());
  WEFT_CHECK_FAILS(resolved(R"({"eos_token_id": 1})"), "INVALID_ARGUMENT",
                   "config.json: decoder_start_token_id: expected");
  CHECK(resolved("", R"({"decoder_start_token_id": 2, "bos_token_id": 5, "eos_token_id": 1,
                         "force_bos_token_to_be_generated": true})")
            .rules.forced_bos == 5);
}

TEST_CASE("what changes the answer and is not built is an error that names the key") {
  for (const char* member : {R"("do_sample": true)",
                             R"("num_beam_groups": 2)",
                             R"("diversity_penalty": 0.5)",
                             R"("penalty_alpha": 0.6)",
                             R"("constraints": [1])",
                             R"("force_words_ids": [[1]])",
                             R"("suppress_tokens": [5])",
                             R"("begin_suppress_tokens": [5])",
                             R"("encoder_no_repeat_ngram_size": 3)",
                             R"("encoder_repetition_penalty": 1.2)",
                             R"("sequence_bias": [[[1], 0.5]])",
                             R"("guidance_scale": 2)",
                             R"("exponential_decay_length_penalty": [3, 1.1])",
                             R"("remove_invalid_values": true)",
                             R"("num_return_sequences": 2)",
                             R"("watermarking_config": {"bias": 2})",
                             R"("stop_strings": ["."])",
                             R"("max_time": 3.5)",
                             R"("prompt_lookup_num_tokens": 3)",
                             R"("dola_layers": "low")",
                             R"("token_healing": true)",
                             R"("cache_implementation": "quantized")"}) {
    const std::string text = member;
    CAPTURE(text);
    const std::string key = text.substr(1, text.find('"', 1) - 1);
    WEFT_CHECK_FAILS(resolved(with_tokens(text)), "UNSUPPORTED",
                     "generation_config.json: " + key + ": ");
    WEFT_CHECK_FAILS(resolved("", with_tokens(text)), "UNSUPPORTED", "config.json: " + key + ": ");
  }
}

TEST_CASE("values that change nothing are taken") {
  CHECK(resolved(with_tokens(R"("do_sample": false, "temperature": 0.7, "top_k": 50, "top_p": 0.9,
      "typical_p": 1.0, "num_beam_groups": 1, "diversity_penalty": 0.0, "penalty_alpha": null,
      "suppress_tokens": [], "constraints": null, "encoder_no_repeat_ngram_size": 0,
      "num_return_sequences": 1, "guidance_scale": 1.0, "use_cache": false, "output_scores": true,
      "remove_invalid_values": false, "a_key_of_tomorrow": 3)"))
            .beams == 1);
}

TEST_CASE("values of the wrong type or range are errors that name file and key") {
  for (const char* member : {R"("num_beams": 0)",
                             R"("num_beams": "4")",
                             R"("num_beams": 2.5)",
                             R"("max_length": 1)",
                             R"("max_length": -3)",
                             R"("max_new_tokens": 0)",
                             R"("min_length": -1)",
                             R"("no_repeat_ngram_size": -2)",
                             R"("repetition_penalty": 0)",
                             R"("repetition_penalty": "x")",
                             R"("length_penalty": "1")",
                             R"("early_stopping": "often")",
                             R"("early_stopping": 1)",
                             R"("bad_words_ids": [5])",
                             R"("bad_words_ids": [[]])",
                             R"("bad_words_ids": [[100]])",
                             R"("bad_words_ids": 5)",
                             R"("forced_bos_token_id": 100)",
                             R"("forced_bos_token_id": -1)",
                             R"("forced_eos_token_id": [1, 100])",
                             R"("forced_eos_token_id": "1")",
                             R"("do_sample": 1)",
                             R"("renormalize_logits": "yes")"}) {
    CAPTURE(member);
    const std::string text = member;
    const std::string key = text.substr(1, text.find('"', 1) - 1);
    WEFT_CHECK_FAILS(resolved(with_tokens(text)), "INVALID_ARGUMENT",
                     "generation_config.json: " + key + ": expected ");
  }
  WEFT_CHECK_FAILS(resolved(R"({"decoder_start_token_id": 100})"), "INVALID_ARGUMENT",
                   "decoder_start_token_id: expected a token in [0, 100), found 100");
  WEFT_CHECK_FAILS(resolved(R"({"decoder_start_token_id": 1, "eos_token_id": -1})"),
                   "INVALID_ARGUMENT", "eos_token_id: expected a token in [0, 100), found -1");
  WEFT_CHECK_FAILS(resolved(with_tokens(""), "{}", {.max_length = 1}), "INVALID_ARGUMENT",
                   "max_length: expected an integer in [2, ");
  WEFT_CHECK_FAILS(resolved(with_tokens(""), "{}", {.beams = 0}), "INVALID_ARGUMENT",
                   "beams: expected an integer in [1, ");
}

}  // namespace weft::test
