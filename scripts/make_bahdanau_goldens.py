#!/usr/bin/env python3
"""Writes tests/golden/bahdanau/: tiny recurrent encoder-decoders and what PyTorch computes with them.

    python scripts/make_bahdanau_goldens.py

Needs numpy, torch and safetensors (made with torch 2.13). Deterministic. The reference is the model of
"Dive into Deep Learning" (chapter on Bahdanau attention) in double precision, each source alone, so
that no padding enters the encoder. Files of a case: config.json, model.safetensors,
ragged_targets.input.safetensors and padded_targets.input.safetensors with targets, the expected tensors of both, and
generated.safetensors: greedy `sequences`, and `attentions` of their steps.
"""
import json
import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/bahdanau"
BOS, EOS, PAD = 1, 2, 0
MAX_LENGTH = 12


class Additive(torch.nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.W_k = torch.nn.Linear(hidden, hidden, bias=False)
        self.W_q = torch.nn.Linear(hidden, hidden, bias=False)
        self.w_v = torch.nn.Linear(hidden, 1, bias=False)

    def forward(self, query, states):
        features = torch.tanh(self.W_q(query).unsqueeze(2) + self.W_k(states).unsqueeze(1))
        weights = torch.softmax(self.w_v(features).squeeze(-1), -1)
        return weights @ states, weights


class Side(torch.nn.Module):
    """An embedding and a GRU; the decoder's input is wider by the context."""

    def __init__(self, vocabulary, embedding, hidden, layers, context):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocabulary, embedding)
        self.rnn = torch.nn.GRU(embedding + context, hidden, layers, batch_first=True)
        if context:
            self.attention = Additive(hidden)
            self.dense = torch.nn.Linear(hidden, vocabulary)


class Model(torch.nn.Module):
    def __init__(self, sizes):
        super().__init__()
        source, target, embedding, hidden, layers = sizes
        self.encoder = Side(source, embedding, hidden, layers, 0)
        self.decoder = Side(target, embedding, hidden, layers, hidden)

    def encode(self, ids):
        return self.encoder.rnn(self.encoder.embedding(torch.tensor([ids])))

    def step(self, token, state, states):
        context, weights = self.decoder.attention(state[-1].unsqueeze(1), states)
        x = torch.cat([context, self.decoder.embedding(torch.tensor([[token]]))], -1)
        out, state = self.decoder.rnn(x, state)
        return out[0, 0], self.decoder.dense(out)[0, 0], weights[0, 0], state


def teacher_forcing(model, source, target):
    states, state = model.encode(source)
    steps = []
    for token in target:
        top, logits, weights, state = model.step(token, state, states)
        steps.append((top, logits, weights))
    return states[0], [torch.stack(column) for column in zip(*steps)]


def greedy(model, source):
    states, state = model.encode(source)
    tokens, attention, margin = [BOS], [], np.inf
    while len(tokens) < MAX_LENGTH:
        _, logits, weights, state = model.step(tokens[-1], state, states)
        best = torch.topk(logits, 2).values
        margin = min(margin, float(best[0] - best[1]))
        attention.append(weights)
        tokens.append(int(torch.argmax(logits)))
        if tokens[-1] == EOS:
            break
    assert margin > 1e-3, margin  # no ties for the order of sums to decide
    return tokens, torch.stack(attention)


def write_case(name, seed, sizes, eos_bias, rename):
    source_size, target_size, embedding, hidden, layers = sizes
    torch.manual_seed(seed)
    random = np.random.RandomState(seed)
    model = Model(sizes)
    state = {key: torch.tensor(random.standard_normal(tuple(value.shape)) *
                               (1.5 / np.sqrt(value.shape[-1]) if value.dim() == 2 and
                                "embedding" not in key else 1 if value.dim() == 2 else 0.3),
                               dtype=torch.float32)
             for key, value in sorted(model.state_dict().items())}
    state["decoder.dense.bias"][EOS] += eos_bias
    model.double().eval().load_state_dict({key: value.double() for key, value in state.items()})
    folder = GOLDEN / name
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_type": "bahdanau", "vocab_size": source_size, "decoder_vocab_size": target_size,
              "embedding_size": embedding, "hidden_size": hidden, "num_layers": layers,
              "max_length": MAX_LENGTH, "bos_token_id": BOS, "eos_token_id": EOS,
              "pad_token_id": PAD}
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    save_file({rename(key): value.numpy() for key, value in state.items()},
              folder / "model.safetensors")

    lengths, target_lengths = [5, 1, 8, 3], [4, 6, 1, 3]
    sources = [list(map(int, random.randint(3, source_size, n))) for n in lengths]
    targets = [[BOS] + list(map(int, random.randint(3, target_size, n - 1)))
               for n in target_lengths]
    columns, target_columns = max(lengths) + 1, max(target_lengths)
    with torch.no_grad():
        runs = [teacher_forcing(model, s, t) for s, t in zip(sources, targets)]
        texts = [greedy(model, s) for s in sources]
    target_ids = np.full((4, target_columns), 77777, np.int64)
    target_mask = np.zeros((4, target_columns), np.int64)
    expected = {"last_hidden_state": np.zeros((4, target_columns, hidden)),
                "logits": np.zeros((4, target_columns, target_size))}
    ragged_attention = np.zeros((4, 1, target_columns, max(lengths)))
    padded_attention = np.zeros((4, 1, target_columns, columns))
    left = np.full((4, columns), -5, np.int64)
    mask = np.zeros((4, columns), np.int64)
    padded_states = np.zeros((4, columns, hidden))
    for i, (states, (top, logits, weights)) in enumerate(runs):
        n, u = lengths[i], target_lengths[i]
        target_ids[i, :u], target_mask[i, :u] = targets[i], 1
        expected["last_hidden_state"][i, :u], expected["logits"][i, :u] = top, logits
        ragged_attention[i, 0, :u, :n] = weights
        first = columns - n if i % 2 else 0
        padded_attention[i, 0, :u, first:first + n] = weights
        left[i, first:first + n], mask[i, first:first + n] = sources[i], 1
        padded_states[i, first:first + n] = states
    as_float = lambda arrays: {key: np.ascontiguousarray(value, np.float32)
                               for key, value in arrays.items()}
    decoder = {"decoder_input_ids": target_ids, "decoder_attention_mask": target_mask}
    save_file({"input_ids": np.concatenate(sources),
               "offsets": np.concatenate([[0], np.cumsum(lengths)])} | decoder,
              folder / "ragged_targets.input.safetensors")
    save_file(as_float(expected | {
        "encoder_last_hidden_state": np.concatenate([r[0].numpy() for r in runs]),
        "cross_attentions.0": ragged_attention}), folder / "ragged_targets.expected.safetensors")
    save_file({"input_ids": left, "attention_mask": mask} | decoder,
              folder / "padded_targets.input.safetensors")
    save_file(as_float(expected | {"encoder_last_hidden_state": padded_states,
                                   "cross_attentions.0": padded_attention}),
              folder / "padded_targets.expected.safetensors")
    sequences = np.full((4, MAX_LENGTH), PAD, np.int64)
    attentions = np.zeros((4, MAX_LENGTH, max(lengths)), np.float32)
    for i, (tokens, attention) in enumerate(texts):
        sequences[i, :len(tokens)] = tokens
        attentions[i, :len(attention), :lengths[i]] = attention
    print(name, [len(t) for t, _ in texts])
    save_file({"sequences": sequences, "attentions": attentions},
              folder / "generated.safetensors")


def main():
    write_case("two_layers", 159, (23, 19, 10, 12, 2), 0.3, lambda key: key)
    # Newer editions of the book wrap torch.nn.GRU in a module that is called rnn too.
    write_case("one_layer", 153, (17, 17, 7, 9, 1), 1.0, lambda key: key.replace(".rnn.", ".rnn.rnn."))


if __name__ == "__main__":
    main()
