"""Tiny random BERT models and their outputs in double precision, for the golden generators.

The reference is transformers' eager BertModel with the stored weights widened to float64. Layouts
are those of `weft run`: ragged outputs stack the tokens, padded outputs hold zeros at padding,
attentions are [batch, heads, T, T] with zeros outside a sequence's own tokens.
"""
import json
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import save_file

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden"


def randomize(model, seed):
    """Weights large enough that attention is peaked and activations leave their linear range."""
    random = np.random.RandomState(seed)
    state = {}
    for name in sorted(model.state_dict()):
        tensor = model.state_dict()[name]
        if not tensor.dtype.is_floating_point:
            state[name] = tensor
            continue
        values = random.standard_normal(tuple(tensor.shape))
        if name.endswith("LayerNorm.weight"):
            values = 1 + 0.2 * values
        elif name.endswith("bias"):
            values = 0.2 * values
        elif ".query." in name or ".key." in name:
            values = values * 2 / np.sqrt(tensor.shape[-1])
        elif "embeddings" not in name:
            values = values / np.sqrt(tensor.shape[-1])
        state[name] = torch.tensor(values, dtype=torch.float32)
    return state


def reference_model(config, state):
    """BertModel in float64 with exactly the stored weights; a pooler only if the state has one."""
    has_pooler = "pooler.dense.weight" in state
    model = transformers.BertModel(config, add_pooling_layer=has_pooler)
    model.set_attn_implementation("eager")
    model = model.double().eval()
    known = {k: v.double() for k, v in state.items() if k in model.state_dict()}
    known = {k: v for k, v in known.items() if v.dtype.is_floating_point}
    missing, unexpected = model.load_state_dict(known, strict=False)
    missing = [name for name in missing if "position_ids" not in name and "token_type_ids" not in name]
    assert not missing and not unexpected, (missing, unexpected)
    return model


def forward(model, ids, mask, types):
    with torch.no_grad():
        out = model(input_ids=torch.tensor(np.array(ids)),
                    attention_mask=torch.tensor(np.array(mask)),
                    token_type_ids=torch.tensor(np.array(types)),
                    output_hidden_states=True, output_attentions=True)
    named = {"last_hidden_state": out.last_hidden_state}
    if out.pooler_output is not None:
        named["pooler_output"] = out.pooler_output
    named |= {f"hidden_states.{i}": t for i, t in enumerate(out.hidden_states)}
    named |= {f"attentions.{i}": t for i, t in enumerate(out.attentions)}
    return {name: tensor.numpy() for name, tensor in named.items()}


def pad(rows, length, side, fill):
    out = np.full((len(rows), length), fill, np.int64)
    for i, row in enumerate(rows):
        begin = 0 if side == "right" else length - len(row)
        out[i, begin:begin + len(row)] = row
    return out


def padded_case(model, ids, types, side, config):
    """Input and expected output of the padded form; ids under padding are garbage on purpose."""
    length = max(map(len, ids))
    mask = pad([np.ones(len(row), np.int64) for row in ids], length, side, 0)
    valid_ids, valid_types = pad(ids, length, side, 0), pad(types, length, side, 0)
    out = forward(model, valid_ids, mask, valid_types)
    keep = mask.astype(bool)
    for name, values in out.items():
        if name.startswith("attentions"):
            values[:] = values * keep[:, None, :, None] * keep[:, None, None, :]
        elif name == "pooler_output":
            # transformers pools column 0, which under left padding is not a token: its state depends
            # on what the padding holds. The first token is what a pooler means.
            first = out["last_hidden_state"][np.arange(len(ids)), keep.argmax(1)]
            with torch.no_grad():
                values[:] = model.pooler(torch.tensor(first)[:, None]).numpy()
        else:
            values[~keep] = 0
    given = {"input_ids": np.where(keep, valid_ids, -7 - 10 * config.vocab_size),
             "attention_mask": mask, "token_type_ids": np.where(keep, valid_types, 99)}
    return given, out


def ragged_case(model, ids, types):
    """Each sequence alone, stacked."""
    outs = [forward(model, [i], [[1] * len(i)], [t]) for i, t in zip(ids, types)]
    length, expected = max(map(len, ids)), {}
    for name in outs[0]:
        if name.startswith("attentions"):
            stack = np.zeros((len(ids), outs[0][name].shape[1], length, length))
            for row, out in zip(stack, outs):
                n = out[name].shape[-1]
                row[:, :n, :n] = out[name][0]
            expected[name] = stack
        else:
            rows = [out[name] if name == "pooler_output" else out[name][0] for out in outs]
            expected[name] = np.concatenate(rows)
    given = {"input_ids": np.concatenate(ids),
             "offsets": np.concatenate([[0], np.cumsum([len(row) for row in ids])])}
    if any(np.any(row) for row in types):
        given["token_type_ids"] = np.concatenate(types)
    return given, expected


def random_sequences(config, lengths, seed, with_types=True):
    random = np.random.RandomState(seed)
    ids = [random.randint(0, config.vocab_size, n) for n in lengths]
    types = [random.randint(0, config.type_vocab_size if with_types else 1, n) for n in lengths]
    return ids, types


def save_arrays(path, arrays, integer=torch.int64):
    """Floats are stored as F32: their rounding is 6e-8 of a value, far below what is tested."""
    tensors = {}
    for name in sorted(arrays):
        values = torch.tensor(np.ascontiguousarray(arrays[name]))
        values = values.float() if values.dtype.is_floating_point else values.to(integer)
        tensors[name] = values.contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, str(path))


def save_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
