// weft rank: documents by how well they answer a query.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cli/command.h"
#include "cli/compute_options.h"
#include "cli/interruption.h"
#include "cli/json_object.h"
#include "cli/output.h"
#include "cli/result_output.h"
#include "cli/terminal.h"
#include "cli/text_arguments.h"
#include "weft/cross_encoder.h"
#include "weft/encoder.h"
#include "weft/error.h"
#include "weft/multi_vector_encoder.h"

namespace weft::cli {
namespace {

constexpr std::int64_t kMostDocuments = std::int64_t{1} << 31;

struct Answer {
  Ranking ranking;
  std::int64_t max_tokens = 0;
  std::vector<std::string> notes;
};

std::vector<std::string> read_all(TextInput& input) {
  std::vector<std::string> texts;
  for (std::string text; input.next(text);) {
    texts.push_back(std::move(text));
    throw_if_interrupted();
  }
  return texts;
}

// The first of `names` that the model has a prompt for; none: its default prompt.
std::optional<std::string> prompt_for(const Encoder& encoder,
                                      std::initializer_list<const char*> names) {
  const std::vector<std::string> known = encoder.prompt_names();
  for (const char* name : names) {
    if (std::find(known.begin(), known.end(), name) != known.end()) return name;
  }
  return std::nullopt;
}

double dot(std::span<const float> a, std::span<const float> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0, std::plus<>(),
                            [](double x, double y) { return x * y; });
}

void add(Answer& answer, std::int64_t document, double score) {
  answer.ranking.documents.push_back(
      {document, require_finite(static_cast<float>(score), "score", document)});
}

/// Best first; equal ones in the order of the documents. `top_k` 0: all.
void keep_best(Answer& answer, std::int64_t top_k) {
  std::vector<RankedText>& ranked = answer.ranking.documents;
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const RankedText& a, const RankedText& b) { return a.score > b.score; });
  if (top_k > 0 && static_cast<std::int64_t>(ranked.size()) > top_k) {
    ranked.resize(static_cast<std::size_t>(top_k));
  }
}

// Embeddings compared as the model says, with the prompts that sentence-transformers'
// encode_query and encode_document choose.
Answer rank_by_embeddings(const Encoder& encoder, const std::string& query,
                          const std::vector<std::string>& documents, std::int64_t top_k,
                          const TextOptions& options) {
  const std::string similarity = encoder.similarity();
  if (similarity != "cosine" && similarity != "dot") {
    throw Error(
        Reason::kUnsupported,
        fmt::format("config_sentence_transformers.json: similarity_fn_name: expected cosine "
                    "or dot, found {}",
                    in_quotes(similarity)));
  }
  EncodeOptions encode;
  encode.long_text = options.long_text;
  encode.specials_in_text = options.specials_in_text;
  encode.stop = options.stop;
  encode.prompt_name = prompt_for(encoder, {"query"});
  const Embeddings asked = encoder.encode(std::span<const std::string>(&query, 1), encode);
  encode.prompt_name = prompt_for(encoder, {"document", "passage", "corpus"});
  const Embeddings found = encoder.encode(documents, encode);

  Answer answer;
  answer.ranking.truncated = asked.truncated + found.truncated;
  answer.max_tokens = encoder.max_tokens();
  const ModelInfo info = encoder.info();
  answer.notes = info.warnings;
  answer.notes.insert(answer.notes.end(), info.embedding_notes.begin(), info.embedding_notes.end());
  const double length = std::sqrt(dot(asked.row(0), asked.row(0)));
  for (std::int64_t i = 0; i < found.rows; ++i) {
    double score = dot(asked.row(0), found.row(i));
    if (similarity == "cosine") {
      score /= std::max(length * std::sqrt(dot(found.row(i), found.row(i))), 1e-12);
    }
    add(answer, i, score);
  }
  keep_best(answer, top_k);
  return answer;
}

// The sum of each query vector's best match, as models of late interaction are trained for.
Answer rank_by_token_vectors(const MultiVectorEncoder& encoder, const std::string& query,
                             const std::vector<std::string>& documents, std::int64_t top_k,
                             const TextOptions& options) {
  const TokenVectors asked =
      encoder.encode(std::span<const std::string>(&query, 1), TextRole::kQuery, options);
  const TokenVectors found = encoder.encode(documents, TextRole::kDocument, options);
  Answer answer;
  answer.ranking.truncated = asked.truncated + found.truncated;
  answer.max_tokens = encoder.max_tokens(TextRole::kDocument);
  answer.notes = encoder.info().warnings;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(documents.size()); ++i) {
    add(answer, i, MultiVectorEncoder::max_similarity(asked, 0, found, i));
  }
  keep_best(answer, top_k);
  return answer;
}

Answer rank_documents(const std::string& directory, const LoadOptions& load,
                      const std::string& query, const std::vector<std::string>& documents,
                      std::int64_t top_k, const TextOptions& options) {
  if (MultiVectorEncoder::recognizes(directory)) {
    return rank_by_token_vectors(MultiVectorEncoder::load(directory, load), query, documents, top_k,
                                 options);
  }
  if (read_head(directory).kind != HeadKind::kSequence) {
    return rank_by_embeddings(Encoder::load(directory, load), query, documents, top_k, options);
  }
  const CrossEncoder model = CrossEncoder::load(directory, load);
  return {model.rank(query, documents, top_k, options), model.max_tokens(), {}};
}

std::string as_json(const RankedText& ranked, std::size_t place, const std::string& document) {
  return JsonObject()
             .add("rank", place + 1)
             .add("index", ranked.index)
             .add("score", require_finite(ranked.score, "score", ranked.index))
             .add("text", document)
             .text() +
         '\n';
}

void rank(const Arguments& arguments) {
  const std::string directory = model_word(arguments);
  const auto query = arguments.value("--query");
  if (!query) throw UsageError("--query: expected a text, found no such option");
  const std::int64_t top_k = arguments.integer("--top-k", 1, kMostDocuments, 0);
  const TextOptions options = text_options(arguments);
  const LoadOptions load = load_options(arguments);
  TextInput input = open_texts(arguments, "DOC");
  const std::vector<std::string> documents = read_all(input);
  const Answer answer = rank_documents(directory, load, *query, documents, top_k, options);

  HeldStdout output;
  if (!arguments.given("--json")) output.write("rank     score  index  document\n");
  for (std::size_t place = 0; place < answer.ranking.documents.size(); ++place) {
    const RankedText& ranked = answer.ranking.documents[place];
    const std::string& document = documents[static_cast<std::size_t>(ranked.index)];
    output.write(arguments.given("--json")
                     ? as_json(ranked, place, document)
                     : fmt::format("{:>4}  {:>8.4f}  {:>5}  {}\n", place + 1, ranked.score,
                                   ranked.index, shortened(document)));
  }
  throw_if_interrupted();
  output.publish();
  tell_truncated(answer.ranking.truncated, static_cast<std::int64_t>(documents.size()),
                 answer.max_tokens);
  tell_notes(answer.notes);
}

}  // namespace

Command rank_command() {
  return {
      .name = "rank",
      .summary = "documents by how well they answer a query",
      .synopsis = "MODEL_DIR --query Q [DOC...] [--input FILE|-] [--top-k N] [--json] [options]",
      .description =
          "A cross-encoder (a model for sequence classification with one label) scores each pair "
          "of "
          "query\nand document; a ColBERT-style model gives vectors of tokens, of which each of "
          "the "
          "query's finds\nits best (MaxSim); any other model is used for embeddings, which are "
          "compared by cosine or as it\nsays, with its prompts for queries and documents if it "
          "names such.",
      .options = with_text_options({
          {"--query", "Q", "what is asked"},
          {"--top-k", "N", "the N best documents (default: all)"},
          {"--json", "",
           "a line per document: {\"rank\":..,\"index\":..,\"score\":..,\"text\":..}"},
      }),
      .examples =
          "  weft rank models/reranker --query \"Where is Berlin?\" \"In Germany.\" \"In a box.\"\n"
          "  weft rank models/all-MiniLM-L6-v2 --query wool --input lines.txt --top-k 10 --json",
      .run = rank};
}

}  // namespace weft::cli
