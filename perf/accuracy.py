#!/usr/bin/env python3
"""Accuracy of each precision on a real model: embeddings of real texts against the same model in f32.

    perf/accuracy.py                                        # bf16 and int8, data/demo_sentences.txt
    perf/accuracy.py --dtypes int8 --texts my_texts.txt --json accuracy.json

For each precision: the least and mean cosine of a text's embedding to f32, and how many of a text's nearest
ten (by cosine, itself left out) are among the nearest ten in f32. Needs numpy alone. Exit code 1 below --cosine or
--overlap, or if a precision fails.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
NEIGHBOURS = 10


def embed(options, dtype):
    """(texts, columns), rows of length 1. Raises RuntimeError."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "rows.npy"
        words = [options.weft, "embed", options.model, "--input", options.texts, "--output", out, "--dtype", dtype,
                 "--normalize"]
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip() or f"exit code {done.returncode}")
        return np.load(out).astype(np.float64)


def nearest(rows, count):
    """Indices (texts, count) of the nearest other rows."""
    scores = rows @ rows.T
    np.fill_diagonal(scores, -np.inf)
    return np.argsort(-scores, axis=1, kind="stable")[:, :count]


def compare(exact, rows):
    cosine = (exact * rows).sum(1) / (np.linalg.norm(exact, axis=1) * np.linalg.norm(rows, axis=1))
    count = min(NEIGHBOURS, len(exact) - 1)
    shared = [len(set(a) & set(b)) for a, b in zip(nearest(exact, count), nearest(rows, count))]
    return {"texts": len(exact), "cosine_min": float(cosine.min()), "cosine_mean": float(cosine.mean()),
            "overlap": float(np.mean(shared)) / count, "neighbours": count}


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--weft", type=Path, default=ROOT / "build/release/weft")
    add("--model", type=Path, default=ROOT / "models/all-MiniLM-L6-v2")
    add("--texts", type=Path, default=ROOT / "data/demo_sentences.txt", help=".txt or .jsonl, as weft embed reads")
    add("--dtypes", type=lambda text: text.split(","), default=["bf16", "int8"])
    add("--cosine", type=float, default=0.99, help="least cosine of any text (default 0.99)")
    add("--overlap", type=float, default=0.95, help="least share of the nearest ten (default 0.95)")
    add("--json", type=Path, help="writes the numbers")
    options = parser.parse_args(words)
    for path in (options.weft, options.model, options.texts):
        if not path.exists():
            parser.error(f"{path}: expected, found nothing")
    return options


def main():
    options, found, problems = parse(sys.argv[1:]), {}, []
    try:
        exact = embed(options, "f32")
        if len(exact) < 2:
            raise RuntimeError(f"{options.texts}: expected at least 2 texts, found {len(exact)}")
    except RuntimeError as error:
        print(f"f32: {error}", file=sys.stderr)
        return 1
    print(f"| precision | texts | least cosine | mean cosine | nearest {NEIGHBOURS} shared |\n|---|---|---|---|---|")
    for dtype in options.dtypes:
        try:
            cell = found[dtype] = compare(exact, embed(options, dtype))
        except RuntimeError as error:
            problems.append(f"{dtype}: {error}")
            continue
        print(f"| {dtype} | {cell['texts']} | {cell['cosine_min']:.6f} | {cell['cosine_mean']:.6f} | "
              f"{100 * cell['overlap']:.1f} % |")
        if not cell["cosine_min"] >= options.cosine:
            problems.append(f"{dtype}: expected cosines of at least {options.cosine}, found {cell['cosine_min']:.6f}")
        if not cell["overlap"] >= options.overlap:
            problems.append(f"{dtype}: expected {options.overlap} of the neighbours, found {cell['overlap']:.3f}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
