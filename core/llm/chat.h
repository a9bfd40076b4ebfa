// Chat formats, by own code: ChatML and Llama 3. The checkpoint's template is only searched for their marks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/llm/tokenizer.h"

namespace ra {

enum class ChatFormat : uint8_t { chatml, llama3 };
const char* name_of(ChatFormat format);

// The format whose marks the template holds; none if it holds neither's.
std::optional<ChatFormat> recognize_chat_format(const std::string& chat_template);

// The ids of one user message, an optional system message before it, and the opening of the assistant's answer. Marks
// are special tokens; the texts between them are encoded as `special` says. `default_system` is the text that the
// template itself puts first when no system message is given (SmolLM2's), empty for none.
std::vector<int32_t> chat_prompt(const Tokenizer& tokenizer, ChatFormat format, const std::string& user,
                                 const std::optional<std::string>& system, SpecialText special);

}  // namespace ra
