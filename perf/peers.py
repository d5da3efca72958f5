#!/usr/bin/env python3
"""Compares weft with ONNX Runtime, OpenVINO, CTranslate2 and PyTorch on this machine.

    python3 -m venv peers-env && . peers-env/bin/activate && pip install -r perf/peers-requirements.txt
    perf/peers.py                                               # MiniLM, f32, six workloads: about 20 minutes
    perf/peers.py --engines weft,onnxruntime --workloads single-16,ragged --rounds 2
    perf/peers.py --dtypes f32,bf16,int8 --threads 1 --out one-thread

Each engine lives in a process of its own, tries its settings on every workload (batch size, calls at a time,
streams, static shapes) and keeps the fastest. Then the engines take turns, round after round; whose turn it
is not is stopped. Batches are padded and sorted beforehand and pooling is not timed for the others, which
favours them. Cosines compare the means of the last hidden states with PyTorch's in f32, which always runs.
Writes OUT.json and OUT.md. An engine that fails is reported and left out.
"""
import argparse
import itertools
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import numpy as np

from peer_engines import report, weft
from peer_engines.workloads import NAMES, Workload, cosines, useful_flops, write_workload

ROOT = Path(__file__).resolve().parent.parent
OTHERS = ["onnxruntime", "openvino", "ctranslate2", "torch"]
PACKAGES = {"onnxruntime": "onnxruntime", "openvino": "openvino", "ctranslate2": "ctranslate2", "torch": "torch"}


class Peer:
    """The other end of a worker, stopped unless asked."""

    def __init__(self, name, dtype, options):
        self.name, self.dtype, self.tuned = name, dtype, options.tuned
        folder = options.cache / Path(options.model).name / name
        folder.mkdir(parents=True, exist_ok=True)
        words = [sys.executable, "-m", "peer_engines.worker", name, options.model, folder, dtype,
                 options.threads]
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(options.threads),
                                    "MKL_NUM_THREADS": str(options.threads)}
        with open(folder / f"{dtype}.log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([str(word) for word in words], cwd=ROOT / "perf",
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                            text=True, env=environment)
        self._answer()

    def ask(self, **request):
        self.process.send_signal(signal.SIGCONT)
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"ok": False, "error": "its process ended; see its log"}
        if not answer.pop("ok"):
            self.end()
            raise RuntimeError(answer["error"])
        self.process.send_signal(signal.SIGSTOP)
        return answer

    def tune(self, path, out):
        answer = self.ask(do="tune", workload=str(path), out=str(out), known=self.tuned)
        return answer["setting"], np.load(out)

    def time(self, path, runs, seconds):
        return self.ask(do="time", workload=str(path), runs=runs, seconds=seconds)["times_s"], None

    def end(self):
        self.process.kill()
        self.process.wait()


class Weft:
    name = "weft"

    def __init__(self, dtype, options):
        self.dtype, self.options = dtype, options

    def tune(self, path, out):
        _, embeddings = self._run(path, 1, 0)
        return {}, embeddings

    def time(self, path, runs, seconds):
        measured, _ = self._run(path, runs, seconds)
        return measured["times_s"], measured["info"]

    def _run(self, path, runs, seconds):
        return weft.bench(self.options.weft, self.options.model, path, self.dtype, self.options.threads,
                          runs, seconds)

    def end(self):
        pass


def machine(options, failed):
    cpu = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.processor())
    try:
        peak = weft.f32_peak(options.weft, options.model, options.threads)
    except (RuntimeError, OSError) as error:
        peak, failed["f32 peak"] = None, str(error)
    return {"cpu": cpu, "processors": os.cpu_count(), "threads": options.threads, "f32_peak": peak,
            "load": f"{os.getloadavg()[0]:.1f}",
            "versions": {name: metadata.version(PACKAGES[name]) for name in options.engines if name != "weft"}}


def start(options, failed):
    """The engines that can be started; torch in f32 first, the reference."""
    wanted = list(itertools.product(options.engines, options.dtypes))
    wanted = [("torch", "f32"), *(pair for pair in wanted if pair != ("torch", "f32"))]
    for name, dtype in wanted:
        try:
            yield Weft(dtype, options) if name == "weft" else Peer(name, dtype, options)
        except RuntimeError as error:
            failed[f"{name} {dtype}"] = str(error)


def tune(engines, paths, options, failed):
    """Cells to time: one for each engine and workload that works."""
    cells = []
    for workload, path in paths.items():
        data, reference = Workload(path), None
        for engine in engines:
            key = f"{engine.name} {engine.dtype} {workload}"
            try:
                setting, found = engine.tune(path, options.cache / "embeddings.npy")
            except (RuntimeError, BrokenPipeError) as error:
                failed[key] = str(error)
                continue
            reference = found if reference is None else reference
            cosine = cosines(reference, found)
            cells.append({"engine": engine.name, "dtype": engine.dtype, "workload": workload,
                          "setting": setting, "sequences": len(data.lengths),
                          "tokens": int(data.lengths.sum()), "flops": useful_flops(options.model, data.lengths),
                          "cosine_min": float(cosine.min()), "cosine_mean": float(cosine.mean()),
                          "rounds_s": [], "through": engine, "path": path})
            print(f"tuned {key}: {setting}", file=sys.stderr)
    return cells


def measure(cells, options, failed):
    for turn in range(options.rounds):
        for cell in cells:
            key = f"{cell['engine']} {cell['dtype']} {cell['workload']}"
            try:
                times, info = cell["through"].time(cell["path"], options.runs, options.seconds)
            except (RuntimeError, BrokenPipeError) as error:
                failed[key] = str(error)
                continue
            cell["rounds_s"].append(times)
            cell.update({"info": info} if info else {})
            print(f"round {turn + 1} {key}: {statistics.median(times) * 1e3:.2f} ms", file=sys.stderr)
    for cell in cells:
        del cell["through"], cell["path"]
        times = [t for turn in cell["rounds_s"] for t in turn]
        if times:
            cell.update(median_s=statistics.median(map(statistics.median, cell["rounds_s"])),
                        min_s=min(times), max_s=max(times))
    return [cell for cell in cells if cell["rounds_s"]]


def names(text):
    return text.split(",")


def add_options(parser, engines, out):
    """What perf/architectures.py takes as well."""
    add = parser.add_argument
    add("--weft", type=Path, default=ROOT / "build/release/weft", help="the program")
    add("--engines", type=names, default=engines, help=f"of weft,{','.join(OTHERS)}; default {','.join(engines)}")
    add("--dtypes", type=names, default=["f32"], help="of f32,bf16,int8")
    add("--threads", type=int, default=len(os.sched_getaffinity(0)))
    add("--rounds", type=int, default=3,
        help="turns that every engine gets on every workload; 0: convert and tune only")
    add("--runs", type=int, default=20, help="a turn ends after so many passes ...")
    add("--seconds", type=float, default=1.0, help="... or so many seconds")
    add("--cache", type=Path, default=ROOT / "build/peers", help="converted models and workloads")
    add("--tuned", action="store_true", help="take the settings that the last run found in --cache")
    add("--out", type=Path, default=Path(out), help="writes OUT.json and OUT.md")


def check_options(parser, options):
    for name in options.engines:
        if name not in ["weft", *OTHERS]:
            parser.error(f"--engines: expected some of weft,{','.join(OTHERS)}, found {name}")
    for dtype in options.dtypes:
        if dtype not in ("f32", "bf16", "int8"):
            parser.error(f"--dtypes: expected some of f32,bf16,int8, found {dtype}")
    if "weft" in options.engines and not options.weft.exists():
        parser.error(f"{options.weft}: expected, found nothing (scripts/demo.sh makes it)")
    options.weft, options.cache = options.weft.resolve(), options.cache.resolve()


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "models/all-MiniLM-L6-v2", help="in Hugging Face layout")
    parser.add_argument("--workloads", type=names, default=NAMES,
                        help=f"of single-S, batchN-S, ragged[N], images-N; default {','.join(NAMES)}")
    add_options(parser, ["weft", *OTHERS], "peers")
    options = parser.parse_args(words)
    check_options(parser, options)
    if not (options.model / "config.json").exists():
        parser.error(f"{options.model / 'config.json'}: expected, found nothing (scripts/demo.sh makes it)")
    options.model = options.model.resolve()
    return options


def compare(options):
    """What main() writes of one model, options.model on options.workloads."""
    failed, engines = {}, []
    config = json.loads((options.model / "config.json").read_text())
    paths = {name: write_workload(name, options.cache / "workloads", config) for name in options.workloads}
    described = machine(options, failed)
    try:
        engines.extend(start(options, failed))
        cells = measure(tune(engines, paths, options, failed), options, failed)
    finally:
        for engine in engines:
            engine.end()
    if "torch" not in options.engines:
        cells = [cell for cell in cells if cell["engine"] != "torch"]
    return {"model": options.model.name, "machine": described, "rounds": options.rounds,
            "dtypes": options.dtypes, "workloads": options.workloads, "cells": cells, "failed": failed}


def write(out, result, text):
    for suffix, content in ((".json", json.dumps(result, indent=1)), (".md", text)):
        fresh = out.with_name(f".{out.name}{suffix}.tmp")
        fresh.write_text(content + "\n", encoding="utf-8")
        fresh.rename(out.with_name(out.name + suffix))


def main():
    options = parse(sys.argv[1:])
    result = compare(options)
    text = report.markdown(result)
    write(options.out, result, text)
    print(text)
    return 0 if result["cells"] or (options.rounds == 0 and not result["failed"]) else 1


if __name__ == "__main__":
    sys.exit(main())
