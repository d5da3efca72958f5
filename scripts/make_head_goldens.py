#!/usr/bin/env python3
"""Writes tests/golden/heads/<case>/: tiny models with a head, and what transformers says of them.

    python scripts/make_head_goldens.py [CASE...]

Needs transformers (made with 5.23), sentence-transformers (6.2), tokenizers, torch, safetensors.
All expected values are computed in double precision from the stored weights:
  logits.<layout>.input / .expected: ids and `logits`, ragged, padded right and padded left, as
      `weft run` sees them (first tokens pooled as tiny_bert.padded_case explains);
  pipeline.json: what transformers' pipelines answer for texts (text-classification with every
      label, token-classification with each aggregation, fill-mask), or sentence-transformers'
      CrossEncoder.predict and SparseEncoder.encode;
  aggregations.json: random tokens and what the pipeline makes of them.
The cases are in golden_cases_heads.py; running it again gives the same files.
"""
import json
import shutil
import sys

import numpy as np
import tokenizers
import torch
import transformers
from safetensors.torch import save_file

import make_sentence_goldens
import tiny_bert
from golden_cases_heads import BIO, CASES, IMAGES, LOGITS, THREE, bert, labels

ROOT = tiny_bert.GOLDEN / "heads"
TEXTS = ["The weaver dyes red wool.", "", "loom", "A long thread, a long cloth: weaving!",
         "Étoffe d'été 2024?", "日本の布 red looms", "red   blue-red wool's threads"]
MASKED = ["the [MASK] dyes red wool", "[MASK]", "a [MASK] cloth of [MASK] wool",
          "red [MASK] red [MASK] red [MASK]!"]
PAIRS = [["red wool", text] for text in TEXTS] + [["", "loom"], ["a long query " * 9, "long " * 30]]
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
SPARSE_ENCODERS = ("sparse_encoder_saved",)
CROSS_ENCODERS = ("cross_encoder", "cross_encoder_identity", "cross_encoder_saved")


def saved_config(config, architecture):
    values = {"architectures": [architecture], **config.to_diff_dict()}
    for key in ("transformers_version", "_name_or_path", "dtype"):
        values.pop(key, None)
    return values


def write_model(directory, architecture, config, seed, leave_out=()):
    """The model in float64 with exactly the stored weights."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    model = getattr(transformers, architecture)(config)
    model.set_attn_implementation("eager")
    state = tiny_bert.randomize(model, seed)
    if leave_out and config.tie_word_embeddings:
        model.load_state_dict(state)
        model.tie_weights()
        state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    elif leave_out:  # the two names of the decoder's bias
        state["cls.predictions.decoder.bias"] = state["cls.predictions.bias"].clone()
    model.load_state_dict(state)
    stored = {name: tensor for name, tensor in state.items()
              if name not in leave_out and tensor.dtype.is_floating_point}
    save_file(stored, str(directory / "model.safetensors"), metadata={"format": "pt"})
    tiny_bert.save_json(directory / "config.json", saved_config(config, architecture))
    make_sentence_goldens.write_tokenizer(directory)
    return model.double().eval()


def forward(model, ids, mask, types):
    given = {"input_ids": ids, "attention_mask": mask}
    if getattr(model.config, "type_vocab_size", 0) > 1:
        given["token_type_ids"] = types
    with torch.no_grad():
        return model(**{k: torch.tensor(np.array(v)) for k, v in given.items()}).logits.numpy()


def write_logits(directory, model, seed):
    config = model.config
    per_token = "SequenceClassification" not in type(model).__name__
    types_known = getattr(config, "type_vocab_size", 0) > 1
    random = np.random.RandomState(seed)
    lengths = [9, 1, 23, 6]
    ids = [random.randint(5, config.vocab_size, n) for n in lengths]
    types = [random.randint(0, 2 if types_known else 1, n) for n in lengths]
    alone = [forward(model, [i], [np.ones_like(i)], [t])[0] for i, t in zip(ids, types)]
    given = {"input_ids": np.concatenate(ids), "offsets": np.cumsum([0] + lengths)}
    if types_known:
        given["token_type_ids"] = np.concatenate(types)
    tiny_bert.save_arrays(directory / "logits.ragged.input.safetensors", given)
    tiny_bert.save_arrays(directory / "logits.ragged.expected.safetensors", {
        "logits": np.concatenate(alone) if per_token else np.stack(alone)})
    for side in ("right", "left"):
        width = max(lengths)
        mask = tiny_bert.pad([np.ones(n, np.int64) for n in lengths], width, side, 0)
        padded_ids = tiny_bert.pad(ids, width, side, config.pad_token_id or 0)
        padded_types = tiny_bert.pad(types, width, side, 0)
        if side == "left" and not per_token:
            continue  # transformers pools column 0 there, which is padding
        logits = forward(model, padded_ids, mask, padded_types)
        if per_token:
            logits[~mask.astype(bool)] = 0
        given = {"input_ids": np.where(mask == 1, padded_ids, -5), "attention_mask": mask}
        if types_known:
            given["token_type_ids"] = np.where(mask == 1, padded_types, 77)
        tiny_bert.save_arrays(directory / f"logits.{side}.input.safetensors", given)
        tiny_bert.save_arrays(directory / f"logits.{side}.expected.safetensors", {"logits": logits})


def plain(value):
    """JSON without numpy's types."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value.item() if hasattr(value, "item") else value


def tokenizer_of(directory):
    return transformers.AutoTokenizer.from_pretrained(str(directory))


def pipeline_answers(directory, model):
    tokenizer = tokenizer_of(directory)

    def pipeline(task):
        return transformers.pipeline(task, model=model, tokenizer=tokenizer, device="cpu")

    name = type(model).__name__
    if name.endswith("SequenceClassification"):
        pipe = pipeline("text-classification")
        return {"texts": TEXTS, "classify": [pipe([text], top_k=None)[0] for text in TEXTS]}
    if name.endswith("TokenClassification"):
        pipe = pipeline("token-classification")
        return {"texts": TEXTS, "tag": {strategy: [
            pipe([text], aggregation_strategy=strategy)[0] for text in TEXTS]
            for strategy in ("none", "simple", "first", "average", "max")}}
    pipe = pipeline("fill-mask")
    answers = [pipe([text], top_k=7) for text in MASKED]
    # One mask: a list of answers; several: a list of such lists.
    return {"texts": MASKED, "fill": [a if isinstance(a[0], list) else [a] for a in answers],
            "sparse_texts": TEXTS, "sparse": sparse_rows(directory)}


def sparse_rows(directory):
    from sentence_transformers import SparseEncoder
    model = SparseEncoder(str(directory), device="cpu").double()
    model[0].auto_model.set_attn_implementation("eager")
    return [row.to_dense().tolist() for row in model.encode(TEXTS)]


def write_case(name, seed):
    architecture, config, leave_out = CASES[name]
    directory = ROOT / name
    model = write_model(directory, architecture, config(), seed, leave_out)
    write_logits(directory, model, seed + 1)
    tiny_bert.save_json(directory / "pipeline.json", plain(pipeline_answers(directory, model)))


def write_logits_case(name, seed):
    architecture, config_class, values, leave_out = LOGITS[name]
    config = getattr(transformers, config_class)(**values)
    directory = ROOT / name
    model = write_model(directory, architecture, config, seed, leave_out)
    for file in TOKENIZER_FILES:  # nothing but logits is tested
        (directory / file).unlink()
    write_logits(directory, model, seed + 1)


def write_image_case(name, seed):
    architecture, config_class, sizes = IMAGES[name]
    config = getattr(transformers, config_class)(
        hidden_size=16, num_attention_heads=2, num_hidden_layers=2, image_size=12, patch_size=4,
        num_channels=2, **sizes, **THREE)
    directory = ROOT / name
    model = write_model(directory, architecture, config, seed)
    for file in TOKENIZER_FILES:
        (directory / file).unlink()
    pixels = np.random.RandomState(seed + 1).standard_normal((3, 2, 12, 12)).astype(np.float32)
    with torch.no_grad():
        logits = model(pixel_values=torch.tensor(pixels).double()).logits.numpy()
    tiny_bert.save_arrays(directory / "logits.image.input.safetensors", {"pixel_values": pixels})
    tiny_bert.save_arrays(directory / "logits.image.expected.safetensors", {"logits": logits})


def write_cross_encoder(name, seed):
    from sentence_transformers import CrossEncoder
    directory = ROOT / name
    write_model(directory, "BertForSequenceClassification",
                bert(16, 2, 20, **labels(["LABEL_0"])), seed)
    # What BERT's own tokenizer class does by itself: pairs have token types.
    file = directory / "tokenizer_config.json"
    tiny_bert.save_json(file, json.loads(file.read_text()) | {
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"]})
    values = json.loads((directory / "config.json").read_text())
    if name == "cross_encoder_identity":
        values["sbert_ce_default_activation_function"] = "torch.nn.modules.linear.Identity"
        tiny_bert.save_json(directory / "config.json", values)
    model = CrossEncoder(str(directory), device="cpu")
    if name == "cross_encoder_saved":  # as the package saves it, with modules.json
        model = CrossEncoder(str(directory), device="cpu", activation_fn=torch.nn.Tanh())
        shutil.rmtree(directory)
        model.save_pretrained(str(directory), create_model_card=False)
        (directory / "README.md").unlink(missing_ok=True)
        model = CrossEncoder(str(directory), device="cpu")
    model.double()
    tiny_bert.save_json(directory / "pipeline.json", plain(
        {"pairs": PAIRS, "scores": list(model.predict(PAIRS))}))


def write_sparse_encoder(name, seed):
    """As the package saves it, with the pooling that is not the default."""
    from sentence_transformers import SparseEncoder
    from sentence_transformers.sparse_encoder.modules import SpladePooling
    directory = ROOT / name
    write_model(directory, "BertForMaskedLM", bert(16, 2, 20), seed, CASES["bert_masked_lm"][2])
    model = SparseEncoder(str(directory), device="cpu")
    model[1] = SpladePooling(pooling_strategy="sum", activation_function="log1p_relu")
    model.encode(["sets the size"])
    shutil.rmtree(directory)
    model.save_pretrained(str(directory), create_model_card=False)
    (directory / "README.md").unlink(missing_ok=True)
    tiny_bert.save_json(directory / "pipeline.json", plain(
        {"sparse_texts": TEXTS, "sparse": sparse_rows(directory)}))


def write_byte_tagger(name, seed):
    """Byte-level BPE whose post-processor trims spaces from offsets."""
    directory = ROOT / name
    config = transformers.RobertaConfig(
        hidden_size=16, num_attention_heads=2, intermediate_size=20, num_hidden_layers=1,
        vocab_size=290, max_position_embeddings=50, **labels(BIO))
    model = write_model(directory, "RobertaForTokenClassification", config, seed)
    write_byte_tokenizer(directory)
    tiny_bert.save_json(directory / "pipeline.json", plain(pipeline_answers(directory, model)))


def write_byte_tokenizer(directory):
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.train_from_iterator(TEXTS * 3, tokenizers.trainers.BpeTrainer(
        vocab_size=290, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False))
    tokenizer.post_processor = tokenizers.processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=True)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.save(str(directory / "tokenizer.json"))
    tiny_bert.save_json(directory / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>", "pad_token": "<pad>",
        "bos_token": "<s>", "eos_token": "</s>", "model_max_length": 48,
        "model_input_names": ["input_ids", "attention_mask"]})


def write_aggregations(seed):
    """Random tokens through the pipeline's own aggregation."""
    directory = ROOT / "bert_tagger"
    model = transformers.AutoModelForTokenClassification.from_pretrained(str(directory))
    pipe = transformers.pipeline("token-classification", model=model,
                                 tokenizer=tokenizer_of(directory), device="cpu")
    random = np.random.RandomState(seed)
    cases = []
    for _ in range(40):
        count = random.randint(1, 12)
        scores = random.dirichlet(np.full(len(BIO), 0.4), count)
        parts = random.randint(0, 2, count)
        case = {"scores": scores.round(6), "continues": parts, "expected": {}}
        for strategy in ("none", "simple", "first", "average", "max"):
            tokens = [{"word": "x", "scores": row, "start": 3 * i, "end": 3 * i + 2,
                       "index": i + 1, "is_subword": bool(part)}
                      for i, (row, part) in enumerate(zip(case["scores"], parts))]
            kind = transformers.pipelines.token_classification.AggregationStrategy(strategy)
            entities = pipe.aggregate(tokens, kind)
            case["expected"][strategy] = [
                [e.get("entity", e.get("entity_group")), e["score"], e["start"], e["end"]]
                for e in entities if e.get("entity", e.get("entity_group")) != "O"]
        cases.append(plain({**case, "scores": case["scores"].tolist(),
                            "continues": parts.tolist()}))
    (ROOT / "aggregations.json").write_text(json.dumps({"labels": BIO, "cases": cases}) + "\n")


def main():
    names = sys.argv[1:] or [*CASES, *LOGITS, *IMAGES, *CROSS_ENCODERS, *SPARSE_ENCODERS,
                             "byte_tagger", "aggregations"]
    for name in names:
        if name in CASES:
            write_case(name, 300 + 10 * list(CASES).index(name))
        elif name in LOGITS:
            write_logits_case(name, 1100 + 10 * list(LOGITS).index(name))
        elif name in IMAGES:
            write_image_case(name, 1700 + 10 * list(IMAGES).index(name))
        elif name in SPARSE_ENCODERS:
            write_sparse_encoder(name, 900)
        elif name == "byte_tagger":
            write_byte_tagger(name, 970)
        elif name == "aggregations":
            write_aggregations(990)
        else:
            write_cross_encoder(name, 700 + 10 * CROSS_ENCODERS.index(name))
        print(name)


if __name__ == "__main__":
    main()
