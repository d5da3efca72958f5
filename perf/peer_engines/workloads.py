"""Workloads: token ids to encode, as padded batches for the engines that need them."""
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import arrays

NAMES = ["single-16", "single-32", "single-128", "single-512", "ragged", "batch32-128"]


def lengths_of(name):
    """Tokens of each sequence: single-S, batchN-S, raggedN (lognormal, median 32, mean 45, 4 to 256)."""
    if match := re.fullmatch(r"ragged(\d*)", name):
        sigma = np.sqrt(2 * np.log(45 / 32))
        drawn = np.random.default_rng(1234).lognormal(np.log(32), sigma, int(match[1] or 256))
        return np.clip(np.rint(drawn), 4, 256).astype(np.int64)
    if match := re.fullmatch(r"(?:single|batch(\d+))-(\d+)", name):
        return np.full(int(match[1] or 1), int(match[2]), np.int64)
    raise ValueError(f"workload {name}: expected single-S, batchN-S or ragged[N]")


def write_workload(name, folder, vocabulary):
    """Writes I64 `ids` and `offsets`, as `weft bench --workload` reads them; returns the path."""
    lengths = lengths_of(name)
    ids = np.random.default_rng(99).integers(0, vocabulary, int(lengths.sum()), dtype=np.int64)
    path = Path(folder) / f"{name}-{vocabulary}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays.save(path, {"ids": ids, "offsets": np.concatenate([[0], np.cumsum(lengths)])})
    return path


@dataclass
class Batch:
    """rows: indices of the sequences; ids and mask int64 (rows, longest), zeros at padding."""
    rows: np.ndarray
    lengths: np.ndarray
    ids: np.ndarray
    mask: np.ndarray

    @property
    def feed(self):
        return {"input_ids": self.ids, "attention_mask": self.mask}

    def mean(self, states):
        """(rows, longest, hidden) -> the mean over each sequence's own tokens, float32."""
        total = (np.asarray(states, np.float32) * self.mask[..., None]).sum(1)
        return total / self.lengths[:, None].astype(np.float32)


class Workload:
    def __init__(self, path):
        found = arrays.load(path)
        self.sequences = np.split(found["ids"], found["offsets"][1:-1])
        self.lengths = np.diff(found["offsets"])

    def batches(self, size, sample=False):
        """Padded batches of like lengths, the longest first. sample: every fourth, to tune with."""
        order = np.argsort(-self.lengths, kind="stable")
        groups = [order[at:at + size] for at in range(0, len(order), size)]
        if sample and len(groups) > 4:
            groups = groups[1::4]
        return [self._pad(rows) for rows in groups]

    def _pad(self, rows):
        lengths = self.lengths[rows]
        mask = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
        ids = np.zeros_like(mask)
        for line, row in zip(ids, rows):
            line[:self.lengths[row]] = self.sequences[row]
        return Batch(rows, lengths, ids, mask)


def useful_flops(model, lengths):
    """Operations of products and attention, 2 K N a token and 4 T d; nothing for padding."""
    config = json.loads((Path(model) / "config.json").read_text())
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    per_token = 2 * (4 * hidden * hidden + 2 * hidden * inner)
    lengths = np.asarray(lengths, np.float64)
    return config["num_hidden_layers"] * float((per_token * lengths + 4 * hidden * lengths**2).sum())


def cosines(reference, found):
    """Row by row, in double precision."""
    a, b = np.asarray(reference, np.float64), np.asarray(found, np.float64)
    return (a * b).sum(1) / np.maximum(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1), 1e-300)
