"""Goldens of models that take images or vectors."""
import numpy as np
import torch
import transformers

import tiny_models
from tiny_models import fields_of, randomize, reference

def image_forms(model, shape, seed):
    """A batch of two random images."""
    pixels = np.random.RandomState(seed).standard_normal(shape).astype(np.float32)
    with torch.no_grad():
        out = model(torch.tensor(pixels).double(), output_hidden_states=True, output_attentions=True)
    expected = {"last_hidden_state": out.last_hidden_state}
    if out.pooler_output is not None:
        expected["pooler_output"] = out.pooler_output
    expected |= {f"hidden_states.{i}": t for i, t in enumerate(out.hidden_states)}
    expected |= {f"attentions.{i}": t for i, t in enumerate(out.attentions)}
    return {"images": ({"pixel_values": pixels}, {k: v.numpy() for k, v in expected.items()})}


IMAGE_SIZES = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
               "image_size", "patch_size", "num_channels")

# transformers 5's names of the modules of a layer, and those of checkpoints before.
OLD_VIT_NAMES = (("attention.q_proj", "attention.attention.query"),
                 ("attention.k_proj", "attention.attention.key"),
                 ("attention.v_proj", "attention.attention.value"),
                 ("attention.o_proj", "attention.output.dense"),
                 ("mlp.fc1", "intermediate.dense"), ("mlp.fc2", "output.dense"))


def old_vit_names(state, prefix):
    stored = {}
    for name, tensor in state.items():
        for new, old in OLD_VIT_NAMES:
            name = name.replace(new, old)
        stored[prefix + name.replace("layers.", "encoder.layer.", 1)
               if name.startswith("layers.") else prefix + name] = tensor
    return stored


def vit():
    """Sides that are no squares, a remainder that no patch covers, a pooler of its own width."""
    config = transformers.ViTConfig(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
        image_size=[13, 9], patch_size=[4, 3], num_channels=2, qkv_bias=False, hidden_act="gelu_new",
        layer_norm_eps=1e-6, pooler_output_size=10, pooler_act="relu")
    model = transformers.ViTModel(config)
    state = randomize(model, 117)
    fields = fields_of(config, IMAGE_SIZES + ("qkv_bias", "hidden_act", "layer_norm_eps",
                                              "pooler_output_size", "pooler_act"),
                       architectures=["ViTModel"])
    tiny_models.write_files("vit/old_names", old_vit_names(state, "vit."), fields,
                            image_forms(reference(model, state), (2, 2, 13, 9), 118))


def vit_new_names():
    config = transformers.ViTConfig(
        hidden_size=20, num_hidden_layers=2, num_attention_heads=2, intermediate_size=30,
        image_size=8, patch_size=4)
    model = transformers.ViTModel(config, add_pooling_layer=False)
    state = randomize(model, 119)
    fields = fields_of(config, IMAGE_SIZES, architectures=["ViTModel"])
    tiny_models.write_files("vit/new_names", state, fields,
                            image_forms(reference(model, state), (3, 3, 8, 8), 120))


def deit():
    config = transformers.DeiTConfig(
        hidden_size=20, num_hidden_layers=2, num_attention_heads=4, intermediate_size=30,
        image_size=6, patch_size=3, num_channels=1)
    model = transformers.DeiTModel(config)
    state = randomize(model, 121)
    fields = fields_of(config, IMAGE_SIZES, architectures=["DeiTModel"])
    tiny_models.write_files("deit/distillation_token", old_vit_names(state, "deit."), fields,
                            image_forms(reference(model, state), (2, 1, 6, 6), 122))


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


def torch_encoder(name, seed, fields, final_norm):
    torch.backends.mha.set_fastpath_enabled(False)
    own = {key: fields[key] for key in ("norm_first", "bias", "activation", "layer_norm_eps")
           if key in fields}
    width = fields["d_model"]
    layer = torch.nn.TransformerEncoderLayer(width, fields["nhead"], fields["dim_feedforward"],
                                             batch_first=True, **own)
    norm = torch.nn.LayerNorm(width, eps=fields.get("layer_norm_eps", 1e-5),
                              bias=fields.get("bias", True)) if final_norm else None
    encoder = torch.nn.TransformerEncoder(layer, fields["num_layers"], norm,
                                          enable_nested_tensor=False)
    state = randomize(encoder, seed)
    encoder = encoder.double().eval()
    encoder.load_state_dict({key: tensor.double() for key, tensor in state.items()})
    lengths, longest = [7, 1, 4], 7
    random = np.random.RandomState(seed + 1)
    texts = [random.standard_normal((n, width)).astype(np.float32) for n in lengths]
    outs = [run_torch_encoder(encoder, torch.tensor(text[None]).double(), np.ones((1, len(text))))
            for text in texts]
    ragged = {}
    for key in outs[0]:
        if key.startswith("attentions"):
            ragged[key] = np.zeros((3, fields["nhead"], longest, longest))
            for row, out in zip(ragged[key], outs):
                row[:, :out[key].shape[-1], :out[key].shape[-1]] = out[key][0]
        else:
            ragged[key] = np.concatenate([out[key][0] for out in outs])
    keep = np.array([[0] * (longest - n) + [1] * n for n in lengths])
    padded = np.full((3, longest, width), 1e30, np.float32)
    for row, text in zip(padded, texts):
        row[longest - len(text):] = text
    left = run_torch_encoder(encoder, torch.tensor(np.where(keep[..., None], padded, 0)).double(),
                             keep)
    for key, values in left.items():
        if key.startswith("attentions"):
            values[:] = values * keep[:, None, :, None] * keep[:, None, None, :]
        else:
            values[keep == 0] = 0
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    tiny_models.write_files(
        f"torch_encoder/{name}", state, {"model_type": "torch.nn.TransformerEncoder"} | fields,
        {"vectors": ({"inputs": np.concatenate(texts), "offsets": offsets}, ragged),
         "vectors_left": ({"inputs": padded, "attention_mask": keep}, left)})


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


CASES = (vit, vit_new_names, deit, torch_post_norm, torch_pre_norm, torch_without_bias)
