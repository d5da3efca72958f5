#!/usr/bin/env python3
"""Writes runtime/text/unicode_tables.cpp: what the `tokenizers` package does to every code point.

The package, not a Unicode database, is the source: its tables are of several Unicode versions
(categories older than lower case). Needs: pip install tokenizers==0.23.3
Usage: scripts/make_unicode_tables.py > runtime/text/unicode_tables.cpp
"""

import sys

import tokenizers
from tokenizers import normalizers, pre_tokenizers

from code_point_tables import LIMIT, array, two_stage

SURROGATES = range(0xD800, 0xE000)
HANGUL = range(0xAC00, 0xAC00 + 11172)  # decomposed by arithmetic, not by table

REMOVED, WHITE_SPACE, PUNCTUATION, CHINESE, WORD, MARK, NONSPACING = (1 << i for i in range(7))


def bert(clean=False, chinese=False, strip=False, lower=False):
    return normalizers.BertNormalizer(
        clean_text=clean, handle_chinese_chars=chinese, strip_accents=strip, lowercase=lower
    ).normalize_str


clean, chinese, strip = bert(clean=True), bert(chinese=True), bert(strip=True)
lower, uncased = bert(lower=True), bert(strip=True, lower=True)
nfd, nfkd, nfc = (
    n.normalize_str for n in (normalizers.NFD(), normalizers.NFKD(), normalizers.NFC())
)
strip_marks = normalizers.StripAccents().normalize_str
bert_words = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
regex_words = pre_tokenizers.Whitespace().pre_tokenize_str


def code_points():
    return (c for c in range(LIMIT) if c not in SURROGATES)


def combining_classes():
    """Found by looking at which marks change places in NFD, with no other source."""
    import unicodedata

    representative = {}
    for c in code_points():
        value = unicodedata.combining(chr(c))
        if value and value not in representative and nfd(chr(c)) == chr(c):
            # A mark that the package itself treats as a non-starter.
            if nfd("\u0345" + chr(c)) != "\u0345" + chr(c) or value == 240:
                representative[value] = chr(c)
    ordered = sorted(representative.items())
    low, high = representative[1], "\u0345"
    classes = {}
    for c in code_points():
        if c < 0x300 or c in HANGUL:
            continue
        x = chr(c)
        decomposed = nfd(x)
        if len(decomposed) != 1 or decomposed != x:
            continue
        starter = nfd(x + low) == x + low and nfd(high + x) == high + x
        if starter:
            continue
        for value, mark in ordered:
            if nfd(x + mark) == x + mark and nfd(mark + x) == mark + x:
                classes[c] = value
                break
        else:
            sys.exit(f"U+{c:04X}: no combining class fits")
    # Class 1 itself is stable after `low` and before `high`, as a starter is; high + x tells.
    return classes


def flags_of(c):
    x = chr(c)
    flags = 0
    cleaned = clean(x)
    pieces = [p for p, _ in bert_words("a" + x + "a")]
    if pieces == ["a", "a"]:
        flags |= WHITE_SPACE
    elif pieces == ["a", x, "a"]:
        flags |= PUNCTUATION
    else:
        assert pieces == ["a" + x + "a"], hex(c)
    if cleaned == "":
        flags |= REMOVED
    else:
        assert cleaned == (" " if flags & WHITE_SPACE else x), hex(c)
    spaced = chinese(x)
    if spaced == f" {x} ":
        flags |= CHINESE
    else:
        assert spaced == x, hex(c)
    words = [p for p, _ in regex_words("a" + x + "!")]
    if words == ["a" + x, "!"]:
        flags |= WORD
    else:
        assert words == (["a", "!"] if flags & WHITE_SPACE else ["a", x + "!"]), hex(c)
    if strip_marks(x) == "":
        flags |= MARK
    if nfd(x) == x and strip(x) == "":
        flags |= NONSPACING
    return flags


def main():
    classes = combining_classes()
    kinds, properties = {(0, 0): 0}, [0] * LIMIT
    for c in code_points():
        key = (flags_of(c), classes.get(c, 0))
        properties[c] = kinds.setdefault(key, len(kinds))
    flags = {c: list(kinds)[properties[c]][0] for c in code_points()}

    pool, offsets = [0], {}

    def sequence(text):
        if text not in offsets:
            offsets[text] = len(pool)
            pool.extend([len(text), *map(ord, text)])
        return offsets[text]

    mappings, mapping_of, pairs = {(0, 0, 0, 0): 0}, [0] * LIMIT, {}
    for c in code_points():
        x = chr(c)
        if c in HANGUL:
            i = c - 0xAC00
            jamo = chr(0x1100 + i // 588) + chr(0x1161 + i % 588 // 28)
            jamo += chr(0x11A7 + i % 28) if i % 28 else ""
            assert nfd(x) == nfkd(x) == uncased(x) == strip(x) == jamo and nfc(jamo) == x
            assert lower(x) == x
            continue
        forms = (lower(x), nfd(x), nfkd(x), uncased(x))
        kept = "".join(d for d in forms[1] if not flags[ord(d)] & NONSPACING)
        assert strip(x) == kept and uncased(x) == "".join(map(lower, kept)), hex(c)
        key = tuple(0 if form == x else sequence(form) for form in forms)
        mapping_of[c] = mappings.setdefault(key, len(mappings))
        if len(forms[1]) > 1 and nfc(forms[1]) == x:
            head = nfc(forms[1][:-1])
            assert len(head) == 1, hex(c)
            pairs[(ord(head), ord(forms[1][-1]))] = c
    assert len(kinds) < 256 and len(pool) < 65536 and len(mappings) < 65536

    print("// Generated by scripts/make_unicode_tables.py from the package")
    print(f"// tokenizers {tokenizers.__version__}; do not edit.")
    print("// clang-format off")
    print('#include "runtime/text/unicode_tables.h"\n\nnamespace weft::unicode {\nnamespace {\n')
    first, second = two_stage(properties)
    array("std::uint16_t", "kKindBlocks", first)
    array("std::uint8_t", "kKindIndices", second)
    array("Kind", "kKindTable", [f"{{{f}, {k}}}" for f, k in kinds])
    first, second = two_stage(mapping_of)
    array("std::uint16_t", "kMappingBlocks", first)
    array("std::uint16_t", "kMappingIndices", second)
    array("Mapping", "kMappingTable", ["{%d, %d, %d, %d}" % m for m in mappings])
    array("char32_t", "kPool", pool)
    ordered = sorted(pairs.items())
    array("Composition", "kPairs", [f"{{{a}, {b}, {c}}}" for (a, b), c in ordered])
    print("}  // namespace\n")
    print("const std::uint16_t* const kKindBlock = kKindBlocks;")
    print("const std::uint8_t* const kKindIndex = kKindIndices;")
    print("const Kind* const kKinds = kKindTable;")
    print("const std::uint16_t* const kMappingBlock = kMappingBlocks;")
    print("const std::uint16_t* const kMappingIndex = kMappingIndices;")
    print("const Mapping* const kMappings = kMappingTable;")
    print("const char32_t* const kSequences = kPool;")
    print("const Composition* const kCompositions = kPairs;")
    print(f"const std::size_t kCompositionCount = {len(ordered)};")
    print("\n}  // namespace weft::unicode")
    print(
        f"kinds {len(kinds)}, mappings {len(mappings)}, pool {len(pool)}, pairs {len(pairs)}, "
        f"classes {len(classes)}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
