#!/usr/bin/env python3
"""Writes tests/golden/tokenizer/models: small tokenizers in the shapes of well-known models
(tokenizer_cases.py), nasty texts in some twenty scripts, and what the `tokenizers` package makes of
them. Needs: pip install tokenizers==0.23.3
Usage: scripts/make_model_tokenizer_goldens.py

texts.json        the texts; pairs.json pairs of texts
CASE/tokenizer.json
CASE/expected.txt, one line of FNV-1a digests each:
  texts    8 hexadecimal digits a text, of ids|type ids|offsets in characters|in bytes
  pairs    the same of pairs
  cut      of texts and pairs cut to 9 tokens, from the right and from the left
  windows  of all windows of 7 tokens with a stride of 2, ids and offsets
  decoded  of the first 600: the texts that the ids of a text become, with and without special tokens
  then, for the last texts, the full line and the decoded text in JSON
points.json  for components whose classes of characters come from the package, {"name", "kind",
  "component" as in tokenizer.json, "around": a text with "?" for the code point, "digests" of the
  answers for blocks of 4096 code points}
"""

import json
import random

import charsmap
import make_tokenizer_goldens as words
import tokenizer_cases as cases
from tokenizers import Tokenizer

OUT = words.OUT / "models"
SEED = 20261122
TEXTS, PAIRS, FULL, VOCABULARY = 2100, 150, 6, 600
PIECES = ["<mask>", "[MASK]", "<s>", "</s>", "<|endoftext|>", "[SEP]", " <mask>", "\u2581",
          "\u2581\u2581", "<0x41>", "\u0120", "'S", "'\u017f", "\u212a", "``", "''", "\r",
          "a\u0301\u0302", "\u00a9\u200d\u00a9\u0308", "\uac00\u0308", "\u0915\u094d\u0915\u0308",
          "\u0600a", "-", "--", "</w>", "##a", "12345", "\u0663\u0664"]


def text_of(r):
    english = cases.PASSAGE.split(" ")
    out = []
    for _ in range(r.choice([1, 1, 2, 3, 4, 6])):
        kind = r.random()
        if kind < 0.3:
            out.append(r.choice(words.WORDS))
        elif kind < 0.5:
            begin = r.randrange(len(english))
            out.append(" ".join(english[begin : begin + r.choice([1, 2, 5])]))
        elif kind < 0.68:
            out.append(r.choice(words.SPACES) * r.choice([1, 1, 2, 5]))
        elif kind < 0.76:
            out.append(r.choice(PIECES))
        elif kind < 0.86:
            out.append(chr(r.choice(words.MARKS)))
        else:
            low, high = r.choice(words.RANGES)
            codes = (r.randrange(low, high) for _ in range(r.choice([1, 2, 3])))
            out.append("".join(chr(c) for c in codes if not 0xD800 <= c < 0xE000))
    return "".join(out)


def short(line):
    return words.digest(line.encode())[8:]


def window_line(encoding):
    windows = [encoding] + encoding.overflowing
    return "|".join(" ".join(map(str, w.ids)) + ":" + " ".join("%d,%d" % o for o in w.offsets)
                    for w in windows)


def expected(tokenizer, texts, pairs):
    # The reference panics where a limit leaves less than a stride; such cases are left out.
    tokenizer.no_truncation()
    encodings = [tokenizer.encode(t) for t in texts]
    lines = {"texts": "".join(short(words.line_of(e, [t])) for e, t in zip(encodings, texts)),
             "pairs": "".join(short(words.line_of(tokenizer.encode(*p), p)) for p in pairs)}
    cut = []
    for direction in ("right", "left"):
        tokenizer.enable_truncation(9, direction=direction)
        cut += [short(words.line_of(tokenizer.encode(t), [t])) for t in texts[:150]]
        cut += [short(words.line_of(tokenizer.encode(*p), p)) for p in pairs]
    lines["cut"] = "".join(cut)
    windows = []
    for direction in ("right", "left"):
        tokenizer.enable_truncation(7, stride=2, direction=direction)
        windows += [short(window_line(tokenizer.encode(t))) for t in texts[:150]]
    lines["windows"] = "".join(windows)
    tokenizer.no_truncation()
    lines["decoded"] = "".join(short(tokenizer.decode(e.ids, skip_special_tokens=skip))
                               for skip in (True, False) for e in encodings[:600] if e.ids)
    full = []
    for e, t in list(zip(encodings, texts))[-FULL:]:
        full += [words.line_of(e, [t]), json.dumps(tokenizer.decode(e.ids))]
    return [f"{name} {digests}" for name, digests in lines.items()] + full


def point_components():
    """name, kind, component, text around the code point."""
    split = {"type": "Split", "behavior": "Isolated", "invert": False}
    words = "a? ??1?'?.\n?"
    for name, pattern in (("gpt2", cases.GPT2), ("llama3", cases.LLAMA3), ("clip", cases.CLIP),
                          ("digit", r"\d+"), ("space", r"\s+"), ("wide", r"\s{2,}|[\n\r\t]"),
                          ("clip2", r"<\|startoftext\|>|<\|endoftext\|>|" + cases.CLIP)):
        yield name, "pre_tokenizer", {**split, "pattern": {"Regex": pattern}}, words
    yield "digits", "pre_tokenizer", {"type": "Digits", "individual_digits": True}, words
    yield "scripts", "pre_tokenizer", {"type": "UnicodeScripts"}, "a? ?\u0430?\u6f22?\u304b ?"
    yield "nmt", "normalizer", {"type": "Nmt"}, "a?b"
    marks = {"type": "Precompiled", "precompiled_charsmap": charsmap.build(
        {"a": "!", "\u0308": "8", "\u00a9": "c", "\u0915": "k", "\u1161": "v", "\u11a8": "t"})}
    yield ("clusters", "normalizer", marks, "a?\u0308\u0301|?a\u0308|?\u200d\u00a9\u0308|\u00a9?"
           "\u200d\u00a9\u0308|\u0915?\u0915\u0308|\u0915?\u094d\u0915\u0308|?\u1161\u0308|?\u11a8\u0308|"
           "\u1100?\u0308|?\u0308\u0301")


def points():
    result = []
    for name, kind, component, around in point_components():
        document = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
                    "normalizer": None, "pre_tokenizer": None, "post_processor": None,
                    "decoder": None, "model": {"type": "BPE", "vocab": {}, "merges": []},
                    kind: component}
        tokenizer = Tokenizer.from_str(json.dumps(document))
        if kind == "normalizer":
            answer = tokenizer.normalizer.normalize_str
        else:
            answer = lambda text: "\n".join(  # noqa: E731
                piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text))
        digests = []
        for first in range(0, 0x110000, 4096):
            codes = (c for c in range(first, first + 4096) if not 0xD800 <= c < 0xE000)
            digests.append(words.digest("\n\n".join(
                answer(around.replace("?", chr(c))) for c in codes).encode()))
        result.append(dict(name=name, kind=kind, component=component, around=around,
                           digests=digests))
    return result


def main():
    r = random.Random(SEED)
    texts = words.TRAPS + [text_of(r) for _ in range(TEXTS - len(words.TRAPS))]
    pairs = [[text_of(r), text_of(r)] for _ in range(PAIRS)]
    words.write(OUT / "texts.json", texts)
    words.write(OUT / "pairs.json", pairs)
    words.write(OUT / "points.json", points())
    training = [words.text_of(r) for _ in range(500)]
    map_ = cases.small_charsmap()
    for name in cases.ALL:
        document = cases.build(name, training, map_, VOCABULARY)
        words.write(OUT / name / "tokenizer.json", document)
        tokenizer = Tokenizer.from_str(json.dumps(document))
        lines = expected(tokenizer, texts, pairs)
        (OUT / name / "expected.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
