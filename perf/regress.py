#!/usr/bin/env python3
"""Compares two builds of weft, paired, and fails if the second is slower.

    perf/regress.py ../before/build/release/weft build/release/weft
    perf/regress.py OLD NEW --workloads single-16,ragged --dtypes f32,int8 --threshold 3 --rounds 15
    perf/regress.py OLD NEW --same-bits                  # a change that must not change any result

Both run the same workload in turn, in changing order, round after round. A round gives one ratio of medians,
new over old; the interval is the 95 % bootstrap interval of the ratios' median. Exit code 1 if for any
workload the whole interval lies above 1 + threshold, or if the embeddings differ: a cosine below --cosine, or
any bit with --same-bits. An interval wider than the threshold settles nothing: more rounds, or a quieter machine.
"""
import argparse
import json
import os
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import numpy as np

from peer_engines import weft
from peer_engines.workloads import cosines, write_workload

ROOT = Path(__file__).resolve().parent.parent


def interval(ratios, draws=4000):
    """The middle 95 % of the medians of resampled ratios; the same for the same ratios."""
    rows = np.random.default_rng(7).integers(0, len(ratios), (draws, len(ratios)))
    medians = np.median(np.asarray(ratios)[rows], axis=1)
    return float(np.quantile(medians, 0.025)), float(np.quantile(medians, 0.975))


def verdict(low, high, threshold):
    """Of new over old: below 1 is faster."""
    if low > 1 + threshold:
        return "SLOWER"
    if high < 1:
        return "faster"
    if high > 1 + threshold:
        return "unsettled"
    return "no slower"


def compare(options, path, dtype):
    """One workload: times of both, interval, and how the embeddings differ."""
    times, rows = {"old": [], "new": []}, {}
    for turn in range(options.rounds):
        order = ["old", "new"] if turn % 2 == 0 else ["new", "old"]
        for which in order:
            measured, rows[which] = weft.bench(getattr(options, which), options.model, path, dtype,
                                               options.threads, options.runs, options.seconds)
            times[which].append(statistics.median(measured["times_s"]))
    ratios = [new / old for old, new in zip(times["old"], times["new"])]
    low, high = interval(ratios)
    return {"old_s": statistics.median(times["old"]), "new_s": statistics.median(times["new"]),
            "ratio": statistics.median(ratios), "low": low, "high": high, "ratios": ratios,
            "same_bits": rows["old"].tobytes() == rows["new"].tobytes(),
            "cosine_min": float(cosines(rows["old"], rows["new"]).min()),
            "verdict": verdict(low, high, options.threshold / 100)}


def parse(words):
    def names(text):
        return text.split(",")

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("old", type=Path, help="the program before the change")
    add("new", type=Path, help="the program after it")
    add("--model", type=Path, default=ROOT / "models/all-MiniLM-L6-v2")
    add("--workloads", type=names, default=["single-16", "single-128", "ragged"], help="of single-S, batchN-S, raggedN")
    add("--dtypes", type=names, default=["f32"])
    add("--threads", type=int, default=len(os.sched_getaffinity(0)))
    add("--rounds", type=int, default=11)
    add("--runs", type=int, default=30, help="passes a round, at most ...")
    add("--seconds", type=float, default=0.5, help="... and seconds")
    add("--threshold", type=float, default=5.0, metavar="PERCENT", help="how much slower is too slow (default 5)")
    add("--cosine", type=float, default=0.9999, help="least cosine of old and new embeddings")
    add("--same-bits", action="store_true", help="any changed bit fails")
    add("--cache", type=Path, default=ROOT / "build/peers", help="keeps the workloads")
    add("--json", type=Path, help="writes all numbers")
    options = parser.parse_args(words)
    for path in (options.old, options.new, options.model / "config.json"):
        if not path.exists():
            parser.error(f"{path}: expected, found nothing")
    if options.rounds < 1:
        parser.error(f"--rounds: expected at least 1, found {options.rounds}")
    options.old, options.new, options.model = options.old.resolve(), options.new.resolve(), options.model.resolve()
    return options


def main():
    options = parse(sys.argv[1:])
    config = json.loads((options.model / "config.json").read_text())
    found, problems = {}, []
    print(f"{'workload':<24}{'old ms':>10}{'new ms':>10}  new/old  95 % interval    outputs")
    for dtype in options.dtypes:
        for name in options.workloads:
            key = f"{name} {dtype}"
            try:
                path = write_workload(name, options.cache / "workloads", config)
                cell = found[key] = compare(options, path, dtype)
            except (RuntimeError, ValueError) as error:
                problems.append(f"{key}: {error}")
                continue
            outputs = "same bits" if cell["same_bits"] else f"cosine {cell['cosine_min']:.6f}"
            print(f"{key:<24}{cell['old_s'] * 1e3:>10.3f}{cell['new_s'] * 1e3:>10.3f}  {cell['ratio']:.3f}    "
                  f"{cell['low']:.3f} - {cell['high']:.3f}    {outputs}; {cell['verdict']}", flush=True)
            if cell["verdict"] == "SLOWER":
                problems.append(f"{key}: slower by {100 * (cell['ratio'] - 1):.1f} %, at least "
                                f"{100 * (cell['low'] - 1):.1f} %; allowed {options.threshold} %")
            if options.same_bits and not cell["same_bits"]:
                problems.append(f"{key}: expected the same bits, found others")
            if not cell["cosine_min"] >= options.cosine:
                problems.append(f"{key}: expected cosines of at least {options.cosine}, found {cell['cosine_min']}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
