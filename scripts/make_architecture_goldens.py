#!/usr/bin/env python3
"""Writes tests/golden/<architecture>/<case>/: tiny checkpoints, inputs and expected outputs.

    python scripts/make_architecture_goldens.py [CASE...]

Needs numpy, torch, transformers and safetensors (made with torch 2.13, transformers 5.23).
Deterministic: running it again gives the same files. Each case holds config.json, the weights, and
per input form ({ragged,right,left} ids, images, vectors) a pair <form>.input.safetensors, <form>.expected.safetensors.
BERT's own cases are made by make_bert_goldens.py.
"""
import sys

import numpy as np
import torch
import transformers

import reference_models
import tiny_models
from tiny_models import fields_of, prefixed, randomize, reference, sequences, write_case

BERT_SIZES = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
              "intermediate_size", "max_position_embeddings")


def roberta():
    """pad_token_id 3 (not the default), also inside texts; the longest text fills every position."""
    config = transformers.RobertaConfig(
        vocab_size=40, hidden_size=30, num_hidden_layers=3, num_attention_heads=3,
        intermediate_size=44, max_position_embeddings=14, type_vocab_size=2, pad_token_id=3,
        layer_norm_eps=1e-5, hidden_act="gelu_new")
    model = transformers.RobertaModel(config)
    state = randomize(model, 101)
    fields = fields_of(config, BERT_SIZES + ("type_vocab_size", "pad_token_id", "layer_norm_eps",
                                             "hidden_act"), architectures=["RobertaModel"])
    ids, types = sequences(40, [1, 10, 5, 9], 102, 2)
    ids[1][4] = ids[1][5] = ids[3][0] = ids[3][8] = 3
    write_case("roberta/pad_ids_in_texts", reference(model, state), state, fields, ids, types)


def xlm_roberta():
    """Saved with a head: names under "roberta."; no pooler, one token type, F16."""
    config = transformers.XLMRobertaConfig(
        vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=48, max_position_embeddings=11, type_vocab_size=1)
    model = transformers.XLMRobertaModel(config, add_pooling_layer=False)
    state = {name: tensor.half() for name, tensor in randomize(model, 103).items()}
    stored = prefixed(state, "roberta")
    fields = fields_of(config, BERT_SIZES + ("type_vocab_size",), architectures=["XLMRobertaModel"])
    ids, _ = sequences(50, [9, 1, 6], 104)
    write_case("xlm-roberta/half_precision", reference(model, state), stored, fields, ids)


def camembert():
    """Names under "camembert."; gamma and beta; stored position_ids."""
    config = transformers.CamembertConfig(
        vocab_size=36, hidden_size=24, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=40, max_position_embeddings=14, hidden_act="relu")
    model = transformers.CamembertModel(config)
    state = randomize(model, 105)
    stored = {k.replace("LayerNorm.weight", "LayerNorm.gamma")
               .replace("LayerNorm.bias", "LayerNorm.beta"): v for k, v in state.items()}
    stored["embeddings.position_ids"] = torch.arange(14).unsqueeze(0)
    fields = fields_of(config, BERT_SIZES + ("hidden_act",), architectures=["CamembertModel"])
    ids, types = sequences(36, [12, 3, 1], 106, 2)
    write_case("camembert/legacy_names", reference(model, state), prefixed(stored, "camembert"),
               fields, ids, types)


def distilbert():
    config = transformers.DistilBertConfig(
        vocab_size=40, dim=35, n_layers=2, n_heads=5, hidden_dim=50, max_position_embeddings=9,
        activation="relu")
    model = transformers.DistilBertModel(config)
    state = randomize(model, 107)
    fields = fields_of(config, ("vocab_size", "dim", "n_layers", "n_heads", "hidden_dim",
                                "max_position_embeddings", "activation"),
                       architectures=["DistilBertModel"])
    ids, _ = sequences(40, [9, 1, 6, 2], 108)
    write_case("distilbert/five_heads", reference(model, state), prefixed(state, "distilbert"),
               fields, ids)


def electra_narrow():
    config = transformers.ElectraConfig(
        vocab_size=40, embedding_size=20, hidden_size=32, num_hidden_layers=2,
        num_attention_heads=4, intermediate_size=50, max_position_embeddings=9, type_vocab_size=3,
        layer_norm_eps=1e-6)
    model = transformers.ElectraModel(config)
    state = randomize(model, 109)
    fields = fields_of(config, BERT_SIZES + ("embedding_size", "type_vocab_size", "layer_norm_eps"),
                       architectures=["ElectraModel"])
    ids, types = sequences(40, [9, 4, 1], 110, 3)
    write_case("electra/narrow_embeddings", reference(model, state), prefixed(state, "electra"),
               fields, ids, types)


def electra_wide():
    """embedding_size absent means 128, here the hidden size: nothing is projected."""
    config = transformers.ElectraConfig(
        vocab_size=20, hidden_size=128, num_hidden_layers=1, num_attention_heads=8,
        intermediate_size=32, max_position_embeddings=8)
    model = transformers.ElectraModel(config)
    state = {name: tensor.bfloat16() for name, tensor in randomize(model, 111).items()}
    fields = fields_of(config, BERT_SIZES, architectures=["ElectraModel"])
    ids, types = sequences(20, [3, 8], 112, 2)
    write_case("electra/no_projection", reference(model, state), state, fields, ids, types,
               forms=("ragged",))


def albert_groups():
    """Three layers in two groups of unequal length, two inner layers each."""
    config = transformers.AlbertConfig(
        vocab_size=40, embedding_size=20, hidden_size=32, num_hidden_layers=3,
        num_hidden_groups=2, inner_group_num=2, num_attention_heads=2, intermediate_size=50,
        max_position_embeddings=7, hidden_act="gelu")
    model = transformers.AlbertModel(config)
    state = randomize(model, 113)
    fields = fields_of(config, BERT_SIZES + ("embedding_size", "num_hidden_groups",
                                             "inner_group_num", "hidden_act"),
                       architectures=["AlbertModel"])
    ids, types = sequences(40, [7, 4, 1], 114, 2)
    write_case("albert/groups", reference(model, state), prefixed(state, "albert"), fields, ids,
               types, forms=("ragged", "left"))


def albert_defaults():
    """One group (the default), gelu_new (the default), no pooler."""
    config = transformers.AlbertConfig(
        vocab_size=30, embedding_size=16, hidden_size=24, num_hidden_layers=3,
        num_attention_heads=3, intermediate_size=40, max_position_embeddings=12)
    model = transformers.AlbertModel(config, add_pooling_layer=False)
    state = randomize(model, 115)
    fields = fields_of(config, BERT_SIZES + ("embedding_size",), architectures=["AlbertModel"])
    ids, _ = sequences(30, [12, 5, 1], 116)
    write_case("albert/defaults", reference(model, state), state, fields, ids,
               forms=("ragged", "right"))


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


def mpnet():
    """Texts longer than a quarter of the buckets, so that some are logarithmic."""
    config = transformers.MPNetConfig(
        vocab_size=40, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
        intermediate_size=36, max_position_embeddings=32, layer_norm_eps=1e-5, hidden_act="relu",
        pad_token_id=2)
    model = transformers.MPNetModel(config)
    state = randomize(model, 129)
    fields = fields_of(config, BERT_SIZES + ("layer_norm_eps", "hidden_act", "pad_token_id",
                                             "relative_attention_num_buckets"),
                       architectures=["MPNetModel"])
    ids, _ = sequences(40, [29, 1, 6], 130)
    ids[0][11] = ids[2][0] = 2
    write_case("mpnet/pad_ids_in_texts", reference(model, state), prefixed(state, "mpnet"), fields,
               ids, attentions=("left",))


T5_SIZES = ("vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_heads")


def t5_relu():
    """Heads whose sizes do not add up to the hidden size; both names of the tied table."""
    config = transformers.T5Config(
        vocab_size=40, d_model=20, d_kv=6, d_ff=30, num_layers=2, num_heads=4,
        relative_attention_num_buckets=8, relative_attention_max_distance=20)
    model = transformers.T5EncoderModel(config)
    state = t5_state(model, 131)
    fields = fields_of(config, T5_SIZES + ("relative_attention_num_buckets",
                                           "relative_attention_max_distance"),
                       architectures=["T5EncoderModel"])
    ids, _ = sequences(40, [25, 1, 6], 132)
    write_case("t5/relu", reference(model, state), state, fields, ids, attentions=("left",))


def t5_gated():
    """The tied table under one name only, as transformers saves it."""
    config = transformers.T5Config(
        vocab_size=30, d_model=16, d_kv=8, d_ff=20, num_layers=2, num_heads=2,
        feed_forward_proj="gated-gelu", layer_norm_epsilon=1e-4)
    model = transformers.T5EncoderModel(config)
    state = t5_state(model, 133)
    stored = {k: v.bfloat16() for k, v in state.items() if k != "encoder.embed_tokens.weight"}
    state = {k: v.bfloat16().float() for k, v in state.items()}
    fields = fields_of(config, T5_SIZES + ("feed_forward_proj", "layer_norm_epsilon"),
                       architectures=["T5EncoderModel"], is_encoder_decoder=True)
    ids, _ = sequences(30, [7, 1, 4], 134)
    write_case("t5/gated", reference(model, state), stored, fields, ids)


def mt5():
    """gated-gelu is mT5's default."""
    config = transformers.MT5Config(vocab_size=30, d_model=16, d_kv=4, d_ff=20, num_layers=2,
                                    num_heads=3)
    model = transformers.MT5EncoderModel(config)
    state = t5_state(model, 135)
    fields = fields_of(config, T5_SIZES, architectures=["MT5EncoderModel"])
    ids, _ = sequences(30, [9, 1, 4], 136)
    write_case("mt5/defaults", reference(model, state), state, fields, ids, forms=("ragged",))


def t5_state(model, seed):
    state = randomize(model, seed)
    state["encoder.embed_tokens.weight"] = state["shared.weight"].clone()
    return state


def jina_bert(name, seed, **more):
    config = {"model_type": "bert", "architectures": ["JinaBertModel"], "vocab_size": 40,
              "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3,
              "intermediate_size": 20, "max_position_embeddings": 9, "type_vocab_size": 2,
              "layer_norm_eps": 1e-5, "position_embedding_type": "alibi",
              "feed_forward_type": "geglu", "auto_map": {"AutoModel": "modeling_bert.JinaBertModel"}}
    config |= more
    state = randomize(reference_models.jina_bert_state(config, seed), seed)
    ids, types = sequences(40, [9, 1, 5], seed + 1, 2)
    model = reference_models.JinaBert(config | {"pad_token_id": 0}, state)
    write_case(f"jina_bert/{name}", model, state, config, ids, types)


def jina_bert_geglu():
    """Three heads: slopes of a number that is no power of two."""
    jina_bert("geglu_three_heads", 137)


def jina_bert_reglu():
    jina_bert("reglu", 139, feed_forward_type="reglu", num_attention_heads=4)


MODERNBERT_SIZES = BERT_SIZES + ("local_attention",)


def modernbert_today():
    """layer_types and rope_parameters; a window shorter than the texts; every bias."""
    config = transformers.ModernBertConfig(
        vocab_size=40, hidden_size=24, num_hidden_layers=3, num_attention_heads=2,
        intermediate_size=20, max_position_embeddings=16, local_attention=6, norm_bias=True,
        attention_bias=True, mlp_bias=True, norm_eps=1e-6, hidden_activation="silu",
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": 500.0},
                         "sliding_attention": {"rope_type": "linear", "rope_theta": 50.0,
                                               "factor": 1.5}},
        pad_token_id=0, bos_token_id=1, cls_token_id=1, eos_token_id=2, sep_token_id=2)
    model = transformers.ModernBertModel(config)
    state = randomize(model, 141)
    fields = fields_of(config, MODERNBERT_SIZES + (
        "norm_bias", "attention_bias", "mlp_bias", "norm_eps", "hidden_activation", "layer_types",
        "rope_parameters"), architectures=["ModernBertModel"])
    ids, _ = sequences(40, [16, 1, 7], 142)
    write_case("modernbert/today", reference(model, state), state, fields, ids,
               attentions=(), padded_alone=True)


def modernbert_older():
    """global_attn_every_n_layers and two thetas, the names of a file with a head, defaults."""
    thetas = {"global_rope_theta": 800.0, "local_rope_theta": 100.0}
    config = transformers.ModernBertConfig(
        vocab_size=30, hidden_size=16, num_hidden_layers=3, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=12, local_attention=4,
        global_attn_every_n_layers=2, pad_token_id=0, bos_token_id=1, cls_token_id=1,
        eos_token_id=2, sep_token_id=2, **thetas)
    assert config.rope_parameters["sliding_attention"]["rope_theta"] == 100.0
    model = transformers.ModernBertModel(config)
    state = {name: tensor.bfloat16() for name, tensor in randomize(model, 143).items()}
    fields = fields_of(config, MODERNBERT_SIZES, architectures=["ModernBertModel"],
                       global_attn_every_n_layers=2, position_embedding_type="absolute", **thetas)
    ids, _ = sequences(30, [12, 1, 5], 144)
    write_case("modernbert/older", reference(model, state), prefixed(state, "model"), fields, ids,
               forms=("ragged", "right"), padded_alone=True)


def rotary_config(kind, **more):
    return kind(vocab_size=40, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
                intermediate_size=20, max_position_embeddings=10, layer_norm_eps=1e-6,
                type_vocab_size=2, pad_token_id=0, **more)


def nomic_today():
    config = rotary_config(transformers.NomicBertConfig, hidden_act="gelu",
                           rope_parameters={"rope_type": "default", "rope_theta": 60.0})
    model = transformers.NomicBertModel(config, add_pooling_layer=True)
    state = randomize(model, 145)
    fields = fields_of(config, BERT_SIZES + ("type_vocab_size", "layer_norm_eps", "hidden_act",
                                             "rope_parameters"), architectures=["NomicBertModel"])
    ids, types = sequences(40, [10, 1, 5], 146, 2)
    write_case("nomic_bert/today", reference(model, state), state, fields, ids, types)


def fused(state, parts, name):
    """The tensors `parts` one below the other, under `name`."""
    stored = dict(state)
    stored[name] = torch.cat([stored.pop(part) for part in parts])
    return stored


def nomic_older():
    """The same mathematics under GPT-2's keys and the names of the checkpoint's own code."""
    config = rotary_config(transformers.NomicBertConfig,
                           rope_parameters={"rope_type": "default", "rope_theta": 1000.0})
    model = transformers.NomicBertModel(config)
    state = randomize(model, 147)
    stored = state
    for i in range(config.num_hidden_layers):
        own = f"layers.{i}.self_attn."
        stored = fused(stored, [f"{own}{x}_proj.weight" for x in "qkv"],
                       f"layers.{i}.attn.Wqkv.weight")
    for new, old in (("self_attn.o_proj", "attn.out_proj"), ("mlp.up_proj", "mlp.fc11"),
                     ("mlp.gate_proj", "mlp.fc12"), ("mlp.down_proj", "mlp.fc2"),
                     ("post_attention_layernorm", "norm1"), ("post_mlp_layernorm", "norm2"),
                     ("embeddings.LayerNorm", "emb_ln"), ("layers.", "encoder.layers.")):
        stored = {name.replace(new, old): tensor for name, tensor in stored.items()}
    fields = {"model_type": "nomic_bert", "architectures": ["NomicBertModel"],
              "vocab_size": 38, "pad_vocab_size_multiple": 8, "n_embd": 24, "n_layer": 2,
              "n_head": 3, "n_inner": 20, "n_positions": 10, "activation_function": "swiglu",
              "layer_norm_epsilon": 1e-6, "rotary_emb_base": 1000, "rotary_emb_fraction": 1.0,
              "rotary_emb_interleaved": False, "rotary_scaling_factor": None, "prenorm": False,
              "qkv_proj_bias": False, "mlp_fc1_bias": False, "mlp_fc2_bias": False,
              "type_vocab_size": 2, "auto_map": {"AutoModel": "modeling_hf_nomic_bert.NomicBertModel"}}
    ids, types = sequences(38, [10, 1, 5], 148, 2)
    write_case("nomic_bert/older", reference(model, state), stored, fields, ids, types)


def gte_today():
    """No token types, a pooler."""
    config = rotary_config(transformers.GteConfig, hidden_act="gelu_new",
                           rope_parameters={"rope_type": "linear", "rope_theta": 90.0,
                                            "factor": 2.0})
    config.type_vocab_size = 0
    model = transformers.GteModel(config, add_pooling_layer=True)
    state = randomize(model, 149)
    fields = fields_of(config, BERT_SIZES + ("type_vocab_size", "layer_norm_eps", "hidden_act",
                                             "rope_parameters"), architectures=["GteModel"])
    ids, _ = sequences(40, [10, 1, 5], 150)
    write_case("gte/today", reference(model, state), prefixed(state, "gte"), fields, ids)


def gte_older():
    """model_type "new": fused projections and fixed NTK scaling, which transformers does not know:
    its model is given the frequencies of the checkpoint's own code."""
    config = rotary_config(transformers.GteConfig,
                           rope_parameters={"rope_type": "default", "rope_theta": 70.0})
    model = transformers.GteModel(config)
    state = randomize(model, 151)
    stored, kind = state, ("weight", "bias")
    for i in range(config.num_hidden_layers):
        for part in kind:
            stored = fused(stored, [f"layers.{i}.self_attn.{x}_proj.{part}" for x in "qkv"],
                           f"layers.{i}.attention.qkv_proj.{part}")
        stored = fused(stored, [f"layers.{i}.mlp.{x}_proj.weight" for x in ("up", "gate")],
                       f"layers.{i}.mlp.up_gate_proj.weight")
    for new, old in (("self_attn.o_proj", "attention.o_proj"),
                     ("post_attention_layernorm", "attn_ln"), ("post_mlp_layernorm", "mlp_ln"),
                     ("layers.", "encoder.layer.")):
        stored = {name.replace(new, old): tensor for name, tensor in stored.items()}
    model = reference(model, state)
    factor, size = 4.0, config.hidden_size // config.num_attention_heads
    powers = torch.arange(0, size, 2).float() / size
    frequencies = 1.0 / ((70.0 * factor) ** powers) / factor ** (2 / size)
    model.rotary_emb.inv_freq.copy_(frequencies)
    model.rotary_emb.original_inv_freq.copy_(frequencies)
    fields = fields_of(config, BERT_SIZES + ("type_vocab_size", "layer_norm_eps"),
                       architectures=["NewModel"], rope_theta=70.0,
                       rope_scaling={"type": "ntk", "factor": factor},
                       layer_norm_type="layer_norm", position_embedding_type="rope",
                       pack_qkv=True, unpad_inputs=False)
    fields["model_type"] = "new"
    ids, types = sequences(40, [10, 1, 5], 152, 2)
    write_case("new/ntk", model, prefixed(stored, "new"), fields, ids, types)


CASES = (roberta, xlm_roberta, camembert, distilbert, electra_narrow, electra_wide, albert_groups,
         albert_defaults, vit, vit_new_names, deit, torch_post_norm, torch_pre_norm,
         torch_without_bias, mpnet, t5_relu, t5_gated, mt5, jina_bert_geglu, jina_bert_reglu,
         modernbert_today, modernbert_older, nomic_today, nomic_older, gte_today, gte_older)


def main():
    wanted = sys.argv[1:]
    for case in CASES:
        if not wanted or case.__name__ in wanted:
            case()


if __name__ == "__main__":
    main()
