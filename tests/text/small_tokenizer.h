// A tokenizer.json of a dozen tokens, with one field replaced at a time.
#pragma once

#include <string>

#include "tests/temporary_directory.h"
#include "weft/tokenizer.h"

namespace weft::test {

struct SmallTokenizer {
  std::string head = R"("version":"1.0","truncation":null,"padding":null)";
  std::string added_tokens =
      R"([{"id":1,"content":"[CLS]","single_word":false,"lstrip":false,"rstrip":false,)"
      R"("normalized":false,"special":true},{"id":2,"content":"[SEP]","single_word":false,)"
      R"("lstrip":false,"rstrip":false,"normalized":false,"special":true}])";
  std::string normalizer =
      R"({"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,)"
      R"("strip_accents":null,"lowercase":true})";
  std::string pre_tokenizer = R"({"type":"BertPreTokenizer"})";
  std::string post_processor =
      R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},)"
      R"({"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}}],)"
      R"("pair":[{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}},)"
      R"({"Sequence":{"id":"B","type_id":1}}],"special_tokens":)"
      R"({"[CLS]":{"id":"[CLS]","ids":[1],"tokens":["[CLS]"]},)"
      R"("[SEP]":{"id":"[SEP]","ids":[2],"tokens":["[SEP]"]}}})";
  std::string decoder = "null";
  std::string model_head =
      R"("type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",)"
      R"("max_input_chars_per_word":100)";
  std::string vocab =
      R"({"[UNK]":0,"[CLS]":1,"[SEP]":2,"a":3,"b":4,"##a":5,"##b":6,"é":7,"[":8,"]":9,"sep":10})";

  std::string json() const {
    return "{" + head + ",\"added_tokens\":" + added_tokens + ",\"normalizer\":" + normalizer +
           ",\"pre_tokenizer\":" + pre_tokenizer + ",\"post_processor\":" + post_processor +
           ",\"decoder\":" + decoder + ",\"model\":{" + model_head + ",\"vocab\":" + vocab + "}}";
  }
  Tokenizer load() const {
    const TemporaryDirectory directory;
    directory.write("tokenizer.json", json());
    return Tokenizer::load(directory.path());
  }
};

}  // namespace weft::test
