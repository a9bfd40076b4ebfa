// tokenizer.json, and what a tokenizer that was accepted makes of texts.
#include <algorithm>

#include "core/llm/tokenizer.h"
#include "core/utf8.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

// Every id must be a token's, and so again when decoded; text may be too long only for the tokenizer's own limits.
void encode(const ra::Tokenizer& tokenizer, std::string_view text) {
  for (const ra::SpecialText special : {ra::SpecialText::plain, ra::SpecialText::parse}) {
    ra::accepts([&] {
      const std::vector<int32_t> ids = tokenizer.encode(text, special, true);
      for (const int32_t id : ids) ra::check(id >= 0 && id < tokenizer.size(), "a token's id");
      tokenizer.decode(ids);
    });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ra::FuzzFile file;
  const std::string_view text = ra::as_text(data, size);
  ra::accepts([&] {
    const ra::Tokenizer tokenizer = ra::Tokenizer::open({.tokenizer_json = file.with(text)});
    ra::check(tokenizer.size() > 0, "a vocabulary");
    for (const char* sample :
         {"", "a", "aab<x>", " The quick  fox's 123\n\n", "<s>\xc3\xa9\xf0\x9f\x98\x80\xe2\x96\x81"}) {
      encode(tokenizer, sample);
    }
    encode(tokenizer, text.substr(0, ra::valid_utf8_prefix(text)));
  });
  return 0;
}
