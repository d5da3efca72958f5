#!/usr/bin/env python3
"""Writes tests/golden/sentence/<case>/: tiny sentence-transformers directories and their vectors.

    python scripts/make_sentence_goldens.py

Needs sentence-transformers (made with 6.2), transformers, tokenizers, torch, safetensors.
Every expected vector comes from the sentence-transformers package itself, in double precision:
ids.input/ids.expected are ids without any prompt (as `weft run` sees them), texts.jsonl and
texts.expected hold texts with each way of giving a prompt:
  default: no argument; none: prompt=""; <name>: prompt_name=name; given: prompt="say a ";
  truncated: truncate_dim=6 with normalize_embeddings=True.
"""
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

import tiny_bert

ROOT = tiny_bert.GOLDEN / "sentence"
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["the", "a", "weaver", "loom", "thread", "query", "passage", "say", "long", "wool", "##ing",
         "##s", "##er", "dye", "red", "blue", "cloth", "é", "##é"]
LETTERS = [chr(c) for c in range(ord("a"), ord("z") + 1)]
VOCABULARY = SPECIALS + WORDS + [x for x in LETTERS if x not in WORDS] + [
    "##" + x for x in LETTERS] + list(".,:;!?'-0123456789")
TEXTS = ["The weaver dyes red wool.", "", "loom", "A long thread, a long cloth: weaving!",
         "blue cloth of the weaver and the red thread of the loom is long, long, long, very long",
         "say [SEP] twice", "Étoffe d'été 2024?", "日本の布", "thread"]


def write_tokenizer(directory):
    tokenizer = Tokenizer(models.WordPiece({t: i for i, t in enumerate(VOCABULARY)},
                                           unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False, lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(SPECIALS)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", VOCABULARY.index("[CLS]")), ("[SEP]", VOCABULARY.index("[SEP]"))])
    tokenizer.save(str(directory / "tokenizer.json"), pretty=False)
    tiny_bert.save_json(directory / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 32,
        "pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]",
        "mask_token": "[MASK]"})


def write_transformer(directory, hidden, seed):
    directory.mkdir(parents=True)
    config = transformers.BertConfig(
        vocab_size=len(VOCABULARY), hidden_size=hidden, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=2 * hidden, max_position_embeddings=40)
    state = tiny_bert.randomize(transformers.BertModel(config), seed)
    keys = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
            "intermediate_size", "max_position_embeddings", "hidden_act")
    tiny_bert.save_json(directory / "config.json", {
        "architectures": ["BertModel"], "model_type": "bert",
        **{key: getattr(config, key) for key in keys}})
    save_file(state, str(directory / "model.safetensors"), metadata={"format": "pt"})
    write_tokenizer(directory)


def linear(inputs, outputs, seed, bias=True):
    random = np.random.RandomState(seed)
    state = {"linear.weight": random.standard_normal((outputs, inputs)) / np.sqrt(inputs)}
    if bias:
        state["linear.bias"] = 0.2 * random.standard_normal(outputs)
    return {name: torch.tensor(values, dtype=torch.float32) for name, values in state.items()}


def write_modules(directory, types, transformer_path=""):
    rows = [{"idx": 0, "name": "0", "path": transformer_path,
             "type": "sentence_transformers.models.Transformer"}]
    rows += [{"idx": i, "name": str(i), "path": f"{i}_{kind}",
              "type": f"sentence_transformers.models.{kind}"} for i, kind in enumerate(types, 1)]
    tiny_bert.save_json(directory / "modules.json", rows)


def pooling_booleans(hidden, *on):
    names = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens",
             "weightedmean_tokens", "lasttoken"]
    return {"word_embedding_dimension": hidden} | {f"pooling_mode_{n}": n in on for n in names}


def old_generation():
    """Booleans, the models.* type names, Dense with Tanh, Normalize, a default prompt."""
    directory = ROOT / "old_generation"
    write_transformer(directory, 16, 21)
    write_modules(directory, ["Pooling", "Dense", "Normalize"])
    tiny_bert.save_json(directory / "sentence_bert_config.json",
                        {"max_seq_length": 14, "do_lower_case": False})
    tiny_bert.save_json(directory / "1_Pooling" / "config.json",
                        pooling_booleans(16, "cls_token", "mean_tokens", "max_tokens"))
    tiny_bert.save_json(directory / "2_Dense" / "config.json", {
        "in_features": 48, "out_features": 20, "bias": True,
        "activation_function": "torch.nn.modules.activation.Tanh"})
    save_file(linear(48, 20, 22), str(directory / "2_Dense" / "model.safetensors"))
    tiny_bert.save_json(directory / "config_sentence_transformers.json", {
        "__version__": {"sentence_transformers": "3.0.0"},
        "prompts": {"query": "query: ", "passage": "passage: "}, "default_prompt_name": "query",
        "similarity_fn_name": "cosine"})
    return directory


def all_modes():
    """Every pooling at once; the transformer in 0_Transformer; no prompts, no Normalize."""
    directory = ROOT / "all_modes"
    write_transformer(directory / "0_Transformer", 8, 31)
    write_modules(directory, ["Pooling"], "0_Transformer")
    tiny_bert.save_json(directory / "0_Transformer" / "sentence_bert_config.json",
                        {"max_seq_length": 20, "do_lower_case": False})
    tiny_bert.save_json(directory / "1_Pooling" / "config.json", pooling_booleans(
        8, "cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens",
        "lasttoken"))
    return directory


def new_generation():
    """Saved by the package itself; include_prompt=False, a list of modes, Dense without bias."""
    directory = ROOT / "new_generation"
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain"
        write_transformer(plain, 16, 41)
        transformer = modules.Transformer(str(plain), max_seq_length=18)
        pooling = modules.Pooling(16, pooling_mode=("weightedmean", "lasttoken", "mean", "cls"),
                                  include_prompt=False)
        dense = modules.Dense(64, 12, bias=False, activation_function=torch.nn.Identity())
        dense.load_state_dict(linear(64, 12, 42, bias=False))
        model = SentenceTransformer(modules=[transformer, pooling, dense, modules.Normalize()],
                                    prompts={"query": "query: ", "passage": "passage: "},
                                    default_prompt_name="passage", device="cpu")
        model.save(str(directory), create_model_card=False)
    return directory


def reference_vectors(directory):
    model = SentenceTransformer(str(directory), device="cpu").double()
    model[0].auto_model.set_attn_implementation("eager")
    tokenizer_file = next(directory.rglob("tokenizer.json"))
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    ids = [tokenizer.encode(text).ids[:model.max_seq_length] for text in TEXTS[:4]]
    expected = []
    for row in ids:
        features = {"input_ids": torch.tensor([row]), "attention_mask": torch.ones(1, len(row)).long(),
                    "token_type_ids": torch.zeros(1, len(row)).long()}
        with torch.no_grad():
            expected.append(model(features)["sentence_embedding"].numpy())
    tiny_bert.save_arrays(directory / "ids.input.safetensors", {
        "input_ids": np.concatenate(ids),
        "offsets": np.concatenate([[0], np.cumsum([len(row) for row in ids])])})
    tiny_bert.save_arrays(directory / "ids.expected.safetensors",
                          {"sentence_embedding": np.concatenate(expected)})
    ways = {"default": {}, "none": {"prompt": ""}, "given": {"prompt": "say a "},
            "truncated": {"truncate_dim": 6, "normalize_embeddings": True}}
    ways |= {name: {"prompt_name": name} for name, text in model.prompts.items() if text}
    vectors = {way: model.encode(TEXTS, **options) for way, options in ways.items()}
    (directory / "texts.jsonl").write_text(
        "".join(json.dumps(text, ensure_ascii=False) + "\n" for text in TEXTS), encoding="utf-8")
    tiny_bert.save_arrays(directory / "texts.expected.safetensors", vectors)


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    for make in (old_generation, all_modes, new_generation):
        reference_vectors(make())


if __name__ == "__main__":
    main()
