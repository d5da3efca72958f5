"""One engine in a process of its own: JSON requests on stdin, JSON answers on stdout.

{"do": "tune", "workload": FILE, "out": FILE, "known": BOOL}  tries the settings (known: takes those that
    an earlier run kept in the folder, if any), keeps the fastest, writes embeddings
{"do": "time", "workload": FILE, "runs": R, "seconds": T}  seconds of whole passes
"""
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from .engines import ENGINES
from .workloads import Workload


def best_of(run, batches, seconds):
    """Seconds of the fastest call, and one more than the first where that is cheap."""
    times, end = [], time.perf_counter() + seconds
    while not times or (time.perf_counter() < end and len(times) < 8):
        begin = time.perf_counter()
        run(batches)
        times.append(time.perf_counter() - begin)
    return min(times)


class Worker:
    def __init__(self, name, model, folder, dtype, threads):
        self.engine = ENGINES[name](model, folder, dtype, threads)
        self.kept = {}
        self.memory = Path(folder) / f"settings-{dtype}-{threads}.json"

    def tune(self, workload, out, known=False):
        data = Workload(workload)
        found = json.loads(self.memory.read_text()) if self.memory.exists() else {}
        name = Path(workload).stem
        tried = []
        for setting in [found[name]] if known and name in found else self.engine.settings(data):
            sample = data.batches(setting["batch"], sample=True)
            run = self.engine.open(setting, sample)
            run(sample)
            tokens = sum(int(batch.lengths.sum()) for batch in sample)
            tried.append((best_of(run, sample, 0.4) / tokens, setting, run))
        _, setting, run = min(tried, key=lambda entry: entry[0])
        batches = data.batches(setting["batch"])
        means = [batch.mean(states) for batch, states in zip(batches, run(batches))]
        pooled = np.empty((len(data.lengths), means[0].shape[1]), np.float32)
        for batch, rows in zip(batches, means):
            pooled[batch.rows] = rows
        np.save(out, pooled)
        self.kept[workload] = (run, batches)
        self.memory.write_text(json.dumps(found | {name: setting}))
        return {"setting": setting | ({"graph": self.engine.graphs} if self.engine.graphs else {})}

    def time(self, workload, runs, seconds):
        run, batches = self.kept[workload]
        run(batches)
        times, total = [], 0.0
        while not times or (len(times) < runs and total < seconds):
            begin = time.perf_counter()
            run(batches)
            times.append(time.perf_counter() - begin)
            total += times[-1]
        return {"times_s": times}


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer

    def answer(**fields):
        print(json.dumps(fields), file=answers, flush=True)

    name, model, folder, dtype, threads = sys.argv[1:]
    try:
        worker = Worker(name, model, folder, dtype, int(threads))
        answer(ok=True)
        for line in sys.stdin:
            request = json.loads(line)
            answer(ok=True, **getattr(worker, request.pop("do"))(**request))
    except Exception as error:  # the other side reports it and goes on without this engine
        answer(ok=False, error=f"{type(error).__name__}: {error}"[:300])
        raise


if __name__ == "__main__":
    main()
