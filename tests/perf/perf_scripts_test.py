"""perf/peers.py, architectures.py, regress.py, accuracy.py and tokenizing.py: arguments, arithmetic and reports, and
short runs of the real program on tiny models. Their numbers are not looked at; the other engines are not needed.

usage: perf_scripts_test.py WEFT [unittest's arguments]

Needs numpy; without it ends with 77, which ctest reports as skipped.
"""

import contextlib
import io
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEBIAN_PYTHON = "/usr/bin/python3"

try:
    import numpy as np
except ImportError:
    # Debian's packages are those of Debian's Python, which need not come first in PATH.
    if not os.path.samefile(sys.executable, DEBIAN_PYTHON):
        found = subprocess.run([DEBIAN_PYTHON, "-c", "import numpy"], capture_output=True, check=False)
        if found.returncode == 0:
            os.execv(DEBIAN_PYTHON, [DEBIAN_PYTHON, *sys.argv])
    print("SKIPPED: no numpy (Debian: python3-numpy)")
    sys.exit(77)

sys.path.insert(0, str(ROOT / "perf"))
import accuracy
import architectures
import peers
import regress
import tokenizing
from peer_engines import arrays, report, workloads

WEFT = sys.argv.pop(1) if len(sys.argv) > 1 else ""
MODEL = ROOT / "tests/golden/sentence/new_generation"


def script(name, *words):
    return subprocess.run([sys.executable, ROOT / "perf" / name, *map(str, words)], capture_output=True,
                          text=True, check=False)


class Place(unittest.TestCase):
    def setUp(self):
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="weft-perf-"))
        self.addCleanup(shutil.rmtree, self.place)


class Arguments(unittest.TestCase):
    def refused(self, parse, words, *expected):
        err = io.StringIO()
        with contextlib.redirect_stderr(err), self.assertRaises(SystemExit) as end:
            parse([str(word) for word in words])
        self.assertEqual(end.exception.code, 2)
        for part in expected:
            self.assertIn(part, err.getvalue())

    def test_every_script_explains_itself(self):
        for name in ("peers.py", "architectures.py", "regress.py", "accuracy.py", "tokenizing.py"):
            done = script(name, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("usage: " + name, done.stdout)

    def test_what_is_wrong_is_named(self):
        model = ["--model", MODEL, "--weft", WEFT]
        self.refused(peers.parse, [*model, "--engines", "weft,tensorflow"], "--engines", "tensorflow")
        self.refused(peers.parse, [*model, "--dtypes", "f64"], "--dtypes", "f64")
        self.refused(peers.parse, ["--model", "/nowhere", "--weft", WEFT], "/nowhere/config.json")
        self.refused(architectures.parse, ["--weft", WEFT, "--names", "bert-huge"], "--names", "bert-huge")
        self.refused(architectures.parse, ["--weft", WEFT, "--models", "/nowhere"], "/nowhere/config.json")
        self.refused(architectures.parse, ["--weft", WEFT, "--models", MODEL, "--names", "bert-base"], "expected one")
        self.refused(regress.parse, [WEFT], "new")
        self.refused(regress.parse, [WEFT, "/nowhere/weft"], "/nowhere/weft")
        self.refused(regress.parse, [WEFT, WEFT, "--model", MODEL, "--rounds", 0], "--rounds")
        self.refused(accuracy.parse, [*model, "--texts", "/nowhere.txt"], "/nowhere.txt")
        self.refused(accuracy.parse, [*model, "--cosine", "high"], "--cosine", "high")
        text = ["--text", __file__, "--models", MODEL, "--bench", __file__]
        self.refused(tokenizing.parse, [*text, "--names", "bert,ernest"], "--names ernest", "roberta")
        self.refused(tokenizing.parse, [*text, "--rounds", 0], "--rounds")
        self.refused(tokenizing.parse, ["--text", "/nowhere.txt", *text[2:]], "/nowhere.txt")

    def test_lists_are_cut_at_commas(self):
        options = peers.parse(["--model", str(MODEL), "--weft", WEFT, "--dtypes", "f32,int8", "--threads", "1"])
        self.assertEqual((options.dtypes, options.threads), (["f32", "int8"], 1))


class Arrays(Place):
    def test_a_file_is_what_the_format_says(self):
        values = np.array([[1.5, -2.0]], np.float32)
        arrays.save(self.place / "a", {"x": values, "n": np.array([7], np.int64)})
        data = (self.place / "a").read_bytes()
        (size,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8:8 + size])
        self.assertEqual(header["x"], {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]})
        self.assertEqual(header["n"], {"dtype": "I64", "shape": [1], "data_offsets": [8, 16]})
        self.assertEqual(data[8 + size:], struct.pack("<ffq", 1.5, -2.0, 7))
        found = arrays.load(self.place / "a")
        np.testing.assert_array_equal(found["x"], values)
        with self.assertRaisesRegex(ValueError, "y: .*float64"):
            arrays.save(self.place / "b", {"y": np.zeros(1)})

    def test_files_of_the_safetensors_package_are_read(self):
        found = arrays.load(ROOT / "tests/golden/bert/gelu_new/ragged.input.safetensors")
        self.assertEqual(found["offsets"][0], 0)
        self.assertEqual(found["offsets"][-1], len(found["input_ids"]))


class Workloads(Place):
    def test_names_give_lengths(self):
        self.assertEqual(workloads.lengths_of("single-16").tolist(), [16])
        self.assertEqual(workloads.lengths_of("batch3-8").tolist(), [8, 8, 8])
        lengths = workloads.lengths_of("ragged")
        self.assertEqual(len(lengths), 256)
        self.assertTrue(4 <= lengths.min() and lengths.max() <= 256 and 28 <= np.median(lengths) <= 36)
        self.assertEqual(len(workloads.lengths_of("ragged10")), 10)
        with self.assertRaisesRegex(ValueError, "rugged"):
            workloads.lengths_of("rugged")

    def test_batches_are_padded_and_hold_every_sequence_once(self):
        data = workloads.Workload(workloads.write_workload("ragged10", self.place, {"vocab_size": 50}))
        batches = data.batches(4)
        self.assertEqual(sorted(row for batch in batches for row in batch.rows), list(range(10)))
        for batch in batches:
            for line, row in enumerate(batch.rows):
                length = data.lengths[row]
                np.testing.assert_array_equal(batch.ids[line, :length], data.sequences[row])
                self.assertEqual((batch.mask[line].sum(), batch.ids[line, length:].sum()), (length, 0))
        states = np.ones((len(batches[0].rows), batches[0].ids.shape[1], 2), np.float32) * 3
        states[batches[0].mask == 0] = np.nan
        np.testing.assert_array_equal(batches[0].mean(states), np.full((4, 2), 3, np.float32))

    def test_images_are_cut_into_batches_and_have_the_mean_over_their_tokens(self):
        path = workloads.write_workload("images-5", self.place, {"image_size": [6, 4], "num_channels": 2})
        pixels = arrays.load(path)["pixel_values"]
        self.assertEqual((pixels.shape, pixels.dtype), ((5, 2, 6, 4), np.float32))
        data = workloads.Workload(path)
        self.assertEqual(len(data.lengths), 5)
        batches = data.batches(2)
        self.assertEqual([len(batch.rows) for batch in batches], [2, 2, 1])
        for batch in batches:
            np.testing.assert_array_equal(batch.feed["pixel_values"], pixels[batch.rows])
        states = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
        np.testing.assert_array_equal(batches[0].mean(states), [[2, 3], [8, 9]])

    def test_useful_operations_count_products_and_attention(self):
        (self.place / "config.json").write_text(
            '{"model_type": "bert", "hidden_size": 2, "intermediate_size": 3, "num_hidden_layers": 5}')
        # A token: four products of 2 x 2, two of 2 x 3, twice each; attention 4 T d.
        self.assertEqual(workloads.useful_flops(self.place, [7]), 5 * ((2 * (16 + 12)) * 7 + 4 * 2 * 49))
        self.assertIsNone(workloads.useful_flops(ROOT / "tests/golden/vit/new_names", [7]))

    def test_cosines(self):
        found = workloads.cosines([[1, 0], [3, 4], [0, 0]], [[2, 0], [4, -3], [1, 1]])
        np.testing.assert_allclose(found, [1, 0, 0], atol=1e-15)


class Regress(Place):
    def test_verdicts(self):
        for low, high, expected in ((1.06, 1.2, "SLOWER"), (0.8, 0.99, "faster"), (0.9, 1.2, "unsettled"),
                                    (0.99, 1.04, "no slower"), (1.01, 1.05, "no slower")):
            self.assertEqual(regress.verdict(low, high, 0.05), expected)

    def test_intervals_hold_the_median_and_shrink_to_equal_ratios(self):
        self.assertEqual(regress.interval([1.25] * 9), (1.25, 1.25))
        ratios = [0.9, 1.0, 1.1, 1.2, 1.0, 1.05, 0.95]
        low, high = regress.interval(ratios)
        self.assertTrue(0.9 <= low <= 1.0 <= high <= 1.2 and low < high)
        self.assertEqual(regress.interval(ratios), (low, high))

    def run_it(self, *words):
        return script("regress.py", WEFT, WEFT, "--model", MODEL, "--cache", self.place, "--workloads", "single-4",
                      "--rounds", 2, "--runs", 1, "--threads", 1, "--json", self.place / "r.json", *words)

    def test_a_build_against_itself(self):
        done = self.run_it("--threshold", 100000, "--same-bits")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("same bits", done.stdout)
        cell = json.loads((self.place / "r.json").read_text())["single-4 f32"]
        self.assertEqual((len(cell["ratios"]), cell["same_bits"]), (2, True))
        self.assertAlmostEqual(cell["cosine_min"], 1, 12)

    def test_faults_are_told_and_exit_with_1(self):
        done = self.run_it("--threshold", 100000, "--cosine", 1.5)
        self.assertEqual(done.returncode, 1)
        self.assertIn("expected cosines of at least 1.5", done.stderr)
        done = self.run_it("--dtypes", "f8")
        self.assertEqual(done.returncode, 1)
        self.assertIn("single-4 f8: ", done.stderr)
        self.assertIn("--dtype", done.stderr)


class Accuracy(Place):
    def test_equal_rows_agree_wholly(self):
        rows = np.random.default_rng(3).normal(size=(14, 5))
        cell = accuracy.compare(rows, 2 * rows)
        self.assertAlmostEqual(cell["cosine_min"], 1, 12)
        self.assertEqual((cell["texts"], cell["neighbours"], cell["overlap"]), (14, 10, 1))

    def test_neighbours_leave_the_text_itself_out(self):
        angles = np.array([0.0, 0.1, 0.3, 2.0])
        rows = np.stack([np.cos(angles), np.sin(angles)], 1)
        np.testing.assert_array_equal(accuracy.nearest(rows, 2), [[1, 2], [0, 2], [1, 0], [2, 1]])

    def test_one_row_turned_away_is_found(self):
        exact = np.eye(12)
        rows = exact.copy()
        rows[4] = [0.6 if i == 4 else 0.8 if i == 5 else 0 for i in range(12)]
        cell = accuracy.compare(exact, rows)
        self.assertAlmostEqual(cell["cosine_min"], 0.6, 12)
        self.assertAlmostEqual(cell["cosine_mean"], (11 + 0.6) / 12, 12)

    def run_it(self, *words):
        texts = self.place / "texts.txt"
        texts.write_text("".join(f"{'a b c d e f g h'[:1 + i]} {i}\n" for i in range(14)))
        return script("accuracy.py", "--weft", WEFT, "--model", MODEL, "--texts", texts, "--json",
                      self.place / "a.json", *words)

    def test_the_real_program_on_a_tiny_model(self):
        done = self.run_it("--cosine", -1, "--overlap", 0)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        found = json.loads((self.place / "a.json").read_text())
        self.assertEqual(sorted(found), ["bf16", "int8"])
        for dtype, cell in found.items():
            self.assertEqual(cell["texts"], 14)
            self.assertTrue(0.9 < cell["cosine_min"] <= cell["cosine_mean"] <= 1 + 1e-9, cell)
            self.assertIn(f"| {dtype} | 14 |", done.stdout)

    def test_faults_are_told_and_exit_with_1(self):
        done = self.run_it("--dtypes", "f32,f8", "--cosine", 1.5, "--overlap", 2)
        self.assertEqual(done.returncode, 1)
        for part in ("f32: expected cosines", "f32: expected 2.0 of the neighbours", "f8: ", "--dtype"):
            self.assertIn(part, done.stderr)

    def test_too_few_texts_are_refused(self):
        (self.place / "one.txt").write_text("one\n")
        done = script("accuracy.py", "--weft", WEFT, "--model", MODEL, "--texts", self.place / "one.txt")
        self.assertEqual(done.returncode, 1)
        self.assertIn("at least 2 texts, found 1", done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_a_model_that_does_not_load_is_one_line(self):
        done = script("accuracy.py", "--weft", WEFT, "--model", self.place, "--texts", __file__)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)


class Tokenizing(Place):
    def test_speeds_are_medians_and_ratios(self):
        times = {("weft", "single"): [0.5, 0.1, 0.2], ("reference", "single"): [2.0, 1.0, 4.0]}
        ((what, weft, other, ratio),) = tokenizing.cells(times, 1_000_000)
        self.assertEqual((what, weft, other), ("single", 5.0, 0.5))
        self.assertAlmostEqual(ratio, 10)

    def test_digests_are_those_of_fnv_1a(self):
        self.assertEqual(tokenizing.digest([]), "cbf29ce484222325 0")
        # The digest of "a" is known; further bytes are zeros.
        state = 0xAF63DC4C8601EC8C
        for _ in range(3):
            state = state * 0x100000001B3 % 2**64
        self.assertEqual(tokenizing.digest([[0x61]]), f"{state:016x} 1")

    def test_texts_are_cut_at_empty_lines_or_nuls(self):
        file = self.place / "t"
        file.write_text("a b\nc\n\nd\n\n\n\ne")
        self.assertEqual([text.strip() for text in tokenizing.texts_of(file)], ["a b\nc", "d", "e"])
        file.write_text("a\n\nb\0c")
        self.assertEqual(tokenizing.texts_of(file), ["a\n\nb", "c"])
        self.assertEqual(tokenizing.up_to(["abc", "def", "g"], 4), ["abc", "d"])


def recorded_cell(engine, median, **changes):
    cell = {"engine": engine, "dtype": "f32", "workload": "single-16", "setting": {"batch": 1}, "sequences": 1,
            "tokens": 16, "flops": 4e6, "cosine_min": 0.99999, "cosine_mean": 1.0, "rounds_s": [[median]],
            "median_s": median, "min_s": median / 2, "max_s": median * 2}
    return cell | changes


class Peers(Place):
    def recorded(self, cells, **changes):
        machine = {"cpu": "A CPU", "processors": 2, "threads": 2, "f32_peak": 4e9, "load": "0.1",
                   "versions": {"torch": "2.0"}}
        return {"model": "tiny", "machine": machine, "rounds": 3, "dtypes": ["f32"],
                "workloads": ["single-16", "ragged"], "cells": cells, "failed": {}} | changes

    def test_ratios_and_shares_of_a_recorded_run(self):
        many = {"workload": "ragged", "sequences": 256, "flops": 2e8}
        text = report.markdown(self.recorded([
            recorded_cell("weft", 0.002), recorded_cell("torch", 0.005), recorded_cell("openvino", 0.003),
            recorded_cell("weft", 0.5, **many), recorded_cell("torch", 0.25, **many, cosine_min=0.9)]))
        lines = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if line.startswith("| ")}
        self.assertIn("| weft against the fastest other | 1.50 times | 0.50 times |", text)
        self.assertIn("| weft's share of the f32 peak | 50 % | 10 % |", text)
        self.assertIn("| weft | 2.00 ms | 512.0 /s | 0.99999 |", text)
        self.assertIn("| torch | 5.00 ms | 1024.0 /s | 0.90000 |", text)
        self.assertIn("| openvino | 3.00 ms | - | 0.99999 |", text)
        self.assertIn("A CPU; torch 2.0; load 0.1", text)
        self.assertIn("weft", lines)

    def test_a_run_without_weft_or_without_a_peak_is_reported_too(self):
        text = report.markdown(self.recorded([recorded_cell("torch", 0.005)], failed={"weft f32": "no program"}))
        self.assertNotIn("fastest other", text)
        self.assertIn("* weft f32: no program", text)
        result = self.recorded([recorded_cell("weft", 0.002)])
        result["machine"]["f32_peak"] = None
        self.assertNotIn("share of the f32 peak", report.markdown(result))

    def test_a_summary_names_the_fastest_other_engine_and_what_is_below_the_aim(self):
        many = {"workload": "ragged", "sequences": 256}
        first = self.recorded([
            recorded_cell("weft", 0.002), recorded_cell("torch", 0.005), recorded_cell("openvino", 0.003),
            recorded_cell("weft", 0.5, **many), recorded_cell("torch", 0.25, **many)])
        alone = self.recorded([recorded_cell("weft", 0.002)], model="alone")
        self.assertEqual(report.ratio(first, "f32", "ragged"), (0.5, "torch"))
        first["cells"].append(recorded_cell("onnxruntime", 0.1, **many, cosine_min=float("nan")))
        self.assertEqual(report.ratio(first, "f32", "ragged"), (0.5, "torch"))
        self.assertIsNone(report.ratio(first, "int8", "ragged"))
        text = report.summary([first, alone], 1.3)
        self.assertIn("| tiny | f32 | single-16 1.50 times openvino, ragged 0.50 times torch | ragged |", text)
        self.assertIn("| alone | f32 | - | - |", text)

    def test_architectures_measures_models_of_images_and_of_texts_in_one_report(self):
        out = self.place / "found"
        images = ROOT / "tests/golden/vit/new_names"
        words = ["--weft", WEFT, "--engines", "weft", "--rounds", 1, "--runs", 2, "--seconds", 0.1, "--threads", 1,
                 "--cache", self.place / "cache", "--out", out]
        done = script("architectures.py", "--models", images, *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        (result,) = json.loads(out.with_suffix(".json").read_text())
        self.assertGreater(result["machine"]["f32_peak"], 1e8)
        self.assertEqual([cell["workload"] for cell in result["cells"]], ["images-1", "images-8"])
        for cell in result["cells"]:
            self.assertAlmostEqual(cell["cosine_min"], 1, 2)
        done = script("architectures.py", "--models", f"{MODEL},{ROOT / 'tests/golden/modernbert/older'}",
                      "--workloads", "single-4,batch3-4", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        results = json.loads(out.with_suffix(".json").read_text())
        self.assertEqual([r["model"] for r in results], [MODEL.name, "older"])
        for result in results:
            self.assertEqual([cell["workload"] for cell in result["cells"]], ["single-4", "batch3-4"])
        self.assertEqual(out.with_suffix(".md").read_text().strip(), done.stdout.strip())

    def test_weft_alone_where_no_other_engine_is_installed(self):
        out = self.place / "found"
        done = script("peers.py", "--engines", "weft", "--model", MODEL, "--weft", WEFT, "--workloads",
                      "single-4,batch3-4", "--rounds", 1, "--runs", 2, "--seconds", 0.1, "--threads", 1,
                      "--cache", self.place / "cache", "--out", out)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(out.with_suffix(".json").read_text())
        self.assertEqual([cell["workload"] for cell in result["cells"]], ["single-4", "batch3-4"])
        for cell in result["cells"]:
            self.assertEqual(cell["engine"], "weft")
            self.assertAlmostEqual(cell["cosine_min"], 1, 2)
        self.assertEqual(out.with_suffix(".md").read_text().strip(), done.stdout.strip())
        self.assertEqual(sorted(p.name for p in self.place.iterdir()), ["cache", "found.json", "found.md"])


if __name__ == "__main__":
    unittest.main()
