// A prompt's file: as text, and as a JSON array of token ids.
#include "core/llm/prompt.h"
#include "core/utf8.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes = ra::as_text(data, size);
  ra::accepts([&] {
    const std::string text = ra::prompt_text(std::string(bytes), "prompt.txt");
    ra::check(!text.empty() && bytes.starts_with(text) && bytes.size() - text.size() <= 1,
              "the file's own text");
    ra::check(ra::valid_utf8_prefix(text) == text.size(), "UTF-8");
    ra::check(text.find_first_of(std::string_view("\0\r", 2)) == text.npos,
              "neither NUL nor carriage return");
  });
  ra::accepts([&] {
    const std::vector<int32_t> ids = ra::prompt_ids(bytes, "ids.json", 640);
    ra::check(!ids.empty(), "at least one id");
    for (const int32_t id : ids) ra::check(id >= 0 && id < 640, "an id of the vocabulary");
  });
  return 0;
}
