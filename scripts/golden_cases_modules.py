"""Goldens of modules that take vectors: PyTorch's, and the plain one of textbooks."""
import numpy as np
import torch

import tiny_models
from tiny_models import randomize


def write_case(folder, state, fields, width, heads, seed, run):
    """`run`(x (B, T, width), keep (B, T)) gives every tensor by name: ragged, and padded left."""
    lengths, longest = [7, 1, 4], 7
    random = np.random.RandomState(seed + 1)
    texts = [random.standard_normal((n, width)).astype(np.float32) for n in lengths]
    outs = [run(torch.tensor(text[None]).double(), np.ones((1, len(text)))) for text in texts]
    ragged = {}
    for key in outs[0]:
        if key.startswith("attentions"):
            ragged[key] = np.zeros((3, heads, longest, longest))
            for row, out in zip(ragged[key], outs):
                row[:, :out[key].shape[-1], :out[key].shape[-1]] = out[key][0]
        else:
            ragged[key] = np.concatenate([out[key][0] for out in outs])
    keep = np.array([[0] * (longest - n) + [1] * n for n in lengths])
    padded = np.full((3, longest, width), 1e30, np.float32)
    for row, text in zip(padded, texts):
        row[longest - len(text):] = text
    left = run(torch.tensor(np.where(keep[..., None], padded, 0)).double(), keep)
    for key, values in left.items():
        if key.startswith("attentions"):
            values[:] = values * keep[:, None, :, None] * keep[:, None, None, :]
        else:
            values[keep == 0] = 0
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tiny_models.write_files(
        folder, state, fields,
        {"vectors": ({"inputs": np.concatenate(texts), "offsets": offsets}, ragged),
         "vectors_left": ({"inputs": padded, "attention_mask": keep}, left)})


def run_torch_encoder(encoder, x, keep):
    """Every layer's result and softmax weights of torch.nn.TransformerEncoder; x (B, T, d)."""
    masked = ~torch.tensor(keep.astype(bool))
    out, states, attentions = x, [x], []
    with torch.no_grad():
        for layer in encoder.layers:
            seen = layer.norm1(out) if layer.norm_first else out
            attentions.append(layer.self_attn(seen, seen, seen, key_padding_mask=masked,
                                              average_attn_weights=False)[1])
            out = layer(out, src_key_padding_mask=masked)
            states.append(out)
        states[-1] = encoder(x, src_key_padding_mask=masked)
    expected = {"last_hidden_state": states[-1]}
    expected |= {f"hidden_states.{i}": t for i, t in enumerate(states)}
    expected |= {f"attentions.{i}": t for i, t in enumerate(attentions)}
    return {name: tensor.numpy() for name, tensor in expected.items()}


def torch_encoder(name, seed, fields, final_norm, norm_bias=None):
    torch.backends.mha.set_fastpath_enabled(False)
    own = {key: fields[key] for key in ("norm_first", "bias", "activation", "layer_norm_eps")
           if key in fields}
    width = fields["d_model"]
    layer = torch.nn.TransformerEncoderLayer(width, fields["nhead"], fields["dim_feedforward"],
                                             batch_first=True, **own)
    if norm_bias is None:
        norm_bias = fields.get("bias", True)
    norm = torch.nn.LayerNorm(width, eps=fields.get("layer_norm_eps", 1e-5),
                              bias=norm_bias) if final_norm else None
    encoder = torch.nn.TransformerEncoder(layer, fields["num_layers"], norm,
                                          enable_nested_tensor=False)
    state = randomize(encoder, seed)
    encoder = encoder.double().eval()
    encoder.load_state_dict({key: tensor.double() for key, tensor in state.items()})
    write_case(f"torch_encoder/{name}", state, {"model_type": "torch.nn.TransformerEncoder"} | fields,
               width, fields["nhead"], seed, lambda x, keep: run_torch_encoder(encoder, x, keep))


def torch_post_norm():
    torch_encoder("post_norm", 123, {"d_model": 24, "nhead": 3, "num_layers": 2,
                                     "dim_feedforward": 40}, False)


def torch_pre_norm():
    torch_encoder("pre_norm", 125, {"d_model": 20, "nhead": 2, "num_layers": 2,
                                    "dim_feedforward": 32, "activation": "gelu", "norm_first": True,
                                    "layer_norm_eps": 1e-6}, True)


def torch_without_bias():
    torch_encoder("without_bias", 127, {"d_model": 16, "nhead": 2, "num_layers": 2,
                                        "dim_feedforward": 32, "bias": False}, True)


def module_outputs(x, keep, y, attention):
    return {"last_hidden_state": y.numpy(), "hidden_states.0": x.numpy(), "hidden_states.1": y.numpy(),
            "attentions.0": attention.numpy()}


def as_double(module, seed):
    state = randomize(module, seed)
    module.double().eval().load_state_dict({key: tensor.double() for key, tensor in state.items()})
    return state


def torch_norm_bias():
    """The norm at the end is a module of its own: it has a bias that the layers lack."""
    torch_encoder("norm_bias", 129, {"d_model": 12, "nhead": 2, "num_layers": 1,
                                     "dim_feedforward": 20, "norm_first": True, "bias": False},
                  final_norm=True, norm_bias=True)


def torch_encoder_layer(name, seed, fields):
    torch.backends.mha.set_fastpath_enabled(False)
    own = {key: fields[key] for key in ("norm_first", "bias", "activation", "layer_norm_eps")
           if key in fields}
    layer = torch.nn.TransformerEncoderLayer(fields["d_model"], fields["nhead"],
                                             fields["dim_feedforward"], batch_first=True, **own)
    state = as_double(layer, seed)

    def run(x, keep):
        masked = ~torch.tensor(keep.astype(bool))
        with torch.no_grad():
            seen = layer.norm1(x) if layer.norm_first else x
            attention = layer.self_attn(seen, seen, seen, key_padding_mask=masked,
                                        average_attn_weights=False)[1]
            return module_outputs(x, keep, layer(x, src_key_padding_mask=masked), attention)

    write_case(f"torch_encoder_layer/{name}", state,
               {"model_type": "torch.nn.TransformerEncoderLayer"} | fields,
               fields["d_model"], fields["nhead"], seed, run)


def torch_layer_post_norm():
    torch_encoder_layer("post_norm", 131, {"d_model": 18, "nhead": 3, "dim_feedforward": 30})


def torch_layer_pre_norm():
    torch_encoder_layer("pre_norm", 133, {"d_model": 16, "nhead": 2, "dim_feedforward": 20,
                                          "activation": "gelu", "norm_first": True, "bias": False})


def torch_attention(name, seed, width, heads, bias):
    torch.backends.mha.set_fastpath_enabled(False)
    module = torch.nn.MultiheadAttention(width, heads, bias=bias, batch_first=True)
    state = as_double(module, seed)

    def run(x, keep):
        with torch.no_grad():
            y, attention = module(x, x, x, key_padding_mask=~torch.tensor(keep.astype(bool)),
                                  average_attn_weights=False)
        return module_outputs(x, keep, y, attention)

    fields = {"model_type": "torch.nn.MultiheadAttention", "embed_dim": width, "num_heads": heads}
    write_case(f"torch_attention/{name}", state, fields | ({} if bias else {"bias": False}), width,
               heads, seed, run)


def torch_attention_biased():
    torch_attention("biased", 135, 27, 3, True)


def torch_attention_without_bias():
    torch_attention("without_bias", 137, 16, 4, False)


class SelfAttention(torch.nn.Module):
    """The textbook's module: four linear layers, heads as slices of their columns."""

    def __init__(self, width, bias):
        super().__init__()
        for name in ("query", "key", "value", "fc"):
            setattr(self, name, torch.nn.Linear(width, width, bias=bias))


def self_attention(name, seed, width, heads, bias):
    module = SelfAttention(width, bias)
    state = as_double(module, seed)

    def run(x, keep):
        split = lambda y: y.unflatten(-1, (heads, width // heads)).transpose(1, 2)
        with torch.no_grad():
            scores = split(module.query(x)) @ split(module.key(x)).transpose(-1, -2)
            scores = scores / (width // heads) ** 0.5
            hidden = ~torch.tensor(keep.astype(bool))[:, None, None, :]
            attention = torch.softmax(scores.masked_fill(hidden, -torch.inf), -1)
            y = module.fc((attention @ split(module.value(x))).transpose(1, 2).flatten(2))
        return module_outputs(x, keep, y, attention)

    fields = {"model_type": "multi_head_self_attention", "hidden_size": width, "num_heads": heads}
    write_case(f"self_attention/{name}", state, fields | ({} if bias else {"bias": False}), width,
               heads, seed, run)


def self_attention_biased():
    self_attention("biased", 139, 20, 4, True)


def self_attention_without_bias():
    self_attention("without_bias", 141, 21, 3, False)


CASES = (torch_post_norm, torch_pre_norm, torch_without_bias, torch_norm_bias, torch_layer_post_norm,
         torch_layer_pre_norm, torch_attention_biased, torch_attention_without_bias,
         self_attention_biased, self_attention_without_bias)
