// A list of prompts.
#include <set>

#include "core/llm/prompt_list.h"
#include "core/utf8.h"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kMost = 8;
  const std::string_view bytes = ra::as_text(data, size);
  ra::accepts([&] {
    std::vector<ra::ListedPrompt> prompts;
    try {
      prompts = ra::prompt_list(bytes, "prompts.jsonl", 640, kMost);
    } catch (const ra::Error& error) {
      if (error.status() == ra::Exit::usage && bytes.empty())
        return;  // no prompt is a mistake, not a bad file
      throw;
    }
    ra::check(!prompts.empty() && prompts.size() <= kMost, "as many prompts as there may be");
    std::set<std::string> ids;
    for (const ra::ListedPrompt& prompt : prompts) {
      ra::check(ids.insert(prompt.id).second, "each id once");
      ra::check(!prompt.id.empty() && prompt.id.size() <= ra::kMaxPromptName, "a short id");
      ra::check(prompt.line == ids.size(), "a prompt a line");
      ra::check(prompt.text.empty() != prompt.ids.empty(), "a text or ids");
      for (const std::string& text : {prompt.id, prompt.text})
        ra::check(ra::valid_utf8_prefix(text) == text.size() && text.find('\0') == text.npos, "text");
      for (const int32_t id : prompt.ids) ra::check(id >= 0 && id < 640, "an id of the vocabulary");
    }
  });
  return 0;
}
