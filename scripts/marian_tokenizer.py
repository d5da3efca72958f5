#!/usr/bin/env python3
"""Writes DIR/tokenizer.json for a Marian directory that has source.spm and vocab.json alone.

    python scripts/marian_tokenizer.py DIR

Needs nothing beside Python. The tokenizer is SentencePiece's Unigram: the pieces of source.spm and
their scores, and its table of replacements, with the ids of vocab.json. Pieces that are only written,
never read (target.spm's), get a score so low that no text is cut into them. What comes out is what
transformers' MarianTokenizer gives for texts without its optional Moses normalisation and without a
language code (">>fr<<"), which is taken as a token of its own when vocab.json has it.
"""
import base64
import json
import struct
import sys
from pathlib import Path

META = "\u2581"
SPECIAL = ("</s>", "<unk>", "<pad>")
NEVER = -1e4  # below the sum of any text's own pieces that SentencePiece would choose


def fields(data):
    """(number, value) of each field of a protocol buffer: bytes, or an int; floats as four bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == 0:
            yield key >> 3, varint()
            continue
        size = {1: 8, 5: 4}.get(kind) or (varint() if kind == 2 else None)
        if size is None:
            raise ValueError(f"field of kind {kind} at byte {at}")
        yield key >> 3, data[at:at + size]
        at += size


def read_model(path):
    """Scores by piece, of pieces that texts are cut into, and the normalizer's table."""
    scores, table, model_type = {}, b"", 1
    for number, value in fields(path.read_bytes()):
        if number == 1:
            piece = dict(fields(value))
            if piece.get(3, 1) == 1:  # normal: not unknown, control, unused or a byte
                scores[piece[1].decode()] = struct.unpack("<f", piece.get(2, b"\0" * 4))[0]
        elif number == 2:
            model_type = dict(fields(value)).get(3, 1)
        elif number == 3:
            table = dict(fields(value)).get(2, b"")
    if model_type != 1:
        raise SystemExit(f"{path}: expected a unigram model, found type {model_type}")
    return scores, table


def added(token, number, special):
    return {"id": number, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": special}


def tokenizer(directory):
    vocabulary = json.loads((directory / "vocab.json").read_text(encoding="utf-8"))
    scores, table = read_model(directory / "source.spm")
    tokens = {number: token for token, number in vocabulary.items()}
    if sorted(tokens) != list(range(len(tokens))):
        raise SystemExit(f"{directory / 'vocab.json'}: expected ids 0 to {len(tokens) - 1}")
    missing = [token for token in SPECIAL if token not in vocabulary]
    if missing:
        raise SystemExit(f"{directory / 'vocab.json'}: expected {missing[0]}, found none")
    pieces = [[tokens[i], scores.get(tokens[i], NEVER)] for i in range(len(tokens))]
    codes = [t for t in vocabulary if t.startswith(">>") and t.endswith("<<")]
    spaces = {"type": "Metaspace", "replacement": META, "prepend_scheme": "always", "split": False}
    normalizers = [{"type": "Precompiled", "precompiled_charsmap": base64.b64encode(table).decode()}]
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [added(t, vocabulary[t], t in SPECIAL)
                         for t in sorted([*SPECIAL, *codes], key=vocabulary.get)],
        "normalizer": {"type": "Sequence", "normalizers": (normalizers if table else []) + [
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
            {"type": "Strip", "strip_left": True, "strip_right": True}]},
        "pre_tokenizer": spaces,
        "post_processor": {"type": "TemplateProcessing",
                           "single": [{"Sequence": {"id": "A", "type_id": 0}},
                                      {"SpecialToken": {"id": "</s>", "type_id": 0}}],
                           "pair": [{"Sequence": {"id": "A", "type_id": 0}},
                                    {"Sequence": {"id": "B", "type_id": 0}},
                                    {"SpecialToken": {"id": "</s>", "type_id": 0}}],
                           "special_tokens": {"</s>": {"id": "</s>", "ids": [vocabulary["</s>"]],
                                                       "tokens": ["</s>"]}}},
        "decoder": spaces,
        "model": {"type": "Unigram", "unk_id": vocabulary["<unk>"], "vocab": pieces,
                  "byte_fallback": False},
    }


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__.strip().split("\n\n")[1].strip())
    directory = Path(sys.argv[1])
    text = json.dumps(tokenizer(directory), ensure_ascii=False, indent=1)
    temporary = directory / ".tokenizer.json.part"
    temporary.write_text(text + "\n", encoding="utf-8")
    temporary.replace(directory / "tokenizer.json")
    print(directory / "tokenizer.json")


if __name__ == "__main__":
    main()
