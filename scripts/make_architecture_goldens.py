#!/usr/bin/env python3
"""Writes tests/golden/<architecture>/<case>/: tiny checkpoints, inputs and expected outputs.

    python scripts/make_architecture_goldens.py [CASE...]

Needs numpy, torch, transformers and safetensors (made with torch 2.13, transformers 5.23).
Deterministic: running it again gives the same files. Each case holds config.json, the weights, and
per input form ({ragged,right,left} ids, images, vectors) a pair <form>.input.safetensors,
<form>.expected.safetensors. The cases are in golden_cases_*.py.
BERT's own cases are made by make_bert_goldens.py.
"""
import sys

import golden_cases_bert
import golden_cases_features
import golden_cases_modules
import golden_cases_rotary


def main():
    wanted = sys.argv[1:]
    for case in (golden_cases_bert.CASES + golden_cases_rotary.CASES + golden_cases_features.CASES
                 + golden_cases_modules.CASES):
        if not wanted or case.__name__ in wanted:
            case()


if __name__ == "__main__":
    main()
