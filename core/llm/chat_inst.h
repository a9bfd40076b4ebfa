// The chat formats in which a message stands between [INST] and [/INST]: Llama 2 Chat and Mistral Instruct.
#pragma once

#include <optional>
#include <string_view>

#include "core/llm/chat.h"

namespace ra {

// What a template that holds these marks says. Published ones differ in the blanks around the marks and in the system
// message, so that every place where the template writes a mark must be understood; none otherwise.
std::optional<ChatTemplate> recognize_inst(std::string_view chat_template);

}  // namespace ra
