#!/usr/bin/env python3
"""Writes tests/golden/attention/*.safetensors: relative positions, rotary embeddings and disentangled
attention as transformers computes them, on small random values.

    python3 scripts/make_attention_goldens.py

Needs torch, transformers and safetensors. Everything is seeded.
"""
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import DebertaV2Config, GteConfig, ModernBertConfig
from transformers.models.bloom.modeling_bloom import build_alibi_tensor
from transformers.models.deberta_v2.modeling_deberta_v2 import (
    DisentangledSelfAttention,
    build_relative_position,
)
from transformers.models.gte.modeling_gte import apply_rotary_pos_emb
from transformers.models.modernbert.modeling_modernbert import ModernBertRotaryEmbedding
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder
from transformers.models.t5.modeling_t5 import T5Attention, T5LayerNorm

OUT = Path(__file__).resolve().parent.parent / "tests" / "golden" / "attention"
DISTANCES = torch.arange(-600, 601)


def relative_positions():
    """Buckets of DISTANCES (key - query), and ALiBi's slopes per number of heads."""
    tensors = {}
    for buckets, farthest in [(32, 128), (32, 200), (20, 64), (64, 1000), (8, 5)]:
        for both in (True, False):
            if not both and farthest <= buckets // 2:
                continue
            bucket = T5Attention._relative_position_bucket(
                DISTANCES, bidirectional=both, num_buckets=buckets, max_distance=farthest
            )
            rule = "bidirectional" if both else "causal"
            tensors[f"{rule}.{buckets}.{farthest}"] = bucket.to(torch.int32)
    mpnet = MPNetEncoder.relative_position_bucket(DISTANCES, num_buckets=32, max_distance=128)
    tensors["mpnet.32.128"] = mpnet.to(torch.int32)
    for heads in (1, 2, 3, 6, 8, 12, 16, 20):
        # (heads, 1, 2): slope * position for positions 0 and 1
        alibi = build_alibi_tensor(torch.ones(1, 2, dtype=torch.long), heads, torch.float32)
        tensors[f"alibi.{heads}"] = alibi[:, 0, 1].contiguous()
    for buckets, farthest in [(256, 512), (32, 64), (8, 100)]:
        far = torch.zeros(1, 1, 601, 1)
        row = build_relative_position(far, far, buckets, farthest)[0]  # (query, key): query - key
        tensors[f"deberta.{buckets}.{farthest}"] = row[:, 0].to(torch.int32).contiguous()
    save_file(tensors, OUT / "relative_positions.safetensors")


def rotary():
    """ModernBERT's rotary embedding at far positions, and interleaved pairs by definition."""
    tensors = {}
    positions = torch.tensor([0, 1, 2, 3, 17, 100, 511, 512, 1023, 4000, 8191])
    tensors["positions"] = positions.to(torch.int32)
    torch.manual_seed(5)
    for name, head_size, theta in [("a", 64, 160000.0), ("b", 24, 10000.0), ("c", 6, 500000.0)]:
        config = ModernBertConfig(
            hidden_size=2 * head_size,
            num_attention_heads=2,
            rope_parameters={
                "full_attention": {"rope_type": "default", "rope_theta": theta},
                "sliding_attention": {"rope_type": "default", "rope_theta": theta},
            },
        )
        x = torch.randn(1, len(positions), 2, head_size)
        embedding = ModernBertRotaryEmbedding(config)
        cos, sin = embedding(x, positions[None], "full_attention")
        rotated, _ = apply_rotary_pos_emb(x, x, cos, sin, unsqueeze_dim=2)
        tensors[f"{name}.x"] = x[0].reshape(len(positions), -1).contiguous()
        tensors[f"{name}.y"] = rotated[0].reshape(len(positions), -1).contiguous()
    save_file(tensors, OUT / "rotary.safetensors")


def rms_norm():
    torch.manual_seed(6)
    norm = T5LayerNorm(37, eps=1e-6)
    norm.weight.data.normal_()
    x = torch.randn(5, 37) * torch.tensor([[1.0], [100.0], [1e-4], [0.0], [3.0]])
    tensors = {"x": x, "gamma": norm.weight.data, "y": norm(x).data}
    save_file(tensors, OUT / "rms_norm.safetensors")


def disentangled():
    """One self-attention of DeBERTa-v2 (biases 0 in query, key and value of the content)."""
    for name, settings in {
        "shared_log_buckets": dict(position_buckets=16, max_relative_positions=40, share_att_key=True),
        "apart_no_buckets": dict(position_buckets=-1, max_relative_positions=24, share_att_key=False),
        "c2p_only": dict(position_buckets=8, max_relative_positions=100, pos_att_type=["c2p"]),
        "p2c_only": dict(position_buckets=8, max_relative_positions=30, pos_att_type=["p2c"]),
    }.items():
        torch.manual_seed(7)
        settings = {"pos_att_type": ["p2c", "c2p"], "share_att_key": True, **settings}
        config = DebertaV2Config(
            hidden_size=24,
            num_attention_heads=2,
            relative_attention=True,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            **settings,
        )
        attention = DisentangledSelfAttention(config).eval()
        tensors = {}
        for key, value in attention.named_parameters():
            value.data.normal_(std=0.3)
            tensors[key] = value.data
        relative = torch.randn(2 * attention.pos_ebd_size, 24)
        tensors["relative"] = relative
        for length in (1, 7, 50, 130):
            x = torch.randn(1, length, 24)
            mask = torch.ones(1, 1, length, length)
            y, weights = attention(
                x, mask, output_attentions=True, relative_pos=None, rel_embeddings=relative
            )
            tensors[f"x.{length}"] = x[0].contiguous()
            tensors[f"y.{length}"] = y[0].detach().contiguous()
        save_file(tensors, OUT / f"disentangled_{name}.safetensors")


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    relative_positions()
    rotary()
    rms_norm()
    disentangled()
