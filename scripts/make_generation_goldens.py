#!/usr/bin/env python3
"""Writes tests/golden/generation/<model>/: tiny encoder-decoders with random weights and tokenizers,
and what transformers' generate() writes with them.

    python scripts/make_generation_goldens.py [MODEL...]

Needs transformers (made with 5.23), tokenizers, torch, safetensors. Every expected sequence was found
in double precision and again in f32 with logits moved by up to 2e-4: none rests on a tie.
  config.json, generation_config.json, model.safetensors, tokenizer.json, tokenizer_config.json
  cases.json: {"sources": ids of each source, "cases": [{"config": what generation_config.json says,
      "sequences": per source, from the start token to the end token, no padding}],
      "texts", "generated": texts and what the directory's own configuration makes of them}
"""
import json
import random
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import tokenizers
import torch
import transformers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

ROOT = Path(__file__).resolve().parent.parent / "tests" / "golden" / "generation"
CORPUS = ["the weaver dyes red wool and blue wool", "a long thread makes a long cloth",
          "looms are old, weavers are older!", "red, blue and green cloth; what a fine day",
          "he said: it's the weaver's loom, isn't it?", "wool from the hills, dye from the sea"] * 4
TEXTS = ["the weaver dyes red wool", "loom", "", "a long thread, a long cloth: weaving!",
         "what a fine day; isn't it?", "blue and green and red and blue", "Ü 日本"]
LENGTHS = [1, 9, 4, 17, 6]


def trained(model, trainer_class, size, specials, **more):
    tokenizer = tokenizers.Tokenizer(model)
    for name, part in more.items():
        setattr(tokenizer, name, part)
    options = {"vocab_size": size, "special_tokens": specials, "show_progress": False}
    if trainer_class is trainers.UnigramTrainer:
        options["unk_token"] = "<unk>"
    if trainer_class is trainers.BpeTrainer:
        options["initial_alphabet"] = []
    tokenizer.train_from_iterator(CORPUS, trainer_class(**options))
    return tokenizer


def ending_with(tokenizer, end, before=()):
    ids = [(t, tokenizer.token_to_id(t)) for t in [*before, end]]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=" ".join([*before, "$A", end]), special_tokens=ids)
    return tokenizer


def marian():
    tokenizer = ending_with(
        trained(models.Unigram(), trainers.UnigramTrainer, 60, ["</s>", "<unk>", "<pad>"],
                normalizer=normalizers.NFKC(), pre_tokenizer=pre_tokenizers.Metaspace(),
                decoder=decoders.Metaspace()), "</s>")
    config = transformers.MarianConfig(
        vocab_size=tokenizer.get_vocab_size(), d_model=24, encoder_layers=2, decoder_layers=2,
        encoder_attention_heads=4, decoder_attention_heads=3, encoder_ffn_dim=40, decoder_ffn_dim=36,
        max_position_embeddings=64, activation_function="swish", scale_embedding=True,
        eos_token_id=0, pad_token_id=2, decoder_start_token_id=2, forced_eos_token_id=0)
    return (transformers.MarianMTModel(config), tokenizer, {"eos": "</s>", "pad": "<pad>"},
            {"num_beams": 4, "max_length": 24, "bad_words_ids": [[2]], "renormalize_logits": True})


def bart():
    tokenizer = ending_with(
        trained(models.BPE(), trainers.BpeTrainer, 90, ["<s>", "<pad>", "</s>", "<unk>"],
                pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=False),
                decoder=decoders.ByteLevel()), "</s>", ["<s>"])
    config = transformers.BartConfig(
        vocab_size=tokenizer.get_vocab_size(), d_model=32, encoder_layers=2, decoder_layers=2,
        encoder_attention_heads=4, decoder_attention_heads=2, encoder_ffn_dim=44, decoder_ffn_dim=48,
        max_position_embeddings=64)
    return (transformers.BartForConditionalGeneration(config), tokenizer,
            {"bos": "<s>", "eos": "</s>", "pad": "<pad>"},
            {"num_beams": 3, "max_length": 20, "min_length": 4, "no_repeat_ngram_size": 3,
             "early_stopping": True, "length_penalty": 2.0, "forced_bos_token_id": 0})


def t5():
    tokenizer = ending_with(
        trained(models.WordPiece(unk_token="<unk>"), trainers.WordPieceTrainer, 80,
                ["<pad>", "</s>", "<unk>"], normalizer=normalizers.BertNormalizer(),
                pre_tokenizer=pre_tokenizers.BertPreTokenizer(), decoder=decoders.WordPiece()),
        "</s>")
    config = transformers.T5Config(
        vocab_size=tokenizer.get_vocab_size(), d_model=32, d_kv=7, num_heads=4, d_ff=48, num_layers=3,
        num_decoder_layers=2, feed_forward_proj="gated-gelu", tie_word_embeddings=False,
        decoder_start_token_id=0, relative_attention_num_buckets=8, relative_attention_max_distance=20)
    return transformers.T5ForConditionalGeneration(config), tokenizer, {"eos": "</s>", "pad": "<pad>"}, {}


MODELS = {"marian": marian, "bart": bart, "t5": t5}


def randomize(model, seed):
    """Scores that spread by some units, and ends of texts that come after some tokens."""
    generator = torch.Generator().manual_seed(seed)
    normal = lambda tensor, scale: tensor.normal_(0, scale, generator=generator)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() < 2:
                normal(parameter, 0.1)
                if "norm" in name and name.endswith("weight"):
                    parameter.add_(1)
            elif "shared" in name or "embed" in name:
                normal(parameter, 0.4)
            else:
                normal(parameter, 2.2 * parameter.shape[1] ** -0.5)
        if hasattr(model, "final_logits_bias"):
            normal(model.final_logits_bias, 0.5)
            model.final_logits_bias[0, model.config.eos_token_id] += 4
        else:
            model.lm_head.weight[model.config.eos_token_id] *= 3
    if model.config.model_type == "marian":  # positions are computed, not learned
        fresh = type(model)(model.config)
        for part in ("encoder", "decoder"):
            getattr(model.model, part).embed_positions.weight.data.copy_(
                getattr(fresh.model, part).embed_positions.weight.data)


class Shaken(transformers.LogitsProcessor):
    def __init__(self, seed):
        self.seed = seed

    def __call__(self, input_ids, scores):
        shift = np.random.default_rng(self.seed * 100 + input_ids.shape[1])
        return scores + torch.from_numpy(shift.uniform(-2e-4, 2e-4, scores.shape)).to(scores.dtype)


def generate(model, config, sources, shaken=0):
    width = max(len(s) for s in sources)
    ids = torch.tensor([s + [model.config.pad_token_id] * (width - len(s)) for s in sources])
    mask = torch.tensor([[1] * len(s) + [0] * (width - len(s)) for s in sources])
    model.generation_config = transformers.GenerationConfig(**config)
    more = {"logits_processor": [Shaken(shaken)]} if shaken else {}
    with torch.no_grad():
        found = model.generate(input_ids=ids, attention_mask=mask, **more).tolist()
    ends = config.get("eos_token_id")
    ends = [] if ends is None else ends if isinstance(ends, list) else [ends]
    rows = []
    for row in found:
        stop = next((i for i in range(1, len(row)) if row[i] in ends), len(row) - 1)
        rows.append(row[:stop + 1])
    return rows


def configs(base, vocabulary, rng):
    for beams in (1, 2, 4):
        for more in [{}, {"length_penalty": 0.5}, {"length_penalty": 2.0, "early_stopping": True},
                     {"early_stopping": "never"}, {"no_repeat_ngram_size": 2},
                     {"repetition_penalty": 1.4}, {"min_length": 8}, {"max_new_tokens": 6},
                     {"bad_words_ids": [[rng.randrange(4, vocabulary)] for _ in range(20)]},
                     {"eos_token_id": [base["eos_token_id"], rng.randrange(4, vocabulary)]},
                     {"forced_bos_token_id": rng.randrange(4, vocabulary), "renormalize_logits": True,
                      "forced_eos_token_id": base["eos_token_id"]}]:
            yield {**base, "num_beams": beams, "max_length": rng.choice([10, 16, 25]), **more}


def make(name):
    torch.manual_seed(0)
    model, tokenizer, specials, own = MODELS[name]()
    out = ROOT / name
    shutil.rmtree(out, ignore_errors=True)
    randomize(model, {"marian": 47, "bart": 37, "t5": 44}[name])
    model.eval()
    model.generation_config = transformers.GenerationConfig(
        **{**{k: v for k, v in model.generation_config.to_dict().items() if v is not None}, **own})
    directory = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", model_max_length=48,
        **{f"{role}_token": token for role, token in specials.items()})
    own_config = json.loads(model.generation_config.to_json_string())
    model.save_pretrained(out)
    directory.save_pretrained(out)
    for file in list(out.iterdir()):
        if file.name not in ("config.json", "generation_config.json", "model.safetensors",
                             "tokenizer.json", "tokenizer_config.json"):
            file.unlink()

    rng = random.Random(7)
    vocabulary = tokenizer.get_vocab_size()
    sources = [[rng.randrange(3, vocabulary) for _ in range(n)] + [model.config.eos_token_id]
               for n in LENGTHS]
    double = type(model).from_pretrained(out, dtype=torch.float64)
    base = {k: v for k, v in own_config.items() if k.endswith("token_id") and
            not k.startswith("forced")}
    cases, ties = [], 0

    def agreed(config, inputs):
        found = generate(double, config, inputs)
        return found if generate(model, config, inputs, 1) == found else None

    for config in configs(base, vocabulary, rng):
        found = agreed(config, sources)
        if found is None:
            ties += 1
        else:
            cases.append({"config": config, "sequences": found})
    texts = {"sources": [directory(text)["input_ids"] for text in TEXTS]}
    found = agreed(own_config, texts["sources"])
    assert found is not None, name + ": texts rest on a tie"
    (out / "cases.json").write_text(json.dumps({
        "sources": sources, "texts": TEXTS, "text_sequences": found,
        "generated": directory.batch_decode(found, skip_special_tokens=True)}, ensure_ascii=False)[:-1]
        + ', "cases": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]}\n")
    rows = [(len(row), case["config"]["max_length"]) for case in cases for row in case["sequences"]]
    lengths = [length for length, _ in rows]
    distinct = {tuple(row) for case in cases for row in case["sequences"]}
    print(name, len(cases), "cases,", ties, "left out for ties,", len(distinct), "different rows,",
          sum(length < most for length, most in rows), "of", len(rows), "end early,",
          "lengths", sorted(set(lengths)), directory.batch_decode(found, skip_special_tokens=True)[:3])


def main():
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    for name in sys.argv[1:] or MODELS:
        make(name)


if __name__ == "__main__":
    sys.exit(main())
