#!/usr/bin/env python3
"""Writes runtime/text/unicode_traits_table.cpp: the classes of every code point that patterns,
grapheme clusters and scripts need, as the `tokenizers` package has them (its regular expressions,
its segmentation and its script table are of different Unicode versions).

Needs: pip install tokenizers==0.23.3
Usage: scripts/make_unicode_traits.py > runtime/text/unicode_traits_table.cpp
"""

import sys

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

import charsmap
from code_point_tables import LIMIT, array, two_stage

CODES = [c for c in range(LIMIT) if not 0xD800 <= c < 0xE000]
LETTER, NUMBER, SPACE, NUMERIC, DIGIT = (1 << i for i in range(5))
OTHER, CR, LF, CONTROL, EXTEND, ZWJ, SPACING, PREPEND, L, V, T, LV, LVT, PICTURE = range(14)
LINKER, JOINED, CONSONANT = 14, 15, 16  # Extend that links, Extend that does not break a link


def members(pattern):
    text = "".join(map(chr, CODES))
    rest = pre_tokenizers.Split(Regex(pattern + "+"), "removed").pre_tokenize_str(text)
    outside = [False] * len(CODES)
    for _, (begin, end) in rest:
        outside[begin:end] = [True] * (end - begin)
    return {c for c, out in zip(CODES, outside) if not out}


def numeric():
    text = "a" + "a".join(map(chr, CODES)) + "a"
    pieces = pre_tokenizers.Digits(individual_digits=True).pre_tokenize_str(text)
    return {CODES[begin // 2] for piece, (begin, end) in pieces if end - begin == 1 and piece != "a"}


def joins(template, key):
    """Code points c for which the key is no cluster's begin in template % c: a cluster of up to five
    bytes that begins with the key becomes "!" whole, and loses the mark U+0308 or U+0301 in it."""
    mapped = normalizers.Precompiled(__import__("base64").b64decode(charsmap.build({key: "!"})))

    def joined(c):
        mark = template[-1]
        text = template.replace("?", chr(c))
        if c == ord(mark):  # another of its kind, to tell them apart
            mark = "\u0307"
            text = template[:-1].replace("?", chr(c)) + mark
        return mark in mapped.normalize_str(text)

    return {c for c in CODES if joined(c)}


def grapheme_classes():
    follows = {c for c in CODES if "!" == normalizers.Precompiled(
        __import__("base64").b64decode(charsmap.build({"a": "!"}))).normalize_str("a" + chr(c))}
    prepend = joins("?a\u0308", "a")
    control = set(CODES) - joins("?\u0308\u0301", "\u0308")
    picture = joins("?\u200d\u00a9\u0308", "\u00a9") - prepend
    extend = joins("\u00a9?\u200d\u00a9\u0308", "\u00a9") & follows
    before_v, before_t = joins("?\u1161\u0308", "\u1161"), joins("?\u11a8\u0308", "\u11a8")
    linker = joins("\u0915?\u0915\u0308", "\u0915") & follows
    joined = joins("\u0915?\u094d\u0915\u0308", "\u0915") & follows
    consonant = joins("?\u094d\u0915\u0308", "\u0915") - prepend
    print([len(s) for s in (follows, prepend, control, picture, extend, before_v, before_t, linker,
                            joined, consonant)], file=sys.stderr)
    result = {}
    for c in CODES:
        hangul = 0xAC00 <= c < 0xAC00 + 11172
        lv = hangul and (c - 0xAC00) % 28 == 0
        if c in (0x0D, 0x0A, 0x200D):
            kind = {0x0D: CR, 0x0A: LF, 0x200D: ZWJ}[c]
        elif c in control:
            kind = CONTROL
        elif c in prepend:
            kind = PREPEND
        elif c in follows:
            kind = SPACING if c not in extend else EXTEND
            if c in linker:
                kind = LINKER
            elif c in joined:
                assert kind == EXTEND
                kind = JOINED
        elif c in before_v:
            kind = LV if lv else V if c in before_t else L
        elif c in before_t:
            kind = LVT if hangul else T
        elif c in picture:
            kind = PICTURE
        else:
            kind = CONSONANT if c in consonant else OTHER
        result[c] = kind
    return result


def scripts():
    """Numbers of classes: 0 goes with every script."""
    split = pre_tokenizers.UnicodeScripts().pre_tokenize_str

    def same(a, b):
        return len(split(chr(a) + chr(b))) == 1

    known, result, last = [], {}, 0
    for c in CODES:
        if same(ord("a"), c) and same(0x44F, c):
            result[c] = 0
            continue
        order = ([known[last - 1]] if last else []) + known
        found = next((r for r in order if same(r, c)), None)
        if found is None:
            known.append(c)
            found = c
        last = result[c] = known.index(found) + 1
    return result


def main():
    flags = dict.fromkeys(CODES, 0)
    sets = ((LETTER, members(r"\p{L}")), (NUMBER, members(r"\p{N}")), (SPACE, members(r"\s")),
            (NUMERIC, numeric()), (DIGIT, members(r"\d")))
    for flag, codes in sets:
        for c in codes:
            flags[c] |= flag
    clusters, script = grapheme_classes(), scripts()
    traits, index = {(0, OTHER, 0): 0}, [0] * LIMIT
    for c in CODES:
        key = (flags[c], clusters[c], script[c])
        index[c] = traits.setdefault(key, len(traits))
    print("// Generated by scripts/make_unicode_traits.py from the package")
    print(f"// tokenizers {tokenizers.__version__}; do not edit.")
    print("// clang-format off")
    print('#include "runtime/text/unicode_traits.h"\n\nnamespace weft::unicode {\nnamespace {\n')
    first, second = two_stage(index)
    array("std::uint16_t", "kBlocks", first)
    array("std::uint16_t", "kIndices", second)
    array("Traits", "kTable", [f"{{{f}, {g}, {s}}}" for f, g, s in traits])
    print("}  // namespace\n")
    print("const std::uint16_t* const kTraitsBlock = kBlocks;")
    print("const std::uint16_t* const kTraitsIndex = kIndices;")
    print("const Traits* const kTraits = kTable;")
    print("\n}  // namespace weft::unicode")
    print(f"traits {len(traits)}, scripts {max(script.values())}", file=sys.stderr)


if __name__ == "__main__":
    main()
