"""Builds SentencePiece "precompiled_charsmap" values: a double-array trie of the strings to replace
and the replacements, as tokenizer.json's normalizer Precompiled holds them."""

import base64
import struct


def _unit(label, has_leaf, offset):
    value = label | (has_leaf << 8)
    if offset < 1 << 21:
        return value | offset << 10
    assert offset % 256 == 0 and offset < 1 << 29
    return value | 1 << 9 | (offset >> 8) << 10


def build(rules):
    """rules: {string: replacement}, keys not empty. Returns the value in base64."""
    blob, values = bytearray(), {}
    for replacement in sorted(set(rules.values())):
        values[replacement] = len(blob)
        blob += replacement.encode() + b"\0"
    root = {}
    for key, replacement in rules.items():
        node = root
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[-1] = values[replacement]

    units, used, first_free = {0: None}, {0}, 1
    pending = [(0, 0, root)]  # place of the node, its label, its children
    while pending:
        place, label, node = pending.pop()
        children = sorted(byte for byte in node if byte >= 0)
        wanted = children + ([0] if -1 in node else [])
        while first_free in used:
            first_free += 1
        # Children lie at place ^ offset ^ label; 0 is the leaf's.
        at = first_free
        while True:
            base = at ^ (wanted[0] if wanted else 0)
            offset = base ^ place
            if offset < 1 << 21 and all(base ^ w not in used and base ^ w > 0 for w in wanted):
                break
            at += 1
        for w in wanted:
            used.add(base ^ w)
        if -1 in node:
            units[base] = node[-1] | 1 << 31
        units[place] = _unit(label, -1 in node, offset)
        pending += [(base ^ byte, byte, node[byte]) for byte in children]
    size = (max(units) | 255) + 1
    trie = struct.pack(f"<{size}I", *(units.get(i, 0) for i in range(size)))
    return base64.b64encode(struct.pack("<I", len(trie)) + trie + bytes(blob)).decode()
