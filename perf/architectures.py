#!/usr/bin/env python3
"""Compares weft with other engines on other architectures than BERT, in their real sizes, with random weights.

    python3 -m venv peers-env && . peers-env/bin/activate && pip install -r perf/peers-requirements.txt
    perf/architectures.py                                        # four models, f32
    perf/architectures.py --names modernbert-base --rounds 0     # build, convert and tune only ...
    perf/architectures.py --names modernbert-base --tuned        # ... and measure later
    perf/architectures.py --models DIR,DIR --engines weft,torch  # directories that are there

Engines, settings and turns are those of perf/peers.py. Random weights are built with transformers from its config
classes, the vocabulary cut to 30 000, and kept in --cache with what the engines convert them to: 2 to 3 GB a model.
Texts are timed alone and in a ragged batch of 32 (padded and sorted by length for the others), images alone and by eight.
Cosines compare means of the last hidden states with PyTorch's. An engine whose exporter fails is named.
Writes OUT.json and OUT.md.
"""
import argparse
import copy
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import peers
from peer_engines import report

AIM = 1.3  # times the fastest other engine, below which a cell is named
TEXTS, IMAGES = ["single-16", "single-128", "ragged32"], ["images-1", "images-8"]
WORDS = {"vocab_size": 30000, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
DEBERTA = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
           "relative_attention": True, "position_buckets": 256, "norm_rel_ebd": "layer_norm", "share_att_key": True,
           "pos_att_type": ["p2c", "c2p"], "position_biased_input": False, "type_vocab_size": 0}
# Name -> transformers' classes, and where their defaults are not the base model.
MODELS = {
    "modernbert-base": ("ModernBert", WORDS | {"cls_token_id": 1, "sep_token_id": 2}),
    "deberta-v3-base": ("DebertaV2", WORDS | DEBERTA),
    "nomic-bert": ("NomicBert", WORDS),
    "vit-base-patch16-224": ("ViT", {}),
    "bert-base": ("Bert", WORDS),
    "roberta-base": ("Roberta", WORDS | {"max_position_embeddings": 514, "type_vocab_size": 1}),
    "distilbert-base": ("DistilBert", WORDS),
    "mpnet-base": ("MPNet", WORDS),
    "electra-base": ("Electra", WORDS | {"hidden_size": 768, "embedding_size": 768, "intermediate_size": 3072,
                                         "num_attention_heads": 12}),
}
DEFAULT = ["modernbert-base", "deberta-v3-base", "nomic-bert", "vit-base-patch16-224"]


def build(name, folder):
    """The directory of a model with random weights, made unless it is there."""
    made = folder / name
    if not (made / "config.json").exists():
        import torch
        import transformers
        torch.manual_seed(7)
        classes, settings = MODELS[name]
        config = getattr(transformers, classes + "Config")(**settings)
        fresh = folder / f".{name}.tmp"
        getattr(transformers, classes + "Model")(config).save_pretrained(fresh)
        fresh.rename(made)
    return made


def workloads_of(model):
    return IMAGES if "image_size" in json.loads((model / "config.json").read_text()) else TEXTS


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--names", type=peers.names, help=f"of {','.join(MODELS)}; default {','.join(DEFAULT)}")
    add("--models", type=peers.names, help="directories in Hugging Face layout, instead of --names")
    add("--workloads", type=peers.names, help="as perf/peers.py takes them, instead of those above")
    peers.add_options(parser, ["weft", "onnxruntime", "openvino", "torch"], "architectures")
    options = parser.parse_args(words)
    peers.check_options(parser, options)
    if options.names and options.models:
        parser.error("--names and --models: expected one of them")
    if not options.models:
        options.names = options.names or DEFAULT
    for name in options.names or []:
        if name not in MODELS:
            parser.error(f"--names: expected some of {','.join(MODELS)}, found {name}")
    options.models = [Path(model).resolve() for model in options.models or []]
    for model in options.models:
        if not (model / "config.json").exists():
            parser.error(f"{model / 'config.json'}: expected, found nothing")
    return options


def main():
    options = parse(sys.argv[1:])
    folder = options.cache / "models"
    folder.mkdir(parents=True, exist_ok=True)
    results = []
    for model in [*options.models, *(build(name, folder) for name in options.names or [])]:
        one = copy.copy(options)
        one.model, one.workloads = model, options.workloads or workloads_of(model)
        results.append(peers.compare(one))
        text = "\n".join([report.summary(results, AIM), *map(report.markdown, results)])
        peers.write(options.out, results, text)  # after each model: a run takes long
    print(text)
    return 0 if options.rounds == 0 or all(result["cells"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
