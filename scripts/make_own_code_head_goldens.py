#!/usr/bin/env python3
"""Writes tests/golden/heads/<case>/ for heads of checkpoints that bring their own code.

    python scripts/make_own_code_head_goldens.py [CASE...]

GTE's: transformers computes them under its own names. Jina BERT's and Nomic BERT's: the encoders of
reference_models.py, with the head written down here. Layout and packages as make_head_goldens.py's.
"""
import shutil
import sys
from types import SimpleNamespace

import transformers
from safetensors.torch import load_file, save_file
from torch.nn.functional import gelu, silu

import golden_cases_rotary
import reference_models
import tiny_bert
import tiny_models
from golden_cases_heads import SHAPE, THREE
from make_head_goldens import ROOT, TOKENIZER_FILES, write_logits, write_model

NEW = {"new_sequence": "GteForSequenceClassification", "new_token": "GteForTokenClassification",
       "new_masked_lm": "GteForMaskedLM"}
JINA = {"model_type": "bert", **SHAPE, "max_position_embeddings": 40, "type_vocab_size": 2,
        "layer_norm_eps": 1e-6, "position_embedding_type": "alibi", "feed_forward_type": "geglu"}


def write_new_case(name, seed):
    config = transformers.GteConfig(
        **SHAPE, **THREE, type_vocab_size=2,
        rope_parameters={"rope_type": "default", "rope_theta": 80.0})
    directory = ROOT / name
    tied = ["lm_head.decoder.weight"] if name == "new_masked_lm" else []
    model = write_model(directory, NEW[name], config, seed, tied)
    for file in TOKENIZER_FILES:
        (directory / file).unlink()
    stored = golden_cases_rotary.gte_older_names(
        load_file(str(directory / "model.safetensors")), config.num_hidden_layers)
    stored = {key.replace("gte.", "new.").replace("lm_head.layer_norm", "lm_head.norm"): value
              for key, value in stored.items()}
    save_file(stored, str(directory / "model.safetensors"), metadata={"format": "pt"})
    tiny_bert.save_json(directory / "config.json", {
        "architectures": [NEW[name].replace("Gte", "New")], "model_type": "new", **SHAPE, **THREE,
        "type_vocab_size": 2, "layer_norm_eps": config.layer_norm_eps, "rope_theta": 80.0,
        "rope_scaling": None, "layer_norm_type": "layer_norm", "position_embedding_type": "rope",
        "pack_qkv": True})
    write_logits(directory, model, seed + 1)


class Headed:
    """An encoder, whose weights are under "bert.", with `head`: from it and its outputs to logits."""

    def __init__(self, encoder_class, config, state, head):
        prefix = "bert."
        own = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
        self.encoder = encoder_class(config | {"pad_token_id": 0}, own)
        self.config, self.head = self.encoder.config, head

    def __call__(self, **inputs):
        return SimpleNamespace(logits=self.head(self.encoder, self.encoder(**inputs)))


class HeadedSequenceClassification(Headed):
    """The name tells write_logits that there is one row per sequence."""


def classified(encoder, out):
    return encoder.linear("classifier", out.pooler_output)


def tagged(encoder, out):
    return encoder.linear("classifier", out.last_hidden_state)


def predicted(activation, norm):
    """cls.predictions, its decoder tied to the word embeddings."""
    def head(encoder, out):
        x = activation(encoder.linear("cls.predictions.transform.dense", out.last_hidden_state))
        x = encoder.norm(f"cls.predictions.transform.{norm}", x)
        scores = x @ encoder.state["embeddings.word_embeddings.weight"].T
        return scores + encoder.state.get("cls.predictions.bias", 0)
    return head


def jina_case(head, architecture, shapes, kind=Headed, **more):
    def write(directory, seed):
        config = JINA | {"architectures": [architecture]} | more
        save(directory, seed, kind, reference_models.JinaBert, config,
             reference_models.jina_bert_parameters(config), shapes, head)
    return write


def gte_saved(directory, seed):
    """As transformers' save_pretrained() writes it: under the names of the checkpoints' own code."""
    model = write_model(directory, "GteForMaskedLM", transformers.GteConfig(**SHAPE), seed,
                        ["lm_head.decoder.weight"])
    for file in TOKENIZER_FILES:
        (directory / file).unlink()
    model.float().save_pretrained(directory)
    write_logits(directory, model.double(), seed + 1)


def nomic_pretraining(directory, seed):
    config = golden_cases_rotary.NOMIC_OLDER | {
        "architectures": ["NomicBertForPreTraining"], "vocab_size": SHAPE["vocab_size"],
        "pad_vocab_size_multiple": 1, "n_embd": 16, "n_head": 2, "n_inner": 256, "n_positions": 40}
    save(directory, seed, Headed, reference_models.NomicBert, config,
         reference_models.nomic_bert_parameters(config),
         {"cls.predictions.transform.dense.weight": (16, 16),
          "cls.predictions.transform.layer_norm*": (16,)}, predicted(silu, "layer_norm"))


def save(directory, seed, kind, encoder_class, config, encoder_parameters, shapes, head):
    state = {f"bert.{name}": value for name, value in encoder_parameters.state_dict().items()}
    state |= reference_models.parameters(shapes).state_dict()
    state = tiny_models.randomize(SimpleNamespace(state_dict=lambda: state), seed)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    tiny_bert.save_json(directory / "config.json", config)
    save_file(state, str(directory / "model.safetensors"), metadata={"format": "pt"})
    write_logits(directory, kind(encoder_class, config, state, head), seed + 1)


HIDDEN = SHAPE["hidden_size"]
OWN = {
    "jina_sequence": jina_case(classified, "JinaBertForSequenceClassification",
                               {"classifier*": (3, HIDDEN)}, HeadedSequenceClassification, **THREE),
    "jina_token": jina_case(tagged, "JinaBertForTokenClassification", {"classifier*": (3, HIDDEN)},
                            **THREE),
    "jina_masked_lm": jina_case(predicted(gelu, "LayerNorm"), "JinaBertForMaskedLM", {
        "cls.predictions.transform.dense*": (HIDDEN, HIDDEN),
        "cls.predictions.transform.LayerNorm*": (HIDDEN,),
        "cls.predictions.bias": (SHAPE["vocab_size"],)}),
    "nomic_pretraining": nomic_pretraining,
    "gte_masked_lm_saved": gte_saved,
}


def main():
    for name in sys.argv[1:] or [*NEW, *OWN]:
        if name in NEW:
            write_new_case(name, 1900 + 10 * list(NEW).index(name))
        else:
            OWN[name](ROOT / name, 2000 + 10 * list(OWN).index(name))
        print(name)


if __name__ == "__main__":
    main()
