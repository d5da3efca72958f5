#!/usr/bin/env python3
"""Checks the layer rules of docs/design.md: which folder may include what.

    python3 scripts/check_layers.py [ROOT]

Prints one line for each include that breaks a rule and exits 1 if there is any. The first rule whose
pattern matches a file's path decides; an include must match the rule's pattern entirely.
"""
import re
import sys
from pathlib import Path

STD = r"<[a-z_0-9]+>|<(stdint|stddef)\.h>"
POSIX = r"|<(sys/[a-z]+|unistd|fcntl|sched|pthread|signal|errno|cpuid|xmmintrin|immintrin)\.h>"
FMT = r'|<fmt/[a-z]+\.h>|"fmt/[a-z]+\.h"'
TYPES = r'|"weft/(error|tensor|types|weight|export)\.h"'

RULES = [
    # Kernels: one source per instruction set. No standard containers, exceptions or threads: what a
    # kernel object emits weakly, another level could be linked against.
    (r"ops/simd/dispatch\.cpp", STD + r'|"ops/(simd/.*|isa\.h)"' + TYPES),
    (r"ops/(simd/|gemm/kernels).*",
     r'<(cstddef|cstdint|cmath|immintrin\.h|xsimd/xsimd\.hpp)>|"ops/(simd|gemm)/.*"|"weft/types\.h"'),
    (r"ops/gemm/onednn[a-z_]*\.cpp", STD + FMT + TYPES + r'|"ops/.*"|[<"](oneapi/dnnl/)?dnnl\.hpp[>"]'),
    (r"ops/team_openmp\.cpp", STD + POSIX + TYPES + r'|"ops/.*"|<omp\.h>'),
    (r"ops/.*", STD + POSIX + FMT + TYPES + r'|"ops/.*"'),
    # Architectures and heads describe graphs: no sessions, execution, files or threads.
    (r"runtime/(models|heads)/.*",
     r"(?!<thread>|<fstream>|<filesystem>|<mutex>|<atomic>)(" + STD + FMT + ")"
     r'|"runtime/(models/.*|heads/.*|blocks\.h|checksum\.h|config\.h|json\.h)"'
     r'|"ops/(?!simd/|parallel|team)[a-z_]+\.h"|"weft/(?!session|encoder|transformer_model)[a-z_]+\.h"'),
    (r"runtime/json_parser\.cpp", STD + FMT + r'|"(runtime|weft)/.*"|<nlohmann/json\.hpp>'),
    (r"runtime/text/.*", STD + FMT + r'|"(runtime/|weft/).*"'),
    (r"runtime/.*", STD + POSIX + FMT + r'|"(runtime/|weft/).*"|"ops/(?!simd/)[a-z_/]+\.h"'),
    (r"include/weft/.*", STD + r'|"weft/.*"'),
    (r"cli/.*", STD + POSIX + FMT + r'|"(cli|weft)/.*"|<nlohmann/.*>'),
    (r"examples/.*", STD + r'|"weft/.*"'),
]
# Headers of other libraries that a single file of the library, and one of the program, may include.
ONE_FILE = ["dnnl.hpp", "omp.h", "xsimd/xsimd.hpp", "nlohmann/json.hpp"]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"][^>"]+[>"])')


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
    problems, files = [], 0
    users = {(header, in_cli): [] for header in ONE_FILE for in_cli in (False, True)}
    for folder in ("ops", "runtime", "include", "cli", "examples"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".h", ".cpp", ".inl", ".in"):
                continue
            files += 1
            name = path.relative_to(root).as_posix()
            allowed = next(pattern for match, pattern in RULES if re.fullmatch(match, name))
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                found = INCLUDE.match(line)
                if not found:
                    continue
                if not re.fullmatch(allowed, found.group(1)):
                    problems.append(f"{name}:{number}: must not include {found.group(1)}")
                for header in ONE_FILE:
                    if found.group(1)[1:-1].endswith(header):
                        users[header, name.split("/")[0] == "cli"].append(name)
    for (header, _), names in users.items():
        if len(set(names)) > 1:
            problems.append(f"{header} belongs in one file, found in {', '.join(sorted(set(names)))}")
    if not files:
        problems.append(f"{root}: no source files found")
    print("\n".join(problems) if problems else f"layer rules hold in {files} files")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
