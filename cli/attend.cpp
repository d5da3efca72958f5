// weft attend: a text in, its attention weights out, as a page, a picture or JSON.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "cli/attend_page.h"
#include "cli/command.h"
#include "cli/compute_options.h"
#include "cli/interruption.h"
#include "cli/json_object.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/text_arguments.h"
#include "weft/error.h"

namespace weft::cli {
namespace {

// A page of this many weights takes 22 MB; BERT-base reaches it with 241 tokens, MiniLM with 341.
constexpr std::int64_t kMostPageWeights = std::int64_t{1} << 23;
// A picture of this many tokens takes 10 MB and is 2400 pixels wide.
constexpr std::int64_t kMostPictureTokens = 256;
constexpr std::int64_t kMostNumber = std::int64_t{1} << 31;

constexpr std::array kParts = {AttentionPart::kEncoder, AttentionPart::kDecoder,
                               AttentionPart::kCross};
constexpr std::array<std::string_view, 3> kPartNames = {"encoder", "decoder", "cross"};

enum class Format : std::uint8_t { kPage, kPicture, kJson };

struct Request {
  std::string directory;
  std::string text;
  std::optional<std::string> second, target;
  std::optional<AttentionPart> part;
  std::optional<std::int64_t> layer, head;
  Format format = Format::kPage;
  std::string output = "-";
};

std::optional<std::int64_t> number(const Arguments& arguments, std::string_view name) {
  if (!arguments.given(name)) return std::nullopt;
  return arguments.integer(name, 0, kMostNumber, 0);
}

Request read_request(const Arguments& arguments) {
  Request request;
  request.directory = model_word(arguments);
  const std::vector<std::string>& words = arguments.words();
  if (words.size() < 2) throw UsageError("TEXT: expected a text, found nothing");
  if (words.size() > 3) {
    throw UsageError(fmt::format(
        "expected MODEL_DIR, TEXT and at most a second text, found also {}", in_quotes(words[3])));
  }
  request.text = words[1];
  if (words.size() == 3) request.second = words[2];
  request.target = arguments.value("--target");
  if (const auto part = arguments.choice("--attention", kPartNames)) request.part = kParts[*part];
  if (request.target && request.part == AttentionPart::kEncoder) {
    throw UsageError("--target: expected --attention decoder or cross with it, found encoder");
  }
  request.layer = number(arguments, "--layer");
  request.head = number(arguments, "--head");
  arguments.exclude("--svg", "--json");
  if (arguments.given("--json")) {
    request.format = Format::kJson;
    request.output = arguments.file("--output").value_or("-");
    return request;
  }
  request.output = arguments.required_file("--output");
  if (arguments.given("--svg") || std::filesystem::path(request.output).extension() == ".svg") {
    request.format = Format::kPicture;
  }
  return request;
}

void require_below(std::string_view option, const std::optional<std::int64_t>& found,
                   std::int64_t count, std::string_view things) {
  if (!found || *found < count) return;
  throw Error(Reason::kOutOfRange,
              fmt::format("{}: expected 0 to {}, as the model has {} {}, found {}", option,
                          count - 1, count, things, *found));
}

void require_part(const Request& request, const AttentionViewer& viewer) {
  if (viewer.has_decoder() || (!request.target && !request.part)) return;
  if (!request.target && request.part == AttentionPart::kEncoder) return;
  throw Error(Reason::kFailedPrecondition,
              fmt::format("{}: expected none, as {} has no decoder, found one",
                          request.target ? "--target" : "--attention", viewer.architecture()));
}

/// `count`: of the longer side.
void require_size(const Request& request, std::int64_t maps, std::int64_t count) {
  if (request.format == Format::kPicture && count > kMostPictureTokens) {
    throw Error(Reason::kResourceExhausted,
                fmt::format("TEXT: expected at most {} tokens for a picture, found {} (--json has "
                            "no such limit)",
                            kMostPictureTokens, count));
  }
  const auto most = static_cast<std::int64_t>(
      std::sqrt(static_cast<double>(kMostPageWeights) / static_cast<double>(maps)));
  if (request.format == Format::kPage && count > most) {
    throw Error(Reason::kResourceExhausted,
                fmt::format("TEXT: expected at most {} tokens for a page of {} heads, found {} "
                            "(--json has no such limit)",
                            most, maps, count));
  }
}

void require_finite_weights(const AttentionMaps& maps) {
  for (const float weight : maps.weights) {
    if (!std::isfinite(weight)) {
      throw Error(Reason::kInvalidArgument,
                  fmt::format("attention weights: expected finite numbers, found {}", weight));
    }
  }
}

/// A line per head that is wanted. `part`: of an encoder-decoder.
void write_json(const AttentionMaps& maps, const Request& request,
                std::optional<AttentionPart> part, Output& output) {
  for (std::int64_t i = 0; i < maps.layers; ++i) {
    for (std::int64_t head = 0; head < maps.heads; ++head) {
      if (request.head.value_or(head) != head) continue;
      const std::span<const float> map = maps.map(i, head);
      std::vector<std::vector<float>> rows;
      for (std::size_t q = 0; q < maps.queries.size(); ++q) {
        const auto row = map.subspan(q * maps.keys.size(), maps.keys.size());
        rows.emplace_back(row.begin(), row.end());
      }
      JsonObject line;
      if (part) line.add("attention", kPartNames[static_cast<std::size_t>(*part)]);
      line.add("layer", maps.first_layer + i).add("head", head);
      if (part == AttentionPart::kCross) {
        line.add("queries", maps.queries).add("keys", maps.keys);
      } else {
        line.add("tokens", maps.keys);
      }
      output.write(line.add("weights", rows).text() + '\n');
      throw_if_interrupted();
    }
  }
}

std::unique_ptr<Output> open_output(const std::string& name) {
  if (name == "-") return std::make_unique<HeldStdout>();
  return std::make_unique<FileOutput>(name);
}

void attend(const Arguments& arguments) {
  const Request request = read_request(arguments);
  const TextOptions text = text_options(arguments);
  const LoadOptions load = load_options(arguments);
  const auto output = open_output(request.output);
  const AttentionViewer viewer = AttentionViewer::load(request.directory, load);
  require_part(request, viewer);
  const AttentionPart part =
      request.part.value_or(request.target ? AttentionPart::kCross : AttentionPart::kEncoder);
  require_below("--layer", request.layer, viewer.layers(part), "layers");
  require_below("--head", request.head, viewer.heads(part), "heads");
  const Encoding tokens = viewer.encode(request.text, request.second, text);
  Encoding target;
  const bool generates = part != AttentionPart::kEncoder && !request.target;
  if (viewer.has_decoder()) {
    target = generates ? viewer.generate_target(tokens, text.stop)
                       : viewer.encode_target(request.target, text);
  }
  require_size(request, viewer.layers(part) * viewer.heads(part),
               static_cast<std::int64_t>(std::max(tokens.ids.size(), target.ids.size())));

  AttendPage page;
  page.model = request.directory;
  page.note = fmt::format("{}, {}", viewer.architecture(), viewer.compute_dtype());
  if (viewer.has_decoder()) {
    page.note += fmt::format(", {} attention", kPartNames[static_cast<std::size_t>(part)]);
  }
  page.text = request.text;
  for (const auto& other : {request.second, request.target}) {
    if (other) page.text += "  |  " + *other;
  }
  if (generates) page.text += "  |  " + viewer.tokenizer().decode(target.ids);
  page.layer = request.layer.value_or(0);
  page.head = request.head.value_or(0);
  AttendOptions options{.layer = request.layer, .stop = text.stop};
  if (request.format == Format::kPage) options.layer.reset();
  if (request.format == Format::kPicture) options.layer = page.layer;
  page.maps = viewer.has_decoder() ? viewer.attend(tokens, target, part, options)
                                   : viewer.attend(tokens, options);
  require_finite_weights(page.maps);
  switch (request.format) {
    case Format::kPage: output->write(attend_page(page)); break;
    case Format::kPicture: output->write(attend_svg(page)); break;
    case Format::kJson: {
      write_json(page.maps, request, viewer.has_decoder() ? std::optional(part) : std::nullopt,
                 *output);
      break;
    }
  }
  throw_if_interrupted();
  output->publish();
  // The model's notes are about heads and embeddings, of which nothing is shown.
  tell_truncated(tokens.truncated_tokens > 0 ? 1 : 0, 1, viewer.max_tokens());
  if (target.truncated_tokens > 0) {
    tell(fmt::format("the target was longer than the decoder's {} tokens and was cut",
                     target.ids.size()));
  }
}

}  // namespace

Command attend_command() {
  return {
      .name = "attend",
      .summary = "which token looks at which: attention weights of a text as a page",
      .synopsis =
          "MODEL_DIR TEXT [SECOND_TEXT] [--layer L] [--head H] --output page.html [options]",
      .description =
          "Draws the weights of every layer and head as heat maps, one of them large, in a page "
          "that\nneeds nothing else. With a second text, both go in as a pair. Layers and heads "
          "count from 0.\nOf an encoder-decoder, --attention cross shows who looked at whom while "
          "it wrote.",
      .options = with_compute_options({
          {"--layer", "L", "the layer that is large at first, or is written (default 0)"},
          {"--head", "H", "the same of the head"},
          {"--target", "TEXT",
           "what the decoder of an encoder-decoder has written (default: what it writes)"},
          {"--attention", "WHICH",
           "of an encoder-decoder: encoder (default), decoder (its own), or cross (default\n"
           "with --target): which token of the text each token of the target looks at"},
          {"--output", "FILE|-", "the page, picture or JSON; -: stdout (default for --json)"},
          {"--svg", "",
           "one head alone, as a picture; a name of the output that ends in .svg says the\nsame"},
          {"--json", "",
           "a line per head, of all or of those that --layer and --head name:\n"
           "{\"layer\":..,\"head\":..,\"tokens\":[..],\"weights\":[[..],..]}; cross: `queries` "
           "and\n"
           "`keys` instead of tokens"},
          {"--long-text", "WHAT", "texts beyond the model's maximum: truncate (default) or error"},
          {"--specials-as-text", "",
           "take \"[SEP]\" and the like in a text as ordinary characters"},
      }),
      .examples =
          "  weft attend models/all-MiniLM-L6-v2 \"The cat sat on the mat.\" --output page.html\n"
          "  weft attend models/reranker \"Where is Berlin?\" \"In Germany.\" --output page.html\n"
          "  weft attend models/all-MiniLM-L6-v2 \"The cat sat.\" --layer 2 --head 7 --output "
          "head.svg\n"
          "  weft attend models/all-MiniLM-L6-v2 \"The cat sat.\" --layer 2 --json\n"
          "  weft attend models/opus-mt-en-de \"A cat.\" --attention cross --output "
          "page.html",
      .run = attend};
}

}  // namespace weft::cli
