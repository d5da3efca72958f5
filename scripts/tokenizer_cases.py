"""Small tokenizers in the shapes of well-known models, trained with the `tokenizers` package on the
texts of make_tokenizer_goldens.py. Used by make_model_tokenizer_goldens.py."""

import json

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers import trainers

import charsmap

GPT2 = (r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"

PASSAGE = """When the first travellers came over the mountains they found a wide valley, and in it a
river that turned twice before it reached the sea. They couldn't believe that nobody lived there;
the soil was dark, the water clear, and there were 1,250 kinds of birds (so they'd say later). It's
said that the oldest of them, who wasn't easily surprised, wrote: "We'll stay." By 1874 the village
had 3 mills, 12 bridges and a school of 96 children. The council's minutes of that year - all 417
pages - are kept in the archive, where they've been read, copied and quoted many times since. I'm
told you're free to look at them: http://archive.example.org/minutes?year=1874&page=3#notes. The
internationalisation of trade, the electrification of the railways and the unbelievable growth of
newspapers changed everything within a generation, he'd written; she'd have agreed. snake_case,
CamelCase, e-mail@example.com, C++17, 50% off!!! ... and so on.""".replace("\n", " ")


def added(id, content, **flags):
    token = dict(id=id, content=content, single_word=False, lstrip=False, rstrip=False,
                 normalized=False, special=False)
    return {**token, **flags}


def small_charsmap():
    """Some of what SentencePiece's nmt_nfkc does, with its way of composing marks."""
    nfkc, nfd = normalizers.NFKC().normalize_str, normalizers.NFD().normalize_str
    rules = {chr(c): "" for c in (*range(1, 9), 0xB, *range(0xE, 0x20), 0x7F, 0x8F, 0x9F)}
    rules.update({c: " " for c in "\t\n\f\r\u1680\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u2581"
                  "\ufeff\ufffd"})
    for begin, end in ((0xA0, 0x180), (0x1C4, 0x1F4), (0x1E00, 0x1E40), (0x2000, 0x2040),
                       (0x2070, 0x20A0), (0x2100, 0x2190), (0x2460, 0x24A0), (0x3000, 0x3001),
                       (0x30AC, 0x30B2), (0x3380, 0x33A0), (0xF900, 0xF910), (0xFB00, 0xFB07),
                       (0xFF01, 0xFF60), (0xFF65, 0xFF9F), (0x1D518, 0x1D52A)):
        for c in range(begin, end):
            x = chr(c)
            if nfkc(x) != x:
                rules[x] = nfkc(x)
            elif nfd(x) != x:
                rules[nfd(x)] = x
    return charsmap.build(rules)


def base(model, normalizer=None, pre_tokenizer=None, processor=None, decoder=None):
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    if processor:
        tokenizer.post_processor = processor
    if decoder:
        tokenizer.decoder = decoder
    return tokenizer


def roberta_processing(**options):
    return processors.RobertaProcessing(("</s>", 2), ("<s>", 0), **options)


def template(single, pair, *specials):
    return processors.TemplateProcessing(single=single, pair=pair, special_tokens=list(specials))


def precompiled(map_):
    import base64

    return normalizers.Precompiled(base64.b64decode(map_))


BERT = template("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", ("[CLS]", 0), ("[SEP]", 1))
XLMR = template("<s> $A </s>", "<s> $A </s> </s> $B </s>", ("<s>", 0), ("</s>", 2))
ROBERTA_SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
BERT_SPECIALS = ["[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"]


def untrained(name, map_, size):
    """The tokenizer of a case without a vocabulary, and the trainer of one."""
    byte_level = pre_tokenizers.ByteLevel
    n, p, d = normalizers, pre_tokenizers, decoders
    alphabet = byte_level.alphabet()
    bpe = dict(vocab_size=size, show_progress=False)
    roberta_bpe = trainers.BpeTrainer(special_tokens=ROBERTA_SPECIALS, initial_alphabet=alphabet,
                                      **bpe)
    bert_bpe = trainers.BpeTrainer(special_tokens=BERT_SPECIALS, initial_alphabet=alphabet, **bpe)
    gpt_bpe = trainers.BpeTrainer(special_tokens=["<|endoftext|>"], initial_alphabet=alphabet,
                                  **bpe)
    llama_bpe = trainers.BpeTrainer(
        special_tokens=["<unk>", "<s>", "</s>"] + ["<0x%02X>" % i for i in range(256)],
        limit_alphabet=300, **bpe)

    def unigram(specials, unknown):
        return trainers.UnigramTrainer(vocab_size=size, special_tokens=specials, unk_token=unknown,
                                       show_progress=False)

    def metaspace(scheme="always", split=True):
        return p.Metaspace(prepend_scheme=scheme, split=split)

    spaced = p.Sequence([p.WhitespaceSplit(), metaspace()])
    cases = {
        "roberta": lambda: (base(models.BPE(), None, byte_level(add_prefix_space=False),
                                 roberta_processing(add_prefix_space=False), d.ByteLevel()),
                            roberta_bpe),
        "roberta_prefix": lambda: (base(models.BPE(), None, byte_level(add_prefix_space=True),
                                        roberta_processing(), d.ByteLevel()), roberta_bpe),
        "gpt2": lambda: (base(models.BPE(), None, byte_level(add_prefix_space=False),
                              processors.ByteLevel(trim_offsets=False), d.ByteLevel()), gpt_bpe),
        "modernbert": lambda: (base(models.BPE(), n.NFC(), byte_level(add_prefix_space=False), BERT,
                                    d.ByteLevel()), bert_bpe),
        "llama3": lambda: (base(models.BPE(ignore_merges=True), None, p.Sequence([
            p.Split(Regex(LLAMA3), "isolated"),
            byte_level(add_prefix_space=False, use_regex=False)]),
            processors.Sequence([processors.ByteLevel(trim_offsets=True), template(
                "<|endoftext|> $A", "<|endoftext|> $A <|endoftext|>:1 $B:1",
                ("<|endoftext|>", 0))]), d.ByteLevel()), gpt_bpe),
        "qwen2": lambda: (base(models.BPE(), n.NFC(), p.Sequence([
            p.Split(Regex(QWEN2), "isolated"),
            byte_level(add_prefix_space=False, use_regex=False)]),
            processors.ByteLevel(trim_offsets=False), d.ByteLevel()), gpt_bpe),
        "starcoder": lambda: (base(models.BPE(), n.Sequence([n.NFD(), n.Lowercase()]), p.Sequence([
            p.Digits(individual_digits=True), byte_level(add_prefix_space=True)]),
            processors.ByteLevel(trim_offsets=True), d.ByteLevel()), gpt_bpe),
        "byte_normalizer": lambda: (base(models.BPE(), n.Sequence([n.NFKC(), n.ByteLevel()]),
                                         p.Split("\u0120", "merged_with_next"), None,
                                         d.ByteLevel()), gpt_bpe),
        "llama": lambda: (base(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True),
                               n.Sequence([n.Prepend("\u2581"), n.Replace(" ", "\u2581")]), None,
                               template("<s> $A", "<s> $A <s>:1 $B:1", ("<s>", 1)),
                               d.Sequence([d.Replace("\u2581", " "), d.ByteFallback(), d.Fuse(),
                                           d.Strip(" ", 1, 0)])), llama_bpe),
        "clip": lambda: (base(models.BPE(unk_token="<s>", end_of_word_suffix="</w>"),
                              n.Sequence([n.NFC(), n.Replace(Regex(r"\s+"), " "), n.Lowercase()]),
                              p.Sequence([p.Split(Regex(CLIP), "removed", invert=True),
                                          byte_level(add_prefix_space=False)]),
                              roberta_processing(trim_offsets=False, add_prefix_space=False),
                              d.ByteLevel()),
                         trainers.BpeTrainer(special_tokens=ROBERTA_SPECIALS,
                                             end_of_word_suffix="</w>", initial_alphabet=alphabet,
                                             **bpe)),
        "openai": lambda: (base(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"),
                                n.BertNormalizer(lowercase=True), p.BertPreTokenizer(), None,
                                d.BPEDecoder(suffix="</w>")),
                           trainers.BpeTrainer(special_tokens=["<unk>"], limit_alphabet=150,
                                               end_of_word_suffix="</w>", **bpe)),
        "bpe_prefix": lambda: (base(models.BPE(unk_token="[UNK]", fuse_unk=True,
                                               continuing_subword_prefix="##"),
                                    n.Sequence([n.Strip(left=True, right=False), n.NFKD()]),
                                    p.Sequence([p.Whitespace(), p.Punctuation("contiguous")]), BERT,
                                    d.WordPiece(prefix="##", cleanup=True)),
                               trainers.BpeTrainer(special_tokens=BERT_SPECIALS, limit_alphabet=150,
                                                   continuing_subword_prefix="##", **bpe)),
        "xlmr": lambda: (base(models.Unigram(), precompiled(map_), spaced, XLMR, d.Metaspace()),
                         unigram(ROBERTA_SPECIALS, "<unk>")),
        "t5": lambda: (base(models.Unigram(), precompiled(map_), spaced, template(
            "$A </s>", "$A </s> $B </s>", ("</s>", 1)), d.Metaspace()),
            unigram(["<pad>", "</s>", "<unk>"], "<unk>")),
        "albert": lambda: (base(models.Unigram(), n.Sequence([
            n.Replace("``", '"'), n.Replace("''", '"'), n.NFKD(), n.StripAccents(), n.Lowercase(),
            precompiled(map_)]), metaspace(), BERT, d.Metaspace()),
            unigram(BERT_SPECIALS, "[UNK]")),
        "camembert": lambda: (base(models.Unigram(), n.Sequence([
            precompiled(map_), n.Strip(left=True, right=True), n.Replace(Regex(" {2,}"), "\u2581")]),
            metaspace(), roberta_processing(add_prefix_space=False), d.Metaspace()),
            unigram(ROBERTA_SPECIALS, "<unk>")),
        "deberta_v3": lambda: (base(models.Unigram(), n.Sequence([
            n.Strip(left=True, right=True), n.Replace(Regex(r"\s{2,}|[\n\r\t]"), " "),
            precompiled(map_), n.Replace(Regex(" {2,}"), " ")]),
            p.Sequence([metaspace("first")]), BERT, d.Metaspace(prepend_scheme="first")),
            unigram(BERT_SPECIALS, "[UNK]")),
        "gemma": lambda: (base(models.Unigram(byte_fallback=True), n.Sequence([
            n.Nmt(), n.Replace(" ", "\u2581")]), p.Split("\u2581", "merged_with_previous"), None,
            d.Sequence([d.ByteFallback(), d.Metaspace(prepend_scheme="never"), d.Fuse()])),
            unigram(["<unk>"] + ["<0x%02X>" % i for i in range(256)], "<unk>")),
        "whole_text": lambda: (base(models.Unigram(), precompiled(map_),
                                    metaspace("first", split=False), XLMR, d.Metaspace()),
                               unigram(ROBERTA_SPECIALS, "<unk>")),
        "word_level": lambda: (base(models.WordLevel(unk_token="[UNK]"), n.Sequence([
            n.NFD(), n.StripAccents(), n.Lowercase()]), p.Sequence([
                p.Whitespace(), p.Digits(individual_digits=False)]), BERT, None),
            trainers.WordLevelTrainer(special_tokens=BERT_SPECIALS, **bpe)),
        "scripts": lambda: (base(models.WordLevel(unk_token="[UNK]"), n.Nmt(), p.Sequence([
            p.UnicodeScripts(), p.Split(Regex(r"\s+"), "removed"),
            p.Punctuation("merged_with_previous"), p.Digits(individual_digits=True)]), None,
            d.Sequence([d.Replace("e", "E"), d.Strip("t", 1, 0)])),
            trainers.WordLevelTrainer(special_tokens=BERT_SPECIALS, **bpe)),
        "delimiters": lambda: (base(models.WordLevel(unk_token="[UNK]"), n.Lowercase(), p.Sequence([
            p.CharDelimiterSplit(" "), p.Split("-", "contiguous"), p.Split("e", "merged_with_next"),
            p.Punctuation("merged_with_next"), p.Split("th", "isolated", invert=True)]), BERT, None),
            trainers.WordLevelTrainer(special_tokens=BERT_SPECIALS, **bpe)),
    }
    return cases[name]()


def build(name, texts, map_, size):
    """The trained tokenizer of a case as a JSON document."""
    tokenizer, trainer = untrained(name, map_, size)
    if isinstance(trainer, trainers.UnigramTrainer):
        texts = texts[:40]  # each of their characters needs a place in the vocabulary
    tokenizer.train_from_iterator([PASSAGE] * 30 + texts, trainer)
    document = json.loads(tokenizer.to_str())
    return NAMES[name](document) if name in NAMES else document


def with_mask(name, **flags):
    def change(document):
        for token in document["added_tokens"]:
            if token["content"] == name:
                token.update(flags)
        return document

    return change


def neox(document):
    """Runs of spaces as added tokens, as GPT-NeoX has them."""
    n = max(document["model"]["vocab"].values()) + 1
    document["added_tokens"] += [added(n + i, " " * (4 - i), normalized=True) for i in range(3)]
    return with_mask("[MASK]", lstrip=True)(document)


def legacy_merges(document):
    document["model"]["merges"] = [" ".join(m) for m in document["model"]["merges"]]
    return with_mask("<mask>", lstrip=True)(document)


NAMES = {
    "roberta": legacy_merges,
    "roberta_prefix": with_mask("<mask>", lstrip=True, rstrip=True),
    "modernbert": neox,
    "xlmr": with_mask("<mask>", lstrip=True),
    "albert": with_mask("[MASK]", normalized=True, single_word=True),
    "deberta_v3": with_mask("[MASK]", normalized=True),
    "camembert": with_mask("<mask>", lstrip=True, rstrip=True, normalized=True),
}
ALL = ["roberta", "roberta_prefix", "gpt2", "modernbert", "llama3", "qwen2", "starcoder",
       "byte_normalizer", "llama", "clip", "openai", "bpe_prefix", "xlmr", "t5", "albert",
       "camembert", "deberta_v3", "gemma", "whole_text", "word_level", "scripts", "delimiters"]
