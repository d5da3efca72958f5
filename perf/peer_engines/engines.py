"""The engines, each with the settings that its experts use.

An engine is made once per process: Engine(model directory, folder for converted files, dtype, threads).
`settings(workload)` lists what is worth trying; `open(setting, batches)` gives a function that encodes
a list of batches and returns their last hidden states; `graphs` tells the report what was made of the model.
"""
import itertools
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from .workloads import BERT_SHAPED, image_shape

CPU_FLAGS = set(next((line for line in Path("/proc/cpuinfo").read_text().splitlines()
                      if line.startswith("flags")), "").split())
HAS_VNNI = bool(CPU_FLAGS & {"avx512_vnni", "avx_vnni", "amx_int8"})
HAS_BF16 = bool(CPU_FLAGS & {"avx512_bf16", "amx_bf16"})


class Unsupported(Exception):
    """This engine does not have this dtype here."""


class Engine:
    dtypes = ("f32",)
    graphs = None

    def __init__(self, model, folder, dtype, threads):
        if dtype not in self.dtypes:
            raise Unsupported(f"expected {' or '.join(self.dtypes)}, found {dtype}")
        if dtype == "bf16" and not HAS_BF16:
            raise Unsupported("this processor has no bf16 arithmetic")
        self.model, self.folder, self.dtype, self.threads = Path(model), Path(folder), dtype, threads
        self.folder.mkdir(parents=True, exist_ok=True)
        self.opened = {}
        self.load()

    def settings(self, workload):
        """One call on all threads, or one call per thread, in batches that padding and cache allow."""
        if len(workload.lengths) == 1:
            return [{"batch": 1, "workers": 1}]
        sizes, workers = (8, 16, 32), sorted({1, self.threads})
        if workload.images is not None:  # of many tokens each
            sizes = (1, 2, 4, 8)
        sizes = [b for b in sizes if b <= len(workload.lengths)] or sizes[:1]
        return [{"batch": b, "workers": w} for b, w in itertools.product(sizes, workers)
                if w == 1 or len(workload.lengths) > b * (w - 1)]  # a batch for every worker

    def once(self, key, make):
        if key not in self.opened:
            self.opened[key] = make()
        return self.opened[key]

    def spread(self, encode, workers, prepare=None):
        """A function over batches that keeps `workers` calls of `encode` going."""
        if workers == 1:
            def run(batches):
                if prepare:
                    prepare()
                return [encode(batch) for batch in batches]
            return run
        pool = ThreadPoolExecutor(workers, initializer=prepare)
        return lambda batches: list(pool.map(encode, batches))


def torch_model(model, attention, **options):
    """A transformers model without its pooler; eager attention where it has no other."""
    from transformers import AutoModel
    try:
        net = AutoModel.from_pretrained(model, attn_implementation=attention, **options).eval()
    except ValueError:
        net = AutoModel.from_pretrained(model, attn_implementation="eager", **options).eval()
    net.pooler = None
    return net


def exportable(model, attention):
    """A torch module of (input_ids, attention_mask) or (pixel_values) -> last hidden states, and named
    example inputs, of which the first dimension, and a text's second, may be another one."""
    import torch

    class LastStates(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = torch_model(model, attention)

    class OfTexts(LastStates):
        def forward(self, input_ids, attention_mask):
            return self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    class OfImages(LastStates):
        def forward(self, pixel_values):
            return self.encoder(pixel_values=pixel_values).last_hidden_state

    config = json.loads((Path(model) / "config.json").read_text())
    if "image_size" in config:
        return OfImages().eval(), {"pixel_values": torch.randn(2, *image_shape(config))}
    mask = torch.ones(2, 24, dtype=torch.int64)
    mask[1, 17:] = 0
    return OfTexts().eval(), {"input_ids": torch.randint(5, config["vocab_size"], (2, 24)), "attention_mask": mask}


class Torch(Engine):
    """Scaled-dot-product attention; int8: dynamic quantisation of Linear, weights per channel."""
    dtypes = ("f32", "bf16", "int8")

    def load(self):
        import torch
        self.net = torch_model(self.model, "sdpa",
                               dtype=torch.bfloat16 if self.dtype == "bf16" else torch.float32)
        if self.dtype == "int8":
            from torch.ao import quantization
            config = quantization.per_channel_dynamic_qconfig
            self.net = quantization.quantize_dynamic(self.net, {torch.nn.Linear: config})

    def open(self, setting, batches):
        import torch
        per_worker = self.threads // setting["workers"]

        def encode(batch):
            feed = {name: torch.from_numpy(array) for name, array in batch.feed.items()}
            if "attention_mask" in feed and feed["attention_mask"].all():
                del feed["attention_mask"]  # a mask of ones only slows attention down
            with torch.inference_mode():
                return self.net(**feed).last_hidden_state.float().numpy()

        return self.spread(encode, setting["workers"], lambda: torch.set_num_threads(per_worker))


class OnnxRuntime(Engine):
    """The graph of eager attention, with attention fused where ONNX Runtime's optimizer knows the
    model; int8: dynamic quantisation, weights per channel."""
    dtypes = ("f32", "int8")

    def load(self):
        plain, fused, int8 = (self.folder / f"{name}.onnx" for name in ("plain", "fused", "int8"))
        if not plain.exists():
            self._export(plain)
        config = json.loads((self.model / "config.json").read_text())
        tried = self.folder / "fusion-tried"
        if not tried.exists():
            if not self._fuse(plain, fused, config) and config["model_type"] in BERT_SHAPED:
                raise RuntimeError("ONNX Runtime did not fuse attention: the comparison would be unfair")
            tried.touch()
        self.path = fused if fused.exists() else plain
        self.graphs = "attention fused" if fused.exists() else "attention not fused"
        if self.dtype == "int8":
            if not int8.exists():
                from onnxruntime.quantization import QuantType, quantize_dynamic
                quantize_dynamic(str(self.path), str(int8), per_channel=True, weight_type=QuantType.QInt8,
                                 reduce_range=not HAS_VNNI,  # 16-bit sums saturate without VNNI
                                 extra_options={"MatMulConstBOnly": True, "DefaultTensorType": 1})
            self.path = int8

    @staticmethod
    def _fuse(plain, fused, config):
        """Whether attention could be fused; if so, writes the graph."""
        from onnxruntime.transformers import optimizer
        known = {"vit": "vit", "deit": "vit"}.get(config["model_type"], "bert")
        try:
            graph = optimizer.optimize_model(str(plain), known, opt_level=1, hidden_size=config["hidden_size"],
                                             num_heads=config["num_attention_heads"])
        except Exception as error:  # made for a few models
            print(f"ONNX Runtime's optimizer: {error}", file=sys.stderr)
            return False
        found = graph.get_fused_operator_statistics()
        if not (found.get("Attention") or found.get("MultiHeadAttention")):
            return False
        graph.save_model_to_file(str(fused))
        return True

    def _export(self, path):
        """By the exporter whose graphs the fusions know, else by torch's newer one."""
        import torch
        module, example = exportable(self.model, "eager")
        axes = {name: ({0: "batch"} if name == "pixel_values" else {0: "batch", 1: "length"}) for name in example}
        names = {"input_names": list(example), "output_names": ["states"]}
        fresh = path.with_suffix(".tmp")
        with torch.no_grad():
            try:
                torch.onnx.export(module, tuple(example.values()), str(fresh), dynamo=False, opset_version=17,
                                  dynamic_axes=axes | {"states": next(iter(axes.values()))}, **names)
            except Exception as error:
                print(f"torch.onnx.export without dynamo: {error}", file=sys.stderr)
                dynamic = {name: dict.fromkeys(of, torch.export.Dim.DYNAMIC) for name, of in axes.items()}
                torch.onnx.export(module, tuple(example.values()), str(fresh), dynamo=True,
                                  external_data=False, dynamic_shapes=dynamic, **names)
        fresh.rename(path)

    def open(self, setting, batches):
        import onnxruntime
        threads = self.threads // setting["workers"]

        def session():
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
            options.log_severity_level = 3
            return onnxruntime.InferenceSession(str(self.path), options, ["CPUExecutionProvider"])

        run = self.once(threads, session).run
        return self.spread(lambda batch: run(None, batch.feed)[0], setting["workers"])


class OpenVino(Engine):
    """Static shapes for one text, streams for many; of the graphs of eager and of fused attention that
    which is faster on one item. int8: post-training quantisation by NNCF."""
    dtypes = ("f32", "bf16", "int8")

    def load(self):
        import openvino
        self.core = openvino.Core()
        paths = {attention: self.folder / f"{attention}.xml" for attention in ("eager", "sdpa")}
        if not any(path.exists() for path in paths.values()):
            with tempfile.TemporaryDirectory(dir=self.folder) as fresh:
                times = {attention: self._convert(attention, Path(fresh, path.name))
                         for attention, path in paths.items()}
                print(f"seconds of one item: {times}", file=sys.stderr)
                for name in (f"{min(times, key=times.get)}{suffix}" for suffix in (".bin", ".xml")):
                    Path(fresh, name).rename(self.folder / name)
        self.graphs, self.path = next(pair for pair in paths.items() if pair[1].exists())
        if self.dtype == "int8":
            quantised = self.folder / "int8.xml"
            if not quantised.exists():
                import nncf
                draw = np.random.default_rng(5)
                samples = [draw.integers(5, 20000, (4, n)) for n in (16, 32, 64, 128, 256, 512)]
                data = nncf.Dataset([{"input_ids": s, "attention_mask": np.ones_like(s)}
                                     for s in samples])
                graph = nncf.quantize(self.core.read_model(self.path), data,
                                      preset=nncf.QuantizationPreset.MIXED,
                                      model_type=nncf.ModelType.TRANSFORMER, subset_size=len(samples))
                openvino.save_model(graph, quantised, compress_to_fp16=False)
            self.path = quantised

    @staticmethod
    def _dynamic(name, array):
        return (-1, *array.shape[1:]) if name == "pixel_values" else (-1, -1)

    def _convert(self, attention, path):
        """Writes the graph; returns seconds of one item of it, infinity if padding makes tokens NaN (2026.4 does
        with fused attention where a window holds nothing else)."""
        import openvino
        module, example = exportable(self.model, attention)
        feed = {name: tensor.numpy()[:1] for name, tensor in example.items()}
        inputs = [(name, list(self._dynamic(name, array)), array.dtype.type) for name, array in feed.items()]
        graph = openvino.convert_model(module, example_input=example, input=inputs)
        openvino.save_model(graph, path, compress_to_fp16=False)
        request = self.core.compile_model(graph, "CPU", {"INFERENCE_NUM_THREADS": self.threads}).create_infer_request()
        if "input_ids" in feed:
            mask = np.ones((2, 256), np.int64)
            mask[1, 16:] = 0
            if np.isnan(request.infer({"input_ids": np.ones_like(mask), "attention_mask": mask})[0][mask == 1]).any():
                return float("inf")
            feed = dict.fromkeys(feed, np.ones((1, 128), np.int64))
        times = []
        for _ in range(10):
            begin = time.perf_counter()
            request.infer(feed)
            times.append(time.perf_counter() - begin)
        return min(times)

    def settings(self, workload):
        if len(workload.lengths) == 1:
            return [{"batch": 1, "streams": 1, "static": static} for static in (True, False)]
        return [{"batch": s["batch"], "streams": s["workers"], "static": False}
                for s in super().settings(workload)]

    def open(self, setting, batches):
        import openvino
        shapes = {name: array.shape if setting["static"] else self._dynamic(name, array)
                  for name, array in batches[0].feed.items()}
        rest = {"f32": "f32", "bf16": "bf16"}.get(self.dtype, "bf16" if "amx_bf16" in CPU_FLAGS else "f32")
        options = {"NUM_STREAMS": setting["streams"], "INFERENCE_NUM_THREADS": self.threads,
                   "INFERENCE_PRECISION_HINT": rest,
                   "PERFORMANCE_HINT": "LATENCY" if setting["streams"] == 1 else "THROUGHPUT"}

        def compiled():
            graph = self.core.read_model(self.path)
            graph.reshape({name: list(shape) for name, shape in shapes.items()})
            return self.core.compile_model(graph, "CPU", options)

        net = self.once((tuple(shapes.values()), setting["streams"]), compiled)
        if setting["streams"] == 1:
            request = net.create_infer_request()
            # The next call reuses the output's memory: only the caller that needs it copies.
            return lambda batches: [request.infer(batch.feed, share_inputs=True, share_outputs=True)[0]
                                    .copy() for batch in batches]
        queue = openvino.AsyncInferQueue(net, setting["streams"])

        def run(batches):
            states = [None] * len(batches)

            def keep(request, index):
                states[index] = request.get_output_tensor().data.copy()

            queue.set_callback(keep)
            for index, batch in enumerate(batches):
                queue.start_async(batch.feed, index, share_inputs=True)
            queue.wait_all()
            return states

        return run


class CTranslate2(Engine):
    """Its encoder takes lengths, so that padding is not computed in products."""
    dtypes = ("f32", "bf16", "int8")

    def load(self):
        if not (self.folder / "model.bin").exists():
            from ctranslate2.converters import TransformersConverter
            TransformersConverter(str(self.model)).convert(str(self.folder), force=True)

    def open(self, setting, batches):
        import ctranslate2
        workers = setting["workers"]
        kind = {"f32": "float32", "bf16": "bfloat16", "int8": "int8_float32"}[self.dtype]
        net = self.once(workers, lambda: ctranslate2.Encoder(
            str(self.folder), compute_type=kind, inter_threads=workers,
            intra_threads=self.threads // workers))
        view = ctranslate2.StorageView.from_array

        def encode(batch):
            ids, lengths = batch.ids.astype(np.int32), batch.lengths.astype(np.int32)
            states = net.forward_batch(view(ids), view(lengths)).last_hidden_state
            if self.dtype == "bf16":
                states = states.to(ctranslate2.DataType.float32)
            return np.array(states)

        return self.spread(encode, workers)


ENGINES = {"torch": Torch, "onnxruntime": OnnxRuntime, "openvino": OpenVino, "ctranslate2": CTranslate2}
