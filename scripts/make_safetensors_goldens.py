#!/usr/bin/env python3
"""Writes tests/golden/safetensors/: tiny files as the safetensors package writes them.

    python scripts/make_safetensors_goldens.py

Needs safetensors, torch, numpy. Deterministic. The tests know the values by their formulas:
element i of a tensor is (i - 3) / 2 in floating-point types, i in integer types, i % 2 in BOOL.
"""
from pathlib import Path

import torch
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parent.parent / "tests" / "golden" / "safetensors"
FLOATS = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
INTEGERS = {"I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
            "U64": torch.uint64, "U32": torch.uint32, "U16": torch.uint16, "U8": torch.uint8}
FLOAT8 = {"F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2}


def main():
    ROOT.mkdir(parents=True, exist_ok=True)
    count = torch.arange(10)
    tensors = {name: ((count - 3) / 2).to(kind).reshape(2, 5)
               for name, kind in (FLOATS | FLOAT8).items()}
    tensors |= {name: count.to(kind).reshape(5, 2) for name, kind in INTEGERS.items()}
    tensors["BOOL"] = (count % 2).to(torch.bool)
    tensors["scalar"] = torch.tensor(2.5)
    tensors["empty"] = torch.zeros(3, 0, 4)
    tensors["name \"with\" \\ ütf\n"] = torch.tensor([1.0, 2.0])
    save_file(tensors, str(ROOT / "dtypes.safetensors"), metadata={"format": "pt", "é": "\n"})
    save_file({}, str(ROOT / "no_tensors.safetensors"))


main()
