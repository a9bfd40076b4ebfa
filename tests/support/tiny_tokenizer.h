// A tokenizer of a few tokens whose every part a test may replace.
#pragma once

#include <string>

namespace ra {

struct TinyTokenizerJson {
  std::string vocab = R"({"a": 0, "b": 1, "<": 2, "x": 3, ">": 4, "ab": 5})";
  std::string merges = R"([["a", "b"]])";
  std::string model_rest = R"("ignore_merges": false)";
  std::string added = R"([{"id": 6, "content": "<x>", "special": true, "normalized": false}])";
  std::string normalizer = "null";
  std::string pre_tokenizer = R"({"type": "ByteLevel", "add_prefix_space": false})";
  std::string post_processor = "null";
  std::string decoder = R"({"type": "ByteLevel"})";
  std::string rest;  // further members

  std::string text() const {
    return R"({"added_tokens": )" + added + R"(, "normalizer": )" + normalizer + R"(, "pre_tokenizer": )" +
           pre_tokenizer + R"(, "post_processor": )" + post_processor + R"(, "decoder": )" + decoder +
           R"(, "model": {"type": "BPE", "vocab": )" + vocab + R"(, "merges": )" + merges + ", " +
           model_rest + "}" + rest + "}";
  }
};

}  // namespace ra
