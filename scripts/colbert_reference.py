"""Token vectors as PyLate's ColBERT computes them, from transformers' models and plain tensors.

PyLate's pylate/models/colbert.py by its definition, not by its code: texts are tokenized to one
token less than their role's length; the prefix's token goes behind the first; a query is padded to
its length with mask tokens, which the attention mask hides (attend_to_expansion_tokens false) or
not, and which all have vectors; a document's punctuation has none.
"""
import numpy as np
import torch
from safetensors.torch import load_file

ACTIVATIONS = {"torch.nn.modules.linear.Identity": lambda x: x,
               "torch.nn.modules.activation.Tanh": torch.tanh}


def dense(state, config, x):
    y = ACTIVATIONS[config["activation_function"]](torch.nn.functional.linear(
        x, state["linear.weight"].double(),
        state["linear.bias"].double() if config["bias"] else None))
    if config.get("use_residual"):
        y = y + (torch.nn.functional.linear(x, state["residual.weight"].double())
                 if "residual.weight" in state else x)
    return y


def encode(texts, is_query, *, model, tokenizer, projections, prefix, length, skipped, expand=True,
           attend=False):
    """One array (tokens, columns) per text. `projections`: (config, state) of each Dense;
    `prefix`: a token; `skipped`: tokens of documents that have no vector."""
    widens = is_query and expand
    special = dict(tokenizer.special_tokens_map)
    tokenizer.pad_token = special["mask_token"]
    batch = tokenizer(texts, padding="max_length" if widens else True, truncation=True,
                      max_length=length - 1, return_tensors="pt")
    tokenizer.pad_token = special["pad_token"]

    def insert(rows, value):
        column = torch.full((len(rows), 1), value, dtype=rows.dtype)
        return torch.cat([rows[:, :1], column, rows[:, 1:]], 1)

    ids = insert(batch["input_ids"], tokenizer.convert_tokens_to_ids(prefix))
    mask = insert(batch["attention_mask"], 1)
    if widens and attend:
        mask = torch.ones_like(mask)
    kept = torch.ones_like(mask) if widens else mask
    if not is_query:
        punctuation = tokenizer.convert_tokens_to_ids(skipped)
        kept = kept * ~torch.isin(ids, torch.tensor(punctuation))
    with torch.no_grad():
        x = model(input_ids=ids, attention_mask=mask).last_hidden_state
        for config, state in projections:
            x = dense(state, config, x)
        x = torch.nn.functional.normalize(x, dim=-1)
    return [row[keep.bool()].numpy() for row, keep in zip(x, kept)], mask.sum(1).numpy()


def projections_of(directory, paths, load):
    return [(load(directory / path / "config.json"),
             load_file(str(directory / path / "model.safetensors"))) for path in paths]


def assert_close(found, expected, what):
    for i, (a, b) in enumerate(zip(found, expected, strict=True)):
        assert a.shape == b.shape, (what, i, a.shape, b.shape)
        assert np.abs(a - b).max(initial=0) < 1e-12, (what, i, np.abs(a - b).max())
