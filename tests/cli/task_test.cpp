// weft classify, rank, tag, fill and embed --sparse against what transformers' pipelines and
// sentence-transformers answered.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "tests/cli/program.h"
#include "weft/safetensors.h"

namespace weft::test {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

constexpr double kTolerance = 2e-5;

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    REQUIRE(end != std::string::npos);
    lines.push_back(json::parse(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return lines;
}

/// A workplace with a golden head as `m` and the texts of its pipeline.json as `texts.jsonl`.
struct TaskPlace {
  Workplace place;
  json golden;

  explicit TaskPlace(const std::string& name, const char* texts = "texts") {
    place.copy_golden("heads/" + name, "m");
    golden = json::parse(place.read("m/pipeline.json"));
    std::string lines;
    if (golden.contains(texts)) {
      for (const json& text : golden.at(texts)) lines += text.dump() + '\n';
    }
    place.write("texts.jsonl", lines);
  }

  std::vector<json> run(const Words& words) const {
    const Outcome outcome = weft(place, words);
    REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    return lines_of(outcome.out);
  }
};

void check_near(const json& expected, const json& found) {
  CHECK(std::abs(expected.get<double>() - found.get<double>()) <= kTolerance);
}

}  // namespace

TEST_CASE("classify prints the labels of the text-classification pipeline") {
  for (const char* name : {"bert_single_label", "bert_multi_label"}) {
    CAPTURE(name);
    const TaskPlace task(name);
    const auto lines = task.run({"classify", "m", "--input", "texts.jsonl", "--json"});
    const json& expected = task.golden.at("classify");
    REQUIRE(lines.size() == expected.size());
    for (std::size_t i = 0; i < lines.size(); ++i) {
      CHECK(lines[i].at("index") == i);
      CHECK(lines[i].at("label") == expected[i][0].at("label"));
      REQUIRE(lines[i].at("labels").size() == expected[i].size());
      for (std::size_t j = 0; j < expected[i].size(); ++j) {
        CHECK(lines[i].at("labels")[j].at("label") == expected[i][j].at("label"));
        check_near(expected[i][j].at("score"), lines[i].at("labels")[j].at("score"));
      }
    }
    const auto best = task.run({"classify", "m", "red wool", "--json", "--top-k", "1"});
    CHECK(best.at(0).at("labels").size() == 1);
  }
}

TEST_CASE("classify, tag and fill print tables with the texts on one line each") {
  const TaskPlace task("bert_single_label");
  const Outcome table = weft(task.place, {"classify", "m", "red\nwool", "loom"});
  REQUIRE(table.exit_code == 0);
  CHECK(table.out.find("0  red\\nwool\n") == 0);
  CHECK(table.out.find("1  loom\n") != std::string::npos);
  CHECK(table.out.find("so so") != std::string::npos);
}

TEST_CASE("tag prints the spans of the token-classification pipeline for each aggregation") {
  const TaskPlace task("bert_tagger");
  for (const char* how : {"none", "simple", "first", "average", "max"}) {
    CAPTURE(how);
    const auto lines =
        task.run({"tag", "m", "--input", "texts.jsonl", "--aggregate", how, "--json"});
    const json& expected = task.golden.at("tag").at(how);
    REQUIRE(lines.size() == expected.size());
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const json& entities = lines[i].at("entities");
      REQUIRE(entities.size() == expected[i].size());
      for (std::size_t j = 0; j < entities.size(); ++j) {
        for (const auto& [key, value] : expected[i][j].items()) {
          CAPTURE(key);
          if (key == "score") {
            check_near(value, entities[j].at(key));
          } else if (key != "word") {  // weft gives the text's own characters
            CHECK(entities[j].at(key) == value);
          }
        }
      }
    }
  }
  const auto word = task.run({"tag", "m", "The weaver dyes red wool.", "--json"});
  const json& first = word.at(0).at("entities").at(0);
  CHECK(first.at("word") ==
        std::string("The weaver dyes red wool.")
            .substr(first.at("start").get<std::size_t>(),
                    first.at("end").get<std::size_t>() - first.at("start").get<std::size_t>()));
}

TEST_CASE("fill prints a line per mask with the tokens of the fill-mask pipeline") {
  const TaskPlace task("bert_masked_lm");
  const auto lines = task.run({"fill", "m", "--input", "texts.jsonl", "--top-k", "7", "--json"});
  std::size_t line = 0;
  for (std::size_t i = 0; i < task.golden.at("fill").size(); ++i) {
    const json& masks = task.golden.at("fill")[i];
    for (std::size_t m = 0; m < masks.size(); ++m, ++line) {
      REQUIRE(line < lines.size());
      CHECK(lines[line].at("index") == i);
      CHECK(lines[line].at("mask") == m);
      REQUIRE(lines[line].at("predictions").size() == masks[m].size());
      for (std::size_t j = 0; j < masks[m].size(); ++j) {
        const json& found = lines[line].at("predictions")[j];
        CHECK(found.at("token") == masks[m][j].at("token"));
        CHECK(found.at("token_str") == masks[m][j].at("token_str"));
        check_near(masks[m][j].at("score"), found.at("score"));
      }
    }
  }
  CHECK(line == lines.size());
  CHECK(task.run({"fill", "m", "[MASK]", "--json"}).at(0).at("predictions").size() == 5);
}

TEST_CASE("rank orders documents by a cross-encoder's scores") {
  const TaskPlace task("cross_encoder_saved");
  Words words = {"rank", "m", "--query", "red wool", "--json"};
  std::vector<double> expected;
  for (std::size_t i = 0; i < task.golden.at("pairs").size(); ++i) {
    const json& pair = task.golden.at("pairs")[i];
    if (pair[0] != "red wool" || pair[1] == "") continue;
    words.push_back(pair[1].get<std::string>());
    expected.push_back(task.golden.at("scores")[i].get<double>());
  }
  const auto lines = task.run(words);
  REQUIRE(lines.size() == expected.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto index = lines[i].at("index").get<std::size_t>();
    CHECK(lines[i].at("rank") == i + 1);
    CHECK(lines[i].at("text") == words[5 + index]);
    check_near(expected.at(index), lines[i].at("score"));
    if (i > 0) CHECK(lines[i - 1].at("score").get<double>() >= lines[i].at("score").get<double>());
  }
  words.insert(words.end(), {"--top-k", "2"});
  CHECK(task.run(words).size() == 2);
}

TEST_CASE("rank compares the embeddings of a bi-encoder, with its prompts for query and document") {
  const Workplace place;
  place.copy_golden("sentence/old_generation", "m");
  const auto embed = [&](const std::string& text, const std::string& prompt) {
    const Outcome outcome = weft(place, {"embed", "m", text, "--prompt-name", prompt});
    REQUIRE(outcome.exit_code == 0);
    return lines_of(outcome.out)[0].at("embedding").get<std::vector<double>>();
  };
  const auto query = embed("red wool", "query");
  const Words documents = {"a long thread", "blue cloth", "red wool"};
  Words words = {"rank", "m", "--query", "red wool", "--json"};
  words.insert(words.end(), documents.begin(), documents.end());
  const Outcome outcome = weft(place, words);
  REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
  for (const json& line : lines_of(outcome.out)) {
    const auto vector = embed(documents[line.at("index").get<std::size_t>()], "passage");
    double dot = 0, a = 0, b = 0;
    for (std::size_t i = 0; i < vector.size(); ++i) {
      dot += query[i] * vector[i];
      a += query[i] * query[i];
      b += vector[i] * vector[i];
    }
    check_near(dot / std::sqrt(a * b), line.at("score"));
  }
}

TEST_CASE("embed --sparse writes SPLADE vectors as JSON lines and as safetensors") {
  const TaskPlace task("bert_masked_lm", "sparse_texts");
  const auto lines = task.run({"embed", "m", "--sparse", "--input", "texts.jsonl"});
  const json& expected = task.golden.at("sparse");
  REQUIRE(lines.size() == expected.size());
  task.run({"embed", "m", "--sparse", "--input", "texts.jsonl", "--output", "s.safetensors"});
  const NamedArrays arrays = read_safetensors(task.place.path() / "s.safetensors");
  const auto offsets = arrays.at("offsets").values<std::int64_t>();
  const auto indices = arrays.at("indices").values<std::int64_t>();
  const auto values = arrays.at("values").values<float>();
  REQUIRE(offsets.size() == lines.size() + 1);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CHECK(lines[i].at("index") == i);
    std::size_t above = 0;
    for (const json& value : expected[i]) above += value.get<double>() > 1e-6 ? 1 : 0;
    CHECK(lines[i].at("indices").size() >= above);
    REQUIRE(offsets[i + 1] - offsets[i] ==
            static_cast<std::int64_t>(lines[i].at("indices").size()));
    for (std::size_t j = 0; j < lines[i].at("indices").size(); ++j) {
      const auto at = static_cast<std::size_t>(offsets[i]) + j;
      check_near(expected[i][lines[i].at("indices")[j].get<std::size_t>()],
                 lines[i].at("values")[j]);
      CHECK(indices[at] == lines[i].at("indices")[j].get<std::int64_t>());
      CHECK(values[at] == lines[i].at("values")[j].get<float>());
    }
  }
}

TEST_CASE("embed --multi-vector writes a vector per token as safetensors and as JSON lines") {
  const Workplace place;
  place.copy_golden("multi_vector/fixed_expansion", "m");
  place.write("texts.jsonl", place.read("m/texts.jsonl"));
  const NamedArrays expected = read_safetensors(place.path() / "m/expected.safetensors");
  for (const std::string role : {"document", "query"}) {
    CAPTURE(role);
    const Words words = {"embed", "m", "--multi-vector", role, "--input", "texts.jsonl"};
    const Outcome lines = weft(place, words);
    REQUIRE_MESSAGE(lines.exit_code == 0, lines.err);
    CHECK(lines.err.find("were cut") != std::string::npos);
    Words to_file = words;
    to_file.insert(to_file.end(), {"--output", role + ".safetensors"});
    const Outcome file = weft(place, to_file);
    REQUIRE_MESSAGE(file.exit_code == 0, file.err);
    const NamedArrays arrays = read_safetensors(place.path() / (role + ".safetensors"));
    const auto offsets = arrays.at("offsets").values<std::int64_t>();
    const auto values = arrays.at("embeddings").values<float>();
    const auto parsed = lines_of(lines.out);
    REQUIRE(offsets.size() == parsed.size() + 1);
    CHECK(arrays.at("embeddings").shape == std::vector<std::int64_t>{offsets.back(), 12});
    for (std::size_t i = 0; i < parsed.size(); ++i) {
      const Array& wanted = expected.at(role + "." + std::to_string(i));
      REQUIRE(wanted.shape[0] == offsets[i + 1] - offsets[i]);
      REQUIRE(parsed[i].at("embeddings").size() == static_cast<std::size_t>(wanted.shape[0]));
      for (std::size_t j = 0; j < wanted.values<float>().size(); ++j) {
        const double found = values[static_cast<std::size_t>(offsets[i]) * 12 + j];
        CHECK(std::abs(wanted.values<float>()[j] - found) <= kTolerance);
        CHECK(parsed[i].at("embeddings")[j / 12][j % 12].get<float>() == found);
      }
    }
  }
}

TEST_CASE("rank compares token vectors by the sum of each query vector's best match") {
  const Workplace place;
  for (const char* name : {"unseen_modernbert", "colbert_ai"}) {
    CAPTURE(name);
    place.copy_golden(std::string("multi_vector/") + name, name);
    place.write("texts.jsonl", place.read(std::string(name) + "/texts.jsonl"));
    const auto texts = lines_of(place.read("texts.jsonl"));
    const NamedArrays expected = read_safetensors(place.path() / name / "expected.safetensors");
    const Outcome outcome = weft(place, {"rank", name, "--query", texts[0].get<std::string>(),
                                         "--input", "texts.jsonl", "--json"});
    REQUIRE_MESSAGE(outcome.exit_code == 0, outcome.err);
    const auto lines = lines_of(outcome.out);
    REQUIRE(lines.size() == texts.size());
    const auto query = expected.at("query.0").values<float>();
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const auto index = lines[i].at("index").get<std::size_t>();
      CHECK(lines[i].at("rank") == i + 1);
      if (i > 0) CHECK(lines[i - 1].at("score") >= lines[i].at("score"));
      const auto document = expected.at("document." + std::to_string(index)).values<float>();
      double sum = 0;
      for (std::size_t q = 0; q < query.size(); q += 12) {
        double best = -2;
        for (std::size_t d = 0; d < document.size(); d += 12) {
          best = std::max(
              best, std::inner_product(query.begin() + static_cast<std::ptrdiff_t>(q),
                                       query.begin() + static_cast<std::ptrdiff_t>(q) + 12,
                                       document.begin() + static_cast<std::ptrdiff_t>(d), 0.0));
        }
        sum += best;
      }
      CHECK(std::abs(lines[i].at("score").get<double>() - sum) <= 14 * kTolerance);
    }
  }
}

TEST_CASE("info tells a model's head, and lists the architectures and heads that there are") {
  const TaskPlace task("bert_single_label");
  const json info = task.run({"info", "m", "--json"}).at(0);
  CHECK(info.at("head").at("kind") == "sequence classification");
  CHECK(info.at("head").at("architecture") == "BertForSequenceClassification");
  CHECK(info.at("head").at("labels") == json({"bad", "good", "so so"}));
  CHECK(info.at("head").at("problem_type") == "single_label_classification");
  CHECK(info.at("head_session_bytes") > 0);
  task.place.copy_golden("vit/new_names", "vit");
  CHECK(task.run({"info", "vit", "--json"}).at(0).at("embedding_size") == 0);
  CHECK(weft(task.place, {"info", "vit"}).out.find("embedding") == std::string::npos);
  task.place.copy_golden("multi_vector/pylate", "colbert");
  const json colbert = task.run({"info", "colbert", "--json"}).at(0);
  CHECK(colbert.at("token_vector_size") == 12);
  CHECK(colbert.at("documents") == "prompt \"##er\", at most 13 tokens, no vectors for 32 words");
  CHECK(colbert.at("queries") ==
        "prompt \"##ing \", exactly 11 tokens, widened with the mask token");
  const json supported = task.run({"info", "--supported", "--json"}).at(0);
  const auto holds = [](const json& list, const char* name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  CHECK(holds(supported.at("architectures"), "bert"));
  CHECK(holds(supported.at("heads"), "BertForMaskedLM"));
  CHECK(holds(supported.at("encoder_decoders"), "marian"));
  task.place.copy_golden("marian/translating", "translator");
  const json translator = task.run({"info", "translator", "--json"}).at(0);
  CHECK(translator.at("architecture") == "marian");
  CHECK(translator.at("encoder_layers") == 2);
  CHECK(translator.at("decoder_layers") == 3);
  CHECK(translator.at("decoder_heads") == 4);
  CHECK(translator.at("target_vocabulary") == 50);
  CHECK(weft(task.place, {"info", "translator"}).out.find("encoder-decoder") != std::string::npos);
}

TEST_CASE("the tasks refuse wrong usage, other models and texts they cannot take") {
  const TaskPlace task("bert_masked_lm");
  const Workplace& place = task.place;
  place.copy_golden("heads/bert_single_label", "classifier");
  struct Case {
    Words words;
    int exit_code;
    Words in_error;
  };
  const std::vector<Case> cases = {
      {{"classify"}, 2, {"MODEL_DIR"}},
      {{"classify", "m"}, 2, {"TEXT"}},
      {{"classify", "m", "a", "--top-k", "0"}, 2, {"--top-k"}},
      {{"classify", "m", "a"}, 1, {"architectures", "BertForMaskedLM"}},
      {{"classify", "m", "a", "--dtype", "f8"}, 2, {"--dtype"}},
      {{"classify", "m", "a", "--threads", "0"}, 2, {"--threads"}},
      {{"tag", "m", "a", "--aggregate", "median"}, 2, {"--aggregate", "median"}},
      {{"tag", "m", "a"}, 1, {"token classification"}},
      {{"fill", "m", "no mask here"}, 1, {"text 0", "[MASK]"}},
      {{"fill", "m", "[MASK]", "none"}, 1, {"text 1", "[MASK]"}},
      {{"fill", "classifier", "[MASK]"}, 1, {"masked LM"}},
      {{"rank", "m", "doc"}, 2, {"--query"}},
      {{"rank", "m", "--query", "q"}, 2, {"DOC"}},
      {{"rank", "classifier", "--query", "q", "doc"}, 1, {"one label", "3"}},
      {{"embed", "m", "a", "--sparse", "--normalize"}, 2, {"--sparse", "--normalize"}},
      {{"embed", "m", "a", "--sparse", "--output", "x.npy"}, 2, {"--output", "x.npy"}},
      {{"embed", "classifier", "a", "--sparse", "--output", "x.jsonl"}, 1, {"masked LM"}},
      {{"embed", "m", "a", "--multi-vector", "both"}, 2, {"--multi-vector", "'both'", "query"}},
      {{"embed", "m", "a", "--multi-vector", "query", "--output", "x.npy"}, 2, {"x.npy"}},
      {{"embed", "m", "a", "--multi-vector", "query", "--sparse"}, 2, {"--sparse"}},
      {{"embed", "m", "a", "--multi-vector", "query", "--output", "x.safetensors"},
       1,
       {"token vectors", "modules.json"}},
  };
  for (const Case& one : cases) {
    CAPTURE(one.words);
    const auto before = place.entries();
    CHECK(not_a_clean_failure(place, before, weft(place, one.words), one.exit_code, one.in_error) ==
          "");
  }
}

}  // namespace weft::test
