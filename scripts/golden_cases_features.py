"""Goldens of models that take images."""
import numpy as np
import torch
import transformers

import tiny_models
from tiny_models import fields_of, prefixed, randomize, reference


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


def old_dinov2_names(state):
    """Those that transformers 5 saves, too."""
    stored = {}
    for name, tensor in state.items():
        for new, old in OLD_VIT_NAMES[:4] + (("mlp.down_proj", "mlp.weights_out"),):
            name = name.replace(new, old)
        stored[name] = tensor
    for name in [name for name in stored if ".mlp.gate_proj." in name]:
        parts = stored.pop(name), stored.pop(name.replace("gate_proj", "up_proj"))
        stored[name.replace("gate_proj", "weights_in")] = torch.cat(parts)
    return stored


DINOV2_SIZES = tuple(key for key in IMAGE_SIZES if key != "intermediate_size")


def dinov2(name, seed, stored_as, pixels, **more):
    config = transformers.Dinov2Config(num_hidden_layers=2, **more)
    model = transformers.Dinov2Model(config)
    state, stored = stored_as(randomize(model, seed))
    fields = fields_of(config, tuple(dict.fromkeys(DINOV2_SIZES + tuple(more))),
                       architectures=["Dinov2Model"])
    tiny_models.write_files(f"dinov2/{name}", stored, fields,
                            image_forms(reference(model, state), pixels, seed + 1))


def dinov2_old_names():
    """Patches that are no squares, a remainder that none covers."""
    dinov2("old_names", 171, lambda state: (state, prefixed(old_dinov2_names(state), "dinov2")),
           (2, 2, 13, 13), hidden_size=24, num_attention_heads=3, image_size=13, patch_size=[4, 3],
           num_channels=2, mlp_ratio=3, hidden_act="relu", layer_norm_eps=1e-5, qkv_bias=False)


def dinov2_swiglu():
    """Units that are rounded up to a multiple of 8; BF16."""
    def bfloat16(state):
        state = {name: tensor.bfloat16() for name, tensor in state.items()}
        return state, old_dinov2_names(state)
    dinov2("swiglu", 173, bfloat16, (2, 3, 8, 8), hidden_size=20, num_attention_heads=2,
           image_size=8, patch_size=4, use_swiglu_ffn=True)


def dinov2_new_names():
    dinov2("new_names", 175, lambda state: (state, state), (3, 1, 6, 6), hidden_size=16,
           num_attention_heads=4, image_size=6, patch_size=3, num_channels=1, mlp_ratio=2,
           use_swiglu_ffn=True, use_mask_token=False)


def dinov2_other_sizes():
    """Images larger and smaller than the config's, no squares, with what no patch covers."""
    for name, seed, image_size, pixels in (("larger", 183, 8, (2, 1, 17, 22)),
                                           ("smaller", 185, 21, (3, 1, 9, 15))):
        dinov2(name, seed, lambda state: (state, prefixed(old_dinov2_names(state), "dinov2")), pixels,
               hidden_size=20, num_attention_heads=2, image_size=image_size, patch_size=4,
               num_channels=1, mlp_ratio=2)


CASES = (vit, vit_new_names, deit, dinov2_old_names, dinov2_swiglu, dinov2_new_names,
         dinov2_other_sizes)
