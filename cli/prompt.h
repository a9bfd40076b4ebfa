// The prompt: a file's text through the model's chat format and tokenizer to token ids.
#pragma once

#include <string>
#include <vector>

#include "cli/run_options.h"
#include "core/llm/checkpoint.h"
#include "core/llm/tokenizer.h"

namespace ra {

struct Prompt {
  std::string text;  // as given; of ids, what they decode to, or themselves where there is no tokenizer
  std::vector<int32_t> ids;
  std::string format;  // "chatml", "llama3", "none"
};

// Error(bad_input) where the text is not UTF-8, has a NUL, a byte order mark or a carriage return, is empty or longer
// than the model's context, and where the model's chat format is not known. `tokenizer` is null where the checkpoint has
// none: Error(bad_input) for a text.
Prompt read_prompt(const RunSettings& settings, const Checkpoint& checkpoint, const Tokenizer* tokenizer);

// The ids that companions and probes are cut from; empty without --companions.
std::vector<int32_t> read_companions(const RunSettings& settings, const Checkpoint& checkpoint,
                                     const Tokenizer* tokenizer);

}  // namespace ra
