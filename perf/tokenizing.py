#!/usr/bin/env python3
"""Compares the speed of tokenizing with the `tokenizers` package on this machine.

    cmake --preset bench && ninja -C build/bench weft_tokenizer_bench
    python perf/tokenizing.py --text ENGLISH.txt --models DIR [--train MORE.txt ...] [--names bert,roberta,...]

Trains tokenizers of 30 000 to 250 000 entries in the shapes of well-known models on --text and --train, once:
they stay in --models, beside directories that are there already (of real models, say), which are measured as
they are. Where the texts give fewer entries than the model has, made-up words fill the vocabulary. Texts in a file are what lies between empty lines, or between NULs if it has any. Each program reads the
same texts, answers with the same ids (or the run fails), and takes turns with the other in one run:

  single    texts one by one, with offsets; the package by encode()
  batch     all texts at once, ids alone; the package by encode_batch_fast()

in one thread, by processor time, and the batch on --threads threads by the clock. Prints medians in million
characters a second. Needs tokenizers (perf/peers-requirements.txt has transformers, which brings it).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SIZES = {"bert": 30522, "roberta": 50265, "modernbert": 50368, "llama3": 128000, "llama": 32000, "clip": 49408,
         "xlmr": 250002, "t5": 32100, "albert": 30000, "camembert": 32005, "deberta_v3": 128100, "gemma": 262144,
         "word_level": 50000}


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, found {value}")
    return value


def existing(text):
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"{text}: no such file")
    return Path(text)


def parse(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--text", type=existing, required=True)
    parser.add_argument("--train", type=existing, action="append", default=[])
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--train-characters", type=positive, default=30_000_000, help="at most")
    parser.add_argument("--names", help="comma-separated; all by default: " + ", ".join(SIZES))
    parser.add_argument("--bench", type=existing, default=ROOT / "build/bench/perf/weft_tokenizer_bench")
    parser.add_argument("--characters", type=positive, default=2_000_000, help="of --text that are tokenized")
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("--threads", type=positive, default=os.cpu_count())
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(words)
    options.names = options.names.split(",") if options.names else list(SIZES)
    for name in options.names:
        if name not in SIZES and not (options.models / name / "tokenizer.json").exists():
            parser.error(f"--names {name}: expected one of {', '.join(SIZES)}, or a directory in {options.models}")
    return options


def texts_of(file):
    text = file.read_text(encoding="utf-8")
    return [part for part in text.split("\0" if "\0" in text else "\n\n") if part.strip()]


def up_to(texts, characters):
    chosen = []
    for text in texts:
        if characters <= 0:
            break
        chosen.append(text[:characters])
        characters -= len(text)
    return chosen


def whole_charsmap():
    """All of NFKC, and white space as SentencePiece's nmt_nfkc has it."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import unicodedata

    import charsmap
    rules = {chr(c): "" for c in (*range(1, 9), 0xB, *range(0xE, 0x20), 0x7F)}
    rules.update({c: " " for c in "\t\n\f\r\u1680\u200b\u200e\u200f\u2028\u2029\u2581\ufeff\ufffd"})
    for c in range(0xA0, 0x30000):
        form = unicodedata.normalize("NFKC", chr(c))
        if form != chr(c) and not 0xAC00 <= c < 0xD7A4 and not 0xD800 <= c < 0xE000:
            rules[chr(c)] = form
    return charsmap.build(rules)


def gemma(size):
    """Texts whole, and words with the spaces before them as SentencePiece trains on them: apart from
    punctuation and digits."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    specials = ["<pad>", "<eos>", "<bos>", "<unk>"] + ["<0x%02X>" % i for i in range(256)]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split("\u2581", "merged_with_next"), pre_tokenizers.Punctuation(),
        pre_tokenizers.Digits(individual_digits=True)])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(),
                                           decoders.Fuse()])
    return tokenizer, trainers.BpeTrainer(vocab_size=size, special_tokens=specials, show_progress=False)


def made_up_words(vocabulary, count):
    """Pairs of entries that together are none, the same in every run."""
    import random
    generator, known = random.Random(1), set(vocabulary)
    plain = [entry for entry in vocabulary if entry.strip("\u2581").isalpha()]
    insides = [entry for entry in plain if not entry.startswith("\u2581")]
    while count > 0:
        first, second = generator.choice(plain), generator.choice(insides)
        if first + second not in known:
            known.add(first + second)
            count -= 1
            yield first, second


def fill(name, document):
    """Gives a trained vocabulary the size of the model's, and what the trainer leaves out."""
    model = document["model"]
    if model["type"] == "Unigram":
        seen, vocabulary = set(), []
        for entry, score in model["vocab"]:  # a special token may be in the texts too
            if entry not in seen:
                vocabulary.append([entry, score])
            seen.add(entry)
        lowest = min(score for _, score in vocabulary)
        missing = SIZES[name] - len(vocabulary)
        vocabulary += [[first + second, lowest] for first, second in
                       made_up_words([entry for entry, _ in vocabulary], missing)]
        model["vocab"] = vocabulary
        ids = {entry: i for i, (entry, _) in enumerate(vocabulary)}
        for token in document["added_tokens"]:
            token["id"] = ids[token["content"]]
    elif name == "gemma":
        for first, second in made_up_words(list(model["vocab"]), SIZES[name] - len(model["vocab"])):
            model["vocab"][first + second] = len(model["vocab"])
            model["merges"].append([first, second])
    elif name == "clip":  # has every byte inside of a word and at its end
        from tokenizers import pre_tokenizers
        for character in sorted(pre_tokenizers.ByteLevel.alphabet()):
            model["vocab"].setdefault(character, len(model["vocab"]))
            model["vocab"].setdefault(character + "</w>", len(model["vocab"]))
    return document


def train(name, texts, map_):
    """The tokenizer.json of a shape."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import tokenizer_cases as cases
    from tokenizers import models, normalizers, pre_tokenizers, trainers
    if name == "bert":
        tokenizer = cases.base(models.WordPiece(unk_token="[UNK]"), normalizers.BertNormalizer(),
                               pre_tokenizers.BertPreTokenizer(), cases.BERT)
        trainer = trainers.WordPieceTrainer(vocab_size=SIZES[name], special_tokens=cases.BERT_SPECIALS,
                                            show_progress=False)
    elif name == "gemma":
        tokenizer, trainer = gemma(SIZES[name])
    else:
        tokenizer, trainer = cases.untrained(name, map_, SIZES[name])
    whole = tokenizer.pre_tokenizer is None
    if whole:  # SentencePiece trains on words and then takes texts whole
        tokenizer.pre_tokenizer = pre_tokenizers.Split("\u2581", "merged_with_next")
    tokenizer.train_from_iterator(texts, trainer)
    document = fill(name, json.loads(tokenizer.to_str()))
    if whole:
        document["pre_tokenizer"] = None
    if name == "gemma":  # which finds nothing, because spaces are gone
        document["pre_tokenizer"] = {"type": "Split", "pattern": {"String": " "},
                                     "behavior": "MergedWithPrevious", "invert": False}
    return cases.NAMES[name](document) if name in cases.NAMES else document


def train_missing(options):
    missing = [name for name in options.names if not (options.models / name / "tokenizer.json").exists()]
    if not missing:
        return
    texts = [text for file in [options.text, *options.train] for text in texts_of(file)]
    texts = [line for text in up_to(texts[::-1], options.train_characters) for line in text.split("\n") if line]
    map_ = whole_charsmap()
    for name in missing:
        start = time.perf_counter()
        document = train(name, texts, map_)
        (options.models / name).mkdir(parents=True, exist_ok=True)
        (options.models / name / "tokenizer.json").write_text(json.dumps(document, ensure_ascii=False))
        print(f"{name}: {len(document['model']['vocab'])} entries, {time.perf_counter() - start:.0f} s", flush=True)


def digest(rows):
    state, tokens = 0xCBF29CE484222325, 0
    for ids in rows:
        tokens += len(ids)
        for value in ids:
            for byte in value.to_bytes(4, "little"):
                state = (state ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{state:016x} {tokens}"


def reference(model, texts_file):
    """The package by the protocol of weft_tokenizer_bench, in a process of its own: its number of threads is
    chosen as it starts."""
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(model + "/tokenizer.json")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    texts = Path(texts_file).read_text(encoding="utf-8").split("\0")[:-1]
    for line in sys.stdin:
        what = line.split()[0]
        if what == "digest":
            print(digest(tokenizer.encode(text).ids for text in texts), flush=True)
            continue
        start, processor = time.perf_counter(), time.process_time()
        if what == "single":
            for text in texts:
                tokenizer.encode(text)
        else:
            tokenizer.encode_batch_fast(texts)
        print(f"{time.process_time() - processor:.6f} {time.perf_counter() - start:.6f}", flush=True)


class Program:
    def __init__(self, command, threads):
        environment = {**os.environ, "RAYON_NUM_THREADS": str(threads),
                       "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false"}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment)

    def ask(self, line):
        print(line, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().split()
        if not answer:
            raise RuntimeError(f"{self.process.args[0]}: ended with {self.process.wait()}")
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def measure(options, name, texts_file):
    """Seconds of each round by (program, what)."""
    model = str(options.models / name)
    python = [sys.executable, __file__, "--reference", model, str(texts_file)]
    one, many = Program(python, 1), Program(python, options.threads)
    weft = Program([str(options.bench), model, str(texts_file)], 1)
    batch = f"batch {options.threads}"
    turns = [("weft", weft, "single"), ("reference", one, "single"), ("weft", weft, "batch 1"),
             ("reference", one, "batch 1")]
    if options.threads > 1:
        turns += [("weft", weft, batch), ("reference", many, batch)]
    try:
        found, wanted = weft.ask("digest"), one.ask("digest")
        if found != wanted:
            raise RuntimeError(f"{name}: expected the reference's ids {wanted}, found {found}")
        times = {(who, what): [] for who, _, what in turns}
        for _ in range(options.rounds + 1):
            for who, program, what in turns:
                processor, clock = map(float, program.ask(what))
                times[who, what].append(clock if what == batch and options.threads > 1 else processor)
    finally:
        for program in (one, many, weft):
            program.close()
    return {key: taken[1:] for key, taken in times.items()}  # the first round warms up


def cells(times, characters):
    """(what, million characters a second of both, their ratio), all by medians."""
    for what in dict.fromkeys(what for _, what in times):
        speeds = [characters / statistics.median(times[who, what]) / 1e6 for who in ("weft", "reference")]
        yield what, *speeds, speeds[0] / speeds[1]


def main():
    if sys.argv[1:2] == ["--reference"]:
        return reference(*sys.argv[2:])
    options = parse()
    train_missing(options)
    texts = up_to(texts_of(options.text), options.characters)
    characters = sum(map(len, texts))
    print(f"{len(texts)} texts, {characters} characters; million characters/s: weft, tokenizers, ratio")
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        texts_file = Path(folder) / "texts"
        texts_file.write_text("".join(text + "\0" for text in texts), encoding="utf-8")
        for name in options.names:
            times = measure(options, name, texts_file)
            results[name] = {f"{who} {what}": taken for (who, what), taken in times.items()}
            print(f"| {name} | " + " | ".join(f"{weft:.1f} / {other:.2f} = {ratio:.1f}" for _, weft, other, ratio
                                              in cells(times, characters)) + " |", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"characters": characters, "seconds": results}, indent=1))


if __name__ == "__main__":
    main()
