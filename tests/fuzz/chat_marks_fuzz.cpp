// A chat template: what its text says, and the prompt that follows from it.
#include "core/llm/byte_alphabet.h"
#include "core/llm/chat.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

// One token a byte, and every format's marks; with [INST] as tokens or as text.
ra::Tokenizer tokenizer_with(bool inst_tokens) {
  ra::TokenizerSource source{.file = "bytes", .pre = "gpt-2", .model = "gpt2", .bos = 256, .add_bos = true};
  source.tokens.assign(ra::byte_symbols().begin(), ra::byte_symbols().end());
  source.token_types.assign(source.tokens.size(), 1);
  for (const char* mark : {"<s>", "<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|start_header_id|>",
                           "<|end_header_id|>", "<|eot_id|>", "[INST]", "[/INST]"}) {
    if (!inst_tokens && std::string_view(mark).find("INST]") != std::string_view::npos) continue;
    source.tokens.emplace_back(mark);
    source.token_types.push_back(3);
  }
  return ra::Tokenizer::open(source);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ra::Tokenizer tokenizers[] = {tokenizer_with(false), tokenizer_with(true)};
  const std::string_view text = ra::as_text(data, size);
  const auto chat = ra::recognize_chat_template(std::string(text));
  if (!chat) return 0;
  for (const ra::Tokenizer& tokenizer : tokenizers) {
    for (const std::optional<std::string>& system :
         {std::optional<std::string>(), std::optional<std::string>(" Be brief. ")}) {
      ra::accepts([&] {
        const std::vector<int32_t> ids =
            ra::chat_prompt(tokenizer, *chat, "Hi <s>[INST]", system, ra::SpecialText::plain);
        ra::check(tokenizer.decode(ids).find("Hi <s>[INST]") != std::string::npos,
                  "the message in its prompt");
      });
    }
  }
  return 0;
}
