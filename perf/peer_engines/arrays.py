"""Arrays in safetensors files, with numpy alone: I64 and F32, all that `weft bench` reads and writes."""
import json
import struct
from pathlib import Path

import numpy as np

DTYPES = {"F32": np.dtype("<f4"), "I64": np.dtype("<i8")}


def save(path, arrays):
    entries, parts, end = {}, [], 0
    for name, array in arrays.items():
        dtype = next((key for key, known in DTYPES.items() if array.dtype == known), None)
        if dtype is None:
            raise ValueError(f"{name}: expected one of {', '.join(DTYPES)}, found {array.dtype}")
        parts.append(np.ascontiguousarray(array, DTYPES[dtype]).tobytes())
        entries[name] = {"dtype": dtype, "shape": list(array.shape),
                         "data_offsets": [end, end + len(parts[-1])]}
        end += len(parts[-1])
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    Path(path).write_bytes(struct.pack("<Q", len(header)) + header + b"".join(parts))


def load(path):
    """name -> array. Raises ValueError naming a tensor of another dtype."""
    data = Path(path).read_bytes()
    (size,) = struct.unpack_from("<Q", data)
    arrays = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name == "__metadata__":
            continue
        if entry["dtype"] not in DTYPES:
            raise ValueError(f"{path}: {name}: expected one of {', '.join(DTYPES)}, found {entry['dtype']}")
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        arrays[name] = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return arrays
