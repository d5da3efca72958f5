"""`weft attend` read by other eyes: Python's JSON, base64, HTML and XML against `weft run`.

usage: attend_test.py WEFT GOLDEN_DIRECTORY
"""

import base64
import html.parser
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

WEFT, GOLDEN = sys.argv[1], pathlib.Path(sys.argv[2])
# A token that tries to end the page's script, to break out of attributes, to turn the text around
# and to be no XML.
NASTY = '</script><b a="\'&amp;\u202e\u0001\u05d0>'


def weft(place, *words):
    return subprocess.run([WEFT, *words], cwd=place, capture_output=True)


def read_safetensors(file):
    """name -> (shape, flat values); F32 alone."""
    data = file.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    arrays = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        arrays[name] = (entry["shape"], struct.unpack(f"<{(end - begin) // 4}f", data[begin:end]))
    return arrays


def write_integers(file, arrays):
    """`arrays`: name -> (shape, flat values)."""
    header, data = {}, b""
    for name, (shape, values) in arrays.items():
        part = struct.pack(f"<{len(values)}q", *values)
        span = [len(data), len(data) + len(part)]
        header[name] = {"dtype": "I64", "shape": shape, "data_offsets": span}
        data += part
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + data)


class Page(html.parser.HTMLParser):
    """Elements by name, what stands in them, and every address that a browser would load."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.addresses, self.inside = [], {}, [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.elements.append(tag)
        self.inside = attributes.get("id", tag)
        self.addresses += [attributes[key] for key in ("src", "href") if key in attributes]

    def handle_data(self, data):
        self.texts[self.inside] = self.texts.get(self.inside, "") + data

    def handle_endtag(self, tag):
        self.inside = None


class Attend(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.place = pathlib.Path(self.directory.name)
        shutil.copytree(GOLDEN / "heads/bert_tagger", self.place / "m")
        # A class that gives the second text of a pair a type of its own, as `weft tokenize` does.
        file = self.place / "m/tokenizer_config.json"
        config = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps(config | {"tokenizer_class": "BertTokenizer"}), encoding="utf-8")

    def tearDown(self):
        self.directory.cleanup()

    def attend(self, *words):
        done = weft(self.place, "attend", "m", *words)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout

    def reference(self, text):
        """What `weft tokenize` and `weft run --attentions` say: layers of (shape, values)."""
        line = json.dumps(text).encode() + b"\n"
        done = subprocess.run(
            [WEFT, "tokenize", "m"], cwd=self.place, input=line, capture_output=True, check=True
        )
        tokens = json.loads(done.stdout)
        count = len(tokens["input_ids"])
        write_integers(self.place / "in.safetensors", {
            "input_ids": ([count], tokens["input_ids"]), "offsets": ([2], [0, count]),
            "token_type_ids": ([count], tokens["token_type_ids"])})  # fmt: skip
        done = weft(self.place, "run", "m", "--input", "in.safetensors", "--output",
                    "out.safetensors", "--attentions")  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        arrays = read_safetensors(self.place / "out.safetensors")
        return [arrays[f"attentions.{i}"] for i in range(len(arrays)) if f"attentions.{i}" in arrays]

    def page_data(self, file):
        text = (self.place / file).read_text(encoding="utf-8")
        page = Page(text)
        return page, json.loads(page.texts["data"])

    def make_nasty_token(self):
        """Gives an id of the vocabulary to a token of text that is nasty."""
        file = self.place / "m/tokenizer.json"
        tokenizer = json.loads(file.read_text(encoding="utf-8"))
        vocabulary = tokenizer["model"]["vocab"]
        word = max(vocabulary, key=vocabulary.get)
        vocabulary[NASTY] = vocabulary.pop(word)
        tokenizer["added_tokens"].append(
            {"id": vocabulary[NASTY], "content": NASTY, "single_word": False, "lstrip": False,
             "rstrip": False, "normalized": False, "special": False}
        )  # fmt: skip
        file.write_text(json.dumps(tokenizer), encoding="utf-8")

    def test_the_page_holds_every_layer_and_head_that_run_writes_to_half_a_step(self):
        for text in ["The weaver dyes red wool.", ["red wool", "a long blue thread"], ""]:
            with self.subTest(text=text):
                words = [text] if isinstance(text, str) else text
                self.attend(*words, "--layer", "1", "--head", "2", "--output", "p.html")
                expected = self.reference(text)
                page, data = self.page_data("p.html")
                _, heads, length, _ = expected[0][0]
                self.assertEqual((data["layers"], data["heads"]), (len(expected), heads))
                self.assertEqual((data["layer"], data["head"]), (1, 2))
                self.assertEqual((len(data["queries"]), len(data["keys"])), (length, length))
                self.assertEqual((data["keys"][0], data["keys"][-1]), ("[CLS]", "[SEP]"))
                packed = base64.b64decode(data["weights"], validate=True)
                steps = struct.unpack(f"<{len(packed) // 2}H", packed)
                flat = [value for _, values in expected for value in values]
                self.assertEqual(len(steps), len(flat))
                worst = max(abs(a - 65535 * b) for a, b in zip(steps, flat))
                self.assertLessEqual(worst, 0.501)

    def test_json_lines_hold_the_same_numbers_and_the_tokenizers_own_tokens(self):
        text = "The weaver dyes red wool."
        expected = self.reference(text)
        _, heads, length, _ = expected[0][0]
        lines = [json.loads(line) for line in self.attend(text, "--json").splitlines()]
        self.assertEqual(
            [(line["layer"], line["head"]) for line in lines],
            [(layer, head) for layer in range(len(expected)) for head in range(heads)],
        )
        vocabulary = json.loads((self.place / "m/tokenizer.json").read_text(encoding="utf-8"))
        vocabulary = vocabulary["model"]["vocab"]
        for line in lines:
            self.assertTrue(all(token in vocabulary for token in line["tokens"]))
            values = expected[line["layer"]][1][line["head"] * length**2 :][: length**2]
            found = [value for row in line["weights"] for value in row]
            self.assertLess(max(abs(a - b) for a, b in zip(found, values)), 1e-7)
        one = self.attend(text, "--json", "--layer", "1", "--head", "0").splitlines()
        self.assertEqual([json.loads(line) for line in one], [lines[heads]])
        column = self.attend(text, "--json", "--head", "1", "--output", "h.jsonl")
        self.assertEqual(column, b"")
        column = (self.place / "h.jsonl").read_text().splitlines()
        self.assertEqual([json.loads(line) for line in column], lines[1::heads])

    def test_the_picture_is_xml_with_a_cell_per_weight(self):
        self.make_nasty_token()
        text = "The weaver " + NASTY + " red wool."
        expected = self.reference(text)
        length = expected[0][0][2]
        for words in (["--output", "p.svg"], ["--svg", "--output", "p.svg"]):
            self.attend(text, "--layer", "1", "--head", "2", *words)
            root = xml.etree.ElementTree.parse(self.place / "p.svg").getroot()
            space = "{http://www.w3.org/2000/svg}"
            self.assertEqual(root.tag, space + "svg")
            cells = [e for e in root.iter(space + "path") if e.get("class") == "hot"]
            values = expected[1][1][2 * length**2 :][: length**2]
            self.assertEqual(len(cells), len(values))
            for cell, value in zip(cells, values):
                shown = float(cell.find(space + "title").text.rsplit(" ", 1)[1])
                self.assertLessEqual(abs(shown - value), 5.1e-5)
                darkness = float(cell.get("opacity")) ** 2 * max(values)
                self.assertLess(abs(darkness - value), 2e-3)
            labels = [e.text for e in root.iter(space + "text")]
            self.assertIn(NASTY.replace(" ", "\u2423")[:18] + "\u2026", labels)

    def test_no_token_and_no_text_can_leave_its_place_in_the_page(self):
        self.make_nasty_token()
        text = "red " + NASTY + " wool\n<img src=x onerror=alert(1)>\u2028 \ud83d\ude00"
        text = text.encode("utf-16", "surrogatepass").decode("utf-16")
        self.attend(text, "--output", "p.html")
        page, data = self.page_data("p.html")
        shown = NASTY.replace(" ", "\u2423").replace("\u202e", "\\u{202e}").replace("\u0001", "\\u{1}")
        self.assertIn(shown, data["keys"])
        self.assertEqual(page.elements.count("script"), 3)
        self.assertNotIn("img", page.elements)
        self.assertNotIn("b", page.elements)
        self.assertEqual(page.addresses, [])
        source = (self.place / "p.html").read_text(encoding="utf-8")
        self.assertNotIn("\u202e", source)
        self.assertNotIn("\u0001", source)
        self.assertNotIn("http", source.replace("http://www.w3.org/2000/svg", "").replace(
            "http-equiv", ""))  # fmt: skip

    def make_translator(self):
        """A golden Marian with a tokenizer of one token per word: ids of a text, then of </s>."""
        shutil.copytree(GOLDEN / "marian/translating", self.place / "t")
        vocabulary = {"</s>": 0, "<unk>": 1, **{f"w{i}": i for i in range(2, 49)}, "<pad>": 49}
        ending = [{"Sequence": {"id": "A", "type_id": 0}},
                  {"SpecialToken": {"id": "</s>", "type_id": 0}}]  # fmt: skip
        (self.place / "t/tokenizer.json").write_text(json.dumps({
            "version": "1.0", "truncation": None, "padding": None, "normalizer": None,
            "added_tokens": [], "pre_tokenizer": {"type": "WhitespaceSplit"}, "decoder": None,
            "post_processor": {
                "type": "TemplateProcessing", "single": ending,
                "pair": ending + [{"Sequence": {"id": "B", "type_id": 0}}],
                "special_tokens": {"</s>": {"id": "</s>", "ids": [0], "tokens": ["</s>"]}}},
            "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"},
        }))  # fmt: skip

    def test_a_recurrent_model_has_one_attention_across(self):
        shutil.copytree(GOLDEN / "bahdanau/one_layer", self.place / "r")
        vocabulary = {"<pad>": 0, "<s>": 1, "</s>": 2, **{f"w{i}": i for i in range(3, 17)}}
        (self.place / "r/tokenizer.json").write_text(json.dumps({
            "version": "1.0", "truncation": None, "padding": None, "normalizer": None,
            "added_tokens": [], "pre_tokenizer": {"type": "WhitespaceSplit"}, "decoder": None,
            "post_processor": None,
            "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<pad>"},
        }))  # fmt: skip
        write_integers(self.place / "in.safetensors", {
            "input_ids": ([3], [4, 9, 5]), "offsets": ([2], [0, 3]),
            "decoder_input_ids": ([1, 2], [1, 8])})  # fmt: skip
        done = weft(self.place, "run", "r", "--input", "in.safetensors", "--output",
                    "out.safetensors", "--attentions")  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        shape, wanted = read_safetensors(self.place / "out.safetensors")["cross_attentions.0"]
        self.assertEqual(shape, [1, 1, 2, 3])
        done = weft(self.place, "attend", "r", "w4 w9 w5", "--target", "w8 w6", "--json")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        (line,) = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual((line["queries"], line["keys"]), (["<s>", "w8"], ["w4", "w9", "w5"]))
        found = [value for row in line["weights"] for value in row]
        self.assertLess(max(abs(a - b) for a, b in zip(found, wanted)), 1e-7)
        done = weft(self.place, "attend", "r", "w4 w9", "--json")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"expected a model with self-attention, found bahdanau", done.stderr)

    def test_an_encoder_decoders_three_attentions_are_those_that_run_writes(self):
        self.make_translator()
        source, target = [7, 12, 30, 0], [49, 21, 8]  # </s> last; the start token first
        text, written = "w7 w12 w30", "w21 w8"
        arrays = {"input_ids": ([4], source), "offsets": ([2], [0, 4]),
                  "decoder_input_ids": ([1, 3], target)}  # fmt: skip
        write_integers(self.place / "in.safetensors", arrays)
        done = weft(self.place, "run", "t", "--input", "in.safetensors", "--output",
                    "out.safetensors", "--attentions")  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        expected = read_safetensors(self.place / "out.safetensors")
        names = {"source": ["w7", "w12", "w30", "</s>"], "target": ["<pad>", "w21", "w8"]}
        for words, part, layers, queries, keys in [
            (["--target", written], "cross", 3, "target", "source"),
            (["--target", written, "--attention", "decoder"], "decoder", 3, "target", "target"),
            ([], "encoder", 2, "source", "source"),
        ]:
            with self.subTest(part=part):
                done = weft(self.place, "attend", "t", text, *words, "--json")
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                lines = [json.loads(line) for line in done.stdout.splitlines()]
                heads = len(lines) // layers
                self.assertGreater(heads, 1)
                for i, line in enumerate(lines):
                    shape, values = expected[f"{part}_attentions.{i // heads}"]
                    self.assertEqual(shape, [1, heads, len(names[queries]), len(names[keys])])
                    size = shape[2] * shape[3]
                    self.assertEqual(line["attention"], part)
                    self.assertEqual(line.get("queries", line.get("tokens")), names[queries])
                    self.assertEqual(line.get("keys", line.get("tokens")), names[keys])
                    found = [value for row in line["weights"] for value in row]
                    self.assertEqual(len(found), size)
                    wanted = values[i % heads * size :][:size]
                    self.assertLess(max(abs(a - b) for a, b in zip(found, wanted)), 1e-7)
        for output in ("p.html", "p.svg"):
            done = weft(self.place, "attend", "t", text, "--target", written, "--output", output)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
        _, data = self.page_data("p.html")
        self.assertEqual((data["queries"], data["keys"]), (names["target"], names["source"]))
        xml.etree.ElementTree.parse(self.place / "p.svg")

    def test_without_a_target_the_decoder_attends_over_what_generate_writes(self):
        shutil.copytree(GOLDEN / "generation/marian", self.place / "g")
        text = "loom"
        done = weft(self.place, "generate", "g", text, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        written = json.loads(done.stdout)["tokens"][:-1]
        line = json.dumps(text).encode() + b"\n"
        done = subprocess.run(
            [WEFT, "tokenize", "g"], cwd=self.place, input=line, capture_output=True, check=True
        )
        source = json.loads(done.stdout)["input_ids"]
        arrays = {"input_ids": ([len(source)], source), "offsets": ([2], [0, len(source)]),
                  "decoder_input_ids": ([1, len(written)], written)}  # fmt: skip
        write_integers(self.place / "in.safetensors", arrays)
        done = weft(self.place, "run", "g", "--input", "in.safetensors", "--output",
                    "out.safetensors", "--attentions")  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        expected = read_safetensors(self.place / "out.safetensors")
        for part in ("cross", "decoder"):
            done = weft(self.place, "attend", "g", text, "--attention", part, "--json",
                        "--layer", "1", "--head", "0")  # fmt: skip
            self.assertEqual(done.returncode, 0, done.stderr)
            shape, values = expected[f"{part}_attentions.1"]
            found = [v for row in json.loads(done.stdout)["weights"] for v in row]
            self.assertEqual(len(found), shape[2] * shape[3])
            self.assertLess(max(abs(a - b) for a, b in zip(found, values)), 1e-7)

    def test_what_is_wrong_is_one_line_and_leaves_no_file(self):
        shutil.copytree(GOLDEN / "vit/new_names", self.place / "vit")
        self.make_translator()
        long = " ".join(["wool"] * 90)
        for words, code, parts in [
            (["attend", "m"], 2, ["TEXT"]),
            (["attend", "m", "a", "b", "c", "--output", "p.html"], 2, ["'c'"]),
            (["attend", "m", "a"], 2, ["--output"]),
            (["attend", "m", "a", "--svg"], 2, ["--output"]),
            (["attend", "m", "a", "--svg", "--json"], 2, ["--svg", "--json"]),
            (["attend", "m", "a", "--output", "p.html", "--layer", "-1"], 2, ["--layer", "-1"]),
            (["attend", "m", "a", "--output", "p.html", "--head", "x"], 2, ["--head", "'x'"]),
            (["attend", "m", "a", "--output", "p.html", "--layer", "2"], 1,
             ["--layer", "0 to 1", "2 layers", "found 2"]),
            (["attend", "m", "a", "--json", "--head", "99"], 1, ["--head", "0 to ", "found 99"]),
            (["attend", "m", "a", "--output", "p.html", "--dtype", "f8"], 2, ["--dtype"]),
            (["attend", "m", long, "--json", "--long-text", "error"], 1, ["tokens", "found"]),
            (["attend", "none", "a", "--output", "p.html"], 1, ["none"]),
            (["attend", "m", "a", "--output", "no/p.html"], 1, ["no/p.html"]),
            (["attend", "m", "a", "--target", "b", "--output", "p.html"], 1, ["--target", "decoder"]),
            (["attend", "m", "a", "--target", "b", "--attention", "encoder", "--json"], 2,
             ["--target", "encoder"]),
            (["attend", "m", "a", "--attention", "cross", "--json"], 1, ["--attention", "decoder"]),
            (["attend", "t", "w3", "--target", "w4", "--layer", "3", "--json"], 1,
             ["--layer", "0 to 2", "3 layers"]),
            (["attend", "t", "w3 " * 20, "--json", "--long-text", "error"], 1, ["12", "21"]),
            (["attend", "vit", "a", "--output", "p.html"], 1, ["vit", "texts"]),
        ]:  # fmt: skip
            with self.subTest(words=words):
                before = sorted(os.listdir(self.place))
                done = weft(self.place, *words)
                message = done.stderr.decode()
                self.assertEqual(done.returncode, code, message)
                self.assertEqual(done.stdout, b"")
                self.assertEqual(message.count("\n"), 1, message)
                for part in parts:
                    self.assertIn(part, message)
                self.assertEqual(sorted(os.listdir(self.place)), before)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
