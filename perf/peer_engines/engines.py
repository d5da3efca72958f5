"""The engines, each with the settings that its experts use.

An engine is made once per process: Engine(model directory, folder for converted files, dtype, threads).
`settings(workload)` lists what is worth trying; `open(setting, batches)` gives a function that encodes
a list of batches and returns their last hidden states.
"""
import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

CPU_FLAGS = set(next((line for line in Path("/proc/cpuinfo").read_text().splitlines()
                      if line.startswith("flags")), "").split())
HAS_VNNI = bool(CPU_FLAGS & {"avx512_vnni", "avx_vnni", "amx_int8"})
HAS_BF16 = bool(CPU_FLAGS & {"avx512_bf16", "amx_bf16"})


class Unsupported(Exception):
    """This engine does not have this dtype here."""


class Engine:
    dtypes = ("f32",)

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
        return [{"batch": b, "workers": w} for b, w in itertools.product(sizes, workers)]

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


def exportable(model):
    """A torch module (input_ids, attention_mask) -> last hidden states, and example inputs. Eager
    attention, whose plain products the fusions of ONNX Runtime and OpenVINO know."""
    import torch
    from transformers import AutoModel

    class LastStates(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = AutoModel.from_pretrained(model, attn_implementation="eager").eval()
            self.encoder.pooler = None

        def forward(self, input_ids, attention_mask):
            return self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    mask = torch.ones(2, 24, dtype=torch.int64)
    mask[1, 17:] = 0
    return LastStates().eval(), (torch.randint(5, 1000, (2, 24)), mask)


class Torch(Engine):
    """Scaled-dot-product attention; int8: dynamic quantisation of Linear, weights per channel."""
    dtypes = ("f32", "bf16", "int8")

    def load(self):
        import torch
        from transformers import AutoModel
        dtype = torch.bfloat16 if self.dtype == "bf16" else torch.float32
        self.net = AutoModel.from_pretrained(self.model, dtype=dtype, attn_implementation="sdpa").eval()
        self.net.pooler = None
        if self.dtype == "int8":
            from torch.ao import quantization
            config = quantization.per_channel_dynamic_qconfig
            self.net = quantization.quantize_dynamic(self.net, {torch.nn.Linear: config})

    def open(self, setting, batches):
        import torch
        per_worker = self.threads // setting["workers"]

        def encode(batch):
            # A mask of ones only slows attention down.
            mask = None if batch.mask.all() else torch.from_numpy(batch.mask)
            with torch.inference_mode():
                states = self.net(input_ids=torch.from_numpy(batch.ids), attention_mask=mask)
                return states.last_hidden_state.float().numpy()

        return self.spread(encode, setting["workers"], lambda: torch.set_num_threads(per_worker))


class OnnxRuntime(Engine):
    """The fused BERT graph; int8: dynamic quantisation, weights per channel."""
    dtypes = ("f32", "int8")

    def load(self):
        plain, fused, int8 = (self.folder / f"{name}.onnx" for name in ("plain", "fused", "int8"))
        if not plain.exists():
            import torch
            module, example = exportable(self.model)
            names = ["input_ids", "attention_mask"]
            axes = {name: {0: "batch", 1: "length"} for name in [*names, "states"]}
            with torch.no_grad():  # this exporter's graph is the one that the fusion knows
                torch.onnx.export(module, example, str(plain), dynamo=False, opset_version=17,
                                  input_names=names, output_names=["states"], dynamic_axes=axes)
        if not fused.exists():
            import json
            from onnxruntime.transformers import optimizer
            config = json.loads((self.model / "config.json").read_text())
            graph = optimizer.optimize_model(str(plain), "bert", opt_level=1,
                                             num_heads=config["num_attention_heads"],
                                             hidden_size=config["hidden_size"])
            if not graph.get_fused_operator_statistics().get("Attention"):
                raise RuntimeError("ONNX Runtime did not fuse attention: the comparison would be unfair")
            graph.save_model_to_file(str(fused))
        if self.dtype == "int8" and not int8.exists():
            from onnxruntime.quantization import QuantType, quantize_dynamic
            quantize_dynamic(str(fused), str(int8), per_channel=True, weight_type=QuantType.QInt8,
                             reduce_range=not HAS_VNNI,  # 16-bit sums saturate without VNNI
                             extra_options={"MatMulConstBOnly": True, "DefaultTensorType": 1})
        self.path = int8 if self.dtype == "int8" else fused

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
    """Static shapes for one text, streams for many; int8: post-training quantisation by NNCF."""
    dtypes = ("f32", "bf16", "int8")

    def load(self):
        import openvino
        self.core = openvino.Core()
        self.path = self.folder / "f32.xml"
        if not self.path.exists():
            module, example = exportable(self.model)
            names = ("input_ids", "attention_mask")
            graph = openvino.convert_model(module, example_input=dict(zip(names, example)),
                                           input=[(name, [-1, -1], np.int64) for name in names])
            openvino.save_model(graph, self.path, compress_to_fp16=False)
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

    def settings(self, workload):
        if len(workload.lengths) == 1:
            return [{"batch": 1, "streams": 1, "static": static} for static in (True, False)]
        return [{"batch": s["batch"], "streams": s["workers"], "static": False}
                for s in super().settings(workload)]

    def open(self, setting, batches):
        import openvino
        shape = list(batches[0].ids.shape) if setting["static"] else [-1, -1]
        rest = {"f32": "f32", "bf16": "bf16"}.get(self.dtype, "bf16" if "amx_bf16" in CPU_FLAGS else "f32")
        options = {"NUM_STREAMS": setting["streams"], "INFERENCE_NUM_THREADS": self.threads,
                   "INFERENCE_PRECISION_HINT": rest,
                   "PERFORMANCE_HINT": "LATENCY" if setting["streams"] == 1 else "THROUGHPUT"}

        def compiled():
            graph = self.core.read_model(self.path)
            graph.reshape({"input_ids": shape, "attention_mask": shape})
            return self.core.compile_model(graph, "CPU", options)

        net = self.once((*shape, setting["streams"]), compiled)
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
