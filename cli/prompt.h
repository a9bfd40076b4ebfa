// Prompts: a file's text through the model's chat format and tokenizer to token ids.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/run_options.h"
#include "core/llm/checkpoint.h"
#include "core/llm/tokenizer.h"

namespace ra {

struct Prompt {
  std::string name;  // its id in a list; else empty
  std::string text;  // as given; of ids, what they decode to, or themselves where there is no tokenizer
  std::vector<int32_t> ids;
  std::string source;  // "chat", "raw text", "token ids"
  std::string format;  // "chatml", "llama3", "none"
};

struct PromptFile {
  std::vector<Prompt> prompts;        // one, or those of a list
  std::optional<std::string> sha256;  // of a list's bytes
};

// Error(bad_input) where the text is not UTF-8, has a NUL, a byte order mark or a carriage return, is empty or longer
// than the model's context, and where the model's chat format is not known; for a list as prompt_list says.
// `tokenizer` is null where the checkpoint has none: Error(bad_input) for a text.
PromptFile read_prompts(const RunSettings& settings, const Checkpoint& checkpoint,
                        const Tokenizer* tokenizer);

// The ids that companions and probes are cut from; empty without --companions.
std::vector<int32_t> read_companions(const RunSettings& settings, const Checkpoint& checkpoint,
                                     const Tokenizer* tokenizer);

}  // namespace ra
