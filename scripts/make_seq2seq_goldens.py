#!/usr/bin/env python3
"""Writes tests/golden/<architecture>/<case>/ of encoder-decoders: tiny checkpoints, inputs, outputs.

    python scripts/make_seq2seq_goldens.py [CASE...]

Needs numpy, torch, transformers and safetensors (made with torch 2.13, transformers 5.23).
Deterministic. Each case holds config.json, the weights, and the pairs sources_{ragged,right,left}
.{input,expected}.safetensors: sources in that layout with decoder_input_ids [B,U], padded on the
right, with `left` on the left. Expected values are transformers' eager model in double precision.
"""
import sys

import numpy as np
import torch
import transformers

import tiny_bert
import tiny_models
from tiny_models import fields_of, randomize, sequences

BART_SIZES = ("vocab_size", "d_model", "encoder_layers", "decoder_layers",
              "encoder_attention_heads", "decoder_attention_heads", "encoder_ffn_dim",
              "decoder_ffn_dim", "max_position_embeddings")
TARGET_LENGTHS = [5, 1, 7, 3]


def stored_once(model, state):
    """`state` with one value per tied tensor, and the names that a checkpoint keeps."""
    first, kept = {}, {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if name not in state:
            continue
        owner = first.setdefault(tensor.data_ptr(), name)
        if owner == name:
            kept[name] = state[name]
        else:
            state[name] = state[owner]
    return kept


def reference(model, state):
    model.set_attn_implementation("eager")
    model = model.double().eval()
    missing, unexpected = model.load_state_dict({k: v.double() for k, v in state.items()},
                                                strict=False)
    assert not unexpected and all("embed_positions" in name for name in missing), missing
    return model


def run(model, inputs, keep, target_keep):
    last = {}
    hooks = [part.register_forward_hook(
        lambda _, __, out, name=name: last.__setitem__(name, out.last_hidden_state))
        for name, part in (("encoder", model.get_encoder()), ("decoder", model.get_decoder()))]
    with torch.no_grad():
        out = model(**{name: torch.tensor(values) for name, values in inputs.items()},
                    output_hidden_states=True, output_attentions=True, use_cache=False)
    for hook in hooks:
        hook.remove()
    named = {"last_hidden_state": last["decoder"], "encoder_last_hidden_state": last["encoder"]}
    if "logits" in out:
        named["logits"] = out.logits
    for side in ("encoder", "decoder"):
        states = list(getattr(out, f"{side}_hidden_states"))
        states[-1] = last[side]
        named |= {f"{side}_hidden_states.{i}": t for i, t in enumerate(states)}
        named |= {f"{side}_attentions.{i}": t
                  for i, t in enumerate(getattr(out, f"{side}_attentions"))}
    named |= {f"cross_attentions.{i}": t for i, t in enumerate(out.cross_attentions)}
    named = {name: tensor.numpy().copy() for name, tensor in named.items()}
    for name, values in named.items():
        rows = keep if name.startswith("encoder") else target_keep
        if "attentions" in name:
            columns = target_keep if name.startswith("decoder") else keep
            values *= rows[:, None, :, None] * columns[:, None, None, :]
        else:
            values[~rows] = 0
    return named


def forms_of(model, ids, targets):
    forms, pad_id = {}, model.config.pad_token_id or 0
    longest, width = max(map(len, ids)), max(map(len, targets))
    for side in ("right", "left"):
        mask = tiny_bert.pad([np.ones(len(row), np.int64) for row in ids], longest, side, 0)
        target_mask = tiny_bert.pad([np.ones(len(row), np.int64) for row in targets], width, side, 0)
        keep, target_keep = mask.astype(bool), target_mask.astype(bool)
        inputs = {"input_ids": tiny_bert.pad(ids, longest, side, pad_id), "attention_mask": mask,
                  "decoder_input_ids": tiny_bert.pad(targets, width, side, pad_id),
                  "decoder_attention_mask": target_mask}
        expected = run(model, inputs, keep, target_keep)
        given = dict(inputs)
        given["input_ids"] = np.where(keep, inputs["input_ids"], -999)
        given["decoder_input_ids"] = np.where(target_keep, inputs["decoder_input_ids"], 1 << 40)
        forms[f"sources_{side}"] = (given, expected)
        if side == "left":
            continue
        ragged = {name: values[keep] if name.startswith("encoder") and "attentions" not in name
                  else values for name, values in expected.items()}
        given = {name: given[name] for name in ("decoder_input_ids", "decoder_attention_mask")}
        given["input_ids"] = np.concatenate(ids)
        given["offsets"] = np.concatenate([[0], np.cumsum([len(row) for row in ids])])
        forms["sources_ragged"] = (given, ragged)
    return forms


def write(folder, model, fields, seed, prefix="", drop=(), convert=lambda tensor: tensor):
    config = model.config
    state = randomize(model, seed)
    state = {name: convert(tensor) for name, tensor in state.items()
             if model.config.model_type != "marian" or "embed_positions" not in name}
    stored = {name: tensor for name, tensor in stored_once(model, state).items()
              if name not in drop}
    ids, _ = sequences(config.vocab_size, [6, 1, 9, 4], seed + 1)
    vocabulary = getattr(config, "decoder_vocab_size", None) or config.vocab_size
    targets, _ = sequences(vocabulary, TARGET_LENGTHS, seed + 2)
    forms = forms_of(reference(model, state), ids, targets)
    tiny_models.write_files(folder, {prefix + k: v for k, v in stored.items()}, fields, forms)


def marian():
    """Shared tables, scaled, swish; heads of 10 and 5 columns."""
    config = transformers.MarianConfig(
        vocab_size=50, d_model=20, encoder_layers=2, decoder_layers=3, encoder_attention_heads=2,
        decoder_attention_heads=4, encoder_ffn_dim=36, decoder_ffn_dim=44,
        max_position_embeddings=12, activation_function="swish", scale_embedding=True,
        pad_token_id=49, decoder_start_token_id=49, eos_token_id=0)
    fields = fields_of(config, BART_SIZES + ("activation_function", "scale_embedding",
                                             "pad_token_id", "decoder_start_token_id",
                                             "eos_token_id", "is_encoder_decoder"),
                       architectures=["MarianMTModel"])
    write("marian/translating", transformers.MarianMTModel(config), fields, 201)


def marian_own_tables():
    """Two vocabularies, an odd d_model, no head."""
    config = transformers.MarianConfig(
        vocab_size=40, decoder_vocab_size=31, d_model=21, encoder_layers=1, decoder_layers=2,
        encoder_attention_heads=3, decoder_attention_heads=7, encoder_ffn_dim=30,
        decoder_ffn_dim=26, max_position_embeddings=9, share_encoder_decoder_embeddings=False,
        tie_word_embeddings=False, pad_token_id=30)
    fields = fields_of(config, BART_SIZES + ("decoder_vocab_size", "pad_token_id",
                                             "share_encoder_decoder_embeddings",
                                             "tie_word_embeddings"),
                       architectures=["MarianModel"])
    write("marian/own_tables", transformers.MarianModel(config), fields, 205)


def bart():
    config = transformers.BartConfig(
        vocab_size=45, d_model=24, encoder_layers=2, decoder_layers=2, encoder_attention_heads=3,
        decoder_attention_heads=2, encoder_ffn_dim=40, decoder_ffn_dim=28,
        max_position_embeddings=10)
    fields = fields_of(config, BART_SIZES, architectures=["BartForConditionalGeneration"])
    write("bart/generating", transformers.BartForConditionalGeneration(config), fields, 209)


def bart_bare():
    """Without a head, in F16, scaled embeddings, the tanh GELU."""
    config = transformers.BartConfig(
        vocab_size=33, d_model=18, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=3, encoder_ffn_dim=20, decoder_ffn_dim=22,
        max_position_embeddings=9, scale_embedding=True, activation_function="gelu_new")
    fields = fields_of(config, BART_SIZES + ("scale_embedding", "activation_function"),
                       architectures=["BartModel"])
    write("bart/bare_half_precision", transformers.BartModel(config), fields, 213,
          convert=lambda tensor: tensor.half().float())


def mbart():
    """Pre-norm with a LayerNorm at the end."""
    config = transformers.MBartConfig(
        vocab_size=38, d_model=20, encoder_layers=2, decoder_layers=2, encoder_attention_heads=4,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=30,
        max_position_embeddings=11, scale_embedding=True, activation_function="relu")
    fields = fields_of(config, BART_SIZES + ("scale_embedding", "activation_function"),
                       architectures=["MBartForConditionalGeneration"])
    write("mbart/generating", transformers.MBartForConditionalGeneration(config), fields, 217)


T5_SIZES = ("vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_decoder_layers",
            "num_heads", "relative_attention_num_buckets", "relative_attention_max_distance",
            "feed_forward_proj", "layer_norm_epsilon")


def t5():
    """Tied and scaled scores, heads that are not d_model together, buckets that merge distances."""
    config = transformers.T5Config(
        vocab_size=37, d_model=20, d_kv=7, d_ff=33, num_layers=2, num_decoder_layers=3, num_heads=2,
        relative_attention_num_buckets=6, relative_attention_max_distance=5,
        decoder_start_token_id=0)
    fields = fields_of(config, T5_SIZES, architectures=["T5ForConditionalGeneration"],
                       is_encoder_decoder=True)
    write("t5/generating", transformers.T5ForConditionalGeneration(config), fields, 221)


def mt5():
    """Gated, a head of its own, unscaled (T5 v1.1)."""
    config = transformers.MT5Config(
        vocab_size=41, d_model=24, d_kv=5, d_ff=26, num_layers=2, num_decoder_layers=1, num_heads=3,
        relative_attention_num_buckets=8, relative_attention_max_distance=20,
        feed_forward_proj="gated-gelu", decoder_start_token_id=0)
    model = transformers.MT5ForConditionalGeneration(config)
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    fields = fields_of(config, T5_SIZES, architectures=["MT5ForConditionalGeneration"],
                       tie_word_embeddings=False)
    write("mt5/generating", model, fields, 225)


def t5_untied():
    """tie_word_embeddings false: T5 leaves the decoder's result unscaled."""
    config = transformers.T5Config(
        vocab_size=30, d_model=16, d_kv=8, d_ff=20, num_layers=1, num_heads=2,
        feed_forward_proj="gated-silu", tie_word_embeddings=False, decoder_start_token_id=0)
    model = transformers.T5ForConditionalGeneration(config)
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    fields = fields_of(config, T5_SIZES, architectures=["T5ForConditionalGeneration"],
                       tie_word_embeddings=False)
    write("t5/untied", model, fields, 229)


def run_torch(model, x, y, keep, target_keep):
    """Every layer's result and softmax weights of torch.nn.Transformer; x (B, T, d), y (B, U, d)."""
    padding, past = ~torch.tensor(keep), torch.full((y.shape[1],) * 2, True).triu(1)
    named = {}
    with torch.no_grad():
        for i, layer in enumerate(model.encoder.layers):
            named[f"encoder_hidden_states.{i}"] = x
            seen = layer.norm1(x) if layer.norm_first else x
            named[f"encoder_attentions.{i}"] = layer.self_attn(
                seen, seen, seen, key_padding_mask=padding, average_attn_weights=False)[1]
            x = layer(x, src_key_padding_mask=padding)
        memory = model.encoder.norm(x)
        last = len(model.encoder.layers)
        named[f"encoder_hidden_states.{last}"] = named["encoder_last_hidden_state"] = memory
        target_padding = ~torch.tensor(target_keep)
        for i, layer in enumerate(model.decoder.layers):
            named[f"decoder_hidden_states.{i}"] = y
            weights = {}
            for name in ("self_attn", "multihead_attn"):
                def record(module, args, kwargs, name=name):
                    weights[name] = torch.nn.MultiheadAttention.forward(
                        module, *args, **(kwargs | {"need_weights": True,
                                                    "average_attn_weights": False}))[1]
                hook = getattr(layer, name).register_forward_pre_hook(record, with_kwargs=True)
                weights[f"hook {name}"] = hook
            y = layer(y, memory, tgt_mask=past, memory_key_padding_mask=padding,
                      tgt_key_padding_mask=target_padding)
            for name, kind in (("self_attn", "decoder"), ("multihead_attn", "cross")):
                weights[f"hook {name}"].remove()
                named[f"{kind}_attentions.{i}"] = weights[name]
        last = len(model.decoder.layers)
        named[f"decoder_hidden_states.{last}"] = named["last_hidden_state"] = model.decoder.norm(y)
    named = {name: tensor.numpy().copy() for name, tensor in named.items()}
    for name, values in named.items():
        rows = keep if name.startswith("encoder") else target_keep
        if "attentions" in name:
            columns = target_keep if name.startswith("decoder") else keep
            values[:] = np.nan_to_num(values * rows[:, None, :, None] * columns[:, None, None, :])
        else:
            values[~rows] = 0
    return named


def torch_transformer(name, seed, fields):
    torch.backends.mha.set_fastpath_enabled(False)
    own = {key: fields[key] for key in ("norm_first", "bias", "activation", "layer_norm_eps")
           if key in fields}
    width = fields["d_model"]
    model = torch.nn.Transformer(width, fields["nhead"], fields["num_encoder_layers"],
                                 fields["num_decoder_layers"], fields["dim_feedforward"],
                                 batch_first=True, **own)
    state = randomize(model, seed)
    model = model.double().eval()
    model.load_state_dict({key: tensor.double() for key, tensor in state.items()})
    lengths, target_lengths = [5, 1, 3], [2, 4, 1]
    random = np.random.RandomState(seed + 1)
    keep = np.arange(5) < np.array(lengths)[:, None]
    target_keep = np.arange(4) < np.array(target_lengths)[:, None]
    x = random.standard_normal((3, 5, width)).astype(np.float32)
    y = random.standard_normal((3, 4, width)).astype(np.float32)
    expected = run_torch(model, torch.tensor(x).double(), torch.tensor(y).double(), keep,
                         target_keep)
    # The library's own forward agrees with the layers taken one by one.
    with torch.no_grad():
        out = model(torch.tensor(x).double(), torch.tensor(y).double(),
                    tgt_mask=torch.full((4, 4), True).triu(1),
                    src_key_padding_mask=~torch.tensor(keep),
                    memory_key_padding_mask=~torch.tensor(keep)).numpy()
    assert np.abs((out - expected["last_hidden_state"])[target_keep]).max() < 1e-12
    x[~keep] = y[~target_keep] = 1e30
    given = {"inputs": x, "attention_mask": keep.astype(np.int64), "decoder_inputs": y,
             "decoder_attention_mask": target_keep.astype(np.int64)}
    tiny_models.write_files(f"torch_transformer/{name}", state,
                            {"model_type": "torch.nn.Transformer"} | fields,
                            {"vectors_decoded": (given, expected)})


def torch_post_norm():
    torch_transformer("post_norm", 233, {"d_model": 18, "nhead": 3, "num_encoder_layers": 2,
                                         "num_decoder_layers": 3, "dim_feedforward": 26})


def torch_pre_norm():
    torch_transformer("pre_norm", 237, {"d_model": 20, "nhead": 2, "num_encoder_layers": 1,
                                        "num_decoder_layers": 2, "dim_feedforward": 32,
                                        "activation": "gelu", "norm_first": True, "bias": False,
                                        "layer_norm_eps": 1e-6})


CASES = (marian, marian_own_tables, bart, bart_bare, mbart, t5, t5_untied, mt5, torch_post_norm,
         torch_pre_norm)


def main():
    wanted = sys.argv[1:]
    for case in CASES:
        if not wanted or case.__name__ in wanted:
            case()


if __name__ == "__main__":
    main()
