#!/usr/bin/env python3
"""Writes tests/golden/generation/search.json: what transformers' generate() finds, greedy and with
beams, for models whose scores are a hash of the source and of every token before.

    python scripts/make_search_goldens.py

Needs transformers (made with 5.23) and torch. Scores are f32 numbers made of integers, so that the
tests have them bit for bit (tests/runtime/hashed_decoder.h has the same formulas):
  state(source, t0) = mix(mix(seed + source) + t0); state(prefix + token) = mix(state(prefix) + token)
  score(v) = high 24 bits of mix(state + (v + 1) * 2^32), squared / 2^48 * spread
             + tilt * (tokens so far) if v is an end token
in wrapping 64-bit arithmetic, mix being the finaliser of splitmix64. Every case was also found with
scores that are moved by up to 1e-5: none rests on a tie.

Each case: {"sources", "vocabulary", "seed", "spread", "tilt", "config": generation_config.json,
"sequences": per source, from the start token to the end token (no padding)}.
"""
import json
import random
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

OUT = Path(__file__).resolve().parent.parent / "tests" / "golden" / "generation" / "search.json"
SOURCES = 4
CASES = 380


def mix(x):
    x = (x + np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


class HashedConfig(transformers.PretrainedConfig):
    model_type = "hashed"

    def __init__(self, **kwargs):
        super().__init__(is_encoder_decoder=True, **kwargs)


class SourceNumbers(torch.nn.Module):
    main_input_name = "input_ids"

    def forward(self, input_ids, **_):
        return BaseModelOutput(last_hidden_state=input_ids[:, :, None].float())


class HashedModel(transformers.PreTrainedModel, transformers.GenerationMixin):
    config_class = HashedConfig
    main_input_name = "input_ids"

    def __init__(self, config, case, noise):
        super().__init__(config)
        self.case, self.noise = case, noise
        self.encoder = SourceNumbers()
        self.anchor = torch.nn.Parameter(torch.zeros(1))

    def get_encoder(self, *_, **__):
        return self.encoder

    def prepare_inputs_for_generation(self, input_ids, encoder_outputs=None, **_):
        return {"decoder_input_ids": input_ids, "encoder_outputs": encoder_outputs}

    def forward(self, input_ids=None, decoder_input_ids=None, encoder_outputs=None,
                attention_mask=None, return_dict=True, **_):
        case = self.case
        source = encoder_outputs.last_hidden_state[:, 0, 0].numpy().astype(np.uint64)
        tokens = decoder_input_ids.numpy().astype(np.uint64)
        with np.errstate(over="ignore"):
            state = mix(np.uint64(case["seed"]) + source)
            for t in range(tokens.shape[1]):
                state = mix(state + tokens[:, t])
            columns = (np.arange(case["vocabulary"], dtype=np.uint64) + np.uint64(1)) << np.uint64(32)
            high = mix(state[:, None] + columns[None, :]) >> np.uint64(40)
        x = high.astype(np.float32) * np.float32(2.0**-24)
        scores = (x * x) * np.float32(case["spread"])
        ends = case["config"].get("eos_token_id")
        for end in [] if ends is None else ends if isinstance(ends, list) else [ends]:
            scores[:, end] += np.float32(case["tilt"]) * np.float32(tokens.shape[1])
        if self.noise:
            shift = np.random.default_rng(self.noise * 100 + tokens.shape[1])
            scores = scores + shift.uniform(-1e-5, 1e-5, scores.shape).astype(np.float32)
        return Seq2SeqLMOutput(logits=torch.from_numpy(scores)[:, None, :],
                               encoder_last_hidden_state=encoder_outputs.last_hidden_state)


def generate(case, noise=0):
    model = HashedModel(HashedConfig(), case, noise)
    model.generation_config = transformers.GenerationConfig(**case["config"])
    model.generation_config.use_cache = False
    with torch.no_grad():
        found = model.generate(input_ids=torch.arange(SOURCES)[:, None]).tolist()
    ends = case["config"].get("eos_token_id")
    ends = [] if ends is None else ends if isinstance(ends, list) else [ends]
    rows = []
    for row in found:
        stop = next((i for i in range(1, len(row)) if row[i] in ends), len(row) - 1)
        assert len(set(row[stop + 1:])) <= 1, row  # nothing but padding
        rows.append(row[:stop + 1])
    return rows


def case_of(seed, vocabulary=40, spread=8.0, tilt=0.5, **config):
    config = {"decoder_start_token_id": 3, "eos_token_id": 1, "pad_token_id": 0, "max_length": 12,
              **config}
    return {"sources": SOURCES, "vocabulary": vocabulary, "seed": seed, "spread": spread,
            "tilt": tilt, "config": {k: v for k, v in config.items() if v is not None}}


def chosen_cases():
    """One rule at a time, at several numbers of beams."""
    rules = [
        {}, {"length_penalty": 0.0}, {"length_penalty": 2.5}, {"length_penalty": -1.0},
        {"length_penalty": 2}, {"early_stopping": True}, {"early_stopping": "never"},
        {"early_stopping": "never", "length_penalty": 0.0},
        {"early_stopping": "never", "length_penalty": -0.5},
        {"early_stopping": True, "length_penalty": 3.0},
        {"no_repeat_ngram_size": 1}, {"no_repeat_ngram_size": 2}, {"no_repeat_ngram_size": 3},
        {"repetition_penalty": 1.7}, {"repetition_penalty": 0.6},
        {"bad_words_ids": [[7], [9], [12, 13], [20, 21, 22], [1]]},
        {"bad_words_ids": [[i] for i in range(4, 30)]},
        {"min_length": 6}, {"min_length": 40}, {"min_new_tokens": 4}, {"min_length": 1},
        {"forced_bos_token_id": 17}, {"forced_bos_token_id": 1}, {"forced_bos_token_id": 0},
        {"forced_eos_token_id": 1}, {"forced_eos_token_id": 30}, {"forced_eos_token_id": [1]},
        {"forced_bos_token_id": 5, "forced_eos_token_id": 1, "max_length": 2},
        {"eos_token_id": [1, 2]}, {"eos_token_id": [1, 2, 5, 6, 30]}, {"eos_token_id": [1, 1]},
        {"eos_token_id": None}, {"eos_token_id": None, "pad_token_id": None},
        {"pad_token_id": None}, {"pad_token_id": 39, "decoder_start_token_id": 39},
        {"decoder_start_token_id": None, "bos_token_id": 2},
        {"max_length": 2}, {"max_length": 3}, {"max_length": None}, {"max_new_tokens": 5},
        {"max_length": None, "max_new_tokens": 7}, {"renormalize_logits": True},
        {"renormalize_logits": True, "bad_words_ids": [[7], [8], [9], [10]]},
        {"renormalize_logits": True, "repetition_penalty": 1.5, "no_repeat_ngram_size": 2},
        {"temperature": 0.3, "top_k": 5, "top_p": 0.2, "do_sample": False},
    ]
    seed = 0
    for rule in rules:
        for beams in (1, 2, 3, 5):
            seed += 1
            yield case_of(seed, num_beams=beams, **rule)
    # Steps whose best 2 * beams continuations all end.
    for tilt in (1.0, 2.0, 4.0):
        for beams in (2, 3, 5):
            seed += 1
            yield case_of(seed, 11, 3.0, tilt, num_beams=beams, length_penalty=2.0,
                          early_stopping="never", eos_token_id=[1, 2, 4, 5, 6, 7])


def random_case(rng):
    vocabulary = rng.choice([11, 23, 40, 150])
    token = lambda: rng.randrange(4, vocabulary)
    config = {"num_beams": rng.choice([1, 2, 2, 3, 4, 5, 6])}
    config["max_length"] = rng.choice([4, 7, 12, 20])
    maybe = lambda share: rng.random() < share
    if maybe(0.6):
        config["length_penalty"] = rng.choice([-1.5, -0.3, 0.0, 0.4, 0.8, 1.5, 2.0])
    if maybe(0.6):
        config["early_stopping"] = rng.choice([True, False, "never"])
    if maybe(0.3):
        config["no_repeat_ngram_size"] = rng.choice([2, 2, 3])
    if maybe(0.3):
        config["repetition_penalty"] = rng.choice([0.8, 1.1, 1.4, 2.5])
    if maybe(0.3):
        config["bad_words_ids"] = [[token() for _ in range(rng.choice([1, 1, 2, 3]))]
                                   for _ in range(rng.choice([1, 3]))]
    if maybe(0.3):
        config["min_length"] = rng.choice([2, 4, 9])
    if maybe(0.2):
        config["forced_bos_token_id"] = token()
    if maybe(0.3):
        config["forced_eos_token_id"] = 1
    if maybe(0.4):
        config["eos_token_id"] = rng.choice([[1, 2], [2], [1, 2, 4], 2])
    if maybe(0.2):
        config["renormalize_logits"] = True
    return case_of(rng.randrange(2**40), vocabulary, rng.choice([2.0, 6.0, 12.0]),
                   rng.choice([0.1, 0.4, 0.9]), **config)


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    rng = random.Random(6)
    cases = []

    def keep(case):
        found = generate(case)
        if any(generate(case, noise) != found for noise in (1,)):
            return False
        cases.append({**case, "sequences": found})
        return True

    for case in chosen_cases():
        while not keep(case):
            case["seed"] += 1000
    ties = 0
    while len(cases) < CASES:
        ties += not keep(random_case(rng))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
    print(len(cases), "cases,", ties, "left out for their ties")


if __name__ == "__main__":
    sys.exit(main())
