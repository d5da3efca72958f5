#!/usr/bin/env python3
"""Writes tests/golden/tokenizer: small tokenizers, nasty texts, and what the `tokenizers` package
makes of them. Needs: pip install tokenizers==0.23.3
Usage: scripts/make_tokenizer_goldens.py

index.json    runs: {case, name, kind: single|pair|added, max_length (-1: none), specials, detail}
texts.json    the texts; pairs.json; added.json (texts for the case "added")
CASE/tokenizer.json, CASE/NAME.txt: one line per text, ids|type ids|offsets in characters|in bytes,
              or, with detail "digest", the FNV-1a digest of that line
code_points.json  for each component, digests of its answers for blocks of 4096 code points
"""

import collections
import json
import pathlib
import random

from tokenizers import Tokenizer, normalizers, pre_tokenizers

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "tokenizer"
SEED = 20240607
TEXTS, PAIRS, ADDED = 2400, 400, 500

WORDS = """the of and unaffable tokenization internationalisation Hello World don't It's embedding
running runs Straße naïve café ÀÉÎÕÜ Ångström ΑΣ ΌΣΟΣ Ελληνικά İstanbul ılık ñandú Žluťoučký Đặng
Việt Привет мир Київ Ўзбек Հայաստան შალომ ქართული שלום עולם בְּרֵאשִׁית مرحبا العالم الْقُرْآن فارسی اردو
नमस्ते हिन्दी বাংলা ਪੰਜਾਬੀ ગુજરાતી தமிழ் తెలుగు ಕನ್ನಡ മലയാളം සිංහල ไทย ภาษาไทย ລາວ မြန်မာ ភាសា አማርኛ ᏣᎳᎩ ᐃᓄᒃᑎᑐᑦ
ᠮᠣᠩᠭᠣᠯ བོད་ཡིག 東京 日本語 ひらがな カタカナ がぎぐげご ﾊﾝｶｸ 漢字 𠀀𪜀 豈更車 한국어 대한민국 한글 ᄒᆞᆫ ꦗꦮ ꦧꦱꦗꦮ ᬩᬲ ᬧᭀ ⵜⵉⴼ
😀 👩‍👩‍👧 🇩🇪 ❤️ 1️⃣ [SEP] [CLS] [MASK] [PAD] [UNK] [sep] ##ing ﬁn ½ Ⅷ ² ａｂｃ ǅ ſ ẞ K Å ℌ 𝔘𝔫𝔦 ➀ ㎏ №
3.14 1,000 e-mail foo_bar C++ #tag @user $9.99 https://example.org/a?b=c&d=%20 a·b «q» “q” … – — ¿ ¡
\U0001d1be \U0001d15e""".split()
SPACES = [" ", " ", " ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2028", "\u0085", "\v", "\u1680"]
MARKS = [0x300, 0x301, 0x323, 0x334, 0x345, 0x302E, 0x302F, 0x1B44, 0xA9C0, 0x1D165, 0x1D16D, 0x34F,
         0x344, 0xF73, 0xF71, 0x200B, 0x200D, 0xFFFD, 0, 0x7F, 0x5B0, 0x64B, 0x94D, 0x93C, 0x1B35,
         0x3099, 0x1ACF, 0x898, 0x16FF0, 0xAD, 0xFE0F, 0x61C, 0xE0041, 0xE000, 0x10FFFF, 0x1161, 0x11A8]
RANGES = [(0x21, 0x7F)] * 4 + [
    (0, 0x20), (0x7F, 0xA0), (0xA0, 0x250), (0x250, 0x370), (0x370, 0x400), (0x400, 0x530),
    (0x530, 0x600), (0x600, 0x700), (0x700, 0x900), (0x900, 0xE00), (0xE00, 0x1100),
    (0x1100, 0x1200), (0x1200, 0x1700), (0x1700, 0x1B00), (0x1B00, 0x1C00), (0x1C00, 0x1E00),
    (0x1E00, 0x2000), (0x2000, 0x2070), (0x2070, 0x2C00), (0x2C00, 0x3000), (0x3000, 0x3400),
    (0x3400, 0xA000), (0xA000, 0xAC00), (0xAC00, 0xD7A4), (0xE000, 0xF900), (0xF900, 0xFB50),
    (0xFB50, 0xFE70), (0xFFF0, 0x10000), (0x10000, 0x12000), (0x16F00, 0x17000),
    (0x1D100, 0x1D250), (0x1D400, 0x1D800), (0x1E000, 0x1F000), (0x1F000, 0x1FB00),
    (0x20000, 0x32000), (0xE0000, 0xE0200), (0x100000, 0x110000)]
TRAPS = ["", " ", "\n", "\x00", "a\x00b", "a\ufffdb", "a\u00adb\u200bc\ufe0fd", "a\U0010ffffb",
         "[SEP]", "a[SEP]b [ SEP ]", "x" * 100, "x" * 101, "é" * 100, "é" * 101, "e\u0301" * 101,
         "東" * 40, "!" * 40, "a" + "\u0301" * 200 + "b", "a " * 60, "\u0301", "\u1b44\u0327",
         "\u0f73\u0334a", "q\u0323\u0307", "q\u0307\u0323", "\U0001d1be\u0334", "ꦧ\ua9c0\u0323"]


def text_of(r):
    out = []
    for _ in range(r.choice([1, 1, 2, 3, 4, 6, 10])):
        kind = r.random()
        if kind < 0.45:
            out.append(r.choice(WORDS))
        elif kind < 0.7:
            out.append(r.choice(SPACES))
        elif kind < 0.82:
            out.append(chr(r.choice(MARKS)))
        else:
            low, high = r.choice(RANGES)
            codes = (r.randrange(low, high) for _ in range(r.choice([1, 2, 3])))
            out.append("".join(chr(c) for c in codes if not 0xD800 <= c < 0xE000))
    return "".join(out)


def vocabulary(normalizer, splitter, texts, size):
    """Specials, every frequent character alone and continuing, then frequent pieces of words."""
    begins, continues = collections.Counter(), collections.Counter()
    for text in texts + WORDS * 20:
        normal = normalizer.normalize_str(text) if normalizer else text
        for word, _ in splitter.pre_tokenize_str(normal) if splitter else [(normal, None)]:
            for length in range(1, min(len(word), 9) + 1):
                begins[word[:length]] += length * length
            for begin in range(1, min(len(word), 20)):
                for length in range(1, 6):
                    if begin + length <= len(word):
                        continues["##" + word[begin : begin + length]] += length * length
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    for counter in (begins, continues):
        ordered = sorted(counter, key=lambda t: (-counter[t], t))
        tokens += [t for t in ordered if t not in tokens][: size // 2]
    return {token: i for i, token in enumerate(tokens)}


def added(id, content, **flags):
    token = dict(id=id, content=content, single_word=False, lstrip=False, rstrip=False,
                 normalized=False, special=False)
    return {**token, **flags}


def bert(clean, chinese, strip, lower):
    return {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese,
            "strip_accents": strip, "lowercase": lower}


def sequence(id, type_id):
    return {"Sequence": {"id": id, "type_id": type_id}}


def special(id, type_id):
    return {"SpecialToken": {"id": id, "type_id": type_id}}


def template(single, pair, names):
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": {
        name: {"id": name, "ids": ids, "tokens": tokens} for name, ids, tokens in names}}


BERT_TEMPLATE = template(
    [special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0)],
    [special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0), sequence("B", 1),
     special("[SEP]", 1)],
    [("[CLS]", [2], ["[CLS]"]), ("[SEP]", [3], ["[SEP]"])])
ODD_TEMPLATE = template(
    [sequence("A", 3), special("both", 7), sequence("A", 1)],
    [sequence("B", 2), special("[SEP]", 5), special("both", 0), sequence("A", 4)],
    [("both", [2, 4], ["[CLS]", "[MASK]"]), ("[SEP]", [3], ["[SEP]"])])
BERT_PROCESSING = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}
BERT_SPLIT = {"type": "BertPreTokenizer"}
STRIP = {"type": "Strip", "strip_left": True, "strip_right": True}

CASES = {  # name: (normalizer, pre_tokenizer, post_processor)
    "uncased": (bert(True, True, None, True), BERT_SPLIT, BERT_TEMPLATE),
    "cased": (bert(True, True, None, False), BERT_SPLIT, BERT_PROCESSING),
    "accents": (bert(True, False, False, True), BERT_SPLIT, ODD_TEMPLATE),
    "stripped": (bert(False, True, True, False), BERT_SPLIT, None),
    "added": (bert(True, True, None, True), BERT_SPLIT, BERT_TEMPLATE),
    "composed": ({"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}, STRIP]},
                 {"type": "Sequence", "pretokenizers": [
                     {"type": "WhitespaceSplit"}, {"type": "Punctuation", "behavior": "Isolated"}]},
                 BERT_TEMPLATE),
    "decomposed": ({"type": "Sequence", "normalizers": [
        {"type": "NFD"}, {"type": "Lowercase"}, {"type": "StripAccents"}]},
        {"type": "Whitespace"}, BERT_PROCESSING),
    "nfd": ({"type": "NFD"}, {"type": "WhitespaceSplit"}, None),
    "nfc": ({"type": "NFC"}, {"type": "Whitespace"}, None),
    "nfkd": ({"type": "NFKD"}, BERT_SPLIT, None),
    "none": (None, None, None),
}


def tokenizer_json(name, texts):
    normalizer, splitter, processor = CASES[name]
    model = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
             "max_input_chars_per_word": 100, "vocab": {"[UNK]": 0}}
    document = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
                "normalizer": normalizer, "pre_tokenizer": splitter, "post_processor": None,
                "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True}, "model": model}
    probe = Tokenizer.from_str(json.dumps(document))
    size = 2000 if name == "uncased" else 1000
    model["vocab"] = vocabulary(probe.normalizer, probe.pre_tokenizer, texts, size)
    document["post_processor"] = processor
    document["added_tokens"] = [
        added(i, t, special=True) for i, t in enumerate(list(model["vocab"])[:5])]
    if name == "added":
        n = len(model["vocab"])
        document["added_tokens"] += [
            added(n, "<x>", lstrip=True), added(n + 1, "Éa", normalized=True),
            added(model["vocab"]["the"], "the", single_word=True, normalized=True),
            added(n + 2, " b", rstrip=True),
            added(n + 3, "<xy>", special=True, single_word=True, rstrip=True, lstrip=True),
            added(n + 4, "東x"), added(n + 5, "~##", normalized=True, special=True)]
    return document


def line_of(encoding, texts):
    bytes_before = []
    for text in texts:
        sums = [0]
        for character in text:
            sums.append(sums[-1] + len(character.encode()))
        bytes_before.append(sums)
    # Of one text that a template uses twice, sequence_ids knows only the last use.
    single = [None if special else 0 for special in encoding.special_tokens_mask]
    owners = encoding.sequence_ids if len(texts) > 1 else single
    in_bytes = [
        (0, 0) if i is None else (bytes_before[i][begin], bytes_before[i][end])
        for i, (begin, end) in zip(owners, encoding.offsets)]
    return "|".join([
        " ".join(map(str, encoding.ids)), " ".join(map(str, encoding.type_ids)),
        " ".join("%d,%d" % o for o in encoding.offsets), " ".join("%d,%d" % o for o in in_bytes)])


def digest(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return "%016x" % value


def code_point_digests():
    split = {"BertPreTokenizer": pre_tokenizers.BertPreTokenizer(),
             "Whitespace": pre_tokenizers.Whitespace(),
             "WhitespaceSplit": pre_tokenizers.WhitespaceSplit(),
             "Punctuation": pre_tokenizers.Punctuation()}
    rewrite = {name: getattr(normalizers, name)()
               for name in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents")}
    for options in ((True, False, False, False), (False, True, False, False),
                    (False, False, True, False), (False, False, False, True),
                    (True, True, True, True)):
        name = "Bert" + "".join("01"[o] for o in options)
        rewrite[name] = normalizers.BertNormalizer(*options)
    result = {}
    for name, component in {**split, **rewrite}.items():
        digests = []
        for first in range(0, 0x110000, 4096):
            answers = []
            for c in range(first, first + 4096):
                if 0xD800 <= c < 0xE000:
                    continue
                # Marks before and after show the combining class too.
                text = "a\u0323" + chr(c) + "\u0334-"
                if name in split:
                    answers += [p for p, _ in component.pre_tokenize_str("a" + chr(c) + "-")]
                else:
                    answers.append(component.normalize_str(text))
            digests.append(digest("\n".join(answers).encode()))
        result[name] = digests
    return result


def write(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8")


def main():
    r = random.Random(SEED)
    texts = TRAPS + [text_of(r) for _ in range(TEXTS - len(TRAPS))]
    pairs = [[text_of(r), text_of(r)] for _ in range(PAIRS)]
    parts = ["<x>", "<xy>", "<xyz>", "Éa", "éA", "ea", "the", "The", " b", " ", "  ", "\u3000", "東x",
             "東", "~##", "##", "#", "a", "_", "é", "\u0301", "[SEP]", "[MASK]", "\u200b", ".", "x"]
    marked = ["".join(r.choice(parts) for _ in range(r.choice([1, 3, 6, 12])))
              for _ in range(ADDED)]
    inputs = {"single": texts, "pair": pairs, "added": marked}
    write(OUT / "texts.json", texts)
    write(OUT / "pairs.json", pairs)
    write(OUT / "added.json", marked)
    runs = []

    def run(case, tokenizer, name, kind, max_length=-1, specials="parse", detail="digest"):
        runs.append(dict(case=case, name=name, kind=kind, max_length=max_length,
                         specials=specials, detail=detail))
        tokenizer.encode_special_tokens = specials == "text"
        tokenizer.no_truncation()
        if max_length >= 0:
            tokenizer.enable_truncation(max_length)
        lines = []
        for item in inputs[kind]:
            given = item if kind == "pair" else [item]
            line = line_of(tokenizer.encode(*given), given)
            lines.append(line if detail == "full" else digest(line.encode()))
        (OUT / case / f"{name}.txt").write_text("\n".join(lines) + "\n")

    for case in CASES:
        document = tokenizer_json(case, texts)
        write(OUT / case / "tokenizer.json", document)
        tokenizer = Tokenizer.from_str(json.dumps(document))
        run(case, tokenizer, "single", "single", detail="full" if case == "uncased" else "digest")
        if case in ("uncased", "cased", "accents", "stripped"):
            run(case, tokenizer, "pair", "pair")
            for length in (5, 8, 13):
                run(case, tokenizer, f"pair_{length}", "pair", length)
        if case == "uncased":
            run(case, tokenizer, "single_text", "single", specials="text")
            run(case, tokenizer, "single_2", "single", 2)
            run(case, tokenizer, "single_7", "single", 7)
        if case == "added":
            run(case, tokenizer, "added", "added", detail="full")
            run(case, tokenizer, "added_text", "added", specials="text")
    write(OUT / "index.json", runs)
    write(OUT / "code_points.json", code_point_digests())


if __name__ == "__main__":
    main()
