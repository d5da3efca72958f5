#!/usr/bin/env python3
"""Writes tests/golden/minilm/{texts.jsonl,expected.safetensors}: the real model's embeddings.

    python scripts/make_minilm_goldens.py [models/all-MiniLM-L6-v2]

Needs sentence-transformers (made with 6.2) and the model that scripts/fetch_model.sh brings.
The package computes in double precision and stores F32 `embeddings` [texts, 384]. It truncates to
the 256 tokens of sentence_bert_config.json, specials included, sorts by length and restores the
order. `tokens` [texts] I64 is each text's number of tokens after truncation.
"""
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer

ROOT = Path(__file__).resolve().parent.parent
EXTRA = [
    "", " ", "\t\n \r\n", "a", "Hello", "hello", "HELLO!", "?", "...", "supercalifragilistic",
    "The same sentence twice.", "The same sentence twice.", "the same sentence twice",
    "line one\nline two\nline three", "tabs\tand\u00a0no-break\u3000spaces", "na\u00efve caf\u00e9",
    "nai\u0308ve cafe\u0301", "[MASK] tokens [SEP] inside a text [CLS]", "x" * 100, "x" * 101,
    "\U0001f642 \U0001f468\u200d\U0001f469\u200d\U0001f467 emoji", "zero\u0000byte", "\ufffd",
    "3.14159 + 2,71828 = $5.85 (100%)", "https://example.org/path?query=1&other=two#part",
    "def f(x):\n    return x ** 2  # square", "\u65e5\u672c\u8a9e\u3068English\u306e\u6df7\u5728",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "word " * 254, "word " * 255, "word " * 600,
    "The weaver passes the shuttle between the threads of the warp. " * 40,
]


def main():
    directory = sys.argv[1] if len(sys.argv) > 1 else ROOT / "models" / "all-MiniLM-L6-v2"
    texts = (ROOT / "data" / "demo_sentences.txt").read_text(encoding="utf-8").split("\n")[:-1]
    texts += EXTRA
    model = SentenceTransformer(str(directory), device="cpu").double()
    assert model.max_seq_length == 256
    embeddings = torch.tensor(model.encode(texts, batch_size=16)).float()
    tokens = [int(model.tokenize([text])["attention_mask"].sum()) for text in texts]
    golden = ROOT / "tests" / "golden" / "minilm"
    golden.mkdir(parents=True, exist_ok=True)
    (golden / "texts.jsonl").write_text(
        "".join(json.dumps(text, ensure_ascii=True) + "\n" for text in texts), encoding="utf-8")
    save_file({"embeddings": embeddings, "tokens": torch.tensor(tokens)},
              str(golden / "expected.safetensors"))
    print(len(texts), "texts,", max(tokens), "tokens at most")


if __name__ == "__main__":
    main()
