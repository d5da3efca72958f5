"""Architectures that transformers does not hold, written down from their checkpoints' own code in plain
PyTorch, as references for goldens. Each gives what transformers' models give: an object with
last_hidden_state, hidden_states, attentions and pooler_output.

Compared with that code: NomicBert with contrastors' modeling_hf_nomic_bert.py, run on the same random
weights; JinaBert by reading it beside text-embeddings-inference's, candle's and llama.cpp's.
"""
import math
from types import SimpleNamespace

import torch


def alibi_slopes(heads):
    """Press et al. 2022; for other than powers of two, every other slope of the double is added."""
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    extra = [2 ** (-8 * (i + 1) / (2 * power)) for i in range(2 * power)][0::2]
    return slopes + extra[:heads - power]


class Model:
    """`state` by the checkpoint's names, `config` by config.json's."""
    eps = "layer_norm_eps"

    def __init__(self, config, state):
        self.config = SimpleNamespace(**config)
        self.state = {name: tensor.double() for name, tensor in state.items()}
        self.pooler = None
        if "pooler.dense.weight" in state:
            self.pooler = lambda first: torch.tanh(self.linear("pooler.dense", first[:, 0]))

    def linear(self, name, x):
        return torch.nn.functional.linear(x, self.state[name + ".weight"],
                                          self.state.get(name + ".bias"))

    def norm(self, name, x):
        return torch.nn.functional.layer_norm(x, x.shape[-1:], self.state[name + ".weight"],
                                              self.state[name + ".bias"],
                                              getattr(self.config, self.eps))

    def embeddings(self, norm, input_ids, token_type_ids):
        if token_type_ids is None:
            token_type_ids = torch.zeros_like(input_ids)
        return self.norm(norm, self.state["embeddings.word_embeddings.weight"][input_ids] +
                         self.state["embeddings.token_type_embeddings.weight"][token_type_ids])

    def outputs(self, states, attentions):
        return SimpleNamespace(last_hidden_state=states[-1], hidden_states=states,
                               attentions=attentions,
                               pooler_output=self.pooler(states[-1]) if self.pooler else None)


def split_heads(x, heads):
    return x.view(*x.shape[:2], heads, -1).transpose(1, 2)


def attend(q, k, v, bias, attention_mask):
    """The softmax weights, and the heads' results side by side."""
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + bias
    weights = scores.masked_fill(attention_mask[:, None, None] == 0, -torch.inf).softmax(-1)
    return weights, (weights @ v).transpose(1, 2).flatten(2)


class JinaBert(Model):
    """jinaai/jina-bert-implementation, or jinaai/jina-bert-v2-qk-post-norm where `state` says so: ALiBi,
    GLU feed-forward."""

    def __call__(self, input_ids, attention_mask, token_type_ids=None, **_):
        config, length = self.config, input_ids.shape[1]
        x = self.embeddings("embeddings.LayerNorm", input_ids, token_type_ids)
        distance = (torch.arange(length)[None] - torch.arange(length)[:, None]).abs().double()
        slopes = torch.tensor(alibi_slopes(config.num_attention_heads)).double()
        bias = -slopes[:, None, None] * distance
        act = torch.relu if config.feed_forward_type == "reglu" else torch.nn.functional.gelu
        states, attentions = [x], []
        for i in range(config.num_hidden_layers):
            layer = f"encoder.layer.{i}."
            own, post_norm = layer + "attention.self.", f"{layer}layer_norm_1.weight" in self.state
            q, k, v = (self.linear(own + name, x) for name in ("query", "key", "value"))
            if post_norm:  # over all heads
                q, k = self.norm(own + "layer_norm_q", q), self.norm(own + "layer_norm_k", k)
            weights, seen = attend(*(split_heads(each, config.num_attention_heads)
                                     for each in (q, k, v)), bias, attention_mask)
            attentions.append(weights)
            y = self.norm(layer + "attention.output.LayerNorm",
                          self.linear(layer + "attention.output.dense", seen) + x)
            if post_norm:
                y = self.norm(layer + "layer_norm_1", x + y)
                up, gate = self.linear(layer + "mlp.up_gated_layer", y).chunk(2, -1)
                x = self.norm(layer + "layer_norm_2",
                              y + self.linear(layer + "mlp.down_layer", up * act(gate)))
            else:
                gate, up = self.linear(layer + "mlp.gated_layers", y).chunk(2, -1)
                x = self.norm(layer + "mlp.layernorm",
                              self.linear(layer + "mlp.wo", act(gate) * up) + y)
            states.append(x)
        return self.outputs(states, attentions)


class NomicBert(Model):
    """contrastors' modeling_hf_nomic_bert.py without prenorm and up to max_trained_positions tokens: rotary
    positions, gated feed-forward."""
    eps = "layer_norm_epsilon"
    gates = {"swiglu": torch.nn.functional.silu, "geglu": torch.nn.functional.gelu,
             "glu": torch.sigmoid}

    def turned(self, x):
        """(rows, heads, length, size): the first columns of each head by their positions' angles."""
        columns = int(x.shape[-1] * self.config.rotary_emb_fraction)
        frequencies = 1.0 / self.config.rotary_emb_base ** (
            torch.arange(0, columns, 2, dtype=torch.float32) / columns)
        angles = torch.outer(torch.arange(x.shape[2], dtype=torch.float32), frequencies).double()
        cos, sin, part = angles.cos(), angles.sin(), x[..., :columns]
        if self.config.rotary_emb_interleaved:
            first, second = part[..., ::2], part[..., 1::2]
            part = torch.stack([first * cos - second * sin, second * cos + first * sin], -1).flatten(-2)
        else:
            first, second = part.chunk(2, -1)
            part = torch.cat([first * cos - second * sin, second * cos + first * sin], -1)
        return torch.cat([part, x[..., columns:]], -1)

    def __call__(self, input_ids, attention_mask, token_type_ids=None, **_):
        x = self.embeddings("emb_ln", input_ids, token_type_ids)
        states, attentions = [x], []
        for i in range(self.config.n_layer):
            layer = f"encoder.layers.{i}."
            q, k, v = (split_heads(part, self.config.n_head)
                       for part in self.linear(layer + "attn.Wqkv", x).chunk(3, -1))
            weights, seen = attend(self.turned(q), self.turned(k), v, 0, attention_mask)
            attentions.append(weights)
            x = self.norm(layer + "norm1", self.linear(layer + "attn.out_proj", seen) + x)
            gate = self.gates[self.config.activation_function](self.linear(layer + "mlp.fc12", x))
            x = self.norm(layer + "norm2", x + self.linear(
                layer + "mlp.fc2", self.linear(layer + "mlp.fc11", x) * gate))
            states.append(x)
        return self.outputs(states, attentions)


def parameters(shapes):
    """What tiny_models.randomize fills: zeros of these shapes by name. A name ending in * has a weight and
    a bias."""
    state = {}
    for name, shape in shapes.items():
        if name.endswith("*"):
            state |= {name[:-1] + ".weight": torch.zeros(shape), name[:-1] + ".bias": torch.zeros(shape[0])}
        else:
            state[name] = torch.zeros(shape)
    return SimpleNamespace(state_dict=lambda: state)


def jina_bert_parameters(config, post_norm=False):
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    shapes = {"embeddings.word_embeddings.weight": (config["vocab_size"], hidden),
              "embeddings.token_type_embeddings.weight": (config["type_vocab_size"], hidden),
              "embeddings.LayerNorm*": (hidden,), "pooler.dense*": (hidden, hidden)}
    for i in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{i}."
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            shapes[f"{layer}attention.{name}*"] = (hidden, hidden)
        norms = ("attention.self.layer_norm_q", "attention.self.layer_norm_k", "layer_norm_1",
                 "layer_norm_2") if post_norm else ("mlp.layernorm",)
        for name in ("attention.output.LayerNorm", *norms):
            shapes[f"{layer}{name}*"] = (hidden,)
        up, down = ("up_gated_layer", "down_layer") if post_norm else ("gated_layers", "wo")
        shapes[f"{layer}mlp.{up}.weight"] = (2 * inner, hidden)
        shapes[f"{layer}mlp.{down}*"] = (hidden, inner)
    return parameters(shapes)


def nomic_bert_parameters(config):
    def affine(flag):
        return "*" if config[flag] else ".weight"

    def rounded_up(size, multiple):
        return -(-size // multiple) * multiple

    hidden, inner = config["n_embd"], rounded_up(config["n_inner"], 256)
    vocabulary = rounded_up(config["vocab_size"], config["pad_vocab_size_multiple"])
    shapes = {"embeddings.word_embeddings.weight": (vocabulary, hidden),
              "embeddings.token_type_embeddings.weight": (config["type_vocab_size"], hidden),
              "emb_ln*": (hidden,)}
    for i in range(config["n_layer"]):
        layer = f"encoder.layers.{i}."
        shapes |= {layer + "attn.Wqkv" + affine("qkv_proj_bias"): (3 * hidden, hidden),
                   layer + "attn.out_proj" + affine("qkv_proj_bias"): (hidden, hidden),
                   layer + "norm1*": (hidden,), layer + "norm2*": (hidden,),
                   layer + "mlp.fc11" + affine("mlp_fc1_bias"): (inner, hidden),
                   layer + "mlp.fc12" + affine("mlp_fc1_bias"): (inner, hidden),
                   layer + "mlp.fc2" + affine("mlp_fc2_bias"): (hidden, inner)}
    return parameters(shapes)
