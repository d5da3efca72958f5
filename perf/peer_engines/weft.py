"""weft as an engine: one run of `weft bench --workload` for each round."""
import json
import subprocess
import tempfile
from pathlib import Path

from . import arrays


def bench(program, model, workload, dtype, threads, runs, seconds, extra=()):
    """({"times_s": [...], "info": {...}}, embeddings float32 (sequences, hidden)). Raises RuntimeError."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "embeddings.safetensors"
        words = [program, "bench", "--model", model, "--workload", workload, "--dtype", dtype, "--threads",
                 threads, "--min-runs", runs, "--min-seconds", seconds, "--out", out, *extra]
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip() or f"exit code {done.returncode}")
        return json.loads(done.stdout.splitlines()[-1]), arrays.load(out)["embeddings"]


def f32_peak(program, model, threads):
    """FLOP/s of multiply-adds in f32 on these threads, as `weft bench --json` measures them."""
    words = [program, "bench", model, "--json", "--sequences", 1, "--min-runs", 1,
             "--threads", threads]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"exit code {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])["f32_peak"]["flops_per_second"]
