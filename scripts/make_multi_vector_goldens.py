#!/usr/bin/env python3
"""Writes tests/golden/multi_vector/<case>/: tiny ColBERT-style directories and their vectors.

    python scripts/make_multi_vector_goldens.py

Needs sentence-transformers (made with 6.2), transformers, tokenizers, torch, safetensors.
Expected vectors are those of sentence-transformers' MultiVectorEncoder in double precision:
query.<i> and document.<i> of texts.jsonl, (tokens, 12), each row of length 1. Those of the cases
unseen_* come from colbert_reference.py, and have to be sentence-transformers' as well where it
computes the same.
"""
import json
import shutil

import torch
import transformers
from safetensors.torch import load_file, save_file
from sentence_transformers import MultiVectorEncoder
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
from sentence_transformers.sentence_transformer.modules import Normalize

import colbert_reference
import make_sentence_goldens
import tiny_bert
import tiny_models

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
    write_arrays(directory, arrays, TEXTS)


def write_arrays(directory, arrays, texts):
    tiny_bert.save_arrays(directory / "expected.safetensors", arrays)
    with open(directory / "texts.jsonl", "w", encoding="utf-8") as file:
        for text in texts:
            file.write(json.dumps(text, ensure_ascii=False) + "\n")


# With [CLS], a prefix and [SEP] exactly as wide as UNSEEN_LENGTH.
UNSEEN_TEXTS = TEXTS + ["loom thread wool red blue cloth dye say long the a"]
UNSEEN_LENGTH = 14
PUNCTUATION = [c for c in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
               if c in make_sentence_goldens.VOCABULARY]


def write_backbone(directory, kind, seed, prefix="", fields=(), **more):
    """A tiny model of class `kind` whose vocabulary ends with PyLate's markers."""
    directory.mkdir(parents=True)
    make_sentence_goldens.write_tokenizer(directory)
    entries = len(make_sentence_goldens.VOCABULARY)
    file = directory / "tokenizer.json"
    tokenizer = json.loads(file.read_text())
    vocabulary = tokenizer["model"]["vocab"]  # it names a token twice, which leaves an id unused
    for unused in set(range(entries)) - set(vocabulary.values()):
        vocabulary[f"[unused{unused}]"] = unused
    for i, marker in enumerate(["[Q] ", "[D] "]):
        tokenizer["added_tokens"].append({
            "id": entries + i, "content": marker, "single_word": False, "lstrip": False,
            "rstrip": False, "normalized": True, "special": False})
    file.write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    sizes = {"vocab_size": entries + 2, "hidden_size": 16, "num_hidden_layers": 2,
             "num_attention_heads": 2, "intermediate_size": 20, "max_position_embeddings": 24,
             "pad_token_id": 0, **more}
    config = kind.config_class(**sizes)
    state = tiny_models.randomize(kind(config), seed)
    tiny_bert.save_json(directory / "config.json", {
        "architectures": [kind.__name__], "model_type": config.model_type, **sizes,
        **{name: getattr(config, name) for name in fields}})
    save_file({prefix + name: tensor for name, tensor in state.items()},
              str(directory / "model.safetensors"), metadata={"format": "pt"})
    return state


def write_dense(directory, path, inputs, outputs, seed, residual=False, **more):
    config = {"in_features": inputs, "out_features": outputs, "bias": False,
              "activation_function": "torch.nn.modules.linear.Identity", **more}
    state = make_sentence_goldens.linear(inputs, outputs, seed, bias=config["bias"])
    if residual:
        config["use_residual"] = True
        if inputs != outputs:
            state["residual.weight"] = make_sentence_goldens.linear(
                inputs, outputs, seed + 100, bias=False)["linear.weight"]
    tiny_bert.save_json(directory / path / "config.json", config)
    save_file(state, str(directory / path / "model.safetensors"))


def unseen(name, kind, seed, layers, **more):
    """PyLate's default: the query's own tokens do not see the expansion. `layers`: of projections,
    each (inputs, outputs, options). max_seq_length is what PyLate's last call left there."""
    directory = ROOT / name
    write_backbone(directory, kind, seed, **more)
    paths = [f"{i}_Dense" for i in range(1, len(layers) + 1)]
    for i, (path, (inputs, outputs, options)) in enumerate(zip(paths, layers)):
        write_dense(directory, path, inputs, outputs, seed + 1 + i, **options)
    tiny_bert.save_json(directory / "modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}] + [
        {"idx": i, "name": str(i), "path": path, "type": "pylate.models.Dense.Dense"}
        for i, path in enumerate(paths, 1)])
    tiny_bert.save_json(directory / "sentence_bert_config.json",
                        {"max_seq_length": 6, "do_lower_case": False})
    tiny_bert.save_json(directory / "config_sentence_transformers.json", {
        "model_type": "ColBERT", "prompts": {"query": "", "document": ""}, "query_prefix": "[Q] ",
        "document_prefix": "[D] ", "query_length": UNSEEN_LENGTH, "document_length": 17,
        "do_query_expansion": True, "attend_to_expansion_tokens": False})
    write_unseen(directory, transformers.AutoModel.from_pretrained(str(directory)),
                 colbert_reference.projections_of(
                     directory, paths, lambda file: json.loads(file.read_text())),
                 prefixes=("[Q] ", "[D] "), document_length=17,
                 also_package=not any(options.get("residual") for _, _, options in layers))


def colbert_ai(name, seed):
    """As colbert-ai saves it: no modules, the projection beside the model's tensors, and markers
    that a tokenizer would take apart."""
    directory = ROOT / name
    state = write_backbone(directory, transformers.XLMRobertaModel, seed, prefix="roberta.",
                           type_vocab_size=1, layer_norm_eps=1e-6)
    projection = make_sentence_goldens.linear(16, 12, seed + 1, bias=False)
    save_file({**{"roberta." + key: tensor for key, tensor in state.items()}, **projection},
              str(directory / "model.safetensors"), metadata={"format": "pt"})
    config = json.loads((directory / "config.json").read_text())
    tiny_bert.save_json(directory / "config.json", config | {"architectures": ["HF_ColBERT"],
                                                             "layer_norm_eps": 1e-6})
    tiny_bert.save_json(directory / "artifact.metadata", {
        "query_token_id": "##ing", "doc_token_id": "##er", "query_token": "[Q]", "similarity": "cosine",
        "query_maxlen": UNSEEN_LENGTH, "attend_to_mask_tokens": False, "dim": 12, "doc_maxlen": 17,
        "mask_punctuation": True, "checkpoint": "xlm-roberta", "meta": {"hostname": "x"}})
    model = transformers.XLMRobertaModel.from_pretrained(str(directory), add_pooling_layer=False)
    dense = {"bias": False, "activation_function": "torch.nn.modules.linear.Identity"}
    write_unseen(directory, model, [(dense, projection)], prefixes=("##ing", "##er"),
                 document_length=17, also_package=True)


def write_unseen(directory, model, projections, prefixes, document_length, also_package):
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(directory))
    model = model.double().eval()
    arrays = {}
    for role, prefix, length in zip(("query", "document"), prefixes,
                                    (UNSEEN_LENGTH, document_length)):
        vectors, seen = colbert_reference.encode(
            UNSEEN_TEXTS, role == "query", model=model, tokenizer=tokenizer,
            projections=projections, prefix=prefix, length=length, skipped=PUNCTUATION)
        arrays |= {f"{role}.{i}": rows for i, rows in enumerate(vectors)}
        assert min(seen) == 3 and max(seen) == length and (role != "query" or seen[-1] == length)
        if also_package:
            package = MultiVectorEncoder(str(directory), device="cpu").double()
            encode = package.encode_query if role == "query" else package.encode_document
            colbert_reference.assert_close(encode(UNSEEN_TEXTS, convert_to_numpy=True), vectors,
                                           (directory.name, role))
    write_arrays(directory, arrays, UNSEEN_TEXTS)


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
    write_expected(pylate("pylate_skips_one_word", 59, skiplist_words=["!"]), both)
    plain = [(16, 12, {})]
    unseen("unseen_bert", transformers.BertModel, 61, plain)
    # Of the outer tokens of an expansion no window reaches a token that is seen.
    unseen("unseen_modernbert", transformers.ModernBertModel, 63,
           [(16, 16, {"residual": True}), (16, 12, {"residual": True, "bias": True})],
           local_attention=6, global_attn_every_n_layers=2, bos_token_id=2, cls_token_id=2,
           eos_token_id=3, sep_token_id=3)
    unseen("unseen_mpnet", transformers.MPNetModel, 65, plain)
    colbert_ai("colbert_ai", 67)


if __name__ == "__main__":
    main()
