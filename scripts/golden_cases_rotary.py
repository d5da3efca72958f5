"""Goldens of T5 and of the encoders with rotary positions."""
import torch
import transformers

import reference_models
from golden_cases_bert import BERT_SIZES
from tiny_models import fields_of, prefixed, randomize, reference, sequences, write_case

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


NOMIC_OLDER = {
    "model_type": "nomic_bert", "architectures": ["NomicBertModel"],
    "vocab_size": 38, "pad_vocab_size_multiple": 8, "n_embd": 24, "n_layer": 2, "n_head": 3,
    "n_positions": 10, "activation_function": "swiglu", "layer_norm_epsilon": 1e-6,
    "rotary_emb_base": 1000, "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False,
    "rotary_scaling_factor": None, "max_trained_positions": 2048, "prenorm": False,
    "qkv_proj_bias": False, "mlp_fc1_bias": False, "mlp_fc2_bias": False, "type_vocab_size": 2,
    "auto_map": {"AutoModel": "modeling_hf_nomic_bert.NomicBertModel"}}


def nomic_older():
    """The same mathematics under GPT-2's keys and the names of the checkpoint's own code, which rounds
    the inner size up."""
    config = rotary_config(transformers.NomicBertConfig,
                           rope_parameters={"rope_type": "default", "rope_theta": 1000.0})
    config.intermediate_size = 256
    model = transformers.NomicBertModel(config)
    state = {name: tensor.bfloat16() for name, tensor in randomize(model, 147).items()}
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
    fields = NOMIC_OLDER | {"n_inner": 250}
    ids, types = sequences(38, [10, 1, 5], 148, 2)
    write_case("nomic_bert/older", reference(model, state), stored, fields, ids, types)


def nomic_options():
    """What the checkpoint's own code can do besides: biases, half of each head's columns turned, as
    pairs of neighbours, and positions that are scaled beyond the maximum."""
    fields = NOMIC_OLDER | {
        "activation_function": "geglu", "n_inner": 256, "qkv_proj_bias": True, "mlp_fc1_bias": True,
        "mlp_fc2_bias": True, "rotary_emb_fraction": 0.5, "rotary_emb_interleaved": True,
        "rotary_emb_base": 20, "rotary_scaling_factor": 2, "max_trained_positions": 9}
    state = {name: tensor.bfloat16() for name, tensor in randomize(
        reference_models.nomic_bert_parameters(fields), 165).items()}
    ids, types = sequences(38, [9, 1, 5], 166, 2)
    model = reference_models.NomicBert(fields | {"pad_token_id": 0}, state)
    write_case("nomic_bert/options", model, prefixed(state, "bert"), fields, ids, types)


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


def gte_older_names(state, layers):
    """Weights of transformers' GTE under the names of the checkpoints' own code."""
    stored = state
    head = "gte." if any(name.startswith("gte.") for name in state) else ""
    for i in range(layers):
        for part in ("weight", "bias"):
            stored = fused(stored, [f"{head}layers.{i}.self_attn.{x}_proj.{part}" for x in "qkv"],
                           f"{head}layers.{i}.attention.qkv_proj.{part}")
        stored = fused(stored, [f"{head}layers.{i}.mlp.{x}_proj.weight" for x in ("up", "gate")],
                       f"{head}layers.{i}.mlp.up_gate_proj.weight")
    for new, old in (("self_attn.o_proj", "attention.o_proj"),
                     ("post_attention_layernorm", "attn_ln"), ("post_mlp_layernorm", "mlp_ln"),
                     ("layers.", "encoder.layer.")):
        stored = {name.replace(new, old): tensor for name, tensor in stored.items()}
    return stored


def gte_older():
    """model_type "new": fused projections and fixed NTK scaling, which transformers does not know:
    its model is given the frequencies of the checkpoint's own code."""
    config = rotary_config(transformers.GteConfig,
                           rope_parameters={"rope_type": "default", "rope_theta": 70.0})
    model = transformers.GteModel(config)
    state = randomize(model, 151)
    stored = gte_older_names(state, config.num_hidden_layers)
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


EUROBERT_SIZES = BERT_SIZES + ("num_key_value_heads",)


def eurobert():
    """Pairs of heads that share keys, heads wider than their share, every bias."""
    config = transformers.EuroBertConfig(
        vocab_size=40, hidden_size=20, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=6, intermediate_size=28, max_position_embeddings=11,
        rms_norm_eps=1e-4, hidden_act="gelu", attention_bias=True, mlp_bias=True, pad_token_id=0,
        bos_token_id=1, eos_token_id=2, mask_token_id=3,
        rope_parameters={"rope_type": "linear", "rope_theta": 60.0, "factor": 2.0})
    model = transformers.EuroBertModel(config)
    state = randomize(model, 177)
    fields = fields_of(config, EUROBERT_SIZES + ("head_dim", "rms_norm_eps", "hidden_act",
                                                 "attention_bias", "mlp_bias", "rope_parameters"),
                       architectures=["EuroBertModel"])
    ids, _ = sequences(40, [11, 1, 6], 178)
    write_case("eurobert/grouped_heads", reference(model, state), prefixed(state, "model"), fields,
               ids)


def eurobert_older():
    """The keys of the checkpoints' own code: one theta, no scaling; BF16."""
    config = transformers.EuroBertConfig(
        vocab_size=36, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
        intermediate_size=20, max_position_embeddings=9, pad_token_id=0, bos_token_id=1,
        eos_token_id=2, mask_token_id=3,
        rope_parameters={"rope_type": "default", "rope_theta": 250.0})
    model = transformers.EuroBertModel(config)
    state = {name: tensor.bfloat16() for name, tensor in randomize(model, 179).items()}
    fields = fields_of(config, EUROBERT_SIZES, architectures=["EuroBertModel"], rope_theta=250.0,
                       rope_scaling=None,
                       auto_map={"AutoModel": "modeling_eurobert.EuroBertModel"})
    ids, _ = sequences(36, [9, 4, 1], 180)
    write_case("eurobert/older", reference(model, state), state, fields, ids)


CASES = (t5_relu, t5_gated, mt5, modernbert_today, modernbert_older, nomic_today, nomic_older,
         nomic_options, gte_today, gte_older, eurobert, eurobert_older)
