"""Workloads: token ids to encode, as padded batches for the engines that need them, or images."""
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import arrays

NAMES = ["single-16", "single-32", "single-128", "single-512", "ragged", "batch32-128"]
BERT_SHAPED = {"bert", "camembert", "ernie", "roberta", "xlm-roberta"}  # by model_type, for useful_flops


def lengths_of(name):
    """Tokens of each sequence: single-S, batchN-S, raggedN (lognormal, median 32, mean 45, 4 to 256)."""
    if match := re.fullmatch(r"ragged(\d*)", name):
        sigma = np.sqrt(2 * np.log(45 / 32))
        drawn = np.random.default_rng(1234).lognormal(np.log(32), sigma, int(match[1] or 256))
        return np.clip(np.rint(drawn), 4, 256).astype(np.int64)
    if match := re.fullmatch(r"(?:single|batch(\d+))-(\d+)", name):
        return np.full(int(match[1] or 1), int(match[2]), np.int64)
    raise ValueError(f"workload {name}: expected single-S, batchN-S, ragged[N] or images-N")


def image_shape(config):
    """(channels, height, width) of a config.json that has an image_size."""
    size = config["image_size"]
    height, width = (size, size) if isinstance(size, int) else size
    return config.get("num_channels", 3), height, width


def write_workload(name, folder, config):
    """Writes what `weft bench --workload` reads and returns the path: I64 `ids` and `offsets`, or for
    images-N F32 `pixel_values`. config: the model's config.json."""
    draw = np.random.default_rng(99)
    if match := re.fullmatch(r"images-(\d+)", name):
        shape = (int(match[1]), *image_shape(config))
        made = {"pixel_values": draw.standard_normal(shape, np.float32)}
        kind = "x".join(map(str, shape[1:]))
    else:
        lengths = lengths_of(name)
        made = {"ids": draw.integers(0, config["vocab_size"], int(lengths.sum()), dtype=np.int64),
                "offsets": np.concatenate([[0], np.cumsum(lengths)])}
        kind = config["vocab_size"]
    path = Path(folder) / f"{name}-{kind}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays.save(path, made)
    return path


@dataclass
class ImageBatch:
    """rows: indices of the images; pixel_values float32 (rows, channels, height, width)."""
    rows: np.ndarray
    pixel_values: np.ndarray

    @property
    def feed(self):
        return {"pixel_values": self.pixel_values}

    @property
    def lengths(self):
        return np.ones(len(self.rows), np.int64)

    def mean(self, states):
        """(rows, tokens, hidden) -> the mean over each image's tokens, float32."""
        return np.asarray(states, np.float32).mean(1)


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
        """(rows, longest, hidden) -> the mean over each sequence's own tokens, float32. What lies at padding,
        NaN where a sliding window sees nothing else, does not matter."""
        total = np.where(self.mask[..., None] == 1, np.asarray(states, np.float32), 0).sum(1)
        return total / self.lengths[:, None].astype(np.float32)


class Workload:
    def __init__(self, path):
        found = arrays.load(path)
        self.images = found.get("pixel_values")
        if self.images is not None:
            self.lengths = np.ones(len(self.images), np.int64)  # tokens are the model's affair
            return
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
        if self.images is not None:
            return ImageBatch(rows, np.ascontiguousarray(self.images[rows]))
        lengths = self.lengths[rows]
        mask = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
        ids = np.zeros_like(mask)
        for line, row in zip(ids, rows):
            line[:self.lengths[row]] = self.sequences[row]
        return Batch(rows, lengths, ids, mask)


def useful_flops(model, lengths):
    """Operations of products and attention, 2 K N a token and 4 T d; nothing for padding. None for a
    model of another shape than BERT's."""
    config = json.loads((Path(model) / "config.json").read_text())
    if config.get("model_type") not in BERT_SHAPED:
        return None
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    per_token = 2 * (4 * hidden * hidden + 2 * hidden * inner)
    lengths = np.asarray(lengths, np.float64)
    return config["num_hidden_layers"] * float((per_token * lengths + 4 * hidden * lengths**2).sum())


def cosines(reference, found):
    """Row by row, in double precision."""
    a, b = np.asarray(reference, np.float64), np.asarray(found, np.float64)
    return (a * b).sum(1) / np.maximum(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1), 1e-300)
