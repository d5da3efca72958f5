#!/usr/bin/env python3
"""Compares the speed of generation with CTranslate2 and transformers on this machine.

    cmake --preset bench && ninja -C build/bench weft_generation_bench
    python perf/generate.py [--rounds 5] [--threads 2] [--bench build/bench/perf/weft_generation_bench]

A Marian of 6 + 6 layers, d 512, 58101 words, with random weights, writes exactly 64 new tokens greedily
for 1 and for 32 sources of 10 to 60 tokens. The engines take turns, round after round, in one run; the
first round warms up and is not counted. Prints median and least seconds and the ratios of medians.
Needs transformers, torch, ctranslate2, safetensors (perf/peers-requirements.txt).
"""
import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parent.parent
NEW_TOKENS = 64


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bench", default=ROOT / "build/bench/perf/weft_generation_bench")
    parser.add_argument("--dtypes", default="f32,int8")
    return parser.parse_args()


def make_model(folder):
    import transformers
    import torch
    torch.manual_seed(1)
    config = transformers.MarianConfig(
        vocab_size=58101, d_model=512, encoder_layers=6, decoder_layers=6, encoder_attention_heads=8,
        decoder_attention_heads=8, encoder_ffn_dim=2048, decoder_ffn_dim=2048, scale_embedding=True,
        max_position_embeddings=512, activation_function="swish", pad_token_id=58100,
        decoder_start_token_id=58100, eos_token_id=0, forced_eos_token_id=None)
    model = transformers.MarianMTModel(config).eval()
    for key, value in {"max_length": NEW_TOKENS + 1, "min_length": NEW_TOKENS + 1}.items():
        setattr(model.generation_config, key, value)
    model.save_pretrained(folder)
    return model


class Weft:
    def __init__(self, bench, folder, dtype, threads):
        self.process = subprocess.Popen([bench, folder, f"{folder}/in.safetensors", dtype, str(threads)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def seconds(self, sources):
        print(len(sources), file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())


class CTranslate2:
    def __init__(self, model, folder, dtype, threads):
        import ctranslate2
        import ctranslate2.converters.transformers as converters
        words = {("<pad>" if i == 58100 else f"t{i}"): i for i in range(58101)}
        spec = converters.MarianMTLoader()(model, SimpleNamespace(
            eos_token="t0", unk_token="t1", get_vocab=lambda: words))
        spec.validate()
        spec.optimize(quantization=None if dtype == "f32" else dtype)
        os.makedirs(f"{folder}/ct2-{dtype}", exist_ok=True)
        spec.save(f"{folder}/ct2-{dtype}")
        self.translator = ctranslate2.Translator(
            f"{folder}/ct2-{dtype}", device="cpu", intra_threads=threads,
            compute_type={"f32": "float32"}.get(dtype, dtype))

    def seconds(self, sources):
        texts = [[f"t{i}" for i in source] for source in sources]
        start = time.perf_counter()
        found = self.translator.translate_batch(
            texts, beam_size=1, max_decoding_length=NEW_TOKENS, min_decoding_length=NEW_TOKENS,
            max_batch_size=0)
        taken = time.perf_counter() - start
        assert all(len(one.hypotheses[0]) == NEW_TOKENS for one in found)
        return taken


class Transformers:
    def __init__(self, model):
        self.model = model

    def seconds(self, sources):
        import torch
        width = max(map(len, sources))
        ids = torch.tensor([s + [58100] * (width - len(s)) for s in sources])
        mask = torch.tensor([[1] * len(s) + [0] * (width - len(s)) for s in sources])
        start = time.perf_counter()
        with torch.inference_mode():
            found = self.model.generate(input_ids=ids, attention_mask=mask)
        taken = time.perf_counter() - start
        assert found.shape[1] == NEW_TOKENS + 1
        return taken


def main():
    options = parse()
    os.environ.update(OMP_NUM_THREADS=str(options.threads), MKL_NUM_THREADS=str(options.threads))
    import numpy as np
    import torch
    from safetensors.numpy import save_file
    torch.set_num_threads(options.threads)
    random = np.random.default_rng(3)
    sources = [random.integers(2, 58100, random.integers(10, 61)).tolist() for _ in range(32)]
    with tempfile.TemporaryDirectory() as folder:
        model = make_model(folder)
        save_file({"input_ids": np.concatenate(sources).astype(np.int64),
                   "offsets": np.cumsum([0, *map(len, sources)]).astype(np.int64)},
                  f"{folder}/in.safetensors")
        for dtype in options.dtypes.split(","):
            engines = {"weft": Weft(options.bench, folder, dtype, options.threads),
                       "CTranslate2": CTranslate2(model, folder, dtype, options.threads)}
            if dtype == "f32":
                engines["transformers"] = Transformers(model)
            times = {(name, n): [] for name in engines for n in (1, 32)}
            for _ in range(options.rounds + 1):
                for (name, n), taken in times.items():
                    taken.append(engines[name].seconds(sources[:n]))
            for n in (1, 32):
                medians = {name: statistics.median(times[name, n][1:]) for name in engines}
                for name, median in medians.items():
                    print(f"{dtype} {n:2} sources  {name:12}  median {median:7.3f} s  least "
                          f"{min(times[name, n][1:]):7.3f} s  {median / medians['weft']:5.2f} x weft",
                          flush=True)


if __name__ == "__main__":
    main()
