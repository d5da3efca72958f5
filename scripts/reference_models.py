"""Architectures that transformers does not hold, written down from their checkpoints' own code in plain
PyTorch, as references for goldens. Each gives what transformers' models give: an object with
last_hidden_state, hidden_states, attentions and pooler_output.
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


class JinaBert:
    """jinaai/jina-bert-implementation: ALiBi, GLU feed-forward. `state` by the checkpoint's names."""

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
                                              self.config.layer_norm_eps)

    def __call__(self, input_ids, attention_mask, token_type_ids=None, **_):
        config, (rows, length) = self.config, input_ids.shape
        heads, size = config.num_attention_heads, config.hidden_size // config.num_attention_heads
        if token_type_ids is None:
            token_type_ids = torch.zeros_like(input_ids)
        x = self.norm("embeddings.LayerNorm",
                      self.state["embeddings.word_embeddings.weight"][input_ids] +
                      self.state["embeddings.token_type_embeddings.weight"][token_type_ids])
        distance = (torch.arange(length)[None] - torch.arange(length)[:, None]).abs().double()
        bias = -torch.tensor(alibi_slopes(heads)).double()[:, None, None] * distance
        hidden = attention_mask[:, None, None] == 0
        states, attentions = [x], []
        for i in range(config.num_hidden_layers):
            layer = f"encoder.layer.{i}."
            q, k, v = (self.linear(f"{layer}attention.self.{name}", x)
                       .view(rows, length, heads, size).transpose(1, 2)
                       for name in ("query", "key", "value"))
            scores = q @ k.transpose(-1, -2) / math.sqrt(size) + bias
            attentions.append(scores.masked_fill(hidden, -torch.inf).softmax(-1))
            seen = (attentions[-1] @ v).transpose(1, 2).reshape(rows, length, -1)
            x = self.norm(layer + "attention.output.LayerNorm",
                          self.linear(layer + "attention.output.dense", seen) + x)
            gated, other = self.linear(layer + "mlp.gated_layers", x).chunk(2, -1)
            act = torch.relu if config.feed_forward_type == "reglu" else torch.nn.functional.gelu
            x = self.norm(layer + "mlp.layernorm", self.linear(layer + "mlp.wo", act(gated) * other) + x)
            states.append(x)
        pooled = self.pooler(x) if self.pooler else None
        return SimpleNamespace(last_hidden_state=x, hidden_states=states, attentions=attentions,
                               pooler_output=pooled)


def jina_bert_state(config, seed):
    """Random weights as tiny_models.randomize makes them."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    shapes = {"embeddings.word_embeddings.weight": (config["vocab_size"], hidden),
              "embeddings.token_type_embeddings.weight": (config["type_vocab_size"], hidden),
              "embeddings.LayerNorm.weight": (hidden,), "embeddings.LayerNorm.bias": (hidden,),
              "pooler.dense.weight": (hidden, hidden), "pooler.dense.bias": (hidden,)}
    for i in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{i}."
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            shapes[f"{layer}attention.{name}.weight"] = (hidden, hidden)
            shapes[f"{layer}attention.{name}.bias"] = (hidden,)
        for name in ("attention.output.LayerNorm", "mlp.layernorm"):
            shapes |= {f"{layer}{name}.weight": (hidden,), f"{layer}{name}.bias": (hidden,)}
        shapes[layer + "mlp.gated_layers.weight"] = (2 * inner, hidden)
        shapes[layer + "mlp.wo.weight"] = (hidden, inner)
        shapes[layer + "mlp.wo.bias"] = (hidden,)
    parameters = {name: torch.empty(shape) for name, shape in shapes.items()}
    return SimpleNamespace(state_dict=lambda: parameters)
