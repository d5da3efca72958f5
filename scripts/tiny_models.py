"""Tiny random models of any architecture and their outputs in double precision, for goldens.

The reference is transformers' eager model with the stored weights widened to float64. Layouts are
those of `weft run` (tiny_bert.py).
"""
import re
import shutil

import numpy as np
import torch
from safetensors.torch import save_file

import tiny_bert

GOLDEN = tiny_bert.GOLDEN


def randomize(model, seed):
    """Weights large enough that attention is peaked and activations leave their linear range."""
    random = np.random.RandomState(seed)
    state = {}
    for name, tensor in sorted(model.state_dict().items()):
        if not tensor.dtype.is_floating_point:
            continue
        values = random.standard_normal(tuple(tensor.shape))
        if re.search(r"norm[^.]*\.weight$|^norm.*weight$", name, re.IGNORECASE):
            values = 1 + 0.2 * values
        elif name.endswith("bias"):
            values = 0.2 * values
        elif re.search(r"embed|token$|position|shared|relative", name) and tensor.dim() != 4:
            pass
        elif re.search(r"query|key|q_lin|k_lin|q_proj|k_proj|\.q\.|\.k\.|qkv|in_proj", name):
            values = values * 2 / np.sqrt(tensor.shape[-1])
        else:
            values = values / np.sqrt(np.prod(tensor.shape[1:]))
        state[name] = torch.tensor(values, dtype=torch.float32)
    return state


def reference(model, state):
    """`model` in float64 with exactly the values of `state`, which must name all its parameters."""
    model.set_attn_implementation("eager")
    model = model.double().eval()
    known = {name: state[name].double() for name in model.state_dict() if name in state}
    missing, _ = model.load_state_dict(known, strict=False)
    missing = [name for name in missing if dict(model.named_parameters()).get(name) is not None]
    assert not missing, missing
    return model


def forward(model, inputs):
    with torch.no_grad():
        out = model(**{name: torch.tensor(np.array(values)) for name, values in inputs.items()},
                    output_hidden_states=True, output_attentions=True)
    named = {"last_hidden_state": out.last_hidden_state}
    if getattr(out, "pooler_output", None) is not None:
        named["pooler_output"] = out.pooler_output
    named |= {f"hidden_states.{i}": t for i, t in enumerate(out.hidden_states)}
    named |= {f"attentions.{i}": t for i, t in enumerate(out.attentions)}
    return {name: tensor.numpy() for name, tensor in named.items()}


def ragged_case(model, ids, types):
    """Each sequence alone, stacked."""
    outs = []
    for i, row in enumerate(ids):
        inputs = {"input_ids": [row], "attention_mask": [[1] * len(row)]}
        if types is not None:
            inputs["token_type_ids"] = [types[i]]
        outs.append(forward(model, inputs))
    longest, expected = max(map(len, ids)), {}
    for name in outs[0]:
        if name.startswith("attentions"):
            stack = np.zeros((len(ids), outs[0][name].shape[1], longest, longest))
            for row, out in zip(stack, outs):
                n = out[name].shape[-1]
                row[:, :n, :n] = out[name][0]
            expected[name] = stack
        else:
            expected[name] = np.concatenate(
                [out[name] if name == "pooler_output" else out[name][0] for out in outs])
    given = {"input_ids": np.concatenate(ids),
             "offsets": np.concatenate([[0], np.cumsum([len(row) for row in ids])])}
    if types is not None:
        given["token_type_ids"] = np.concatenate(types)
    return given, expected


def padded_case(model, ids, types, side, pooler):
    """`pooler`: from the first token's state (1, hidden) to the pooler's output, or None.

    transformers pools column 0, which under left padding is not a token: its state depends on what
    the padding holds. The first token is what a pooler means. Ids under padding are garbage.
    """
    longest, pad_id = max(map(len, ids)), model.config.pad_token_id or 0
    mask = tiny_bert.pad([np.ones(len(row), np.int64) for row in ids], longest, side, 0)
    inputs = {"input_ids": tiny_bert.pad(ids, longest, side, pad_id), "attention_mask": mask}
    if types is not None:
        inputs["token_type_ids"] = tiny_bert.pad(types, longest, side, 0)
    out = forward(model, inputs)
    keep = mask.astype(bool)
    for name, values in out.items():
        if name.startswith("attentions"):
            values[:] = values * keep[:, None, :, None] * keep[:, None, None, :]
        elif name == "pooler_output":
            first = out["last_hidden_state"][np.arange(len(ids)), keep.argmax(1)]
            with torch.no_grad():
                values[:] = pooler(torch.tensor(first)).numpy()
        else:
            values[~keep] = 0
    given = {"input_ids": np.where(keep, inputs["input_ids"], -7 - 10 * model.config.vocab_size),
             "attention_mask": mask}
    if types is not None:
        given["token_type_ids"] = np.where(keep, inputs["token_type_ids"], 99)
    return given, out


def padded_from_ragged(model, ids, side):
    """The padded form of a model whose results do not depend on the padding, each sequence computed
    alone: transformers' ModernBERT gives NaN in float64 where a window holds padding only, because
    it takes the softmax in float32, where the mask's -1.8e308 is minus infinity."""
    longest = max(map(len, ids))
    mask = tiny_bert.pad([np.ones(len(row), np.int64) for row in ids], longest, side, 0)
    keep = mask.astype(bool)
    _, ragged = ragged_case(model, ids, None)
    expected = {}
    for name, values in ragged.items():
        if name.startswith("attentions"):
            expected[name] = np.zeros((len(ids), values.shape[1], longest, longest))
            for row, alone, own in zip(expected[name], values, keep):
                n = own.sum()
                row[:, own.argmax():own.argmax() + n, own.argmax():own.argmax() + n] = alone[:, :n, :n]
        else:
            expected[name] = np.zeros((len(ids), longest, values.shape[1]))
            expected[name][keep] = values
    given = {"input_ids": np.where(keep, tiny_bert.pad(ids, longest, side, 0), -7),
             "attention_mask": mask}
    return given, expected


def default_pooler(model):
    """What model.pooler computes of a first token's state."""
    if getattr(model, "pooler", None) is None:
        return None
    if hasattr(model, "pooler_activation"):
        return lambda first: model.pooler_activation(model.pooler(first))
    return lambda first: model.pooler(first[:, None])


def write_case(folder, model, stored, fields, ids, types=None, forms=("ragged", "right", "left"),
               attentions=("ragged", "left"), padded_alone=False):
    """`model`: the reference; `stored`: what the file holds; `fields`: config.json.

    `attentions`: the forms whose softmax weights are kept.
    """
    pairs = {}
    for form in forms:
        if form == "ragged":
            given, expected = ragged_case(model, ids, types)
        elif padded_alone:
            given, expected = padded_from_ragged(model, ids, form)
        else:
            given, expected = padded_case(model, ids, types, form, default_pooler(model))
        if form not in attentions:
            expected = {k: v for k, v in expected.items() if not k.startswith("attentions")}
        pairs[form] = given, expected
    write_files(folder, stored, fields, pairs)


def write_files(folder, stored, fields, forms):
    """config.json, the weights and per form a pair of named arrays, (given, expected)."""
    directory = GOLDEN / folder
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    tiny_bert.save_json(directory / "config.json", fields)
    save_file({name: tensor.contiguous() for name, tensor in stored.items()},
              str(directory / "model.safetensors"), metadata={"format": "pt"})
    for form, (given, expected) in forms.items():
        tiny_bert.save_arrays(directory / f"{form}.input.safetensors", given)
        tiny_bert.save_arrays(directory / f"{form}.expected.safetensors", expected)


def fields_of(config, keys, **more):
    """config.json with these keys only: every other one takes its default."""
    return {"model_type": config.model_type} | {key: getattr(config, key) for key in keys} | more


def sequences(vocabulary, lengths, seed, types=0):
    """Random ids and, with `types` > 0, token types."""
    random = np.random.RandomState(seed)
    ids = [random.randint(0, vocabulary, n) for n in lengths]
    return ids, [random.randint(0, types, n) for n in lengths] if types else None


def prefixed(state, prefix):
    return {f"{prefix}.{name}": tensor for name, tensor in state.items()}
