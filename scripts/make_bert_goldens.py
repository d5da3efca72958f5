#!/usr/bin/env python3
"""Writes tests/golden/bert/<case>/: tiny BERT checkpoints, inputs and expected outputs.

    python scripts/make_bert_goldens.py

Needs numpy, torch, transformers and safetensors (made with torch 2.13, transformers 5.23).
Deterministic: running it again gives the same files. Each case holds config.json, the weights, and
per input form {ragged,right,left} a pair <form>.input.safetensors, <form>.expected.safetensors.
"""
import shutil

import torch
import transformers
from safetensors.torch import save_file

import tiny_bert

ROOT = tiny_bert.GOLDEN / "bert"
SIZES = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
         "intermediate_size", "max_position_embeddings")


def write_case(name, config, state, stored, lengths, seed, forms=("ragged", "right", "left"),
               keys=None, with_types=True, shards=1, integer=torch.int64, attentions=True):
    """`state`: BertModel's names, for the reference; `stored`: what the file holds."""
    directory = ROOT / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    fields = {"architectures": ["BertModel"], "model_type": "bert"}
    fields |= {key: getattr(config, key) for key in SIZES}
    fields |= {key: getattr(config, key) for key in keys or ()}
    tiny_bert.save_json(directory / "config.json", fields)
    write_weights(directory, stored, shards)
    model = tiny_bert.reference_model(config, state)
    ids, types = tiny_bert.random_sequences(config, lengths, seed, with_types)
    for form in forms:
        if form == "ragged":
            given, expected = tiny_bert.ragged_case(model, ids, types)
        else:
            given, expected = tiny_bert.padded_case(model, ids, types, form, config)
        if not attentions:
            expected = {k: v for k, v in expected.items() if not k.startswith("attentions")}
        tiny_bert.save_arrays(directory / f"{form}.input.safetensors", given, integer)
        tiny_bert.save_arrays(directory / f"{form}.expected.safetensors", expected)


def write_weights(directory, stored, shards):
    if shards == 1:
        save_file(stored, str(directory / "model.safetensors"), metadata={"format": "pt"})
        return
    weight_map, names = {}, sorted(stored)
    for shard in range(shards):
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        part = {name: stored[name] for name in names[shard::shards]}
        save_file(part, str(directory / file), metadata={"format": "pt"})
        weight_map |= dict.fromkeys(part, file)
    total = sum(t.numel() * t.element_size() for t in stored.values())
    tiny_bert.save_json(directory / "model.safetensors.index.json",
                        {"metadata": {"total_size": total}, "weight_map": weight_map})


def config_of(**fields):
    return transformers.BertConfig(**fields)


def base_state(config, seed, pooler=True):
    return tiny_bert.randomize(transformers.BertModel(config, add_pooling_layer=pooler), seed)


def gelu_new():
    config = config_of(vocab_size=40, hidden_size=48, num_hidden_layers=3, num_attention_heads=2,
                       intermediate_size=100, max_position_embeddings=24, layer_norm_eps=1e-5,
                       type_vocab_size=3, hidden_act="gelu_new", pad_token_id=0)
    state = base_state(config, 1)
    write_case("gelu_new", config, state, state, [1, 9, 2, 17], 11,
               keys=("layer_norm_eps", "type_vocab_size", "hidden_act", "pad_token_id"))


def relu_five_heads():
    """Only the sizes and the activation in config.json: every other key takes its default."""
    config = config_of(vocab_size=30, hidden_size=40, num_hidden_layers=2, num_attention_heads=5,
                       intermediate_size=56, max_position_embeddings=80, hidden_act="relu")
    state = base_state(config, 2)
    write_case("relu_five_heads", config, state, state, [70, 3, 1, 33], 12, forms=("ragged",),
               keys=("hidden_act",), with_types=False, integer=torch.int32, attentions=False)


def pretraining_leftovers():
    """BertForPreTraining saved with its heads; config.json names the bare model."""
    config = config_of(vocab_size=32, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                       intermediate_size=64, max_position_embeddings=20)
    full = tiny_bert.randomize(transformers.BertForPreTraining(config), 3)
    full = {k: v for k, v in full.items() if k != "cls.predictions.decoder.bias"}
    full["cls.predictions.decoder.weight"] = full["bert.embeddings.word_embeddings.weight"].clone()
    state = {k.removeprefix("bert."): v for k, v in full.items() if k.startswith("bert.")}
    write_case("pretraining_leftovers", config, state, full, [4, 12], 13, forms=("ragged", "right"),
               keys=("hidden_act", "layer_norm_eps"))


def legacy_names():
    """gamma and beta, stored position_ids, no pooler; head size 11."""
    config = config_of(vocab_size=32, hidden_size=33, num_hidden_layers=2, num_attention_heads=3,
                       intermediate_size=50, max_position_embeddings=20)
    state = base_state(config, 4, pooler=False)
    stored = {k.replace("LayerNorm.weight", "LayerNorm.gamma")
               .replace("LayerNorm.bias", "LayerNorm.beta"): v for k, v in state.items()}
    stored["embeddings.position_ids"] = torch.arange(20).unsqueeze(0)
    write_case("legacy_names", config, state, stored, [5, 1, 11], 14, forms=("ragged", "left"))


def reduced(name, dtype, seed):
    """A checkpoint in a 16-bit type: the reference widens exactly what is stored."""
    config = config_of(vocab_size=32, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                       intermediate_size=48, max_position_embeddings=20)
    stored = {k: v.to(dtype) for k, v in base_state(config, seed).items()}
    state = {k: v.float() for k, v in stored.items()}
    write_case(name, config, state, stored, [6, 13], seed + 10, forms=("ragged",),
               keys=("hidden_act",))


def sharded():
    config = config_of(vocab_size=28, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
                       intermediate_size=40, max_position_embeddings=20)
    state = base_state(config, 7)
    write_case("sharded", config, state, state, [8, 2], 17, forms=("ragged",), shards=3)


def main():
    gelu_new()
    relu_five_heads()
    pretraining_leftovers()
    legacy_names()
    reduced("float16", torch.float16, 5)
    reduced("bfloat16", torch.bfloat16, 6)
    sharded()


if __name__ == "__main__":
    main()
