#!/usr/bin/env python3
"""Writes tests/golden/multi_vector/<case>/: tiny ColBERT-style directories and their vectors.

    python scripts/make_multi_vector_goldens.py

Needs sentence-transformers (made with 6.2), transformers, tokenizers, torch, safetensors.
Expected vectors are those of sentence-transformers' MultiVectorEncoder in double precision:
query.<i> and document.<i> of texts.jsonl, (tokens, 12), each row of length 1; `ids` for `weft run`
is the first text's document without prompt.
"""
import shutil

import torch
from safetensors.torch import save_file
from sentence_transformers import MultiVectorEncoder
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
from sentence_transformers.sentence_transformer.modules import Normalize

import make_sentence_goldens
import tiny_bert

ROOT = tiny_bert.GOLDEN / "multi_vector"
TEXTS = make_sentence_goldens.TEXTS


def saved(name, seed, mask, **transformer):
    """As sentence-transformers saves it."""
    directory = ROOT / name
    make_sentence_goldens.write_transformer(directory, 16, seed)
    dense = Dense(16, 12, bias=False, activation_function=torch.nn.Identity(),
                  module_input_name="token_embeddings")
    dense.load_state_dict(make_sentence_goldens.linear(16, 12, seed + 1, bias=False))
    model = MultiVectorEncoder(
        modules=[Transformer(str(directory), **transformer), dense, MultiVectorMask(**mask),
                 Normalize(module_input_name="token_embeddings")],
        prompts={"query": "query: ", "document": "say the "}, device="cpu")
    shutil.rmtree(directory)
    model.save_pretrained(str(directory), create_model_card=False)
    for file in ("README.md", "special_tokens_map.json"):
        (directory / file).unlink(missing_ok=True)
    return directory


def pylate(name, seed, **more):
    """As PyLate saves it: two modules, the rest in config_sentence_transformers.json. The prefixes
    are tokens of the vocabulary that the tokenizer would take apart."""
    directory = ROOT / name
    make_sentence_goldens.write_transformer(directory, 16, seed)
    tiny_bert.save_json(directory / "modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Dense", "type": "pylate.models.Dense.Dense"}])
    tiny_bert.save_json(directory / "sentence_bert_config.json",
                        {"max_seq_length": 30, "do_lower_case": False})
    tiny_bert.save_json(directory / "1_Dense" / "config.json", {
        "in_features": 16, "out_features": 12, "bias": False,
        "activation_function": "torch.nn.modules.linear.Identity"})
    save_file(make_sentence_goldens.linear(16, 12, seed + 1, bias=False),
              str(directory / "1_Dense" / "model.safetensors"))
    tiny_bert.save_json(directory / "config_sentence_transformers.json", {
        "model_type": "ColBERT", "prompts": {}, "query_prefix": "##ing ",
        "document_prefix": "##er", "query_length": 11, "document_length": 13, **more})
    return directory


def write_expected(directory, roles):
    model = MultiVectorEncoder(str(directory), device="cpu").double()
    arrays = {}
    for role in roles:
        encode = model.encode_query if role == "query" else model.encode_document
        for i, vectors in enumerate(encode(TEXTS, convert_to_numpy=True)):
            arrays[f"{role}.{i}"] = vectors
    tiny_bert.save_arrays(directory / "expected.safetensors", arrays)
    with open(directory / "texts.jsonl", "w", encoding="utf-8") as file:
        for text in TEXTS:
            file.write(make_sentence_goldens.json.dumps(text, ensure_ascii=False) + "\n")


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    both = ("query", "document")
    write_expected(saved("fixed_expansion", 51, {"skiplist_words": [".", ",", ":", "no such"]},
                         document_length=14,
                         query_expansion={"strategy": "fixed", "attend": True, "length": 12}), both)
    write_expected(saved("expansion_at_least", 53,
                         {"skiplist_words": ["the"], "skiplist_tasks": ["query", "document"]},
                         query_expansion={"strategy": "min", "attend": True, "length": 9,
                                          "token": "loom"}), both)
    write_expected(saved("no_expansion", 55, {}, query_length=7), both)
    write_expected(pylate("pylate", 57, attend_to_expansion_tokens=True), both)
    write_expected(pylate("pylate_unseen_expansion", 59, skiplist_words=["!"]), ["document"])


if __name__ == "__main__":
    main()
